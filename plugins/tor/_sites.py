"""Hosts that a Mozilla browser kept something about outside its history, one finding a host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from triage.api import Confidence, ParseError, RowState, Shows, Unit, WebSite
from triage.formats.mozilla import SiteState
from triage.formats.sqlite import Database, Row, Value
from triage.formats.stamps import stamp

from ._places import by_maker, host_of, onion_checks

_STRENGTH = {RowState.LIVE: 2, RowState.WAL: 1, RowState.JOURNAL: 1}
_ORIGIN = re.compile(
    r"([a-z-]{1,20})\+\+\+(\[[0-9a-f:]+\]|[^\^+]{1,253})(?:\+[0-9]{1,5})?(?:\^.*)?"
)
_MAX_HOSTS = 50_000
_MAX_DETAILS = 20


@dataclass(slots=True)
class _Host:
    """What the rows of one host add up to."""

    entries: int = 0
    details: set[str] = field(default_factory=set)
    times: dict[str, int] = field(default_factory=dict)  # event → raw time
    row: RowState = RowState.SUPERSEDED

    def add(self, row: Row, detail: Value) -> None:
        """Count a row; the best row state wins."""
        self.entries += 1
        state = RowState(row.state.value)
        if _STRENGTH.get(state, 0) > _STRENGTH.get(self.row, 0):
            self.row = state
        if isinstance(detail, str) and len(self.details) < _MAX_DETAILS:
            self.details.add(detail)

    def date(self, event: str, value: Value, choose: Callable[[int, int], int]) -> None:
        """Keep the smallest or the largest time of an event."""
        if isinstance(value, int):
            self.times[event] = choose(value, self.times.get(event, value))


def site(host: str, trace: str, **more: object) -> WebSite:
    """Return a finding about a host; `more` are further fields."""
    return WebSite(
        host=host,
        trace=trace,
        by_browser=by_maker(host),
        shows=Shows.DESTINATION,
        confidence=Confidence.PROBABLE,
        checks=onion_checks(host),
        **more,  # type: ignore[arg-type] # checked by the callers' own types
    )


def security_states(states: tuple[SiteState, ...], place: str) -> Iterator[WebSite]:
    """Yield a finding for each host with security state; `place` is what positions count."""
    for state in states:
        yield site(
            state.host,
            state.kind.casefold(),
            locator=f"{place} {state.position + 1}",
            times=(
                *stamp("accessed", state.last_accessed, Unit.DAYS_UNIX),
                *stamp("expires", state.expires, Unit.MS_UNIX),
            ),
        )


def cookies(database: Database) -> Iterator[WebSite]:
    """Yield hosts with cookies: how many, first made, last used (us). Values are not read."""
    _demand(database, "moz_cookies", "host", "creationTime", "lastAccessed")
    rows = database.rows("moz_cookies", ["host", "creationTime", "lastAccessed"])
    yield from _grouped(
        ((row, _text(row.values["host"]).lstrip("."), None) for row in rows),
        trace="cookie",
        unit=Unit.US_UNIX,
        first={"created": "creationTime"},
        last={"accessed": "lastAccessed"},
    )


def permissions(database: Database) -> Iterator[WebSite]:
    """Yield hosts with permissions, and which; changed in ms."""
    _demand(database, "moz_perms", "origin", "type", "modificationTime")
    rows = database.rows("moz_perms", ["origin", "type", "modificationTime"])
    yield from _grouped(
        ((row, _host(_text(row.values["origin"])), row.values["type"]) for row in rows),
        trace="permission",
        unit=Unit.MS_UNIX,
        last={"modified": "modificationTime"},
    )


def content_preferences(database: Database) -> Iterator[WebSite]:
    """Yield hosts with a setting of their own, such as zoom; changed in seconds."""
    _demand(database, "groups", "id", "name")
    _demand(database, "prefs", "groupID", "settingID")
    timed = "p.timestamp" if "timestamp" in database.columns("prefs") else "NULL"
    rows = database.compare(
        "SELECT p.id AS id, g.name AS host, s.name AS setting,"  # noqa: S608 - literals
        f" CAST({timed} AS INTEGER) AS changed"
        " FROM prefs p JOIN groups g ON g.id = p.groupID"
        " LEFT JOIN settings s ON s.id = p.settingID",
        key="id",
    )
    yield from _grouped(
        ((row, _host(_text(row.values["host"])), row.values["setting"]) for row in rows),
        trace="setting",
        unit=Unit.S_UNIX,
        last={"modified": "changed"},
    )


def favicons(database: Database) -> Iterator[WebSite]:
    """Yield hosts of pages for which an icon was stored."""
    _demand(database, "moz_pages_w_icons", "page_url")
    rows = database.rows("moz_pages_w_icons", ["page_url"])
    yield from _grouped(
        (
            (row, host_of(_text(row.values["page_url"])) or "", row.values["page_url"])
            for row in rows
        ),
        trace="favicon",
        unit=Unit.S_UNIX,
    )


def web_storage(database: Database) -> Iterator[WebSite]:
    """Yield hosts with local storage before Firefox 68: keys are `moc.elpmaxe.:https:443`."""
    _demand(database, "webappsstore2", "originKey")
    rows = database.rows("webappsstore2", ["originKey"])
    yield from _grouped(
        (
            (row, _text(row.values["originKey"]).partition(":")[0][::-1].strip("."), None)
            for row in rows
        ),
        trace="storage",
        unit=Unit.S_UNIX,
    )


def origin_host(folder: str) -> str | None:
    """Return the host of a storage folder `https+++shop.example+8080^partitionKey=…`."""
    found = _ORIGIN.fullmatch(folder)
    return found.group(2) if found and found.group(1).startswith("http") else None


def _grouped(
    rows: Iterator[tuple[Row, str, Value]],
    *,
    trace: str,
    unit: Unit,
    first: dict[str, str] | None = None,
    last: dict[str, str] | None = None,
) -> Iterator[WebSite]:
    """Group rows by host. `first` and `last`: event → column, smallest or largest value wins."""
    hosts: dict[str, _Host] = {}
    for row, host, detail in rows:
        if not host or (host not in hosts and len(hosts) >= _MAX_HOSTS):
            continue
        known = hosts.setdefault(host, _Host())
        known.add(row, detail)
        for event, column in (first or {}).items():
            known.date(event, row.values[column], min)
        for event, column in (last or {}).items():
            known.date(event, row.values[column], max)
    for host in sorted(hosts):
        known = hosts[host]
        yield site(
            host,
            trace,
            detail=", ".join(sorted(known.details)) or None,
            entries=known.entries,
            row=known.row,
            times=tuple(
                time for event, raw in known.times.items() for time in stamp(event, raw, unit)
            ),
        )


def _demand(database: Database, table: str, *columns: str) -> None:
    if not database.has({table: set(columns)}):
        raise ParseError(f"no table {table} with the expected columns")


def _host(text: str) -> str:
    """Return the host of an origin `https://shop.example^partitionKey=…`, or of a bare host."""
    origin = text.partition("^")[0]
    return (host_of(origin) or "") if "://" in origin else origin


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
