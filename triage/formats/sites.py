"""Hosts that a browser keeps something about outside its history, such as cookies and logins.

Each table of that kind, of Mozilla's and of Chromium's browsers, is described by one `SiteTable`;
`read` groups its rows by host. Cookies, passwords and stored values are never read.

Schemas, from the sources of both (mozilla-central: `netwerk/cookie`, `extensions/permissions`,
`toolkit/components/contentprefs`, `toolkit/components/places`, `dom/storage`,
`toolkit/components/antitracking`, application-services `components/logins`; Chromium:
`net/extras/sqlite`, `components/password_manager`, `components/favicon`, `components/history`,
`content/browser/btm`) and from profiles of Firefox 153 and Chromium 156.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from triage.errors import LimitError, ParseError
from triage.formats.sqlite import Database, Row, RowState

if TYPE_CHECKING:
    from triage.formats.times import Unit

HOST_LIMIT = 100_000
_DETAILS = 20
_STRENGTH = {RowState.LIVE: 2, RowState.WAL: 1, RowState.JOURNAL: 1}
_SCHEMES = frozenset({"http", "https", "ftp"})  # others have no host, or an app's or add-on's id
_NO_TIMES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """Where hosts stand. `times`: event → columns of which the first that is there counts."""

    trace: str  # cookie, permission, setting, storage, favicon, login …
    table: str
    host: str  # column: a host, an origin, an address, or (`reversed_host`) `moc.elpmaxe.:https`
    unit: Unit = "us_unix"
    times: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_TIMES)
    detail: str | None = None
    where: str | None = None
    sql: str | None = None  # instead of the table alone; yields `id`, host, detail, times
    reversed_host: bool = False


@dataclass(slots=True, kw_only=True)
class Site:
    """What the rows of one host add up to; of events that begin something the earliest time."""

    host: str
    trace: str
    unit: Unit
    entries: int = 0
    details: set[str] = field(default_factory=set)  # 20 at most
    times: dict[str, int] = field(default_factory=dict)  # event → raw time
    state: RowState = RowState.SUPERSEDED  # of its best row

    def add(self, row: Row, table: SiteTable, columns: Mapping[str, str]) -> None:
        """Count a row."""
        self.entries += 1
        if _STRENGTH.get(row.state, 0) > _STRENGTH.get(self.state, 0):
            self.state = row.state
        detail = row.values[table.detail] if table.detail else None
        if isinstance(detail, str) and detail and len(self.details) < _DETAILS:
            self.details.add(detail)
        for event, column in columns.items():
            value = row.values[column]
            if isinstance(value, int) and value:
                choose = min if event.startswith(("created", "first")) else max
                self.times[event] = choose(value, self.times.get(event, value))


MOZILLA: Mapping[str, tuple[SiteTable, ...]] = MappingProxyType(
    {
        "cookies.sqlite": (
            SiteTable(
                trace="cookie",
                table="moz_cookies",
                host="host",
                times={"created": ("creationTime",), "accessed": ("lastAccessed",)},
            ),
        ),
        "permissions.sqlite": (
            SiteTable(
                trace="permission",
                table="moz_perms",
                host="origin",
                detail="type",
                unit="ms_unix",
                times={"modified": ("modificationTime",)},
            ),
            SiteTable(  # 150 and later
                trace="interaction",
                table="moz_origin_interactions",
                host="origin",
                unit="ms_unix",
                times={"interacted": ("lastInteractionTime",)},
            ),
        ),
        "content-prefs.sqlite": (
            SiteTable(
                trace="setting",
                table="groups",
                host="host",
                detail="setting",
                unit="s_unix",
                times={"modified": ("changed",)},
                sql="SELECT p.id AS id, g.name AS host, s.name AS setting,"
                " CAST(p.timestamp AS INTEGER) AS changed FROM prefs p"
                " JOIN groups g ON g.id = p.groupID LEFT JOIN settings s ON s.id = p.settingID",
            ),
        ),
        "favicons.sqlite": (
            SiteTable(
                trace="favicon", table="moz_pages_w_icons", host="page_url", detail="page_url"
            ),
        ),
        "webappsstore.sqlite": (  # before 68
            SiteTable(trace="storage", table="webappsstore2", host="originKey", reversed_host=True),
        ),
        "bounce-tracking-protection.sqlite": (  # 124 and later; 1: a person clicked or typed
            SiteTable(
                trace="interaction",
                table="sites",
                host="siteHost",
                times={"interacted": ("timeStamp",)},
                where="entryType = 1",
            ),
        ),
        "logins.db": (  # 150 and later, beside logins.json
            SiteTable(
                trace="login",
                table="loginsL",
                host="origin",
                unit="ms_unix",
                times={"created": ("timeCreated",), "used": ("timeLastUsed",)},
                where="is_deleted = 0",
            ),
        ),
    }
)
"""File of a Mozilla profile → its tables."""

_LOGIN_TIMES = {"created": ("date_created",), "used": ("date_last_used",)}
_LOGINS = (
    SiteTable(
        trace="login",
        table="logins",
        host="origin_url",
        unit="webkit",
        times=_LOGIN_TIMES,
        where="blacklisted_by_user = 0",
    ),
    SiteTable(  # asked never to save one
        trace="login-refused",
        table="logins",
        host="origin_url",
        unit="webkit",
        times=_LOGIN_TIMES,
        where="blacklisted_by_user = 1",
    ),
)
CHROMIUM: Mapping[str, tuple[SiteTable, ...]] = MappingProxyType(
    {
        "cookies": (
            SiteTable(
                trace="cookie",
                table="cookies",
                host="host_key",
                unit="webkit",
                times={"created": ("creation_utc",), "accessed": ("last_access_utc",)},
            ),
        ),
        "login data": _LOGINS,
        "login data for account": _LOGINS,
        "favicons": (
            SiteTable(trace="favicon", table="icon_mapping", host="page_url", detail="page_url"),
        ),
        "top sites": (SiteTable(trace="top-site", table="top_sites", host="url", detail="url"),),
        "dips": (  # 109 and later
            SiteTable(
                trace="interaction",
                table="bounces",
                host="site",
                unit="webkit",
                times={
                    "first_interacted": (
                        "first_user_activation_time",
                        "first_user_interaction_time",
                    ),
                    "interacted": ("last_user_activation_time", "last_user_interaction_time"),
                },
            ),
        ),
    }
)
"""File of a Chromium profile, in small letters → its tables."""


def read(database: Database, tables: tuple[SiteTable, ...]) -> Iterator[Site]:
    """Yield the hosts of a file, sorted within each trace.

    Raises ParseError when the first table is not there with its host column (others came with
    later versions), LimitError beyond 100,000 hosts, and what `Database.rows` raises.
    """
    for number, table in enumerate(tables):
        if table.sql is None and not database.has({table.table: {table.host}}):
            if number == 0:
                raise ParseError(f"no table {table.table} with the expected columns")
            continue
        yield from _grouped(database, table)


def _grouped(database: Database, table: SiteTable) -> Iterator[Site]:
    columns, rows = _rows(database, table)
    hosts: dict[str, Site] = {}
    for row in rows:
        text = row.values[table.host]
        host = host_in(text, reverse=table.reversed_host) if isinstance(text, str) else ""
        if not host:
            continue
        if host not in hosts and len(hosts) >= HOST_LIMIT:
            raise LimitError(f"more than {HOST_LIMIT} hosts")
        site = hosts.setdefault(host, Site(host=host, trace=table.trace, unit=table.unit))
        site.add(row, table, columns)
    for host in sorted(hosts):
        yield hosts[host]


def _rows(database: Database, table: SiteTable) -> tuple[dict[str, str], Iterator[Row]]:
    """Return the columns of the events, and the rows."""
    if table.sql is not None:
        names = {event: columns[0] for event, columns in table.times.items()}
        return names, database.compare(table.sql, key="id")
    there = {column.lower() for column in database.columns(table.table)}
    found = {
        event: next((name for name in names if name.lower() in there), "")
        for event, names in table.times.items()
    }
    columns = {event: name for event, name in found.items() if name}
    wanted = dict.fromkeys(
        (table.host, *([table.detail] if table.detail else ()), *columns.values())
    )
    return columns, database.rows(table.table, list(wanted), where=table.where)


def host_in(text: str, *, reverse: bool = False) -> str:
    """Return the host in an address, an origin, `.host` or `host,*`; `""` when there is none.

    `reverse`: in a key such as `moc.elpmaxe.:https:443`.
    """
    if reverse:
        return text.partition(":")[0][::-1].strip(".").lower()
    text = text.partition("^")[0].partition(",")[0]
    if "://" not in text:
        return "" if "/" in text or ":" in text else text.strip(".").lower()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in _SCHEMES else ""
