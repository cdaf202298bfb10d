"""A block device as evidence: opened read-only, refused while anything may write to it.

Linux only, for the sizes and flags are asked of its kernel. Source of the request numbers:
`linux/fs.h`; of the fields of mountinfo: proc(5).
"""

from __future__ import annotations

import os
import re
import stat
import struct
from pathlib import Path

from triage.errors import EvidenceError, ImageError, UnsupportedImageError
from triage.evidence.segments import SegmentFile, clamp
from triage.model import Container, ImageInfo

_BLKROGET = 0x125E
_BLKSSZGET = 0x1268
_IN_A_ROW = 3  # reads that fail at different places before a device is left alone
_MAX_DEVICES = 4096  # partitions and what is stacked on them
_OCTAL = re.compile(r"\\([0-7]{3})")


class DeviceImage:
    """Random access to a block device."""

    missing: tuple[tuple[int, int], ...] = ()

    def __init__(self, file: SegmentFile, sector_size: int, notes: tuple[str, ...]) -> None:
        """Take the open device and the size of its logical sectors in bytes."""
        self._file = file
        self._failed: list[tuple[int, int]] = []
        self._in_a_row = 0
        self.size = file.size
        self.sector_size: int | None = sector_size
        self.info = ImageInfo(
            container=Container.DEVICE,
            segments=(file.segment,),
            media_size=file.size,
            sector_size=sector_size,
            stored_hashes={},
            header={},
            notes=notes,
        )

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end. Raises EvidenceError."""
        wanted = clamp(offset, length, self.size)
        if self.failing:
            raise EvidenceError("the device fails and is left alone", where=self._file.name)
        try:
            data = self._file.read_at(offset, wanted) if wanted else b""
        except EvidenceError:
            self._note(offset, wanted)
            raise
        self._in_a_row = 0
        return data

    def _note(self, offset: int, length: int) -> None:
        """Count a read that failed, unless one there did before."""
        if not any(at <= offset < at + size for at, size in self._failed):
            self._failed.append((offset, length))
            self._in_a_row += 1

    @property
    def failing(self) -> bool:
        """Whether so many reads failed one after the other that it should be imaged first."""
        return self._in_a_row >= _IN_A_ROW

    @property
    def bad_ranges(self) -> list[tuple[int, int]]:
        """The ranges of reads that failed."""
        return sorted(self._failed)

    def bad_in(self, offset: int, length: int) -> bool:  # noqa: ARG002 - the interface of media
        """Return False: an unreadable sector raises."""
        return False

    def changed(self) -> tuple[str, ...]:
        """Return nothing: a device has no modification time to tell by."""
        return ()

    def close(self) -> None:
        """Close the device."""
        self._file.close()


def open_device(path: Path, *, allow_writable: bool = False) -> DeviceImage:
    """Open a block device that nobody can write to.

    Raises ImageError when it, one of its partitions or something stacked on them is mounted
    read-write, and, unless `allow_writable`, when the kernel's read-only flag is not set.
    """
    file = SegmentFile(path)
    try:
        sector_size, notes = _examined(file, allow_writable=allow_writable)
    except BaseException:
        file.close()
        raise
    return DeviceImage(file, sector_size, notes)


def _examined(file: SegmentFile, *, allow_writable: bool) -> tuple[int, tuple[str, ...]]:
    device = os.fstat(file.fileno()).st_rdev
    devices = family(f"{os.major(device)}:{os.minor(device)}")
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise UnsupportedImageError(
            "is a block device; they are read on Linux only, with /proc", where=str(file.path)
        ) from error
    mounted = mounted_writable(mounts, devices)
    if mounted:
        raise ImageError(f"is mounted read-write at {mounted[0]}", where=str(file.path))
    if _ask(file, _BLKROGET):
        return _ask(file, _BLKSSZGET), ()
    if not allow_writable:
        raise ImageError(
            "the kernel's read-only flag is not set; use a write blocker, or set the flag"
            " (blockdev --setro), or allow it explicitly",
            where=str(file.path),
        )
    note = "examined as a device that the kernel would have let others write to"
    return _ask(file, _BLKSSZGET), (note,)


def _ask(file: SegmentFile, request: int) -> int:
    import fcntl  # noqa: PLC0415 - not on every platform

    try:
        answer = fcntl.ioctl(file.fileno(), request, bytes(4))
    except OSError as error:
        raise ImageError(
            f"does not answer as a block device: {error.strerror}", where=str(file.path)
        ) from error
    return int(struct.unpack("=i", answer)[0])


def family(device: str, *, sysfs: Path = Path("/sys/dev/block")) -> frozenset[str]:
    """Return `major:minor` of a device, of its partitions, and of all that is stacked on them."""
    found: set[str] = set()
    waiting = [sysfs / device]
    while waiting and len(found) < _MAX_DEVICES:
        place = waiting.pop()
        number = _device_number(place)
        if number is None or number in found:
            continue
        found.add(number)
        try:
            waiting += [child.parent for child in place.glob("*/partition")]
            waiting += list((place / "holders").iterdir())
        except OSError:
            continue
    return frozenset(found | {device})


def _device_number(place: Path) -> str | None:
    try:
        return (place / "dev").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def mounted_writable(mountinfo: str, devices: frozenset[str]) -> list[str]:
    """Return the mount points of file systems on `devices` that are writable.

    What counts is the option of the file system, the last field: a read-only bind mount of a
    writable file system still lets others write.
    """
    places = []
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        parts, tail = fields.split(" "), rest.split(" ")
        if len(parts) < 5 or len(tail) < 3:  # noqa: PLR2004 - proc(5): point is the fifth field
            continue
        # Btrfs and others show a number of their own; then the source names the device.
        on_device = parts[2] in devices or _source_device(tail[1]) in devices
        if on_device and "rw" in tail[2].split(","):
            places.append(_OCTAL.sub(lambda match: chr(int(match[1], 8)), parts[4]))
    return places


def _source_device(source: str) -> str | None:
    if not source.startswith("/dev/"):
        return None
    try:
        status = os.stat(_OCTAL.sub(lambda match: chr(int(match[1], 8)), source))  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
