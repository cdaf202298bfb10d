"""The image as one object, whatever it is stored in: bytes, facts, and a door for TSK."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pytsk3

from triage.errors import EvidenceError, ImageError, UnsupportedImageError
from triage.evidence.device import DeviceImage, open_device
from triage.evidence.ewf import EwfImage, open_ewf
from triage.evidence.ranges import joined, touches
from triage.evidence.raw import open_raw
from triage.evidence.segments import SegmentFile
from triage.evidence.signature import identify
from triage.evidence.virtual_disk import FORMATS, VirtualDisk
from triage.model import Container, ImageInfo, Reader

_SECTOR = 512


class Media(Reader, Protocol):
    """What every kind of image can do. Ranges are (offset, length) in bytes of the media."""

    info: ImageInfo
    sector_size: int | None

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """Ranges that no segment holds."""
        ...

    @property
    def bad_ranges(self) -> Sequence[tuple[int, int]]:
        """Ranges read so far whose stored checksum is wrong."""
        ...

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether a bad range touches this one."""
        ...

    def changed(self) -> tuple[str, ...]:
        """Names of segments written to since they were opened."""
        ...

    def close(self) -> None:
        """Close every segment."""
        ...


class DiskImage:
    """An open disk image. Every segment is open already: a worker may lock itself now."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self.size = media.size
        self.info = media.info
        self.sector_size = media.sector_size or _SECTOR
        """Bytes; 512 where the container does not say."""
        self._filled = joined(self.unreadable)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the media from `offset`, fewer only at its end.

        Raises EvidenceError where bytes are missing or the host cannot read them. Bytes of a
        chunk whose checksum is wrong are returned: ask `bad_in` afterwards.
        """
        return self._media.read_at(offset, length)

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """Ranges that no segment holds; empty unless the image was opened incomplete."""
        return self._media.missing

    @property
    def unreadable(self) -> tuple[tuple[int, int], ...]:
        """Ranges that the imager says it could not read and filled with something."""
        return self._media.unreadable if isinstance(self._media, EwfImage) else ()

    @property
    def bad_ranges(self) -> list[tuple[int, int]]:
        """Ranges read so far whose stored checksum is wrong; sorted, merged."""
        return list(self._media.bad_ranges)

    def bad_in(self, offset: int, length: int) -> bool:
        """Whether something in the range has been read and its stored checksum was wrong.

        Or whether the imager filled it.
        """
        return touches(self._filled, offset, length) or self._media.bad_in(offset, length)

    @property
    def failing(self) -> bool:
        """Whether it is a device that fails read after read, and is not read any more."""
        return isinstance(self._media, DeviceImage) and self._media.failing

    def changed(self) -> tuple[str, ...]:
        """Return the names of segments that were written to since they were opened."""
        return self._media.changed()

    def as_tsk(self, offset: int = 0, length: int | None = None) -> pytsk3.Img_Info:
        """Return the media, or a part of them, for pytsk3, which must never open a file itself."""
        if offset == 0 and length in {None, self.size}:
            return _TskImage(self)
        return _TskImage(_Part(self, offset, self.size - offset if length is None else length))

    def close(self) -> None:
        """Close every segment."""
        self._media.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Part:
    reader: Reader
    offset: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        return self.reader.read_at(self.offset + offset, length) if length > 0 else b""


class _TskImage(pytsk3.Img_Info):  # type: ignore[misc]  # pytsk3 has no types
    """TSK's view of the media. A short answer would give TSK a partial directory, so it raises."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def get_size(self) -> int:
        return self._reader.size

    def read(self, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length)
        if len(data) < length and offset + length <= self._reader.size:
            raise EvidenceError(f"only {len(data)} of {length} bytes at {offset}")
        return data

    def close(self) -> None:
        """Do nothing: the image belongs to whoever opened it."""


def container_of(path: Path) -> Container:
    """Return what `path` is, by its kind and its first and last bytes, never by its name.

    Raises ImageError when it is missing, empty or unreadable, UnsupportedImageError when it is a
    container that we can name but not read.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ImageError(f"cannot be opened: {error.strerror}", where=str(path)) from error
    if stat.S_ISDIR(mode):
        return _folder(path)
    if stat.S_ISBLK(mode):
        return Container.DEVICE
    if not stat.S_ISREG(mode):
        raise ImageError("is neither a file, a folder nor a block device", where=str(path))
    file = SegmentFile(path)
    try:
        if file.size == 0:
            raise ImageError("is empty", where=str(path))
        container = identify(file, name=str(path))
    finally:
        file.close()
    if container in FORMATS:
        VirtualDisk(path, container).close()  # which says what is not read of it
    return container


def open_image(
    path: Path, *, allow_incomplete: bool = False, allow_writable_device: bool = False
) -> DiskImage:
    """Open a disk image: EWF, raw, split raw (the first segment), a virtual disk, a device.

    Raises ImageError and its kinds, naming the file: UnsupportedImageError for a container that
    is not read or holds files instead of a disk, DamagedImageError when segments are missing or
    inconsistent; with `allow_incomplete` what is there is opened and `missing` says what is not.
    A device that others could write to is refused unless `allow_writable_device`.
    """
    container = container_of(path)
    media: Media
    match container:
        case Container.EWF:
            media = open_ewf(path, allow_incomplete=allow_incomplete)
        case Container.RAW:
            media = open_raw(path, allow_incomplete=allow_incomplete)
        case _ if container in FORMATS:
            media = VirtualDisk(path, container)
        case Container.DEVICE:
            media = open_device(path, allow_writable=allow_writable_device)
        case _:
            raise UnsupportedImageError(
                f"is a {container.value}, which holds files and not a disk", where=str(path)
            )
    if media.size < _SECTOR:
        media.close()
        raise ImageError(f"has only {media.size} bytes, less than a sector", where=str(path))
    return DiskImage(media)


def _folder(path: Path) -> Container:
    try:
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise ImageError(f"cannot be listed: {error.strerror}", where=str(path)) from error
    if {"Info.plist", "bands", "token"} <= names:
        raise UnsupportedImageError("is an Apple sparse bundle, which is not read", where=str(path))
    return Container.FOLDER
