"""Linux: logons and failed logons by account, way and origin; steps of the clock.

Written from glibc's `utmp.h` for 64-bit machines (records of 384 bytes), Linux of all distributions
until they drop these files; tested with files made by us. Times are UTC. Not read: `lastlog`, the
databases `wtmpdb` and `lastlog2`, machines with the other byte order.

Reference: https://man7.org/linux/man-pages/man5/utmp.5.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SystemClockChange,
    SystemLogon,
    extractor,
)
from triage.formats.stamps import stamp

_RECORD = struct.Struct("<hxxi32s4s32s256shhiii16s20x")
_NEW_TIME, _OLD_TIME, _USER, _LOGIN = 3, 4, 7, 6
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
        # all distributions; rotated ones
        "var/log/{wtmp,btmp}{,.1,-*}",
    ),
    yields=(SystemLogon, SystemClockChange),
)
def logons(artifact: Artifact) -> Iterator[SystemLogon | SystemClockChange]:
    """Count logons of each account by terminal and origin, with the first and last time."""
    data = artifact.head(_LIMIT)
    if len(data) % _RECORD.size and not data[: _RECORD.size].strip(b"\0"):
        raise ParseError("not a log of logons")
    failed = artifact.entry.name.startswith("btmp")
    seen: dict[tuple[str, str, str], _Logons] = {}
    before: int | None = None
    for at in range(0, len(data) - _RECORD.size + 1, _RECORD.size):
        kind, _, line, _, user, host, _, _, _, seconds, _, _ = _RECORD.unpack_from(data, at)
        if kind == _OLD_TIME:
            before = seconds
        elif kind == _NEW_TIME:
            if before is not None and abs(seconds - before) >= _STEP:
                yield _step(before, seconds, at)
            before = None
        elif kind == _USER or (failed and kind == _LOGIN):
            _count(seen, (_text(user), _terminal(line), _text(host)), seconds, at)
    for (name, terminal, origin), one in seen.items():
        yield SystemLogon(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=one.place,
            times=(
                *stamp("first_logon", one.first, "s_unix"),
                *stamp("last_logon", one.last, "s_unix"),
            ),
            account_name=name,
            terminal=terminal or None,
            origin=origin or None,
            trace="btmp" if failed else "wtmp",
            logons=one.count,
            failed=failed,
        )


def _count(
    seen: dict[tuple[str, str, str], _Logons], key: tuple[str, str, str], seconds: int, at: int
) -> None:
    one = seen.get(key)
    if one is not None:
        one.count += 1
        one.first, one.last = min(one.first, seconds), max(one.last, seconds)
    elif len(seen) < _MOST:
        seen[key] = _Logons(count=1, first=seconds, last=seconds, place=f"record at {at}")


def _terminal(raw: bytes) -> str:
    """Return the terminal; those in windows and over the network are numbered as they come."""
    name = _text(raw)
    return "pts" if name.startswith("pts/") else name


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
