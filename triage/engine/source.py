"""One piece of evidence, whatever its kind: a disk image with volumes, or a tree of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from triage.errors import EvidenceError
from triage.evidence import free_space
from triage.evidence.apfs_tree import ApfsTree
from triage.evidence.disk_file import DiskFile
from triage.evidence.filesystem import TskTree
from triage.evidence.free_space import FreeSpace
from triage.evidence.image import DiskImage, container_of, open_image
from triage.evidence.layers import Part
from triage.evidence.locks import Keys
from triage.evidence.logical import open_logical
from triage.evidence.members import LogicalSource, Note
from triage.evidence.nested import parts, parts_of
from triage.evidence.ranges import joined
from triage.evidence.tree import FileTree, WalkProblem
from triage.evidence.walker import open_tree
from triage.model import ByteRun, Container, ImageInfo, InFile, Reader, Volume, VolumeState, Walker

_LOGICAL = (Container.FOLDER, Container.TAR, Container.ZIP)


class Ground(Protocol):
    """What a volume lies on: the bytes in which its offsets count, the media or a layer on them."""

    @property
    def reader(self) -> Reader | None:
        """The bytes; None: there are only files."""
        ...

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether bytes that are not sound were met there.

        A chunk whose checksum is wrong, or what the imager filled in.
        """
        ...

    def on_media(self, runs: Iterable[ByteRun]) -> tuple[ByteRun, ...]:
        """Return byte runs as they lie on the media."""
        ...


class Source(Protocol):
    """What a worker needs of the evidence, once it is open."""

    info: ImageInfo
    missing: tuple[tuple[int, int], ...]
    unreadable: tuple[tuple[int, int], ...]  # ranges that the imager filled; joined
    problems: Sequence[WalkProblem]  # of a listing that is not a walk; complete once it was walked
    notes: Sequence[Note]
    read_beneath: Sequence[int]  # directories that must stay readable once the process is locked
    media: Reader | None  # what the image hash is of; None: there is no such thing

    @property
    def volumes(self) -> Sequence[Volume]:
        """Return the volumes, found on first use."""
        ...

    def tree(self, volume: int) -> FileTree:
        """Open the file system of a volume."""
        ...

    def free_space(self, volume: int) -> FreeSpace | None:
        """Return what the file system of a volume calls free; None where nobody knows."""
        ...

    def ground(self, volume: int) -> Ground:
        """Return what the offsets of a volume count in."""
        ...

    def space(self, within: str | None) -> Ground:
        """Return the media, or the layer of this name. Raises EvidenceError."""
        ...

    def snapshot(self, volume: int) -> object:
        """Return what knows how a snapshot differs from its live volume; None: nothing does."""
        ...

    def unlock(self, keys: Keys) -> None:
        """Find the volumes again with other keys."""
        ...

    def inside(self, volume: int, disk: DiskFile, file: InFile, *, keep: bool) -> Sequence[Volume]:
        """Return the volumes of a disk in a file; with `keep` they come behind the others."""
        ...

    def bad_ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges that could not be read or whose checksum did not fit, so far."""
        ...

    @property
    def failing(self) -> bool:
        """Whether it is a device that fails read after read."""
        ...


class DiskSource:
    """A disk image or a block device."""

    problems: Sequence[WalkProblem] = ()
    notes: Sequence[Note] = ()
    read_beneath: Sequence[int] = ()

    def __init__(
        self, image: DiskImage, walker: Walker = Walker.AUTO, keys: Keys | None = None
    ) -> None:
        """Take an open image; `keys` open volumes that are locked."""
        self._image, self._walker, self._keys = image, walker, keys
        self._parts: list[Part] | None = None
        self.info = image.info
        self.missing = tuple(image.missing)
        self.unreadable = joined(image.unreadable)
        self.media: Reader | None = image

    @property
    def parts(self) -> Sequence[Part]:
        """The volumes with what they lie on; read on first use."""
        if self._parts is None:
            self._parts = parts(self._image, self._keys)
        return self._parts

    def unlock(self, keys: Keys) -> None:
        """Find the volumes again with other keys."""
        self._keys, self._parts = keys, None

    def inside(self, volume: int, disk: DiskFile, file: InFile, *, keep: bool) -> Sequence[Volume]:
        """Return the volumes of a disk in a file; with `keep` they come behind the others."""
        found = parts_of(self.parts[volume], disk, file)
        if keep:
            self._parts = [*self.parts, *found]
        return [part.volume for part in found]

    @property
    def volumes(self) -> Sequence[Volume]:
        """The volumes of the image, and those that lie in others."""
        return [part.volume for part in self.parts]

    def tree(self, volume: int) -> FileTree:
        """Open a file system: APFS through libfsapfs, all others with TSK. Raises EvidenceError."""
        part = self.parts[volume]
        wanted = part.volume
        if wanted.state is not VolumeState.FILESYSTEM:
            raise EvidenceError("no readable file system", where=wanted.name)
        if wanted.filesystem == ApfsTree.name:
            return ApfsTree(part.image, wanted)
        return open_tree(part.image, wanted, self._walker)

    def free_space(self, volume: int) -> FreeSpace | None:
        """Read the bitmap or the table of a file system that TSK opens."""
        part = self.parts[volume]
        if part.volume.filesystem not in free_space.KINDS:
            return None
        try:
            tsk = TskTree(part.image.as_tsk(), part.volume)
        except EvidenceError:
            return None
        return free_space.free_space(part.image, part.volume, tsk)

    def ground(self, volume: int) -> Ground:
        """Return the image, or the layer that the volume lies in."""
        return self.parts[volume]

    def space(self, within: str | None) -> Ground:
        """Return the image, or the layer of this name. Raises EvidenceError."""
        for part in self.parts:
            if part.volume.within == within:
                return part
        raise EvidenceError("there is no such layer", where=within)

    def snapshot(self, volume: int) -> object:
        """Return the layer of a snapshot."""
        return self.parts[volume].layer

    def bad_ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the bad ranges met so far."""
        return tuple(self._image.bad_ranges)

    @property
    def failing(self) -> bool:
        """Whether it is a device that fails read after read."""
        return self._image.failing


@dataclass(frozen=True, slots=True)
class _Files:
    """What files lie on: an archive, whose members may stand in it as such, or nothing."""

    reader: Reader | None

    def bad_in(self, offset: int, length: int) -> bool:
        del offset, length
        return False  # there are no chunk checksums

    def on_media(self, runs: Iterable[ByteRun]) -> tuple[ByteRun, ...]:
        return tuple(runs)


class FilesSource:
    """A folder, a tar or a zip: one tree without volumes."""

    failing = False
    missing: tuple[tuple[int, int], ...] = ()
    unreadable: tuple[tuple[int, int], ...] = ()

    def __init__(self, source: LogicalSource) -> None:
        self._source = source
        self.problems: Sequence[WalkProblem] = source.problems
        self.notes: Sequence[Note] = source.notes
        self.info = source.info
        self.read_beneath: Sequence[int] = source.read_beneath
        self.media: Reader | None = source.media
        self.volumes: Sequence[Volume] = (
            Volume(
                name="whole",
                offset=0,
                length=self.media.size if self.media else 0,
                table="none",
                description=f"{source.info.container.value} of files",
                label=None,
                state=VolumeState.FILESYSTEM,
                filesystem=source.info.container.value,
                scheme=None,
                details={},
                problem=None,
            ),
        )

    def tree(self, volume: int) -> FileTree:
        """Return the tree of files; there is only one."""
        if volume:
            raise EvidenceError("a tree of files has one volume")
        return self._source

    def free_space(self, volume: int) -> FreeSpace | None:
        """Files have no free space."""
        del volume
        return None

    def ground(self, volume: int) -> Ground:
        """Return the archive."""
        del volume
        return _Files(None)

    def space(self, within: str | None) -> Ground:
        """Files have no space between them. Raises EvidenceError."""
        raise EvidenceError("there is no media to scan", where=within)

    def snapshot(self, volume: int) -> object:
        """Files have no snapshots."""
        del volume
        return None

    def unlock(self, keys: Keys) -> None:
        """Files have no locked volumes."""

    def inside(self, volume: int, disk: DiskFile, file: InFile, *, keep: bool) -> Sequence[Volume]:
        """Open none. Raises EvidenceError."""
        del volume, disk, file, keep
        raise EvidenceError("a disk in a folder or an archive is examined as an image by itself")

    def bad_ranges(self) -> tuple[tuple[int, int], ...]:
        """Files have no chunk checksums."""
        return ()


def open_source(
    path: Path,
    *,
    allow_incomplete: bool,
    allow_writable_device: bool,
    walker: Walker = Walker.AUTO,
    keys: Keys | None = None,
) -> Source:
    """Open evidence, told apart by its bytes. Raises ImageError and its kinds."""
    if container_of(path) in _LOGICAL:
        return FilesSource(open_logical(path))
    image = open_image(
        path, allow_incomplete=allow_incomplete, allow_writable_device=allow_writable_device
    )
    return DiskSource(image, walker, keys)
