"""A volume as the file object that libyal's libraries read from."""

from __future__ import annotations

import os
from collections.abc import Mapping

from triage.errors import EvidenceError
from triage.model import Reader


class Window:
    """Bytes `offset` to `offset + size` of a reader, some blocks of them exchanged."""

    def __init__(
        self, reader: Reader, offset: int, size: int, instead: Mapping[int, bytes] | None = None
    ) -> None:
        """`instead`: offset in the window → the block that is read there."""
        self._reader = reader
        self._instead = instead or {}
        self._at = 0
        self.offset = offset
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the window, all of them. Raises EvidenceError."""
        if offset < 0 or offset + length > self.size:
            raise EvidenceError(f"content lies outside the volume, at {offset}")
        data = self._reader.read_at(self.offset + offset, length)
        if len(data) != length:
            raise EvidenceError(f"content ends early at {offset + len(data)}")
        return data

    def read(self, length: int = -1) -> bytes:
        """Return bytes from the current place, fewer only at the end."""
        left = max(0, self.size - self._at)
        wanted = min(length, left) if length >= 0 else left
        if self._at in self._instead:
            data = self._instead[self._at][:wanted]
        else:
            data = self._reader.read_at(self.offset + self._at, wanted)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the current place."""
        return self._at

    def get_size(self) -> int:
        """Return the length in bytes."""
        return self.size
