"""Files of a format's test, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """A reader over bytes; `declared` lies about their number."""

    data: bytes
    declared: int | None = None

    @property
    def size(self) -> int:
        return len(self.data) if self.declared is None else self.declared

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def folder(path: Path) -> dict[str, Memory]:
    """Return the files of a folder by name."""
    return {each.name: Memory(each.read_bytes()) for each in path.iterdir() if each.is_file()}
