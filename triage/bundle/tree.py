"""The files of a bundle as they lie on a disk: looked at without following anything."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from triage.bundle import layout
from triage.errors import AlteredError, BundleError

MAX_ENTRIES = 5_000_000
MAX_DEPTH = 8
_BLOCK = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A regular file: its length in bytes, and which one it is on its host."""

    size: int
    device: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Every regular file under `root` with a name that may stand in a bundle, by its path.

    `problems` says, in words, what else is there.
    """

    root: Path
    files: Mapping[str, Node]
    problems: tuple[str, ...]

    def open(self, path: str) -> BufferedReader:
        """Open the very file that was seen. Raises AlteredError when it is missing or was swapped.

        Raises BundleError when it cannot be read.
        """
        node = self.files.get(path)
        if node is None:
            raise AlteredError("missing", where=path)
        file = open_regular(self.root / path, where=path)
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino, status.st_size) != (node.device, node.inode, node.size):
            file.close()
            raise AlteredError("changed while it was looked at", where=path)
        return file

    def read(self, path: str, limit: int) -> bytes:
        """Return a whole file. Raises AlteredError when it has more than `limit` bytes."""
        with self.open(path) as file:
            if self.files[path].size > limit:
                raise AlteredError(f"larger than {limit} bytes", where=path)
            return _read(file, limit, path)

    def sha256(self, path: str) -> str:
        """Return the digest of a file of any size, in bounded memory."""
        digest = hashlib.sha256()
        with self.open(path) as file:
            left = self.files[path].size
            while left and (block := _read(file, min(left, _BLOCK), path)):
                digest.update(block)
                left -= len(block)
        return digest.hexdigest()


def open_regular(path: Path, *, where: str) -> BufferedReader:
    """Open a regular file, through no link and without waiting. Raises BundleError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise BundleError(f"cannot read: {error.strerror}", where=where) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleError("not a regular file", where=where)
    return os.fdopen(descriptor, "rb")


def walk(root: Path) -> Tree:
    """Look at everything under `root`. Raises BundleError when a folder cannot be read."""
    files: dict[str, Node] = {}
    problems: list[str] = []
    folded: set[str] = set()
    folders = [""]
    seen = 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES:
                        problems.append(f"more than {MAX_ENTRIES} entries; the rest was not read")
                        return Tree(root=root, files=files, problems=tuple(problems))
                    path = f"{folder}/{entry.name}".lstrip("/")
                    status = entry.stat(follow_symlinks=False)
                    problem = _problem(path, status, folded)
                    if problem:
                        problems.append(f"{path!a} {problem}")
                    elif stat.S_ISDIR(status.st_mode):
                        folders.append(path)
                    else:
                        files[path] = Node(
                            size=status.st_size, device=status.st_dev, inode=status.st_ino
                        )
                    folded.add(path.casefold())
        except OSError as error:
            raise BundleError(f"cannot read: {error.strerror}", where=f"{folder!a}") from error
    return Tree(root=root, files=files, problems=tuple(sorted(problems)))


def _problem(path: str, status: os.stat_result, folded: set[str]) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return "is neither a file nor a folder"
    if path.count("/") >= MAX_DEPTH:
        return "lies too deep"
    if not layout.is_safe(path):
        return "has a name that no bundle holds"
    if path.casefold() in folded:
        return "is there twice, in upper and lower case"
    if stat.S_ISREG(status.st_mode) and status.st_nlink != 1:
        return "is a hard link: it can be changed under another name"
    return None


def _read(file: BufferedReader, length: int, path: str) -> bytes:
    try:
        return file.read(length)
    except OSError as error:
        raise BundleError(f"cannot read: {error.strerror}", where=path) from error
