"""Chromium's simple cache: one file an entry, `<16 hex>_0`, as on Linux, macOS and Android.

A head with the length of the key, the key, the body (stream 1), an end record, the head of the
answer (stream 0), perhaps the SHA-256 of the key, an end record with the length of stream 0.
Service workers keep their caches the same way, with a head of another form. Files `_1` and `_s`
hold what is rarely there and are not read.

Source: Chromium's `net/disk_cache/simple/simple_entry_format.h`. Tested with what Chromium 156
wrote; versions 5 to 9.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

from triage.errors import LimitError, ParseError
from triage.formats import http_cache

if TYPE_CHECKING:
    from triage.model import Reader

STORED_LIMIT: Final = 64 << 20
"""Bytes of one body as stored."""

_NAME: Final = re.compile(r"[0-9a-f]{16}_0", re.IGNORECASE)
_BEGIN: Final = 0xFCFB6D1BA7725C30
_END: Final = 0xF4FA6F45970D41D8
_HEAD: Final = struct.Struct("<QIIIxxxx")  # magic, version, length and hash of the key
_TAIL: Final = struct.Struct("<QIIIxxxx")  # magic, flags, CRC-32, length of stream 0
_VERSIONS: Final = range(5, 10)
_HAS_CRC, _HAS_KEY_HASH = 1, 2
_KEY_HASH: Final = 32
_KEY_LIMIT: Final = 64 << 10
_STREAM_LIMIT: Final = 1 << 20  # of the head of an answer


def is_entry(name: str) -> bool:
    """Whether a file of this name is an entry of such a cache."""
    return _NAME.fullmatch(name) is not None


def read(reader: Reader, name: str) -> http_cache.Entry:
    """Read one file. Raises ParseError when it is no entry or is cut off, EvidenceError."""
    start = reader.read_at(0, _HEAD.size)
    if len(start) < _HEAD.size:
        raise ParseError("not an entry of a simple cache")
    magic, version, length, _ = _HEAD.unpack(start)
    if magic != _BEGIN or version not in _VERSIONS:
        raise ParseError("not an entry of a simple cache")
    body_at = _HEAD.size + length
    if length > _KEY_LIMIT or body_at + 2 * _TAIL.size > reader.size:
        raise ParseError("an entry that is cut off")
    key = reader.read_at(_HEAD.size, length).decode("utf-8", "replace")
    flags, crc, stream_length = _tail(reader, reader.size - _TAIL.size)
    end = reader.size - _TAIL.size - (_KEY_HASH if flags & _HAS_KEY_HASH else 0)
    stream_at = end - stream_length
    body_end = stream_at - _TAIL.size
    if stream_length > _STREAM_LIMIT or body_end < body_at:
        raise ParseError("an entry whose parts do not fit in its file")
    _tail(reader, body_end)
    stream = reader.read_at(stream_at, stream_length)
    if flags & _HAS_CRC and zlib.crc32(stream) != crc:
        raise ParseError("an entry with a wrong checksum")
    size = body_end - body_at

    def body() -> bytes:
        if size > STORED_LIMIT:
            raise LimitError(f"a body larger than {STORED_LIMIT} bytes")
        return reader.read_at(body_at, size)

    return http_cache.Entry(
        key=key,
        url=http_cache.url_of(key),
        head=http_cache.head(stream),
        size=size,
        live=True,
        file=name,
        offset=0,
        _body=body,
    )


def _tail(reader: Reader, at: int) -> tuple[int, int, int]:
    data = reader.read_at(at, _TAIL.size)
    if len(data) < _TAIL.size:
        raise ParseError("an entry that is cut off")
    magic, flags, crc, length = _TAIL.unpack(data)
    if magic != _END:
        raise ParseError("an entry without its end")
    return flags, crc, length
