"""What a file may be recognised by when its path says nothing: tests on its content.

The engine reads the first 4 KiB of every file once, for all tests of all extractors together. Any
one test of an extractor is enough for the file to be handed to it, so each must be decisive, or
the extractor yields nothing for what only resembles its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from triage.errors import RegistryError
from triage.evidence.beginnings import BEGINNING

HEAD = BEGINNING
"""Bytes of a file that every test may look at."""

_MIN_MAGIC = 4
"""Bytes; fewer stand at the beginning of too many files by chance."""


@dataclass(frozen=True, slots=True)
class Header:
    """Bytes that stand at an offset of the first 4 KiB. Raises RegistryError when they cannot."""

    magic: bytes
    offset: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if len(self.magic) < _MIN_MAGIC:
            raise RegistryError(f"a header of fewer than {_MIN_MAGIC} bytes", where=str(self))
        if not 0 <= self.offset <= HEAD - len(self.magic):
            raise RegistryError("a header outside the first 4 KiB", where=str(self))

    def __str__(self) -> str:
        return f"bytes {_shown(self.magic)} at {self.offset}"


@dataclass(frozen=True, slots=True)
class HeaderPattern:
    """A regular expression over bytes that matches from the first byte, `.` any byte.

    It sees no more than the first 4 KiB. `first` are the bytes that every match begins with, so
    that most files cost a comparison. Raises RegistryError when it does not compile.
    """

    regex: bytes
    first: bytes = field(kw_only=True)

    def __post_init__(self) -> None:
        try:
            self.compiled()
        except re.error as error:
            raise RegistryError(f"not a regular expression: {error}", where=str(self)) from None

    def compiled(self) -> re.Pattern[bytes]:
        """Return the expression, ready to match."""
        return re.compile(self.regex, re.DOTALL)

    def __str__(self) -> str:
        text = self.regex.decode("latin-1")
        return "pattern " + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@dataclass(frozen=True, slots=True)
class SqliteSchema:
    """A SQLite database with these tables, each with at least these columns, in any case.

    The schema is read with the write-ahead log and without: what only one of them knows counts.
    """

    tables: Mapping[str, AbstractSet[str]]

    def __post_init__(self) -> None:
        if not self.tables:
            raise RegistryError("a schema without tables")

    def __str__(self) -> str:
        tables = (f"{name}({', '.join(sorted(found))})" for name, found in self.tables.items())
        return f"SQLite with {', '.join(sorted(tables))}"


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object with these keys at its root; anything may follow it.

    Read to its end, up to 16 MiB, when a key stands in the first 4 KiB.
    """

    keys: AbstractSet[str]

    def __post_init__(self) -> None:
        if not self.keys:
            raise RegistryError("a JSON object without keys")

    def __str__(self) -> str:
        return f"JSON with {', '.join(sorted(self.keys))}"


@dataclass(frozen=True, slots=True)
class RandomBytes:
    """The first 4 KiB cannot be told from random bytes, and the size is a multiple of a sector."""

    least: int = 256 << 10  # bytes of the file
    multiple: int = 512

    def __str__(self) -> str:
        return f"random bytes, at least {self.least} and a multiple of {self.multiple}"


ContentTest: TypeAlias = Header | HeaderPattern | SqliteSchema | JsonObject | RandomBytes
"""One test; `str` gives the words that coverage and docs use."""


def _shown(data: bytes) -> str:
    """Return bytes as Python writes them, without the `b`."""
    return repr(data)[1:]
