"""What the files of a Mozilla profile hold, as findings: Firefox, its kin, Tor Browser."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from triage.api import (
    Artifact,
    EvidenceError,
    Finding,
    ParseError,
    Time,
    Unit,
    WebInput,
    WebSite,
)
from triage.formats import json, sites
from triage.formats.darknet_names import DarknetNames
from triage.formats.mozilla import SiteStates, hsts, hsts_bin, jsonlz4, mozlz4
from triage.formats.mozilla_session import session
from triage.formats.stamps import stamp

from ._addresses import host_of
from ._places import backup_findings, database_findings
from ._sites import by_maker, site, site_findings
from ._tabs import tab, typed_in
from ._typed import typed

SMALL = 16 << 20
"""Bytes; the largest file of a profile that is read whole."""

_SESSION_LIMIT = 64 << 20
_ORIGIN = re.compile(
    r"(https?)\+\+\+(\[[0-9a-f:]+\]|[^\^+]{1,253})(?:\+[0-9]{1,5})?(?:\^.*)?", re.DOTALL
)
_FORM_COLUMNS = ("fieldname", "value", "timesUsed", "firstUsed", "lastUsed")
_MAX_CONTAINERS = 1000

SITE_FILES = tuple(sites.MOZILLA)
SESSION_FILES = (
    # 56 and later: while closed; while running, and the run before; before an update
    "sessionstore.jsonlz4",
    "sessionstore-backups/{recovery.jsonlz4,recovery.baklz4,previous.jsonlz4,upgrade.jsonlz4-*}",
    # before 56
    "sessionstore.{js,bak}",
    "sessionstore-backups/{recovery.js,recovery.bak,previous.js,upgrade.js-*}",
)
"""Names of session files in a profile, as patterns."""


def places(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[Finding]:
    """Read places.sqlite."""
    with artifact.sqlite() as database:
        yield from database_findings(artifact, database, makers)
        for text in database.problems:
            artifact.problem(text)


def backup(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[Finding]:
    """Read a backup of the bookmarks."""
    data = artifact.read(SMALL)
    plain = artifact.entry.name.casefold().endswith(".json")
    yield from backup_findings(artifact, json.parse(data) if plain else jsonlz4(data), makers)


def form_history(artifact: Artifact) -> Iterator[WebInput]:
    """Read formhistory.sqlite; what looks secret is withheld."""
    with artifact.sqlite() as database:
        if not database.has({"moz_formhistory": set(_FORM_COLUMNS)}):
            raise ParseError("not a form history")
        for row in database.rows("moz_formhistory", list(_FORM_COLUMNS)):
            name, text, count, first, last = (row.values[column] for column in _FORM_COLUMNS)
            if not isinstance(name, str) or not isinstance(text, str):
                artifact.problem("an entry without text", locator=f"row {row.key!r}")
                continue
            yield typed(
                field="search" if name == "searchbar-history" else name,
                text=text,
                row=row.state.value,
                entries=count if isinstance(count, int) else None,
                locator=f"moz_formhistory id {row.key!r}",
                times=(
                    *stamp("first_used", first if isinstance(first, int) else None, Unit.US_UNIX),
                    *stamp("used", last if isinstance(last, int) else None, Unit.US_UNIX),
                ),
            )


def site_security(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[WebSite]:
    """Read SiteSecurityServiceState, text or binary. `accessed` is a day, without a time of day."""
    states: SiteStates
    if artifact.entry.name.casefold().endswith(".bin"):
        states, place = hsts_bin(artifact.read(SMALL)), "slot"
    else:
        states, place = hsts(artifact.text(SMALL)), "line"
    if states.skipped:
        artifact.problem(f"{states.skipped} damaged entries")
    for state in states.sites:
        yield site(
            state.host,
            state.kind.casefold(),
            by_browser=by_maker(state.host, makers),
            locator=f"{place} {state.position + 1}",
            times=(
                *stamp("accessed", state.last_accessed, Unit.DAYS_UNIX),
                *stamp("expires", state.expires, Unit.MS_UNIX),
            ),
        )


def site_tables(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[WebSite]:
    """Read a database that keeps something about hosts; never cookies and other values."""
    tables = sites.MOZILLA[artifact.entry.name.casefold()]
    with artifact.sqlite() as database:
        yield from site_findings(sites.read(database, tables), makers)
        for text in database.problems:
            artifact.problem(text)


def storage(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[WebSite]:
    """Name the site of a storage folder `https+++shop.example+8080^partitionKey=…`.

    Its `.metadata-v2` begins with the time of last use, microseconds since 1970, big endian.
    """
    folder = artifact.path.rsplit("/", 2)[-2]
    found = _ORIGIN.fullmatch(folder)
    if found is None:
        return
    head = artifact.head(8)
    accessed = struct.unpack(">q", head)[0] if len(head) == 8 else None  # noqa: PLR2004 - i64
    yield site(
        found[2],
        "storage",
        by_browser=by_maker(found[2], makers),
        locator=folder,
        times=stamp("accessed", accessed, Unit.US_UNIX),
    )


def logins(artifact: Artifact) -> Iterator[WebSite]:
    """Read logins.json: hosts and times; names and passwords are not read."""
    value = json.parse(artifact.read(SMALL))
    rows = value.get("logins") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise ParseError("not a list of logins")
    for number, row in enumerate(rows, 1):
        address = row.get("hostname") if isinstance(row, dict) else None
        host = host_of(address) if isinstance(address, str) else None
        if host is None or not isinstance(row, dict):
            artifact.problem("a login without a host", locator=f"login {number}")
            continue
        times: tuple[Time, ...] = tuple(
            time
            for key, event in (("timeCreated", "created"), ("timeLastUsed", "used"))
            if isinstance(raw := row.get(key), int)
            for time in stamp(event, raw, Unit.MS_UNIX)
        )
        yield site(host, "login", locator=f"login {number}", times=times)


def sessions(artifact: Artifact, makers: tuple[str, ...]) -> Iterator[Finding]:
    """Read a saved session: onion addresses, tabs with their history, form text, cookies' hosts."""
    data = artifact.read(_SESSION_LIMIT)
    packed = mozlz4(data, limit=_SESSION_LIMIT) if data.startswith(b"mozLz4") else data
    found = session(json.parse(packed, limit=_SESSION_LIMIT))
    names = containers(artifact)
    onions = DarknetNames()
    saved = (
        *stamp("session_started", found.started, Unit.MS_UNIX),
        *stamp("session_saved", found.saved, Unit.MS_UNIX),
    )
    tabs, inputs = [], []
    for page in found.pages:
        onions.add("tab", page.url, page.title)
        tabs.append(
            tab(
                url=page.url,
                title=page.title,
                place=page.place,
                current=page.current,
                closed=page.closed,
                container=names.get(page.container, str(page.container))
                if page.container
                else None,
                times=(
                    *stamp("accessed", page.accessed if page.current else None, Unit.MS_UNIX),
                    *stamp("closed", page.closed_at, Unit.MS_UNIX),
                    *(saved if page.current else ()),
                ),
            )
        )
    for text in found.texts:
        onions.add("typed text", text.text)
        inputs.append(typed_in(text.field, text.text, text.url, text.place))
    yield from onions.findings()
    yield from tabs
    yield from inputs
    for host, count in found.cookies:
        yield site(host, "session-cookie", by_browser=by_maker(host, makers), entries=count)


def containers(artifact: Artifact) -> dict[int, str]:
    """Return the names of the profile's containers, which keep cookies apart, by their number."""
    file = artifact.sibling("containers.json") or artifact.resolve("../containers.json")
    try:
        value = json.parse(file.read(SMALL)) if file else None
    except (ParseError, EvidenceError) as error:
        artifact.problem(str(error), locator="containers.json")
        return {}
    rows = value.get("identities") if isinstance(value, dict) else None
    names: dict[int, str] = {}
    for row in rows[:_MAX_CONTAINERS] if isinstance(rows, list) else ():
        number = row.get("userContextId") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(number, int) or row.get("public") is False:
            continue
        name = row.get("name") or row.get("l10nId") or row.get("l10nID")
        if isinstance(name, str) and name:
            names[number] = name[:200]
    return names
