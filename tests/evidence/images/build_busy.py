"""Build busy.raw.xz: an NTFS volume on which much was made, linked, renamed and deleted.

    python tests/evidence/images/build_busy.py

Invented data; no real person. What is in it comes from a seeded chance: directories with deleted
entries behind their used part, deleted directories, hard links in so great a number that records
need attribute lists, streams, records used again, names beyond the basic plane and longer than
TSK keeps. All times lie in 2015, because TSK believes no deleted index entry with later ones.
Needs mkntfs, libntfs-3g and faketime (Debian 12). The bytes differ from run to run in the serial
number of the volume; the differential test does not mind.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import lzma
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SIZE = 6 << 20
CLUSTER = 1024
STEPS = 900
WHEN = "2015-03-04 05:06:07"
_DATA = 0x80
_FILE, _FOLDER = 0o100000, 0o040000


class Missing(Exception):  # noqa: N818 - not an error, ntfs-3g lost a name it should have
    """There is no such path."""


class Volume:
    """A mounted volume, through libntfs-3g."""

    def __init__(self, image: Path) -> None:
        library = ctypes.CDLL("libntfs-3g.so.89", use_errno=True)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int

        def function(name: str, result: type | None, *arguments: type) -> ctypes._NamedFuncPointer:
            found = getattr(library, name)
            found.restype, found.argtypes = result, list(arguments)
            return found  # type: ignore[no-any-return]

        name = (pointer, ctypes.c_uint8)
        self._path = function("ntfs_pathname_to_inode", pointer, pointer, pointer, text)
        self._close = function("ntfs_inode_close", number, pointer)
        self._create = function(
            "ntfs_create", pointer, pointer, ctypes.c_uint32, *name, ctypes.c_uint32
        )
        self._link = function("ntfs_link", number, pointer, pointer, *name)
        self._delete = function("ntfs_delete", number, pointer, text, pointer, pointer, *name)
        self._add = function(
            "ntfs_attr_add", number, pointer, ctypes.c_uint32, *name, pointer, ctypes.c_int64
        )
        self._open = function("ntfs_attr_open", pointer, pointer, ctypes.c_uint32, pointer, number)
        self._end = function("ntfs_attr_close", None, pointer)
        self._write = function(
            "ntfs_attr_pwrite", ctypes.c_int64, pointer, ctypes.c_int64, ctypes.c_int64, pointer
        )
        self._unmount = function("ntfs_umount", number, pointer, number)
        library.ntfs_set_char_encoding(b"utf8")
        self._volume = function("ntfs_mount", pointer, text, ctypes.c_ulong)(bytes(image), 0)

    def close(self) -> None:
        self._unmount(self._volume, 0)

    def _inode(self, path: str) -> int:
        inode = self._path(self._volume, None, (path or "/").encode())
        if not inode:
            raise Missing(path)
        return int(inode)

    @staticmethod
    def _name(name: str) -> tuple[ctypes.Array[ctypes.c_char], int]:
        units = name.encode("utf-16-le")
        return ctypes.create_string_buffer(units, len(units)), len(units) // 2

    def make(self, parent: str, name: str, data: bytes | None) -> None:
        """Make a file, or a folder if there is no data."""
        folder = self._inode(parent)
        inode = self._create(folder, 0, *self._name(name), _FOLDER if data is None else _FILE)
        if data:
            stream = self._open(inode, _DATA, None, 0)
            self._write(stream, 0, len(data), data)
            self._end(stream)
        self._close(inode)
        self._close(folder)

    def link(self, path: str, parent: str, name: str) -> None:
        inode = self._inode(path)
        folder = self._inode(parent)
        self._link(inode, folder, *self._name(name))
        self._close(folder)
        self._close(inode)

    def stream(self, path: str, name: str, data: bytes) -> None:
        inode = self._inode(path)
        self._add(inode, _DATA, *self._name(name), data, len(data))
        self._close(inode)

    def delete(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._inode(parent)
        self._delete(self._volume, None, self._inode(path), folder, *self._name(name))


class Life:
    """What happens on the volume, one thing after the other."""

    def __init__(self, volume: Volume) -> None:
        self._volume, self._chance = volume, random.Random(5)  # noqa: S311 - the same each time
        self._numbers = itertools.count()
        self._folders: list[str] = [""]
        self._files: list[str] = []

    def _name(self) -> str:
        kind, number = self._chance.random(), next(self._numbers)
        if kind < 0.1:
            return "漢字" * self._chance.choice((5, 40, 84, 90, 120)) + str(number)
        if kind < 0.2:
            return f"Größe 😀 {number}"
        if kind < 0.3:
            return "n" * self._chance.randrange(1, 200) + str(number)
        return f"file {number}.txt"

    def step(self) -> None:
        """Do one thing, to a file if there is one."""
        chance = self._chance
        place = chance.choice(self._folders[-6:] if chance.random() < 0.5 else self._folders)
        action = chance.random()
        if not self._files or action < 0.5:
            name = self._name()
            self._volume.make(place, name, bytes(chance.choice((0, 10, 500, 3000))))
            self._files.append(f"{place}/{name}")
        elif action < 0.6 and len(self._folders) < 40:
            name = self._name()[:40]
            self._volume.make(place, name, None)
            self._folders.append(f"{place}/{name}")
        elif action < 0.96:
            self._change(chance.choice(self._files), place, action)
        elif place:
            below = [p for p in (*self._files, *self._folders) if p.startswith(f"{place}/")]
            for gone in sorted(below, key=len, reverse=True):
                self._remove(gone)
            self._remove(place)

    def _change(self, path: str, place: str, action: float) -> None:
        if action < 0.8:
            self._remove(path)
        elif action < 0.9:  # rename, or give one more name
            self._link(path, place, self._name())
            if action < 0.85:
                self._remove(path)
        elif action < 0.94:
            name = self._chance.choice(("Zone.Identifier", "abcd", "s\x01"))
            self._volume.stream(path, name, bytes(300))
        else:
            for _ in range(self._chance.randrange(8)):
                self._link(path, place, f"{'y' * self._chance.randrange(150)}{next(self._numbers)}")

    def _link(self, path: str, place: str, name: str) -> None:
        self._volume.link(path, place, name)
        self._files.append(f"{place}/{name}")

    def _remove(self, path: str) -> None:
        (self._files if path in self._files else self._folders).remove(path)
        self._volume.delete(path)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "busy.raw"
        image.write_bytes(bytes(SIZE))
        for command in (
            ["faketime", WHEN, "mkntfs", "-q", "-f", "-F", "-c", str(CLUSTER), str(image)],
            ["faketime", WHEN, sys.executable, __file__, str(image)],
        ):
            subprocess.run(command, check=True, capture_output=True)
        (HERE / "busy.raw.xz").write_bytes(lzma.compress(image.read_bytes(), preset=9))


def live(image: Path) -> None:
    volume = Volume(image)
    life = Life(volume)
    for _ in range(STEPS):
        with contextlib.suppress(Missing):
            life.step()
    volume.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        live(Path(sys.argv[1]))
    else:
        main()
