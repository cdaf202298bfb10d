"""Names in a FAT folder: the short one of 8 and 3 characters, and the pieces of the long one.

Layout and aliases: Microsoft, FAT32 File System Specification 1.03, "FAT Long Directory Entries".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.training.media.tree import Node
from triage.training.media.windows_names import check_name

_SHORT = re.compile(r"[A-Z0-9!#$%&'()@^_`{}~-]{1,8}(\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?")
_NOT_SHORT = re.compile(r"[^A-Z0-9!#$%&'()@^_`{}~-]")
_LOWER_STEM, _LOWER_EXTENSION = 0x08, 0x10
_UNITS = 13  # UTF-16 units in one piece
_LONG = 0x0F
_LAST = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A child of a folder and what its entries say about its name."""

    node: Node
    short: bytes  # 11 bytes
    case: int  # the flags by which Windows NT keeps lower-case names short
    pieces: tuple[bytes, ...]  # entries of the long name in the order of the folder

    @property
    def entries(self) -> int:
        """How many entries of 32 bytes it takes."""
        return len(self.pieces) + 1


def name_all(children: Sequence[Node]) -> tuple[Named, ...]:
    """Name the children of one folder. Raises TrainingError at a name that FAT forbids."""
    namer = _Namer()
    return tuple(namer.name(node) for node in children)


def is_short(name: str) -> bool:
    """Say whether MS-DOS could give this name, in whatever case."""
    return _SHORT.fullmatch(name.upper()) is not None


class _Namer:
    def __init__(self) -> None:
        self._taken: set[bytes] = set()
        self._numbers: dict[tuple[str, str], int] = {}

    def name(self, node: Node) -> Named:
        name = node.name
        check_name(node)
        case = _case(name)
        if case is not None:
            short = _padded(*_parted(name.upper()))
            if short not in self._taken:
                self._taken.add(short)
                return Named(node=node, short=short, case=case, pieces=())
        short = self._alias(name)
        return Named(node=node, short=short, case=0, pieces=tuple(_pieces(name, short)))

    def _alias(self, name: str) -> bytes:
        stem, extension = (
            _NOT_SHORT.sub("_", part.upper().replace(" ", "").replace(".", ""))
            for part in _parted(name.lstrip("."))
        )
        extension = extension[:3]
        while True:
            key = (stem[:6], extension)
            self._numbers[key] = number = self._numbers.get(key, 0) + 1
            tail = f"~{number}"
            short = _padded(stem[: 8 - len(tail)] + tail, extension)
            if short not in self._taken:
                self._taken.add(short)
                return short


def _case(name: str) -> int | None:
    """Return the flags of a name that needs no long one, else None."""
    if not is_short(name):
        return None
    flags = 0
    for part, flag in zip(_parted(name), (_LOWER_STEM, _LOWER_EXTENSION), strict=True):
        if part != part.upper():
            if part != part.lower():
                return None
            flags |= flag
    return flags


def _parted(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    return (stem, extension) if dot else (extension, "")


def _padded(stem: str, extension: str) -> bytes:
    return stem.encode("ascii").ljust(8) + extension.encode("ascii").ljust(3)


def checksum(short: bytes) -> int:
    """Return the sum over a short name that binds a long one to it."""
    total = 0
    for byte in short:
        total = ((total & 1) << 7) + (total >> 1) + byte & 0xFF
    return total


def _pieces(name: str, short: bytes) -> Iterator[bytes]:
    data = name.encode("utf-16-le")
    if len(data) // 2 % _UNITS:
        data += b"\0\0"
    count = -(-len(data) // (2 * _UNITS))
    data = data.ljust(count * 2 * _UNITS, b"\xff")
    for number in range(count, 0, -1):
        part = data[(number - 1) * 2 * _UNITS : number * 2 * _UNITS]
        sequence = number | (_LAST if number == count else 0)
        yield struct.pack(
            "<B10sBBB12sH4s",
            *(sequence, part[:10], _LONG, 0, checksum(short), part[10:22], 0, part[22:]),
        )
