"""Recognising a file by its content: all tests of all extractors as one table.

Most files are nothing to any of them and must cost next to nothing: a few slices of the first
bytes, each looked up in a dictionary. Only what begins like SQLite or JSON is read further.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from triage.content import (
    HEAD,
    ContentTest,
    Header,
    HeaderPattern,
    JsonObject,
    RandomBytes,
    SqliteSchema,
)
from triage.formats.sqlite import Limits, open_database
from triage.model import Reader
from triage.randomness import RANDOM, chi_square

_SQLITE = b"SQLite format 3\0"
_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_LONGEST_OBJECT = 16 << 20  # bytes
_SCHEMA = Limits(steps=1_000_000)  # of the virtual machine; a schema needs few


class Candidate(Protocol):
    """A file that is looked at: its content, and what SQLite wrote beside it."""

    def open(self) -> Reader:
        """Return the content. Raises EvidenceError."""
        ...

    def beside(self, suffix: str) -> Reader | None:
        """Return the file that lies beside it under its name and this ending."""
        ...


class Recognition:
    """The tests, numbered by their position."""

    def __init__(self, tests: Sequence[ContentTest]) -> None:
        self._headers: dict[tuple[int, int], dict[bytes, list[int]]] = {}
        self._patterns: dict[int, dict[bytes, list[tuple[re.Pattern[bytes], int]]]] = {}
        self._schemas: list[tuple[SqliteSchema, int]] = []
        self._objects: list[tuple[frozenset[str], int]] = []
        self._random: list[tuple[RandomBytes, int]] = []
        for number, test in enumerate(tests):
            match test:
                case Header():
                    place = (test.offset, test.offset + len(test.magic))
                    self._headers.setdefault(place, {}).setdefault(test.magic, []).append(number)
                case HeaderPattern():
                    same = self._patterns.setdefault(len(test.first), {})
                    same.setdefault(test.first, []).append((test.compiled(), number))
                case SqliteSchema():
                    self._schemas.append((test, number))
                case JsonObject():
                    self._objects.append((frozenset(test.keys), number))
                case RandomBytes():
                    self._random.append((test, number))
        firsts = [magic for (at, _), found in self._headers.items() if not at for magic in found]
        firsts += [first for same in self._patterns.values() for first in same]
        firsts += [_SQLITE] if self._schemas else []
        # One expression looks at a byte of most files; a slice for each length would cost more.
        self._first = re.compile(b"|".join(map(re.escape, firsts)) or b"(?!)")
        self._within = [
            (slice(*place), found) for place, found in self._headers.items() if place[0]
        ]
        self._keys = [json.dumps(key).encode() for keys, _ in self._objects for key in keys]

    def possible(self, head: bytes, size: int) -> bool:
        """Whether a file that begins so may pass a test. Says no to nearly all, and fast."""
        if self._first.match(head) or any(self._by_chance(head, size)):
            return True
        for place, magics in self._within:
            if head[place] in magics:
                return True
        if self._keys and _OBJECT.match(head):
            return any(key in head for key in self._keys)
        return False

    def _by_chance(self, head: bytes, size: int) -> Iterator[bool]:
        for test, _ in self._random:
            fits = size >= test.least and size % test.multiple == 0 and len(head) == HEAD
            yield fits and chi_square([head]) in RANDOM

    def tests(self, head: bytes, size: int, candidate: Candidate) -> tuple[int, ...]:
        """Return the numbers of the tests that a file passes; `head` are its first 4 KiB.

        Raises EvidenceError when more must be read and cannot be; ParseError and LimitError when
        it begins like a database whose schema cannot be read.
        """
        found: list[int] = []
        for (start, end), magics in self._headers.items():
            found += magics.get(head[start:end], ())
        for length, firsts in self._patterns.items():
            for pattern, number in firsts.get(head[:length], ()):
                if pattern.match(head):
                    found.append(number)
        passed = zip(self._random, self._by_chance(head, size), strict=True)
        found += [number for (_, number), fits in passed if fits]
        if self._schemas and head.startswith(_SQLITE):
            found += self._by_schema(candidate)
        elif self._objects and _OBJECT.match(head):
            found += self._by_keys(head, candidate)
        return tuple(sorted(found))

    def _by_schema(self, candidate: Candidate) -> Iterator[int]:
        with open_database(
            candidate.open(),
            wal=candidate.beside("-wal"),
            journal=candidate.beside("-journal"),
            limits=_SCHEMA,
        ) as database:
            for schema, number in self._schemas:
                if database.has(schema.tables):
                    yield number

    def _by_keys(self, head: bytes, candidate: Candidate) -> Iterator[int]:
        whole = len(head) < HEAD

        def possible(keys: frozenset[str]) -> bool:
            there = (json.dumps(key).encode() in head for key in keys)
            return all(there) if whole else any(there)

        wanted = [(keys, number) for keys, number in self._objects if possible(keys)]
        if not wanted:
            return
        text = head
        if not whole:
            reader = candidate.open()
            text = reader.read_at(0, min(reader.size, _LONGEST_OBJECT))
        there = _root_keys(text)
        for keys, number in wanted:
            if keys <= there:
                yield number


def _root_keys(data: bytes) -> frozenset[str]:
    """Return the keys of the object that stands first; none when it is not one."""
    text = data.decode("utf-8-sig", "replace").lstrip()
    with suppress(ValueError, RecursionError):
        value, _ = json.JSONDecoder().raw_decode(text)
        if isinstance(value, dict):
            return frozenset(value)
    return frozenset()
