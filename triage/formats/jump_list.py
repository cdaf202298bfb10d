"""Jump lists of Windows 7 and later: what a program opened, and the links kept for it.

`automaticDestinations-ms` are compound files of links with a stream `DestList` that says when and
how often; `customDestinations-ms` are links one behind the other. The file's name begins with the
id of the program, a checksum over its path or model id.

Format: https://github.com/libyal/dtformats/blob/main/documentation (Jump lists format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import ParseError
from triage.formats import shell_link
from triage.formats.compound import Compound
from triage.formats.shell_link import ShellLink
from triage.model import Reader

SIZE_LIMIT = 32 << 20  # bytes
_MOST = 10_000  # entries of one list
_HEADER = 32
_FIXED = {1: 114}  # version → bytes before the path; later ones are alike
_FIXED_LATER = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One entry. `opened` is FILETIME, 0 when there is none; `count` as the list counts."""

    path: str
    opened: int = 0
    count: int | None = None
    machine: str | None = None
    link: ShellLink | None = None


def automatic(reader: Reader) -> Iterator[Destination]:
    """Yield the entries, in the order of the list. Raises ParseError and LimitError."""
    streams = Compound(reader)
    table = streams.read("DestList", limit=SIZE_LIMIT)
    if table is None:
        raise ParseError("a jump list without DestList")
    if len(table) < _HEADER:
        return
    version, count = struct.unpack_from("<II", table)
    fixed, at = _FIXED.get(version, _FIXED_LATER), _HEADER
    for _ in range(min(count, _MOST)):
        if at + fixed > len(table):
            break
        number, opened = struct.unpack_from("<I8xQ", table, at + 88)
        (length,) = struct.unpack_from("<H", table, at + fixed - 2)
        path = table[at + fixed : at + fixed + 2 * length].decode("utf-16-le", "replace")
        host = table[at + 72 : at + 88].partition(b"\0")[0].decode("cp1252", "replace")
        used = int.from_bytes(table[at + 116 : at + 120], "little") if version > 1 else None
        yield Destination(
            path=path,
            opened=opened,
            count=used,
            machine=host or None,
            link=_link(streams.read(f"{number:x}", limit=shell_link.SIZE_LIMIT)),
        )
        at += fixed + 2 * length + (4 if version > 1 else 0)


def custom(data: bytes) -> Iterator[Destination]:
    """Yield the links, in the order of the file: each is found by the bytes it begins with."""
    starts: list[int] = []
    at = data.find(shell_link.MAGIC)
    while at >= 0 and len(starts) < _MOST:
        starts.append(at)
        at = data.find(shell_link.MAGIC, at + 1)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=False):
        link = _link(data[start:end])
        if link is not None:
            yield Destination(path=link.target, machine=link.machine, link=link)


def _link(data: bytes | None) -> ShellLink | None:
    try:
        return shell_link.parse(data) if data else None
    except ParseError:
        return None
