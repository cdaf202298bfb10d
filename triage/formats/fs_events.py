"""FSEvents of macOS: paths that changed, in compressed pages without times.

Pages of version 1 (`1SLD`), 2 and 3, one behind the other in a gzip file. The flags of an event say
what happened to the path, several changes together.

Format: https://github.com/libyal/dtformats/blob/main/documentation (MacOS File System Events).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import ParseError

SIZE_LIMIT = 64 << 20  # bytes of one file
_PLAIN_LIMIT = 256 << 20  # bytes after decompression
_MOST = 5_000_000  # events
_HEAD = struct.Struct("<4s4xI")
_TAILS = {b"1SLD": 12, b"2SLD": 20, b"3SLD": 24}  # bytes after the path: id, flags, node, more


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One path that changed. `flags`: 0x01 made, 0x02 removed, 0x08 renamed and more."""

    path: str
    identifier: int
    flags: int


def parse(data: bytes) -> Iterator[Event]:
    """Yield the events of a file. Raises ParseError, at the first damage, after what was whole."""
    if data[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, _PLAIN_LIMIT)
        except zlib.error:
            raise ParseError("a page of file system events that is damaged") from None
    at = count = 0
    while at + _HEAD.size <= len(data):
        magic, size = _HEAD.unpack_from(data, at)
        tail = _TAILS.get(magic)
        if tail is None:
            raise ParseError("not a page of file system events")
        end = min(at + size, len(data))
        place = at + _HEAD.size
        if size <= _HEAD.size:
            return
        while place + tail < end:
            stop = data.find(b"\0", place, end)
            if stop < 0 or stop + 1 + tail > end:
                return
            identifier, flags = struct.unpack_from("<QI", data, stop + 1)
            yield Event(
                path=data[place:stop].decode("utf-8", "replace"),
                identifier=identifier,
                flags=flags,
            )
            count += 1
            if count >= _MOST:
                return
            place = stop + 1 + tail
        at = end
