"""One piece of evidence, whatever its kind: a disk image with volumes, or a tree of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from triage.engine.ranges import joined, touches
from triage.errors import EvidenceError
from triage.evidence import free_space
from triage.evidence.apfs_tree import ApfsTree
from triage.evidence.filesystem import TskTree
from triage.evidence.free_space import FreeSpace
from triage.evidence.image import DiskImage, container_of, open_image
from triage.evidence.logical import open_logical
from triage.evidence.members import LogicalSource, Note
from triage.evidence.tree import FileTree, WalkProblem
from triage.evidence.volumes import volumes
from triage.evidence.walker import open_tree
from triage.model import Container, ImageInfo, Reader, Volume, VolumeState, Walker

_LOGICAL = (Container.FOLDER, Container.TAR, Container.ZIP)


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

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether bytes that are not sound were met in a range of the media.

        A chunk whose checksum is wrong, or what the imager filled in.
        """
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

    def __init__(self, image: DiskImage, walker: Walker = Walker.AUTO) -> None:
        self._image, self._walker = image, walker
        self._volumes: list[Volume] | None = None
        self.info = image.info
        self.missing = tuple(image.missing)
        self.unreadable = joined(image.unreadable)
        self.media: Reader | None = image

    @property
    def volumes(self) -> Sequence[Volume]:
        """Read the volume system on first use."""
        if self._volumes is None:
            self._volumes = volumes(self._image)
        return self._volumes

    def tree(self, volume: int) -> FileTree:
        """Open a file system: APFS through libfsapfs, all others with TSK. Raises EvidenceError."""
        wanted = self.volumes[volume]
        if wanted.state is not VolumeState.FILESYSTEM:
            raise EvidenceError("no readable file system", where=wanted.name)
        if wanted.filesystem == ApfsTree.name:
            return ApfsTree(self._image, wanted)
        return open_tree(self._image, wanted, self._walker)

    def free_space(self, volume: int) -> FreeSpace | None:
        """Read the bitmap or the table of a file system that TSK opens."""
        wanted = self.volumes[volume]
        if wanted.filesystem not in free_space.KINDS:
            return None
        try:
            tsk = TskTree(self._image.as_tsk(), wanted)
        except EvidenceError:
            return None
        return free_space.free_space(self._image, wanted, tsk)

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether a bad chunk was met there, or the imager filled it."""
        filled = touches(self.unreadable, offset, length)
        return filled or self._image.bad_in(offset, length)

    def bad_ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the bad ranges met so far."""
        return tuple(self._image.bad_ranges)

    @property
    def failing(self) -> bool:
        """Whether it is a device that fails read after read."""
        return self._image.failing


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

    def bad_in(self, offset: int, length: int) -> bool:
        """Files have no chunk checksums."""
        del offset, length
        return False

    def bad_ranges(self) -> tuple[tuple[int, int], ...]:
        """Files have no chunk checksums."""
        return ()


def open_source(
    path: Path,
    *,
    allow_incomplete: bool,
    allow_writable_device: bool,
    walker: Walker = Walker.AUTO,
) -> Source:
    """Open evidence, told apart by its bytes. Raises ImageError and its kinds."""
    if container_of(path) in _LOGICAL:
        return FilesSource(open_logical(path))
    image = open_image(
        path, allow_incomplete=allow_incomplete, allow_writable_device=allow_writable_device
    )
    return DiskSource(image, walker)
