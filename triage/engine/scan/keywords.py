"""Keywords in bytes: in any case, in UTF-8, Windows-1252 and both orders of UTF-16.

Hyperscan looks for all at once; without it Python's own patterns find the same, more slowly. In
scripts that have it, small, capital and mixed spelling of a whole word are looked for; within a
word only ASCII letters may change their case.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from triage.engine.scan.seekers import Found
from triage.findings import Confidence, IndicatorKeyword, Shows

try:
    import hyperscan
except ImportError:  # no wheel for this system
    _HYPERSCAN = False
else:
    _HYPERSCAN = True

_LITTLE, _BIG = "utf-16-le", "utf-16-be"
_ENCODINGS: Final = ("utf-8", "cp1252", _LITTLE, _BIG)
_MOST: Final = 100_000  # places in one window; more is no keyword but noise


def _patterns(words: Iterable[str]) -> dict[bytes, list[tuple[str, str]]]:
    """Return what to look for, in small letters of ASCII → keyword and encoding."""
    found: defaultdict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for word in words:
        for spelling in dict.fromkeys((word, word.lower(), word.upper(), word.title())):
            for encoding in _ENCODINGS:
                try:
                    raw = spelling.encode(encoding).lower()
                except UnicodeEncodeError:
                    continue
                if encoding == "cp1252" and spelling.isascii():
                    continue
                meaning = word, encoding
                if meaning not in found[raw]:
                    found[raw].append(meaning)
    return dict(found)


class Keywords:
    """A seeker for some keywords."""

    def __init__(self, words: Iterable[str], *, fast: bool = True) -> None:
        self._patterns = _patterns(words)
        self._literals = list(self._patterns)
        self._database: Any = None
        if fast and _HYPERSCAN:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=[_escaped(literal) for literal in self._literals],
                ids=list(range(len(self._literals))),
                flags=[hyperscan.HS_FLAG_CASELESS] * len(self._literals),
            )

    def __call__(self, data: bytes) -> Iterator[Found]:
        """Yield every place of every keyword."""
        search = self._with_hyperscan if self._database is not None else self._with_python
        found = [
            (end - len(literal), end, word, encoding)
            for end, literal in search(data)[:_MOST]
            for word, encoding in self._patterns[literal]
        ]
        little = {(start, word) for start, _, word, encoding in found if encoding == _LITTLE}
        big = {(start, word) for start, _, word, encoding in found if encoding == _BIG}
        for start, end, word, encoding in found:
            # Each reads as the other one byte off: the one at an even place counts.
            if start % 2 and encoding == _LITTLE and big & {(start - 1, word), (start + 1, word)}:
                continue
            if start % 2 and encoding == _BIG and little & {(start - 1, word), (start + 1, word)}:
                continue
            yield start, end, _finding(word, encoding)

    def _with_hyperscan(self, data: bytes) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((end, self._literals[number]))

        if data:
            self._database.scan(data, match_event_handler=note)
        return sorted(found)

    def _with_python(self, data: bytes) -> list[tuple[int, bytes]]:
        lower = data.lower()
        return sorted(
            (match.start() + len(literal), literal)
            for literal in self._literals
            for match in re.finditer(b"(?=" + re.escape(literal) + b")", lower)
        )


def _escaped(literal: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal)


def _finding(word: str, encoding: str) -> IndicatorKeyword:
    return IndicatorKeyword(
        keyword=word,
        encoding=encoding,
        entries=1,
        shows=Shows.PRESENT,
        confidence=Confidence.POSSIBLE,
    )
