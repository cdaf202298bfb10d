"""Put a whole tree of files into a fresh exFAT volume; no tool does so without a mount.

Structures: Microsoft, exFAT specification, sections 3.1, 7.1, 7.4, 7.6 and 7.7. Everything lies in
one piece. Checksums and name hashes are left 0: no reader that is compared looks at them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_TIME = 0x58A638E4  # DOS: 2024-05-06 07:07:08
_FOLDER, _FILE = 0x10, 0x20
_WHOLE = 3  # has clusters, side by side
_UNITS = 15  # UTF-16 units in one entry
_ENTRY = 32


def write(image: Path, root: Path) -> None:
    """Write the folders and files below `root`; the names in it must fit into one cluster."""
    with image.open("r+b") as volume:
        _Writer(volume).go(root)


class _Writer:
    def __init__(self, volume: BinaryIO) -> None:
        self._volume = volume
        boot = volume.read(512)
        heap, self._count, self._root = struct.unpack_from("<3I", boot, 88)
        self._heap, self._size = heap << boot[108], 1 << boot[108] + boot[109]
        self._next = self._root + 1

    def go(self, root: Path) -> None:
        """Write everything, then the root and the bitmap."""
        entries = b"".join(self._entries(root))
        self._volume.seek(self._place(self._root))
        there = self._volume.read(self._size)
        end = next(at for at in range(0, self._size, _ENTRY) if not there[at])
        if end + len(entries) > self._size:
            raise ValueError("the root does not fit into one cluster")
        self._volume.seek(self._place(self._root) + end)
        self._volume.write(entries)
        bitmap = next(at for at in range(0, self._size, _ENTRY) if there[at] == 0x81)  # noqa: PLR2004
        (cluster,) = struct.unpack_from("<I", there, bitmap + 20)
        used = self._next - 2
        if used > self._count:
            raise ValueError("the volume is full")
        bits = b"\xff" * (used // 8) + bytes(((1 << used % 8) - 1,))
        self._volume.seek(self._place(cluster))
        self._volume.write(bits)

    def _place(self, cluster: int) -> int:
        return int(self._heap + (cluster - 2) * self._size)

    def _entries(self, folder: Path) -> Iterator[bytes]:
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                content = b"".join(self._entries(path))
                content = content.ljust(-(-len(content) // self._size) * self._size, b"\0")
                yield self._set(path.name, _FOLDER, content)
            else:
                yield self._set(path.name, _FILE, path.read_bytes())

    def _set(self, name: str, attributes: int, content: bytes) -> bytes:
        first, count = self._next, -(-len(content) // self._size)
        if count:
            self._volume.seek(self._place(first))
            self._volume.write(content)
            self._next += count
        units = name.encode("utf-16-le")
        pieces = [units[at : at + 2 * _UNITS] for at in range(0, len(units), 2 * _UNITS)]
        times = (_TIME, _TIME, _TIME)
        file = struct.pack("<BBHHHIII12x", 0x85, 1 + len(pieces), 0, attributes, 0, *times)
        stream = struct.pack(
            "<BBxBHHQ4xIQ",
            *(0xC0, _WHOLE if count else 1, len(units) // 2, 0, 0, len(content)),
            *(first if count else 0, len(content)),
        )
        names = [struct.pack("<BB30s", 0xC1, 0, piece) for piece in pieces]
        return b"".join((file, stream, *names))
