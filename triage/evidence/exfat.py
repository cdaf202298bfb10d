"""exFAT: what TSK lists, and the sets of entries that it leaves out without a word.

TSK drops a file without a stream of entries that can be, and cuts its name where a piece is
missing. Layout: Microsoft, exFAT specification, section 7.
"""

# ruff: noqa: PLR2004 - the numbers are those of the format

from __future__ import annotations

import struct
from collections.abc import Iterator

from triage.errors import EvidenceError
from triage.evidence.fat import NAME_ONLY, FatTree
from triage.evidence.index import Named
from triage.model import EntryType

NAME = "exfat"
_FILE, _STREAM, _PIECE = 0x85, 0xC0, 0xC1  # in use
_AFTER = {_STREAM: {_FILE}, _PIECE: {_STREAM, _PIECE}}
"""What may stand in front of an entry in a set."""

_MOST = 19  # entries of a set
_LONGEST = 255  # UTF-16 units of a name


class ExfatTree(FatTree):
    """An exFAT volume."""

    @staticmethod
    def behind_tables(boot: bytes, sector: int) -> int:
        """Return the byte of the volume at which clusters begin. Raises EvidenceError."""
        if len(boot) < 512:
            raise EvidenceError("boot sector is cut")
        start: int = struct.unpack_from("<I", boot, 88)[0]
        return start * sector

    def entries(self, directory: Named) -> Iterator[Named]:
        """Yield each set of entries in use in front of the end; a broken one may have no name."""
        found: list[tuple[int, bytes]] = []
        for inode, entry in self.raw_entries(directory):
            goes_on = entry[0] in _AFTER and bool(found) and found[-1][1][0] in _AFTER[entry[0]]
            if found and not goes_on:
                yield _named(found)
                found = []
            if entry[0] == _FILE or entry[0] in _AFTER:
                found.append((inode, entry))
            if len(found) > _MOST:
                yield _named(found)
                found = []
        if found:
            yield _named(found)


def _named(found: list[tuple[int, bytes]]) -> Named:
    inode, first = found[0]
    streams = [entry for _, entry in found if entry[0] == _STREAM]
    units = b"".join(entry[2:] for _, entry in found if entry[0] == _PIECE)
    length = min(streams[0][3], _LONGEST) if streams else _LONGEST
    text = units[: 2 * length].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    name = text.replace("/", "\\x2f").encode("utf-8", "surrogatepass")
    folder = first[0] == _FILE and first[4] & 0x10
    size = int.from_bytes(streams[0][24:32], "little") if streams else 0
    kind = EntryType.DIRECTORY if folder else EntryType.FILE
    return Named(name, kind, inode, size=min(size, 2**63 - 1), allocation=NAME_ONLY)
