"""Turn rows of Chromium's History into findings, telling ones first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from triage.api import (
    Artifact,
    Confidence,
    Finding,
    RowState,
    Shows,
    Unit,
    WebDownload,
    WebInput,
    WebVisit,
)
from triage.formats import chromium
from triage.formats.darknet_names import DarknetNames
from triage.formats.sqlite import Database
from triage.formats.sqlite import RowState as Stored
from triage.formats.stamps import stamp

from ._addresses import UNKNOWN, Judgement, judge, judge_download
from ._typed import Searches, typed


def history_findings(
    artifact: Artifact, database: Database, engines: Mapping[int, str]
) -> Iterator[Finding]:
    """Yield what the database holds: onion addresses, listed addresses, then the rest.

    Raises ParseError when the schema is not that of History.
    """
    onions, searches = DarknetNames(), Searches(Unit.WEBKIT)
    telling: list[Finding] = []
    plain: set[tuple[int, Stored]] = set()
    for visit in chromium.visits(database):
        if not visit.url:
            artifact.problem("a visit without an address", locator=f"id {visit.id}")
            continue
        onions.add("visit", visit.url, visit.title)
        searches.add(visit.url, visit.when)
        known = judge(visit.url)
        if known.telling:
            telling.append(_visit(visit, known))
        else:
            plain.add((visit.id, visit.state))
    downloads = list(_downloads(database))
    for download in downloads:
        onions.add("download", *download.url_chain, download.url, download.referrer)
    kept = list(inputs(chromium.searches(database), engines))
    words = {text.text for text in kept}
    derived = [text for text in searches.findings() if text.text not in words]
    for text in (*kept, *derived):
        onions.add("typed text", text.text, text.url)
    yield from onions.findings()
    rest = [*telling, *downloads, *kept, *derived]
    yield from (finding for finding in rest if finding.shows is Shows.DESTINATION)
    yield from (finding for finding in rest if finding.shows is not Shows.DESTINATION)
    # Read again instead of kept: a history may have a million visits.
    for visit in chromium.visits(database) if plain else ():
        if (visit.id, visit.state) in plain:
            yield _visit(visit, UNKNOWN)


def inputs(rows: Iterator[chromium.Typed], engines: Mapping[int, str]) -> Iterator[WebInput]:
    """Yield typed text as findings."""
    for row in rows:
        yield typed(
            field=row.field,
            text=row.text,
            engine=None if row.engine is None else engines.get(row.engine),
            url=row.url,
            entries=row.count,
            row=row.state.value,
            locator=row.locator,
            times=(*stamp("created", row.created, row.unit), *stamp("used", row.used, row.unit)),
        )


def _visit(visit: chromium.Visit, known: Judgement) -> WebVisit:
    return WebVisit(
        url=visit.url or "",
        page_title=visit.title or None,
        visited_raw=None if visit.when is None else str(visit.when),
        visit_type=visit.type,
        visit_count=visit.visit_count,
        visit_origin=visit.origin,
        category=known.category,
        indicator=known.indicator,
        shows=known.shows(Shows.USED),
        confidence=Confidence.PROBABLE,
        checks=known.checks,
        locator=f"visits id {visit.id}",
        row=RowState(visit.state.value),
        times=stamp("visited", visit.when, Unit.WEBKIT),
    )


def _downloads(database: Database) -> Iterator[WebDownload]:
    for download in chromium.downloads(database):
        known = judge_download(download.chain, download.target)
        started, ended = download.started, download.ended
        yield WebDownload(
            url=download.chain[-1] if download.chain else None,
            target=download.target,
            length=download.length,
            outcome=download.outcome,
            opened=download.opened,
            referrer=download.referrer,
            url_chain=download.chain if len(download.chain) > 1 else (),
            category=known.category,
            indicator=known.indicator,
            shows=known.shows(Shows.USED),
            confidence=Confidence.PROBABLE,
            checks=known.checks,
            locator=f"downloads id {download.id}",
            row=RowState(download.state.value),
            times=(
                *stamp("started", started, chromium.time_unit(started or 0)),
                *stamp("ended", ended, chromium.time_unit(ended or 0)),
            ),
        )
