"""Keys that lie on the image: each copy of a key file is tried on the store that it may fit.

A backup, the history of files, or the user's own hand leaves copies behind, some of them from
before a key was wrapped or a passcode set; the key itself stays the same. They are looked for by
name on the whole file system that the store lies on, under `decrypt: found` alone. Nothing is
guessed: what a copy holds is tried as it is, and a finding says which copy opened what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeVar

from triage.api import Artifact, EvidenceError, ParseError

K = TypeVar("K")

_MOST: Final = 1000  # files of the name that are looked at


def copies(
    store: Artifact, pattern: str, read: Callable[[bytes], K | None], *, limit: int
) -> Iterator[tuple[str, K]]:
    """Yield what `read` makes of each file of a name (`/**/config*.json*`), with its path.

    Files longer than `limit` bytes, those that cannot be read and those of which `read` makes
    nothing (None, or ParseError) are passed over. One that holds a key leaves the image only
    encrypted. Nothing is yielded where keys on the image may not be used.
    """
    if not store.may_decrypt:
        return
    for copy in islice(store.find(pattern), _MOST):
        if copy.entry.size > limit:
            continue
        try:
            found = read(copy.read(limit))
        except (ParseError, EvidenceError):
            continue
        if found is not None:
            copy.withhold()
            yield copy.path, found
