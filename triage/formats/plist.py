"""Apple property lists, XML and binary, from evidence.

Values are what `plistlib` gives: dict, list, str, bytes, int, float, bool, None, `plistlib.UID`
(keyed archives) and naive datetimes, which are UTC. Around it stand the bounds that it lacks: a
binary list may let thousands of objects share the same bytes or contain each other.

Format: CFBinaryPList.c of Apple's CoreFoundation; http://www.apple.com/DTDs/PropertyList-1.0.dtd.
"""

from __future__ import annotations

import plistlib
import struct
from typing import Any
from xml.parsers.expat import ExpatError

from triage.errors import LimitError, ParseError
from triage.formats.xml import check_size

SIZE_LIMIT = 32 << 20  # bytes
DEPTH_LIMIT = 100
VALUE_LIMIT = 1_000_000

_MAGIC = b"bplist0"
_TRAILER = struct.Struct(">6xBBQQQ")
_DATA, _ASCII, _UTF16, _ARRAY, _SET, _DICT = 0x4, 0x5, 0x6, 0xA, 0xC, 0xD
_EXTENDED = 0xF  # the length does not fit the marker and follows as an integer

# plistlib lets through whatever its internals raise on bytes that nobody foresaw.
_LIBRARY_ERRORS = (
    ExpatError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def parse(data: bytes, *, limit: int = SIZE_LIMIT) -> Any:
    """Return the value of a property list of at most `limit` bytes.

    Raises LimitError when it is too large, too deep or holds too many values, ParseError when it
    is damaged, contains itself or declares an entity.
    """
    if len(data) > limit:
        raise LimitError(f"property list larger than {limit} bytes")
    if data.startswith(_MAGIC):
        _check_objects(data)
    else:
        check_size(data, limit=limit)
    try:
        value = plistlib.loads(data)
    except _LIBRARY_ERRORS as error:
        raise ParseError("not a property list that can be read") from error
    _check_values(value)
    return value


def _check_objects(data: bytes) -> None:
    """Refuse a binary list whose objects claim more bytes than the file has: they overlap."""
    if len(data) < len(_MAGIC) + _TRAILER.size:
        raise ParseError("the property list is cut short")
    offset_size, ref_size, count, _, table = _TRAILER.unpack(data[-_TRAILER.size :])
    if not 0 < offset_size <= 8 or table + count * offset_size > len(data):  # noqa: PLR2004 - u64
        raise ParseError("the property list's table of objects lies outside the file")
    claimed = 0
    for start in range(table, table + count * offset_size, offset_size):
        offset = int.from_bytes(data[start : start + offset_size], "big")
        claimed += 1 + _length(data, offset, ref_size)
        if claimed > len(data):
            raise ParseError("objects of the property list overlap")


def _length(data: bytes, offset: int, ref_size: int) -> int:
    """Return how many bytes an object claims after its marker."""
    if offset >= len(data):
        raise ParseError("an object of the property list lies outside the file")
    kind, size = data[offset] >> 4, data[offset] & 15
    if kind not in {_DATA, _ASCII, _UTF16, _ARRAY, _SET, _DICT}:
        return 0
    if size == _EXTENDED:
        width = 1 << (data[offset + 1] & 3) if offset + 1 < len(data) else 0
        size = int.from_bytes(data[offset + 2 : offset + 2 + width], "big")
    unit = {_UTF16: 2, _ARRAY: ref_size, _SET: ref_size, _DICT: 2 * ref_size}.get(kind, 1)
    return size * unit


def _check_values(value: Any) -> None:
    """Walk the result level by level; one that contains itself never ends."""
    level, count = [value], 0
    for _ in range(DEPTH_LIMIT):
        level = [
            child
            for container in level
            if isinstance(container, (dict, list))
            for child in (container.values() if isinstance(container, dict) else container)
        ]
        count += len(level)
        if not level:
            return
        if count > VALUE_LIMIT:
            raise LimitError(f"property list with more than {VALUE_LIMIT} values")
    raise LimitError(f"property list deeper than {DEPTH_LIMIT} levels")
