r"""The change journal of NTFS (`$Extend\$UsnJrnl:$J`): which names were made, renamed and deleted.

The stream is sparse: what is old is cut off at its beginning and reads as zeros, often gigabytes
of them. Its true beginning is looked for by halving, then it is read forward in blocks; memory does
not grow with it. Records of version 2 and 3; version 4 (ranges of bytes) has no name.

Format: https://learn.microsoft.com/windows/win32/api/winioctl/ns-winioctl-usn_record_v2
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from triage.model import Reader

DATA_OVERWRITE, DATA_EXTEND, DATA_TRUNCATION = 0x1, 0x2, 0x4
CREATE, DELETE = 0x100, 0x200
RENAME_OLD, RENAME_NEW = 0x1000, 0x2000
CLOSE = 0x80000000
IS_FOLDER = 0x10  # in the attributes

BLOCK = 1 << 20
"""Bytes read at once."""

_PAGE = 4096  # no record crosses it
_LONGEST = 1024  # bytes of a record: 255 characters and its head
_V2 = struct.Struct("<IHHQQQQIIIIHH")
_V3 = struct.Struct("<IHH16s16sQQIIIIHH")
_V2_SIZE, _V3_SIZE = _V2.size, _V3.size


class Record(NamedTuple):
    """One change. `when` is FILETIME; `file` and `parent` are file references."""

    offset: int
    name: str
    when: int
    reason: int
    attributes: int
    file: int
    parent: int


def records(reader: Reader) -> Iterator[Record]:
    """Yield the records in the order of the journal; what is damaged is passed over by pages."""
    at = _beginning(reader)
    end = reader.size
    while at < end:
        block = reader.read_at(at, min(BLOCK, end - at))
        if not block:
            return
        yield from _of_block(block, at)
        at += len(block)


def _of_block(block: bytes, base: int) -> Iterator[Record]:
    """Yield the records of a block that begins at a page."""
    at, size = 0, len(block)
    unpack2, unpack3 = _V2.unpack_from, _V3.unpack_from
    while at + _V2_SIZE <= size:
        length = int.from_bytes(block[at : at + 4], "little")
        if length < _V2_SIZE or length > _LONGEST or length & 7 or at + length > size:
            following = (at // _PAGE + 1) * _PAGE
            if length == 0 and following < size and not any(block[following : following + 8]):
                following = _past_zeros(block, following)
            at = following
            continue
        version = block[at + 4]
        if version == 2:  # noqa: PLR2004 - NTFS of all Windows
            (_, _, _, file, parent, _, when, reason, _, _, attributes, count, start) = unpack2(
                block, at
            )
        elif version == 3 and length >= _V3_SIZE:  # noqa: PLR2004 - ReFS, and NTFS when asked
            (_, _, _, wide, above, _, when, reason, _, _, attributes, count, start) = unpack3(
                block, at
            )
            file, parent = (int.from_bytes(each[:8], "little") for each in (wide, above))
        else:
            at += length
            continue
        if start + count <= length:
            raw = block[at + start : at + start + count]
            name = raw.decode("utf-16-le", "replace")
            yield Record(base + at, name, when, reason, attributes, file, parent)
        at += length


def _past_zeros(block: bytes, at: int) -> int:
    """Return the page of the next byte that is not zero."""
    rest = len(block) - at - len(block[at:].lstrip(b"\0"))
    return (at + rest) // _PAGE * _PAGE if rest else at


def _beginning(reader: Reader) -> int:
    """Return the page at which zeros end: before it nothing, behind it records to the end."""
    low, high = 0, max(reader.size - 1, 0) // _PAGE
    if any(reader.read_at(0, _PAGE)):
        return 0
    while low < high:  # pages `low` are zeros, from `high` on there are records
        middle = (low + high) // 2
        if any(reader.read_at(middle * _PAGE, _PAGE)):
            high = middle
        else:
            low = middle + 1
    return high * _PAGE
