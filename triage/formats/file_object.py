"""A reader as the file object that other libraries want, and their errors as ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from triage.errors import EvidenceError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triage.model import Reader


class FileObject:
    """A Reader with a place, for libyal's `open_file_object` and whatever reads files.

    Whatever a library makes of it, `failure` remembers that evidence could not be read.
    """

    closed = False  # olefile asks

    def __init__(self, reader: Reader) -> None:
        self.failure: EvidenceError | None = None
        self._reader = reader
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Return bytes from the current place, fewer only at the end."""
        wanted = size if size >= 0 else max(0, self._reader.size - self._position)
        try:
            data = self._reader.read_at(self._position, wanted)
        except EvidenceError as error:
            self.failure = error
            raise
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place: from the start, from the current one, or from the end."""
        self._position = offset + (0, self._position, self._reader.size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the current place."""
        return self._position

    def get_size(self) -> int:
        """Return the length in bytes."""
        return self._reader.size

    @contextmanager
    def own_words(self, what: str) -> Iterator[None]:
        """Turn errors of the library into ours, and give back what reading the image raised.

        `what` is damaged then: "the registry hive". Raises ParseError or EvidenceError.
        """
        self.failure = None
        try:
            yield
        except (ParseError, EvidenceError):
            raise
        except Exception as error:
            if self.failure is not None:
                raise self.failure from error
            raise ParseError(f"{what} is damaged") from error
