"""A disk of a virtual machine, or a raw image, that lies as a file in a volume: a layer over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from triage.evidence.layers import Stretch
from triage.evidence.virtual_disk import Chain, open_disk, virtual_disk
from triage.model import ByteRun, Container, Reader, Storage

LARGEST_MARKED = 1 << 20
"""Bytes of a descriptor at most; a file that is not larger is no disk with volumes of its own."""

_HEAD = 36 << 10
# What begins like a disk, or like a file system that may fill one: a boot sector, GPT, ext, HFS+,
# ISO 9660, APFS, LUKS. Whether it is one shows when it is opened.
_MARKS = (
    (0x1FE, b"\x55\xaa"),
    (0x200, b"EFI PART"),
    (0x438, b"\x53\xef"),
    (0x400, b"H+"),
    (0x400, b"HX"),
    (0x8001, b"CD001"),
    (0x20, b"NXSB"),
    (0, b"LUKS\xba\xbe"),
)


def may_be_disk(reader: Reader) -> bool:
    """Whether the first or last bytes of a file are those of a disk. Raises EvidenceError."""
    if virtual_disk(reader) is not None:
        return True
    head = reader.read_at(0, _HEAD)
    return any(head.startswith(mark, at) for at, mark in _MARKS)


class DiskFile:
    """The bytes of a disk in a file."""

    snapshot = False

    def __init__(
        self,
        reader: Reader,
        *,
        name: str,
        runs: Sequence[ByteRun],
        find: Callable[[str], Reader | None],
    ) -> None:
        """Open it, with what lies beside it. `runs` are where the file lies in its volume.

        Raises ParseError where it is no disk that is read, or needs a file that is not there.
        """
        container = virtual_disk(reader)
        self.name = name
        self._reader: Reader = reader
        self._runs: Sequence[ByteRun] = runs
        details = {}
        if container is not None:
            disk = open_disk(reader, container, Chain(find))
            self._reader, self._runs = disk, ()
            details = {name: text for name, text in disk.blocks.header.items() if text}
            details |= {"notes": "; ".join(disk.blocks.notes)} if disk.blocks.notes else {}
        self.size = self._reader.size
        self.container = container or Container.RAW
        self.description = f"{self.container.value} disk in a file"
        self.details: Mapping[str, str] = {"container": self.container.value, **details}

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk, fewer only at the end. Raises EvidenceError."""
        return self._reader.read_at(offset, length)

    def stretches(self, offset: int, length: int) -> Iterator[Stretch]:
        """Yield where bytes lie in the volume that holds the file: of a raw image only."""
        end = min(offset + length, self.size)
        for run in self._runs:
            low = max(offset, run.file_offset)
            high = min(end, run.file_offset + run.length)
            if low >= high:
                continue
            if low > offset:
                yield _nowhere(offset, low)
            plain = run.storage is Storage.PLAIN and run.image_offset is not None
            below = run.image_offset + low - run.file_offset if plain else None  # type: ignore[operator]  # plain says so
            storage = Storage.PLAIN if plain else Storage.NESTED
            yield Stretch(at=low, below=below, length=high - low, storage=storage)
            offset = high
        if offset < end:
            yield _nowhere(offset, end)


def _nowhere(start: int, end: int) -> Stretch:
    return Stretch(at=start, below=None, length=end - start, storage=Storage.NESTED)
