"""Write FAT12 volumes for tests, every entry and every cluster chain as told, lies included.

Layout: Microsoft, FAT specification 1.03. Clusters of one sector; the root holds 512 entries.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

SECTOR = 512
ARCHIVE, DIRECTORY = 0x20, 0x10
_ROOT_ENTRIES = 512
_END = 0xFFF
_DATE, _CLOCK = 44 << 9 | 5 << 5 | 6, 7 << 11 | 8 << 5  # 2024-05-06 07:08


def entry(name: bytes, *, cluster: int, size: int = 0, kind: int = ARCHIVE) -> bytes:
    """Return a directory entry; `name` is 8.3 without the dot, padded, any bytes."""
    stamp = (_CLOCK, _DATE)
    return struct.pack("<11sBBBHHHHHHHI", name, kind, 0, 0, *stamp, _DATE, 0, *stamp, cluster, size)


def long_name(units: bytes, short: bytes) -> bytes:
    """Return the entries that give `short` a long name in UTF-16-LE, lone surrogates and all."""
    checksum = 0
    for byte in short:
        checksum = ((checksum & 1) << 7 | checksum >> 1) + byte & 0xFF
    padded = units + b"\0\0" if len(units) % 26 else units
    padded += b"\xff" * (-len(padded) % 26)
    parts = [padded[at : at + 26] for at in range(0, len(padded), 26)]
    made = [
        struct.pack(
            "<B10sBBB12sH4s",
            number | (0x40 if number == len(parts) else 0),
            part[:10],
            0x0F,
            0,
            checksum,
            part[10:22],
            0,
            part[22:],
        )
        for number, part in enumerate(parts, 1)
    ]
    return b"".join(reversed(made))


@dataclass(slots=True)
class Fat:
    """A volume of `sectors` in the making."""

    sectors: int = 512
    _data: dict[int, bytes] = field(default_factory=dict)
    _chain: dict[int, int] = field(default_factory=dict)

    @property
    def _fat_sectors(self) -> int:
        return -(-self.sectors * 3 // 2 // SECTOR)

    @property
    def first_data(self) -> int:
        """The byte at which cluster 2 begins."""
        return (1 + 2 * self._fat_sectors) * SECTOR + _ROOT_ENTRIES * 32

    def free(self) -> int:
        """Return a cluster that nothing uses yet."""
        return max([1, *self._data, *self._chain]) + 1

    def put(self, data: bytes, *, at: int | None = None) -> int:
        """Write a chain of clusters, from `at` or behind all others; return the first."""
        first = self.free() if at is None else at
        count = max(1, -(-len(data) // SECTOR))
        for number in range(count):
            part = data[number * SECTOR : (number + 1) * SECTOR]
            self._data[first + number] = part.ljust(SECTOR, b"\0")
            self._chain[first + number] = first + number + 1 if number + 1 < count else _END
        return first

    def link(self, cluster: int, following: int) -> None:
        """Let the chain go on elsewhere."""
        self._chain[cluster] = following

    def file(self, name: str, data: bytes, *, at: int | None = None) -> bytes:
        """Write a file; return its entry."""
        return entry(eight_three(name), cluster=self.put(data, at=at), size=len(data))

    def image(self, root: Iterable[bytes]) -> bytes:
        """Return the volume with these entries in its root."""
        boot = struct.pack(
            "<3s8sHBHBHHBHHHIIBBBI11s8s",
            b"\xeb\x3c\x90",
            b"HOSTILE ",
            SECTOR,
            1,
            1,
            2,
            _ROOT_ENTRIES,
            self.sectors,
            0xF8,
            self._fat_sectors,
            32,
            2,
            0,
            0,
            0x80,
            0,
            0x29,
            0x5EED,
            b"HOSTILE    ",
            b"FAT12   ",
        )
        table = bytearray(self._fat_sectors * SECTOR)
        for cluster, following in {0: 0xFF8, 1: _END, **self._chain}.items():
            at, shift = cluster * 3 // 2, 4 * (cluster % 2)
            (word,) = struct.unpack_from("<H", table, at)
            struct.pack_into("<H", table, at, word | following << shift)
        names = b"".join(root).ljust(_ROOT_ENTRIES * 32, b"\0")
        head = boot.ljust(510, b"\0") + b"\x55\xaa" + bytes(table) * 2 + names
        body = bytearray(self.sectors * SECTOR - len(head))
        for cluster, data in self._data.items():
            at = (cluster - 2) * SECTOR
            body[at : at + SECTOR] = data
        return head + bytes(body)


def eight_three(name: str) -> bytes:
    """Return `name.ext` as the 11 bytes of an entry."""
    stem, _, extension = name.upper().partition(".")
    return stem.encode().ljust(8) + extension.encode().ljust(3)


def folder(own: int, up: int, entries: Iterable[bytes]) -> bytes:
    """Return the content of a directory: `.`, `..` and the entries."""
    dots = ((b".          ", own), (b"..         ", up))
    return b"".join(entry(name, cluster=at, kind=DIRECTORY) for name, at in dots) + b"".join(
        entries
    )
