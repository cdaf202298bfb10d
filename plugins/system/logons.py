"""Linux: logons and failed logons by account, way and origin; steps of the clock.

Written from glibc's `utmp.h` (records of 384 bytes on x86, of 400 where times have 64 bits) and
`lastlog`, of all distributions until they drop these files, and from the schemas of their
successors `wtmpdb` and `lastlog2`; tested with files made by us, which
`utmpdump` reads alike. Times are
UTC. `wtmp` proves sessions, also those of displays and of nobody at the machine; `btmp` failed
ones; `lastlog` the last of each account alone. Any of them can be rotated away or emptied by root.
Not read: machines with the other byte order, logs of `sshd` (see the journal).

References: https://man7.org/linux/man-pages/man5/utmp.5.html and
https://github.com/thkukuk/wtmpdb
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SystemAccount,
    SystemClockChange,
    SystemLogon,
    Unit,
    extractor,
)
from triage.formats.stamps import stamp

_SHORT = struct.Struct("<hxxi32s4s32s256shhiii16s20x")
_LONG = struct.Struct("<hxxi32s4s32s256shhqqq16s24x")  # aarch64, riscv64
_LAST = struct.Struct("<i32s256s")
_TYPES = range(10)
_TRIED = 8  # records that tell which layout it is
_NEW_TIME, _OLD_TIME, _USER, _LOGIN = 3, 4, 7, 6
_SESSION = 3  # type of a row of wtmpdb
_LIMIT = 64 << 20  # bytes
_MOST = 10_000  # accounts by way and origin
_STEP = 60  # seconds; less is ordinary drift


@dataclass(slots=True, kw_only=True)
class _Logons:
    count: int
    first: int
    last: int
    place: str


@extractor(
    name="system.linux.logons",
    paths=(
        # all distributions; rotated ones; of a machine that was not shut down
        "var/log/{wtmp,btmp}{,.1,-*}",
        "{run,var/run}/utmp",
    ),
    yields=(SystemLogon, SystemClockChange),
    needs=(SystemAccount,),
)
def logons(artifact: Artifact) -> Iterator[SystemLogon | SystemClockChange]:
    """Count logons of each account by terminal and origin, with the first and last time."""
    data = artifact.head(_LIMIT)
    record = _layout(data)
    name = artifact.entry.name.partition(".")[0].partition("-")[0]
    failed = name == "btmp"
    seen: dict[tuple[str, str, str], _Logons] = {}
    before: int | None = None
    for at in range(0, len(data) - record.size + 1, record.size):
        kind, _, line, _, user, host, _, _, _, seconds, _, _ = record.unpack_from(data, at)
        if kind == _OLD_TIME:
            before = seconds
        elif kind == _NEW_TIME:
            if before is not None and abs(seconds - before) >= _STEP:
                yield _step(before, seconds, at)
            before = None
        elif kind == _USER or (failed and kind == _LOGIN):
            _count(
                seen, (_text(user), _numbered(_text(line)), _text(host)), seconds, f"record at {at}"
            )
    numbers = _numbers(artifact)
    for key, one in seen.items():
        yield _summed(key, one, name, Unit.S_UNIX, numbers)


def _numbers(artifact: Artifact) -> dict[str, str]:
    """Return `uid:N` of the accounts by name, those of the own volume before others."""
    accounts = (fact.finding for fact in reversed(artifact.facts(SystemAccount)))
    return {
        account.name: account.account_id
        for account in accounts
        if account.account_id and re.fullmatch(r"uid:\d{1,10}", account.account_id)
    }


def _summed(
    key: tuple[str, str, str], one: _Logons, trace: str, unit: Unit, numbers: dict[str, str]
) -> SystemLogon:
    account, terminal, origin = key
    return SystemLogon(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=one.place,
        times=(*stamp("first_logon", one.first, unit), *stamp("last_logon", one.last, unit)),
        belongs_to=numbers.get(account),
        account_name=account[:256],
        terminal=terminal[:256] or None,
        origin=origin[:256] or None,
        trace=trace,
        logons=one.count,
        failed=trace == "btmp",
    )


def _last(
    account: str,
    trace: str,
    place: str,
    seconds: int,
    *,
    terminal: str,
    origin: str,
    belongs_to: str | None = None,
) -> SystemLogon:
    return SystemLogon(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=place,
        times=stamp("last_logon", seconds, "s_unix"),
        belongs_to=belongs_to,
        account_name=account,
        terminal=terminal or None,
        origin=origin or None,
        trace=trace,
        logons=1,
    )


def _layout(data: bytes) -> struct.Struct:
    """Return the layout in which the first records are of known types. Raises ParseError."""

    def fitting(record: struct.Struct) -> int:
        places = range(0, len(data) - record.size + 1, record.size)[:_TRIED]
        types = [int.from_bytes(data[at : at + 2], "little") for at in places]
        return sum(map(bool, types)) if all(kind in _TYPES for kind in types) else 0

    best = max((_SHORT, _LONG), key=fitting)
    if not fitting(best) and data.strip(b"\0"):
        raise ParseError("not a log of logons")
    return best


def _count(
    seen: dict[tuple[str, str, str], _Logons], key: tuple[str, str, str], when: int, place: str
) -> None:
    one = seen.get(key)
    if one is not None:
        one.count += 1
        one.first, one.last = min(one.first, when), max(one.last, when)
    elif len(seen) < _MOST:
        seen[key] = _Logons(count=1, first=when, last=when, place=place)


def _numbered(line: object) -> str:
    """Return the terminal; those in windows and over the network are numbered as they come."""
    name = _string(line)
    return "pts" if name.startswith("pts/") else name


def _string(value: object) -> str:
    return value[:256] if isinstance(value, str) else ""


def _step(before: int, after: int, at: int) -> SystemClockChange:
    return SystemClockChange(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=f"record at {at}",
        times=(*stamp("clock_before", before, "s_unix"), *stamp("clock_after", after, "s_unix")),
        trace="wtmp",
        seconds=after - before,
    )


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


@extractor(
    name="system.linux.last-logons",
    paths=(
        # all distributions until they drop it (Debian 13, openSUSE Tumbleweed)
        "var/log/lastlog",
    ),
    yields=(SystemLogon,),
    needs=(SystemAccount,),
)
def last_logons(artifact: Artifact) -> Iterator[SystemLogon]:
    """Tell the last logon of each account, by its number; large numbers only of known accounts."""
    names = {int(uid.removeprefix("uid:")): name for name, uid in _numbers(artifact).items()}
    reader = artifact.open()
    data = artifact.head(_LIMIT)
    count = len(data) // _LAST.size
    # The file may have a hole of a terabyte before a number that a directory service gave out.
    for number in chain(range(count), sorted(each for each in names if each >= count)):
        at = number * _LAST.size
        within = data[at : at + _LAST.size]
        raw = within if number < count else reader.read_at(at, _LAST.size)
        if len(raw) < _LAST.size or not raw[:4].strip(b"\0"):
            continue
        seconds, line, host = _LAST.unpack(raw)
        yield _last(
            names.get(number, f"uid:{number}"),
            "lastlog",
            f"record at {at}",
            seconds,
            terminal=_text(line),
            origin=_text(host),
            belongs_to=f"uid:{number}",
        )


@extractor(
    name="system.linux.logon-database",
    paths=(
        # openSUSE, Debian 13, Fedora 42 with wtmpdb; with lastlog2 of util-linux 2.40
        "var/lib/wtmpdb/wtmp.db",
        "var/lib/lastlog/lastlog2.db",
    ),
    yields=(SystemLogon,),
    needs=(SystemAccount,),
)
def logon_database(artifact: Artifact) -> Iterator[SystemLogon]:
    """Count logons in the databases that replace wtmp and lastlog."""
    numbers = _numbers(artifact)
    with artifact.sqlite() as database:
        if database.has({"wtmp": {"Type", "User", "Login", "TTY", "RemoteHost"}}):
            seen: dict[tuple[str, str, str], _Logons] = {}
            columns = ("Type", "User", "Login", "TTY", "RemoteHost")
            for row in database.rows("wtmp", columns):
                kind, user, login, line, host = (row.values[name] for name in columns)
                if kind == _SESSION and isinstance(user, str) and isinstance(login, int):
                    key = (user[:256], _numbered(line), _string(host))
                    _count(seen, key, login, f"wtmp row {row.key!r}")
            for key, one in seen.items():
                yield _summed(key, one, "wtmpdb", Unit.US_UNIX, numbers)
        elif database.has({"Lastlog2": {"Name", "Time", "TTY", "RemoteHost"}}):
            for row in database.rows("Lastlog2", ("Name", "Time", "TTY", "RemoteHost")):
                name, when = row.values["Name"], row.values["Time"]
                if isinstance(name, str) and isinstance(when, int) and when > 0:
                    yield _last(
                        name[:256],
                        "lastlog2",
                        f"Lastlog2 row {row.key!r}",
                        when,
                        terminal=_string(row.values["TTY"]),
                        origin=_string(row.values["RemoteHost"]),
                        belongs_to=numbers.get(name),
                    )
        else:
            raise ParseError("not a database of logons")
