"""The tree of a flash with YAFFS2: what TSK lists, with the names that the flash has."""

from __future__ import annotations

from triage.evidence.filesystem import TskTree
from triage.evidence.index import Named
from triage.model import ByteRun, EntryType, Reader

_OBJECT_BITS = 18  # of a metadata address; the version stands above them


class FlashTree:
    """YAFFS2 as TSK reads it, but for names of earlier states and lengths of links."""

    def __init__(self, tsk: TskTree) -> None:
        self.name = tsk.name
        self._tsk = tsk

    def root(self) -> Named:
        """Return the root directory."""
        return self._tsk.root()

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names. Raises EvidenceError."""
        return [self._as_stored(named) for named in self._tsk.listing(directory)]

    def _as_stored(self, named: Named) -> Named:
        if named.type is EntryType.LINK:
            named = named._replace(size=self._tsk.open(str(named.inode)).size)
        if named.allocation.name:
            return named
        return named._replace(name=without_version(named.name, named.inode))

    def open(self, address: str) -> Reader:
        """Return the content of a file. Raises EvidenceError."""
        return self._tsk.open(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return where the content lies on the media: a run for each page."""
        return self._tsk.runs(address)


def without_version(name: bytes, address: int) -> bytes:
    """Return the name of an earlier state of an object as the header has it.

    TSK adds `#object,version` and the extension again; both numbers stand in the address too.
    """
    number, version = address & ((1 << _OBJECT_BITS) - 1), address >> _OBJECT_BITS
    plain, mark, _ = name.rpartition(b"#%d,%d" % (number, version))
    return plain if mark else name
