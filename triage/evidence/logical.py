"""Logical sources: a folder, a plain tar or a zip (a phone extraction) as a file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from triage.errors import EvidenceError, ImageError, UnsupportedImageError
from triage.evidence.folder import FolderSource
from triage.evidence.members import FileReader, LogicalSource
from triage.evidence.tar import TarSource, is_tar
from triage.evidence.zip import ZipSource, is_zip
from triage.model import Container

_HEAD = 512


def recognise(head: bytes) -> Container | None:
    """Return what a file is whose first 512 bytes these are, None when it is no archive of ours."""
    if is_zip(head):
        return Container.ZIP
    return Container.TAR if is_tar(head) else None


def open_logical(path: Path) -> LogicalSource:
    """Open a folder, a tar or a zip, without parsing any of it yet.

    Raises UnsupportedImageError when it is none of these, ImageError when it cannot be opened.
    """
    if path.is_dir():
        return FolderSource(path)
    reader = _opened(path)
    try:
        container = recognise(reader.read_at(0, _HEAD))
    except EvidenceError as error:
        raise ImageError(str(error)) from None
    if container is Container.ZIP:
        return ZipSource(reader, file_name=path.name)
    if container is Container.TAR:
        return TarSource(reader, file_name=path.name)
    reader.close()
    raise UnsupportedImageError("not a folder, a plain tar or a zip")


def _opened(path: Path) -> FileReader:
    # NONBLOCK: opening a named pipe must not hang.
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ImageError(f"file cannot be opened: {os.strerror(error.errno or 0)}") from None
    reader = FileReader(descriptor)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        reader.close()
        raise UnsupportedImageError("not a regular file or a folder")
    return reader
