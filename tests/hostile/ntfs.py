"""Change an NTFS volume as no driver would: names, references, attributes, runs.

Records and index blocks are changed without their fixups, which are put back afterwards. Layout:
Linux `fs/ntfs3/ntfs.h`.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from functools import cache

from tests.conftest import IMAGES

SECTOR, RECORD, INDEX = 512, 1024, 4096
ROOT = 5
FILE_NAME, DATA, ATTRIBUTE_LIST = 0x30, 0x80, 0x20
KEPT = "one content, two names"  # what the known file of `ntfs` holds


@cache
def fixture() -> bytes:
    """Return the NTFS volume of the fixtures."""
    return gzip.decompress((IMAGES / "ntfs.raw.gz").read_bytes())


def ntfs() -> Ntfs:
    """Return it with one of its files known."""
    volume = Ntfs(fixture())
    assert volume.rename("linked.txt", "known1.txt") >= 2
    return volume


class Ntfs:
    """A volume with its MFT records by number and its index blocks, all free to be changed."""

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)
        self.records: dict[int, bytearray] = {}
        self.indexes: dict[int, bytearray] = {}  # by byte offset
        self._places: dict[int, int] = {}
        (mft,) = struct.unpack_from("<Q", data, 48)
        for at in range(0, len(data), RECORD):
            if data[at : at + 4] == b"FILE" and at >= mft * data[13] * SECTOR:
                (number,) = struct.unpack_from("<I", data, at + 44)
                if number not in self.records:
                    self.records[number] = self._opened(at, RECORD)
                    self._places[number] = at
            elif data[at : at + 4] == b"INDX" and at % INDEX == 0:
                self.indexes[at] = self._opened(at, INDEX)

    def _opened(self, at: int, length: int) -> bytearray:
        block = self._data[at : at + length]
        start, count = struct.unpack_from("<HH", block, 4)
        for number in range(1, count):
            end = number * SECTOR
            block[end - 2 : end] = block[start + 2 * number : start + 2 * number + 2]
        return block

    def _close(self, at: int, block: bytearray) -> None:
        block = bytearray(block)
        start, count = struct.unpack_from("<HH", block, 4)
        for number in range(1, count):
            end = number * SECTOR
            block[start + 2 * number : start + 2 * number + 2] = block[end - 2 : end]
            block[end - 2 : end] = block[start : start + 2]
        self._data[at : at + len(block)] = block

    def image(self) -> bytes:
        """Return the changed volume."""
        for number, block in self.records.items():
            self._close(self._places[number], block)
        for at, block in self.indexes.items():
            self._close(at, block)
        return bytes(self._data)

    def find(self, name: str) -> int:
        """Return the number of the record that has this name."""
        wanted = name.encode("utf-16-le", "surrogatepass")
        for number, record in self.records.items():
            for at, kind, _ in self.attributes(number):
                start = at + struct.unpack_from("<H", record, at + 20)[0] + 66
                if kind == FILE_NAME and record[start : start + len(wanted)] == wanted:
                    return number
        raise KeyError(name)

    def attributes(self, number: int) -> Iterator[tuple[int, int, int]]:
        """Yield where each attribute of a record stands, its type and length."""
        record = self.records[number]
        (at,) = struct.unpack_from("<H", record, 20)
        while at + 8 <= RECORD:
            kind, length = struct.unpack_from("<II", record, at)
            if kind == 0xFFFFFFFF or not length:
                return
            yield at, kind, length
            at += length

    def attribute(self, number: int, kind: int) -> int:
        """Return where the first attribute of a type stands in its record."""
        return next(at for at, found, _ in self.attributes(number) if found == kind)

    def insert(self, number: int, attribute: bytes, *, before: int) -> None:
        """Put an attribute in front of the first one of type `before`."""
        record = self.records[number]
        at = self.attribute(number, before)
        (used,) = struct.unpack_from("<I", record, 24)
        record[:] = (record[:at] + attribute + record[at:used]).ljust(RECORD, b"\0")[:RECORD]
        struct.pack_into("<I", record, 24, used + len(attribute))

    def rename(self, old: str, new: str) -> int:
        """Replace a name by one of the same length, in records and indexes; return how often."""
        before = old.encode("utf-16-le")
        after = new.encode("utf-16-le", "surrogatepass")
        assert len(before) == len(after)
        return self.replace(before, after)

    def replace(self, before: bytes, after: bytes) -> int:
        """Replace bytes of records and indexes; return how often."""
        count = 0
        for block in (*self.records.values(), *self.indexes.values()):
            count += block.count(before)
            block[:] = block.replace(before, after)
        return count

    def point(self, name: str, number: int, *, sequence: int | None = None) -> None:
        """Let every index entry of a name refer to another record, or another sequence number."""
        wanted = name.encode("utf-16-le")
        for block in (*self.records.values(), *self.indexes.values()):
            at = block.find(wanted)
            while at >= 0:
                start = at - 66 - 16
                (length,) = struct.unpack_from("<H", block, start + 8) if start >= 0 else (0,)
                (key,) = struct.unpack_from("<H", block, start + 10) if start >= 0 else (0,)
                if key == 66 + len(wanted) and length >= key + 16:
                    (before,) = struct.unpack_from("<Q", block, start)
                    counted = before >> 48 if sequence is None else sequence
                    struct.pack_into("<Q", block, start, number | counted << 48)
                at = block.find(wanted, at + 1)


def resident(kind: int, content: bytes, *, identifier: int = 0x77) -> bytes:
    """Return a resident attribute without a name."""
    length = 24 + -(-len(content) // 8) * 8
    head = struct.pack(
        "<IIBBHHHIHBB", kind, length, 0, 0, 24, 0, identifier, len(content), 24, 0, 0
    )
    return (head + content).ljust(length, b"\0")


def listed(kind: int, record: int, sequence: int, *, identifier: int = 0) -> bytes:
    """Return an entry of an attribute list."""
    reference = record | sequence << 48
    return struct.pack("<IHBBQQH6x", kind, 32, 0, 26, 0, reference, identifier)
