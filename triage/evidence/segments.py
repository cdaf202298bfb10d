"""One file of an image, opened once for reading and held open until the end.

Every segment is opened when the image is opened: a worker can then lock itself and open nothing
more, and what is read at the end is the file that was there at the start.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from triage.errors import EvidenceError, ImageError, LimitError
from triage.model import Segment

MAX_READ = 256 * 1024 * 1024
"""The most bytes one read may ask for: a length taken from evidence must not exhaust memory."""

# Non-blocking, because opening a FIFO that somebody named like a segment would wait for ever.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def clamp(offset: int, length: int, size: int) -> int:
    """Return how many of `length` bytes at `offset` lie within `size`.

    Raises EvidenceError for a negative offset or length, LimitError above MAX_READ.
    """
    if offset < 0 or length < 0:
        raise EvidenceError(f"cannot read {length} bytes at {offset}")
    available = max(0, min(length, size - offset))
    if available > MAX_READ:
        raise LimitError(f"one read of {available} bytes is more than {MAX_READ}")
    return available


class SegmentFile:
    """A regular file or block device, read-only, with its descriptor held."""

    def __init__(self, path: Path) -> None:
        """Open `path`. Raises ImageError when it is missing, not readable, or not a file."""
        self.path = path
        self.name = path.name
        self._fd = _open(path)
        try:
            _demand_file(os.fstat(self._fd).st_mode, path)
            self._identity = self._stat()
            self.size = os.lseek(self._fd, 0, os.SEEK_END)
        except BaseException:
            self.close()
            raise

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end of the file.

        Raises EvidenceError when the host cannot read them or the file has become shorter.
        """
        wanted = clamp(offset, length, self.size)
        data = self._pread(offset, wanted)
        if len(data) == wanted:
            return data
        parts = [data]  # one system call returns at most 2 GiB, and less on a signal
        done = len(data)
        while done < wanted:
            data = self._pread(offset + done, wanted - done)
            if not data:
                raise EvidenceError(f"has become shorter: no byte {offset + done}", where=self.name)
            parts.append(data)
            done += len(data)
        return b"".join(parts)

    def fileno(self) -> int:
        """Return the descriptor, for ioctl and for the sandbox."""
        return self._fd

    @property
    def segment(self) -> Segment:
        """Name and size, for ImageInfo."""
        return Segment(name=self.name, size=self.size)

    def changed(self) -> bool:
        """Whether size or modification time are no longer what they were when opened."""
        return self._stat() != self._identity

    def close(self) -> None:
        """Close the descriptor; reading afterwards raises EvidenceError."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _pread(self, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._fd, length, offset)
        except OSError as error:
            raise EvidenceError(
                f"cannot read {length} bytes at {offset}: {error.strerror}", where=self.name
            ) from error

    def _stat(self) -> tuple[int, int, int, int]:
        status = os.fstat(self._fd)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def open_all(paths: Iterable[Path]) -> tuple[SegmentFile, ...]:
    """Open every path, or none: on an error those already open are closed again."""
    with contextlib.ExitStack() as stack:
        files = tuple(stack.enter_context(contextlib.closing(SegmentFile(path))) for path in paths)
        stack.pop_all()
        return files


def neighbours(path: Path) -> list[str]:
    """Return the names in the folder of `path`. Raises ImageError when it cannot be listed."""
    try:
        return os.listdir(path.parent)  # noqa: PTH208 - names only, no Path for each of many files
    except OSError as error:
        raise ImageError(
            f"cannot look for further segments: {error.strerror}", where=str(path.parent)
        ) from error


def _demand_file(mode: int, path: Path) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        raise ImageError("is neither a file nor a block device", where=str(path))


def _open(path: Path) -> int:
    for last in (False, True):
        try:
            return os.open(path, _FLAGS)
        except OSError as error:
            # A terabyte in 650 MB segments is more files than most systems allow by default.
            if error.errno == errno.EMFILE and not last and _raise_descriptor_limit():
                continue
            raise ImageError(f"cannot be opened: {error.strerror}", where=str(path)) from error
    raise AssertionError


def _raise_descriptor_limit() -> bool:
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return False
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return True
    return False
