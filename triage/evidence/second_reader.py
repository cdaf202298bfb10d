"""A second, independent reader of E01 images, for `verify --against`: pyewf.

It fills a chunk whose checksum is wrong with zeros and says nothing, so a run never relies on it;
but it was written by others, and what both read the same is read right.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyewf

from triage.errors import EvidenceError, ImageError
from triage.model import ImageInfo


class SecondReader:
    """The media of an E01 image through pyewf."""

    def __init__(self, first: Path, info: ImageInfo) -> None:
        """Open the segments that our own reader found beside `first`. Raises ImageError."""
        self._handle = pyewf.handle()
        try:
            self._handle.open([os.fspath(first.parent / part.name) for part in info.segments])
            self._size = int(self._handle.get_media_size())
        except OSError:
            raise ImageError("the second reader cannot open it", where=str(first)) from None

    @property
    def size(self) -> int:
        """Length of the media in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the media. Raises EvidenceError."""
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        try:
            data: bytes = self._handle.read_buffer_at_offset(length, offset)
        except OSError:
            raise EvidenceError(f"the second reader cannot read at {offset}") from None
        return data
