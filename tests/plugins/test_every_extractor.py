"""Every extractor of these families over damaged and hostile copies of its own fixtures.

What it raises must be an error of ours: anything else would be a crash of a worker.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path

import pytest

from tests.plugins.conftest import Extract, MemoryTree
from triage.errors import EvidenceError, ParseError
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.registry import Registered, load

FIXTURES = Path(__file__).parents[2] / "fixtures"
FAMILIES = ("tor", "darknet", "vpn", "web", "mail", "pgp", "program")
ENTRIES = [
    pytest.param(entry, id=entry.extractor.name)
    for entry in load().entries
    if entry.extractor.name.startswith(FAMILIES)
]
_LARGEST = 200_000
_FILES = 3  # of each extractor
_NINES = bytes.maketrans(b"0123456789", b"9" * 10)


@cache
def trees(family: str) -> tuple[dict[str, bytes], ...]:
    """Return the trees of a family's fixtures."""
    return tuple(
        {
            f"/{path.relative_to(tree)}": path.read_bytes()
            for path in sorted(tree.rglob("*"))
            if path.is_file() and path.stat().st_size < _LARGEST
        }
        for tree in sorted(FIXTURES.glob(f"{family}/*/*/tree"))
    )


def matched(entry: Registered) -> Iterator[tuple[dict[str, bytes], str]]:
    """Yield trees and the files in them that the extractor asks for."""
    family = entry.extractor.name.partition(".")[0]
    for tree in trees(family):
        files = MemoryTree(tree)
        walked = walk(files, PatternSet(entry.extractor.paths), max_entries=10_000)
        index = Index(memoryview(walked.block), volume="whole")
        for match in walked.matches:
            yield tree, index.path(match.row)


def damaged(data: bytes) -> Iterator[bytes]:
    """Yield the file cut short and with a few bits turned."""
    choose = random.Random(len(data))  # noqa: S311 - to repeat it
    flipped = bytearray(data)
    for _ in range(min(6, len(data))):
        flipped[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
    yield from (data[: len(data) // 2], bytes(flipped), b"")


def hostile(data: bytes) -> Iterator[bytes]:
    """Yield what somebody could put there who knows how such files are read."""
    yield data.translate(_NINES)  # numbers, lengths and dates beyond all sense
    yield data[:16] + b"\xff" * (len(data) - 16)  # lengths and offsets of binary files
    yield data[: len(data) // 2] + b"[{(<a>" * 2_000  # nested beyond what a stack bears
    yield data.replace(b"\n", b"") + b"A" * 70_000  # one line, and a long one


@pytest.mark.parametrize("entry", ENTRIES)
def test_damage_is_no_crash(extract: Extract, entry: Registered) -> None:
    cases = list(islice(matched(entry), _FILES))
    assert cases, "no fixture has a file for it"
    for tree, path in cases:
        for data in chain(damaged(tree[path]), hostile(tree[path])):
            try:
                extract(entry.extractor, {**tree, path: data})
            except (ParseError, EvidenceError):
                continue
