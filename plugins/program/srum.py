r"""Windows SRUM: bytes that listed programs sent and received, for each account, hour by hour.

Written from libyal's description of `SRUDB.dat` (Windows 8 to 11) and tested with databases made by
us, which libesedb reads; there was no sample. Windows measures about every hour and when it shuts
down, for some 30 to 60 days; paths stay when the program is deleted. Traffic of Tor Browser is that
of `tor.exe`, as `firefox.exe` talks to it on the same machine. It proves that the program ran in
the hour before a time and how much it sent; not to whom. A database that was not closed in order is
read as it is and said to be; its logs (`SRU*.log`) are not read, nor energy use, connections of
interfaces, and what Windows had not yet written from the hive SOFTWARE.

References: https://github.com/libyal/esedb-kb/blob/main/documentation and
https://github.com/log2timeline/plaso/blob/main/plaso/parsers/esedb_plugins/srum.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.api import Artifact, ParseError, ProgramExecuted, ProgramTraces, extractor
from triage.formats import security_id
from triage.formats.ese import Cell, Database
from triage.formats.indicators import Indicator
from triage.formats.stamps import stamp

from . import _known

_NAMES: Final = "SruDbIdMapTable"
_NETWORK: Final = "{973F5D5C-1D90-4944-BE8E-24B94231A174}"
_RESOURCES: Final = "{D10CA2FE-6FCF-4F6D-848E-B2E99266FA89}"
_TIMELINE: Final = "{5C8CF1C7-7257-4F13-B223-970EF5939312}"
_COLUMNS: Final = {
    _NETWORK: ("TimeStamp", "AppId", "UserId", "BytesSent", "BytesRecvd"),
    _RESOURCES: ("TimeStamp", "AppId", "UserId"),
    _TIMELINE: ("TimeStamp", "AppId", "UserId", "InFocusS"),  # Windows 10 1607 and later
}
_ACCOUNT: Final = 3  # type of a name: a SID, else text
_MOST_NAMES = 200_000
_MOST_USES = 10_000  # programs by account
_LARGEST = 1 << 62  # of bytes sent: what a damaged row holds above it is not counted


@dataclass(slots=True, kw_only=True)
class _Use:
    """What was measured of one program for one account. Days since 1899-12-30."""

    known: Indicator
    first: float
    last: float
    network: bool = False
    sent: int = 0
    received: int = 0
    seconds: int = 0


@extractor(
    name="program.windows.srum",
    paths=(
        # Windows 8 and later; what an upgrade put aside
        "Windows/System32/sru/SRUDB.dat",
        "Windows.old*/Windows/System32/sru/SRUDB.dat",
    ),
    yields=(ProgramExecuted, ProgramTraces),
)
def srum(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """Sum up what listed programs sent and received for each account, with first and last hour."""
    database = Database(artifact.open())
    if _NAMES not in database.tables:
        raise ParseError("an ESE database without the names of SRUM")
    programs, accounts = _names(database)
    known = {number: found for number, name in programs.items() if (found := _listed(name))}
    uses: dict[tuple[int, int], _Use] = {}
    for table in _COLUMNS:
        entries = listed = 0
        for row in database.rows(table, _COLUMNS[table]):
            entries += 1
            listed += row[1] in known
            _count(uses, known, table, row)
        if table in database.tables:
            yield _known.counted("srum", _MEANING[table], entries=entries, listed=listed)
    for (program, account), use in uses.items():
        path = _path(programs[program])
        yield _known.executed(
            use.known,
            "srum",
            path[:1000],
            locator=f"AppId {program}, UserId {account}",
            times=(
                *stamp("first_measured", use.first, "ole"),
                *stamp("last_measured", use.last, "ole"),
            ),
            belongs_to=accounts.get(account),
            bytes_sent=use.sent if use.network else None,
            bytes_received=use.received if use.network else None,
            active_seconds=use.seconds or None,
        )
    if not database.clean:
        artifact.problem("the database was in use: its newest rows may stand in logs only")
    for problem in database.problems:
        artifact.problem(problem)


_MEANING: Final = {
    _NETWORK: "network usage",
    _RESOURCES: "application resource usage",
    _TIMELINE: "application timeline",
}


def _names(database: Database) -> tuple[dict[int, str], dict[int, str]]:
    """Return names of programs and SIDs of accounts by number."""
    programs: dict[int, str] = {}
    accounts: dict[int, str] = {}
    rows = database.rows(_NAMES, ("IdType", "IdIndex", "IdBlob"))
    for _, (kind, number, raw) in zip(range(_MOST_NAMES), rows, strict=False):
        if not isinstance(number, int) or not isinstance(raw, bytes):
            continue
        if kind == _ACCOUNT:
            sid, _ = security_id.read(raw)
            if sid:
                accounts[number] = sid
        else:
            programs[number] = raw[: len(raw) & ~1].decode("utf-16-le", "replace").rstrip("\0")
    return programs, accounts


def _listed(name: str) -> Indicator | None:
    path = _path(name)
    return _known.PROGRAMS.path(path) or _known.PROGRAMS.app(path.partition("_")[0])


def _path(name: str) -> str:
    r"""Return the path of a program, or its name out of `!!name!time of build!size!service`."""
    return name.split("!")[2] if name.startswith("!!") and name.count("!") > 2 else name  # noqa: PLR2004 - both marks and one behind


def _count(
    uses: dict[tuple[int, int], _Use],
    known: dict[int, Indicator],
    table: str,
    row: tuple[Cell, ...],
) -> None:
    when, program, account = row[:3]
    if not isinstance(program, int) or program not in known:
        return
    if not isinstance(when, float) or not isinstance(account, int):
        return
    use = uses.get((program, account))
    if use is None:
        if len(uses) >= _MOST_USES:
            return
        use = uses[program, account] = _Use(known=known[program], first=when, last=when)
    use.first, use.last = min(use.first, when), max(use.last, when)
    if table == _NETWORK:
        use.network = True
        use.sent += _number(row[3])
        use.received += _number(row[4])
    elif table == _TIMELINE:
        use.seconds += _number(row[3])


def _number(cell: Cell) -> int:
    return cell if isinstance(cell, int) and 0 < cell < _LARGEST else 0
