"""A file system made of a dict, for tests of the walk and of the index."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.errors import EvidenceError
from triage.evidence.index import Named
from triage.model import ByteRun, EntryType, Reader


@dataclass
class MemoryTree:
    """Directories by inode; one whose inode is not there cannot be read."""

    directories: dict[int, list[Named]]
    name: str = "memory"
    asked: list[int] = field(default_factory=list)

    def root(self) -> Named:
        return folder("", 1)

    def listing(self, directory: Named) -> list[Named]:
        self.asked.append(directory.inode)
        if directory.inode not in self.directories:
            raise EvidenceError("directory cannot be read")
        return list(self.directories[directory.inode])

    def open(self, address: str) -> Reader:
        raise EvidenceError(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        del address
        return ()


def folder(name: str | bytes, inode: int) -> Named:
    return Named(name=raw(name), type=EntryType.DIRECTORY, inode=inode, descend=True)


def file(name: str | bytes, inode: int) -> Named:
    return Named(name=raw(name), type=EntryType.FILE, inode=inode)


def raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
