"""One pass over bytes, several digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

MEDIA_ALGORITHMS = ("md5", "sha1", "sha256")  # the two that imagers store, and our anchor


class Digests:
    """MD5, SHA-1 and SHA-256 (or a subset) of the same bytes."""

    def __init__(self, algorithms: Iterable[str] = MEDIA_ALGORITHMS) -> None:
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)
        }
        self.length = 0

    def update(self, data: bytes | memoryview) -> None:
        """Feed more bytes."""
        self.length += data.nbytes if isinstance(data, memoryview) else len(data)
        for digest in self._hashes.values():
            digest.update(data)

    def hex(self) -> dict[str, str]:
        """Return the digests so far, algorithm → lower-case hex."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in memory, lower-case hex."""
    return hashlib.sha256(data).hexdigest()
