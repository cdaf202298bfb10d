"""Databases of a Chromium profile: History, Shortcuts, Web Data. Sites: `triage.formats.sites`.

Times are WebKit's, microseconds since 1601-01-01 UTC, but for Web Data and the downloads of old
versions, which count seconds since 1970. Values come as stored, None where the type is not the
expected one. A column that a version does not have is read as NULL.

Schemas: Chromium's `components/history/core/browser/{url,visit,download}_database.cc`,
`components/omnibox/browser/shortcuts_database.cc`, `components/autofill/core/browser/webdata`,
`components/search_engines/keyword_table.cc`; compared with files of Chromium 156.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.errors import LimitError, ParseError
from triage.formats.sqlite import Database, RowState, Value

if TYPE_CHECKING:
    from triage.formats.times import Unit

URL_LIMIT = 1_000_000  # links of download chains

_CORE = 0xFF
_TRANSITIONS = {  # ui/base/page_transition_types.h, in the words of `triage.formats.places`
    0: "link",
    1: "typed",
    2: "bookmark",
    3: "embed",
    4: "framed-link",
    5: "generated",
    6: "start-page",
    7: "form-submit",
    8: "reload",
    9: "keyword",
    10: "keyword-generated",
}
_QUALIFIERS = {
    0x0100_0000: "back or forward",
    0x4000_0000: "client redirect",
    0x8000_0000: "server redirect",
}
_SOURCES = {0: "synced", 2: "extension", 3: "imported", 4: "imported", 5: "imported"}
_OUTCOMES = {0: "in progress", 1: "complete", 2: "cancelled", 3: "interrupted", 4: "interrupted"}
_SECONDS_BELOW = 10**11  # a number of seconds before the year 5138; WebKit's are of 17 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One row of visits; title and count are those of its page, as they are now."""

    id: int
    url: str | None
    title: str | None
    visit_count: int | None
    when: int | None
    type: str | None  # core type, and what redirects it came through
    origin: str | None  # synced, imported, extension; None: made in this browser
    state: RowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One row of downloads. `chain`: the addresses it was redirected through, the last one last."""

    id: int
    chain: tuple[str, ...]
    target: str
    started: int | None
    ended: int | None
    length: int | None  # bytes received
    outcome: str | None
    opened: bool | None
    referrer: str | None
    state: RowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Text that was typed, or that a page was searched with."""

    locator: str
    field: str  # search, address-bar, or the name of a form field
    text: str
    engine: int | None = None  # id in `engines`
    url: str | None = None
    created: int | None = None
    used: int | None = None
    count: int | None = None
    unit: Unit = "webkit"
    state: RowState


def time_unit(raw: int) -> Unit:
    """Return whether a time counts seconds since 1970 (before 2014) or is WebKit's."""
    return "s_unix" if abs(raw) < _SECONDS_BELOW else "webkit"


def visits(database: Database) -> Iterator[Visit]:
    """Yield all visits, by id. Raises ParseError when it is no History, else like `select`."""
    if not database.has({"urls": {"id", "url"}, "visits": {"id", "url", "visit_time"}}):
        raise ParseError("not a history database")
    pages: dict[Value, tuple[Value, Value]] = {}
    for row in database.rows("urls", ["title", "visit_count"]):
        if row.state is not RowState.SUPERSEDED or row.key not in pages:
            pages[row.key] = (row.values["title"], row.values["visit_count"])
    sources: dict[Value, Value] = {}
    if database.has({"visit_source": {"source"}}):
        sources = {
            row.key: row.values["source"] for row in database.rows("visit_source", ["source"])
        }
    guid = _columns(database, "visits", ["originator_cache_guid"], "v")
    found = database.compare(
        "SELECT v.id AS id, v.url AS page, v.visit_time AS visit_time,"  # noqa: S608 - literals
        f" v.transition AS transition, u.url AS url, {guid}"
        " FROM visits v LEFT JOIN urls u ON u.id = v.url",
        key="id",
    )
    for row in found:
        title, count = pages.get(row.values["page"], (None, None))
        foreign = row.values["originator_cache_guid"]
        source = _integer(sources.get(row.key))
        yield Visit(
            id=_integer(row.key) or 0,
            url=_text(row.values["url"]),
            title=_text(title),
            visit_count=_integer(count),
            when=_integer(row.values["visit_time"]),
            type=transition(_integer(row.values["transition"])),
            origin="synced" if foreign else _SOURCES.get(1 if source is None else source),
            state=row.state,
        )


def transition(number: int | None) -> str | None:
    """Say how a page was come to: `typed`, `link, server redirect`."""
    if number is None:
        return None
    core = _TRANSITIONS.get(number & _CORE, str(number & _CORE))
    return ", ".join((core, *(word for bit, word in _QUALIFIERS.items() if number & bit)))


def downloads(database: Database) -> Iterator[Download]:
    """Yield the downloads, by id, from 2013 on; none where there is no such table."""
    if not database.has({"downloads": {"id", "target_path", "start_time"}}):
        return
    chains = _chains(database)
    optional = _columns(
        database,
        "downloads",
        ["end_time", "received_bytes", "state", "opened", "referrer", "tab_url"],
        "d",
    )
    found = database.compare(
        "SELECT d.id AS id, d.target_path AS target_path,"  # noqa: S608 - literals
        f" d.start_time AS start_time, {optional} FROM downloads d",
        key="id",
    )
    for row in found:
        opened = _integer(row.values["opened"])
        outcome = _integer(row.values["state"])
        yield Download(
            id=_integer(row.key) or 0,
            chain=chains.get(row.key, ()),
            target=_text(row.values["target_path"]) or "",
            started=_integer(row.values["start_time"]),
            ended=_integer(row.values["end_time"]) or None,
            length=_integer(row.values["received_bytes"]),
            outcome=None if outcome is None else _OUTCOMES.get(outcome, str(outcome)),
            opened=None if opened is None else bool(opened),
            referrer=_text(row.values["tab_url"]) or _text(row.values["referrer"]) or None,
            state=row.state,
        )


def _chains(database: Database) -> Mapping[Value, tuple[str, ...]]:
    if not database.has({"downloads_url_chains": {"id", "chain_index", "url"}}):
        return {}
    found: dict[Value, dict[int, str]] = {}
    rows = database.rows("downloads_url_chains", ["id", "chain_index", "url"])
    for count, row in enumerate(rows):
        if count >= URL_LIMIT:
            raise LimitError(f"more than {URL_LIMIT} addresses of downloads")
        index, url = _integer(row.values["chain_index"]), _text(row.values["url"])
        if index is not None and url is not None:
            chain = found.setdefault(row.values["id"], {})
            if row.state is not RowState.SUPERSEDED or index not in chain:
                chain[index] = url
    return {key: tuple(url for _, url in sorted(chain.items())) for key, chain in found.items()}


def searches(database: Database) -> Iterator[Typed]:
    """Yield the searches that History keeps, by row, with the page that they led to."""
    if not database.has({"keyword_search_terms": {"keyword_id", "url_id", "term"}}):
        return
    found = database.compare(
        "SELECT k.rowid AS id, k.keyword_id AS keyword_id, k.term AS term, u.url AS url,"
        " u.last_visit_time AS used FROM keyword_search_terms k"
        " LEFT JOIN urls u ON u.id = k.url_id",
        key="id",
    )
    for row in found:
        text = _text(row.values["term"])
        if text is not None:
            yield Typed(
                locator=f"keyword_search_terms row {_integer(row.key)}",
                field="search",
                text=text,
                engine=_integer(row.values["keyword_id"]),
                url=_text(row.values["url"]),
                used=_integer(row.values["used"]) or None,
                state=row.state,
            )


def shortcuts(database: Database) -> Iterator[Typed]:
    """Yield what was typed in the address bar and which address was then chosen (Shortcuts)."""
    name = "omni_box_shortcuts"
    if not database.has({name: {"text", "url", "last_access_time", "number_of_hits"}}):
        raise ParseError("not a database of shortcuts")
    for row in database.rows(name, ["text", "url", "last_access_time", "number_of_hits"]):
        text = _text(row.values["text"])
        if text is not None:
            yield Typed(
                locator=f"{name} row {_integer(row.key)}",
                field="address-bar",
                text=text,
                url=_text(row.values["url"]),
                used=_integer(row.values["last_access_time"]) or None,
                count=_integer(row.values["number_of_hits"]),
                state=row.state,
            )


def predictions(database: Database) -> Iterator[Typed]:
    """Yield what was typed in the address bar, cut as it was typed (Network Action Predictor)."""
    name = "network_action_predictor"
    columns = ["user_text", "url", "number_of_hits", "number_of_misses"]
    if not database.has({name: set(columns)}):
        raise ParseError("not a database of predictions")
    for row in database.rows(name, columns):
        text = _text(row.values["user_text"])
        hits = _integer(row.values["number_of_hits"]) or 0
        if text is not None:
            yield Typed(
                locator=f"{name} row {_integer(row.key)}",
                field="address-bar",
                text=text,
                url=_text(row.values["url"]),
                count=hits + (_integer(row.values["number_of_misses"]) or 0),
                state=row.state,
            )


def form_entries(database: Database) -> Iterator[Typed]:
    """Yield what was entered into forms (Web Data): `autofill`, and `autocomplete` since 2026.

    Times are in seconds. Cards, addresses and accounts stand in other tables, which are not read.
    """
    columns = ["name", "value", "date_created", "date_last_used", "count"]
    tables = [name for name in ("autofill", "autocomplete") if database.has({name: set(columns)})]
    if not tables:
        raise ParseError("not a database of form entries")
    for table in tables:
        for row in database.rows(table, columns):
            name, text = _text(row.values["name"]), _text(row.values["value"])
            if name is not None and text is not None:
                yield Typed(
                    locator=f"{table} row {_integer(row.key)}",
                    field=name,
                    text=text,
                    created=_integer(row.values["date_created"]) or None,
                    used=_integer(row.values["date_last_used"]) or None,
                    count=_integer(row.values["count"]),
                    unit="s_unix",
                    state=row.state,
                )


def engines(database: Database) -> dict[int, str]:
    """Return the names of the search engines in Web Data, by the id that History uses."""
    if not database.has({"keywords": {"id", "short_name", "keyword"}}):
        return {}
    found: dict[int, str] = {}
    for row in database.select("SELECT id, short_name, keyword FROM keywords ORDER BY id"):
        key, name = _integer(row["id"]), _text(row["short_name"]) or _text(row["keyword"])
        if key is not None and name:
            found[key] = name
    return found


def _columns(database: Database, table: str, wanted: Sequence[str], alias: str) -> str:
    """Return a list of columns for SELECT, NULL for those that are not there."""
    there = {column.lower() for column in database.columns(table)}
    return ", ".join(f"{alias}.{name}" if name in there else f"NULL AS {name}" for name in wanted)


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: Value) -> int | None:
    return value if isinstance(value, int) else None
