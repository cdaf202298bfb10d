"""From blocks in order to hits: each found once, whatever border it lies across.

A window is what is new, with some bytes before and after it. A hit counts where it begins in the
new part; then all that decides about it lies in the window, up to `AHEAD` bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.formats.scan.hits import Hit
from triage.formats.scan.literals import Literal, Search, search
from triage.formats.scan.verify import Found, narrow
from triage.formats.scan.wide import decoded

WINDOW = 256 << 10
"""New bytes of a window: they stay in the processor's cache."""
BEHIND, AHEAD = 4 << 10, 16 << 10

_ZEROS = bytes(BEHIND + WINDOW + AHEAD)


def scan(data: bytes, *, search: Search = search) -> list[Hit]:
    """Return every hit in `data`, in order."""
    return list(scan_blocks((data,), search=search))


def scan_blocks(blocks: Iterable[bytes], *, search: Search = search) -> Iterator[Hit]:
    """Yield every hit in a stream, in order; blocks may be of any size."""
    held = b""  # begins `behind` bytes before `at`
    at = behind = 0
    for block in blocks:
        held += block
        done = 0
        while len(held) - done - behind >= WINDOW + AHEAD:
            window = held[done : done + behind + WINDOW + AHEAD]
            yield from _window(window, at, behind, behind + WINDOW, search)
            at += WINDOW
            done += behind + WINDOW - BEHIND
            behind = BEHIND
        held = held[done:]
    while len(held) > behind:
        yield from _window(held, at, behind, min(len(held), behind + WINDOW), search)
        at += WINDOW
        held = held[max(0, behind + WINDOW - BEHIND) :]
        behind = BEHIND


def _window(data: bytes, at: int, first: int, last: int, search: Search) -> Iterator[Hit]:
    """Yield the hits that begin at bytes `first` to `last` of `data`; `first` is `at` outside."""
    if _ZEROS.startswith(data):
        return
    base = at - first
    hits = {
        Hit(start=base + start, end=base + end, encoding=encoding, what=what)
        for start, end, encoding, what in _found(data, search)
        if first <= start < last
    }
    places = {(hit.start, hit.what) for hit in hits}
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.encoding, repr(hit.what))):
        # ASCII as UTF-16 reads in both byte orders: the one at an even offset counts.
        if hit.start % 2 and hit.encoding == "utf-16le" and (hit.start - 1, hit.what) in places:
            continue
        yield hit


def _found(data: bytes, search: Search) -> Iterator[Found]:
    literals = list(search(data))
    yield from narrow(data, literals)
    asian = any(literal is Literal.UTF_16_ASIAN for _, literal in literals)
    for wide in decoded(data, asian=asian):
        for start, end, _, what in narrow(wide.data, list(search(wide.data))):
            yield wide.place(start), wide.place(end - 1) + 2, wide.encoding, what
