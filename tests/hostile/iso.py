"""Write ISO 9660 discs for tests, every directory record as told. Layout: ECMA-119.

Names are bytes, `System Use` fields (SUSP, Rock Ridge) go behind them as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

SECTOR = 2048
_FIRST = 20  # descriptors and the path table stand before it
_STAMP = bytes((124, 5, 6, 7, 8, 10, 0))


def both(value: int) -> bytes:
    """Return 32 bits in either byte order, as the format has them."""
    return struct.pack("<I", value) + struct.pack(">I", value)


def record(
    name: bytes, *, extent: int, size: int, folder: bool = False, system: bytes = b""
) -> bytes:
    """Return a directory record."""
    padded = name + b"\0" * (1 - len(name) % 2)
    length = 33 + len(padded) + len(system)
    head = struct.pack(
        "<BB8s8s7sBBB", length, 0, both(extent), both(size), _STAMP, 2 * folder, 0, 0
    )
    volume = struct.pack("<H", 1) + struct.pack(">H", 1)
    return head + volume + bytes((len(name),)) + padded + system


@dataclass(slots=True)
class Iso:
    """A disc in the making: put content, get sectors."""

    _sectors: list[bytes] = field(default_factory=list)
    _folders: list[tuple[bytes, int]] = field(default_factory=list)

    def reserve(self, sectors: int = 1) -> int:
        """Take sectors, to point at them before they have content."""
        self._sectors += [bytes(SECTOR)] * sectors
        return _FIRST + len(self._sectors) - sectors

    def store(self, data: bytes, *, at: int | None = None) -> int:
        """Write sectors and return the first."""
        count = max(1, -(-len(data) // SECTOR))
        start = self.reserve(count) if at is None else at
        padded = data.ljust(count * SECTOR, b"\0")
        for number in range(count):
            part = padded[number * SECTOR : (number + 1) * SECTOR]
            self._sectors[start - _FIRST + number] = part
        return start

    def file(self, name: bytes, data: bytes, *, system: bytes = b"") -> bytes:
        """Write a file; return its record."""
        return record(name, extent=self.store(data), size=len(data), system=system)

    def folder(
        self,
        name: bytes,
        records: Iterable[bytes],
        *,
        at: int,
        up: int,
        own: bytes = b"",
    ) -> bytes:
        """Write a directory of one sector at `at`; return its record."""
        dots = record(b"\0", extent=at, size=SECTOR, folder=True, system=own)
        dots += record(b"\1", extent=up, size=SECTOR, folder=True)
        self.store(dots + b"".join(records), at=at)
        self._folders.append((name, at))
        return record(name, extent=at, size=SECTOR, folder=True)

    def image(self, records: Iterable[bytes], *, own: bytes = b"") -> bytes:
        """Return the disc with these records in its root; `own`: system use of its first one."""
        root = self.reserve()
        top = self.folder(b"\0", records, at=root, up=root, own=own)
        little, big = self._table("<"), self._table(">")
        total = _FIRST + len(self._sectors)
        descriptor = (
            struct.pack(
                "<B5sBB32s32s8x8s32x4s4s4s8sIII4x34s",
                1,
                b"CD001",
                1,
                0,
                b"HOSTILE".ljust(32),
                b"HOSTILE".ljust(32),
                both(total),
                b"\1\0\0\1",
                b"\1\0\0\1",
                struct.pack("<H", SECTOR) + struct.pack(">H", SECTOR),
                both(len(little)),
                18,
                0,
                0x13000000,
                top[:34],
            ).ljust(881, b" ")
            + b"\1"
        )
        end = b"\xffCD001\1"
        parts = (descriptor, end, little, big)
        head = b"".join(part.ljust(SECTOR, b"\0") for part in parts)
        return bytes(16 * SECTOR) + head + b"".join(self._sectors)

    def _table(self, order: str) -> bytes:
        """Return the path table: each directory once, all said to lie in the root."""
        return b"".join(
            struct.pack(f"{order}BBIH", len(name), 0, at, 1) + name + b"\0" * (len(name) % 2)
            for name, at in sorted(self._folders)
        )
