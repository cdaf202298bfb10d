"""VDI of VirtualBox, dynamic and fixed: a table of blocks.

Source: VirtualBox, `src/VBox/Storage/VDICore.h`, version 1.1. Not read: differencing and undo
images; VirtualBox keeps what they differ from in another folder.
"""

from __future__ import annotations

import struct
from typing import Final

from triage.errors import EvidenceError, ParseError
from triage.evidence.blocks import Beside, numbers
from triage.model import Reader

_MAGIC: Final = b"\x7f\x10\xda\xbe"
_VERSION: Final = 0x00010001
_DYNAMIC, _FIXED, _UNDO, _DIFFERENCES = 1, 2, 3, 4
_NOWHERE, _ZERO = 0xFFFFFFFF, 0xFFFFFFFE
_MOST: Final = 1 << 24  # blocks
_SECTOR, _LARGEST = 512, 1 << 30


class Vdi:
    """The blocks of one disk."""

    notes: tuple[str, ...] = ()
    identity = ""

    def __init__(self, reader: Reader, beside: Beside) -> None:
        """Read header and table. Raises ParseError for what is not read here."""
        del beside
        head = reader.read_at(0, 512)
        if len(head) < 512:  # noqa: PLR2004
            raise ParseError("its header is cut")
        version, _, kind = struct.unpack_from("<III", head, 0x44)
        table, self._data = struct.unpack_from("<II", head, 0x154)
        self.size, self.block, extra, blocks = struct.unpack_from("<QIII", head, 0x170)
        if kind in (_UNDO, _DIFFERENCES):
            raise ParseError("it holds only the differences to another one")
        if version != _VERSION or kind not in (_DYNAMIC, _FIXED) or extra:
            raise ParseError("its version or type is not read")
        if not _SECTOR <= self.block <= _LARGEST or self.block % _SECTOR or blocks > _MOST:
            raise ParseError("it has odd sizes")
        if not 0 < self.size <= blocks * self.block:
            raise ParseError("it has more bytes than blocks")
        raw = reader.read_at(table, 4 * blocks)
        if len(raw) != 4 * blocks:
            raise ParseError("its table of blocks is cut")
        self._table = numbers(raw, 4, "little")
        self.header = {"type": "dynamic" if kind == _DYNAMIC else "fixed"}
        self._reader = reader

    def read(self, number: int, start: int, length: int) -> bytes:
        """Return a part of a block. Raises EvidenceError."""
        entry = self._table[number]
        if entry in (_NOWHERE, _ZERO):
            return bytes(length)
        place = self._data + entry * self.block + start
        data = self._reader.read_at(place, length)
        if len(data) != length:
            raise EvidenceError(f"a block at {place} lies behind the end of the image")
        return data


def is_vdi(reader: Reader) -> bool:
    """Whether a file has the mark of one."""
    return reader.read_at(0x40, 4) == _MAGIC
