"""How much a seed phrase in a text proves: its checksum, its layout, the words around it.

Of windows of twelve list words one in sixteen passes by chance, so a checksum of few bits alone is
"possible". What supports it: the phrase is parted from other list words, and it is numbered from
1, stands on lines of its own, or has a word such as "wallet" or "recovery" near it. A phrase that
lacks a word or fails its checksum is told only with such support.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from triage.formats.mnemonic import Run, clusters, is_excerpt, word_runs
from triage.formats.scan.hits import Secret

STRONG: Final = 24
"""Bits from which a checksum needs no support."""

_INCOMPLETE: Final = {  # scheme: words of a phrase that is whole but wrong, or lacks one
    "bip39": frozenset({11, 12, 14, 15, 17, 18, 20, 21, 23, 24}),
    "monero": frozenset({24, 25}),
}
_REPEATS = 2
_CONTEXT = re.compile(
    r"\b(?:seed|mnemonic|recovery|wallet|backup|bip-?39|bip-?32|slip-?39|shamir|electrum|monero"
    r"|bitcoin|ethereum|crypto|passphrase|phrase|(?:12|15|18|20|24|25|33) ?words?|secret words?"
    r"|trezor|ledger|metamask|exodus|polyseed|feather)s?\b",
    re.IGNORECASE,
)
_BEFORE, _AFTER = 160, 80
_NUMBER = re.compile(r"(?<![\w])\d{1,2}(?!\w)")
_NUMBER_WIDTH = 12  # characters in which a word's number stands before it

Places = Sequence[tuple[int, int]]


def find_seeds(text: str) -> Iterator[tuple[int, int, Secret]]:
    """Yield (start, end, seed) for every phrase of a text, in order, never overlapping."""
    found: list[tuple[int, int, Secret]] = []
    runs = list(word_runs(text, shortest=min(map(min, _INCOMPLETE.values()))))
    for cluster in clusters(text):
        for span in cluster:
            if _overlaps(found, span.start, span.end):
                continue
            places = _places(runs, span.start, span.end, span.language)
            secret = Secret(
                kind=span.kind,
                text=" ".join(span.words),
                checks=(f"{span.kind}-checksum",) if span.bits else (),
                bits=span.bits,
                words=len(span.words),
                language=span.language,
                supported=_is_supported(text, runs, places),
            )
            found.append((span.start, span.end, secret))
    for run in runs:
        for words, places in _parts(text, run):
            start, end = places[0][0], places[-1][1]
            if _overlaps(found, start, end) or not _is_supported(text, runs, places):
                continue
            secret = Secret(
                kind=run.list.scheme,
                text=" ".join(words),
                checks=(),
                bits=0,
                words=len(words),
                language=run.list.language,
                supported=True,
                complete=False,
            )
            found.append((start, end, secret))
    yield from sorted(found, key=lambda each: each[:2])


def _overlaps(found: Sequence[tuple[int, int, Secret]], start: int, end: int) -> bool:
    return any(start < other_end and other < end for other, other_end, _ in found)


def _places(runs: Sequence[Run], start: int, end: int, language: str) -> Places:
    """Return where the words of a phrase stand, from the run that holds it."""
    for run in runs:
        if run.list.language == language and run.places[0][0] <= start < run.places[-1][1]:
            return [place for place in run.places if start <= place[0] < end]
    return [(start, end)]


def _gap(text: str, start: int, end: int) -> str:
    """Return what stands between two words, without numbers and with blanks made alike."""
    gap = "".join(char for char in text[start:end] if not char.isdigit() and char not in " \t\r.)")
    return "\n" if gap.strip("\n") == "" and gap else gap


def _parts(text: str, run: Run) -> Iterator[tuple[Sequence[str], Places]]:
    """Yield the parts of a run whose words are parted alike and could be a phrase by number."""
    sizes = _INCOMPLETE.get(run.list.scheme, frozenset())
    gaps = [_gap(text, end, start) for (_, end), (start, _) in pairwise(run.places)]
    first = 0
    for last in range(1, len(run.words) + 1):
        # A part ends where another kind of gap begins; the word there may begin the next part.
        if last < len(run.words) and (last == first + 1 or gaps[last - 1] == gaps[first]):
            continue
        words = run.words[first:last]
        repeats = len(words) - len(set(words))
        if len(words) in sizes and repeats <= _REPEATS and not is_excerpt(run.list, words):
            yield words, run.places[first:last]
        first = last


def _is_supported(text: str, runs: Sequence[Run], places: Places) -> bool:
    start, end = places[0][0], places[-1][1]
    gaps = {_gap(text, last, first) for (_, last), (first, _) in pairwise(places)}
    if len(gaps) > 2 or _goes_on(text, runs, start, end, gaps):  # noqa: PLR2004 - also at line ends
        return False
    return (
        bool(_CONTEXT.search(text, max(0, start - _BEFORE), start))
        or bool(_CONTEXT.search(text, end, end + _AFTER))
        or _is_numbered(text, places)
        or _fills_lines(text, start, end)
    )


def _goes_on(text: str, runs: Sequence[Run], start: int, end: int, gaps: set[str]) -> bool:
    """Whether more words of the list stand before or after, parted like those inside."""
    for run in runs:
        for (_, last), (first, _) in pairwise(run.places):
            if (first == start or last == end) and _gap(text, last, first) in gaps:
                return True
    return False


def _is_numbered(text: str, places: Places) -> bool:
    """Whether the numbers before the words count from 1."""
    end = max(0, places[0][0] - _NUMBER_WIDTH)
    for number, (start, after) in enumerate(places, 1):
        found = _NUMBER.findall(text[max(end, start - _NUMBER_WIDTH) : start])
        if not found or int(found[-1]) != number:
            return False
        end = after
    return True


def _fills_lines(text: str, start: int, end: int) -> bool:
    """Whether nothing else stands on the lines of a phrase."""
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    before, after = text[line:start], text[end:stop]
    return not before.strip(" \t\r\"'>*-.)0123456789") and not after.strip(" \t\r\"',.;\0")
