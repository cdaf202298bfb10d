"""One pass over bytes, several digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

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


def _castagnoli() -> tuple[int, ...]:
    table = []
    for register in range(256):
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)  # noqa: PLW2901 - shifted
        table.append(register)
    return tuple(table)


_CASTAGNOLI = _castagnoli()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of RFC 3720, appendix B.4; about 10 MB a second."""
    table, register = _CASTAGNOLI, 0xFFFFFFFF
    for byte in data:
        register = register >> 8 ^ table[register & 0xFF ^ byte]
    return register ^ 0xFFFFFFFF


class ParallelDigests:
    """Several digests of a long stream, each on a thread of its own.

    hashlib lets go of the interpreter while it works, so the next block is read and inflated while
    the digests of this one are computed. Blocks must not be changed once they are handed in.
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)
        }
        self._threads = ThreadPoolExecutor(max_workers=max(1, len(self._hashes)))
        self._pending: list[Future[None]] = []
        self.length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def update(self, data: bytes) -> None:
        """Feed a block; returns once the digests of the block before it are done."""
        self._settle()
        self.length += len(data)
        self._pending = [
            self._threads.submit(digest.update, data) for digest in self._hashes.values()
        ]

    def _settle(self) -> None:
        for pending in self._pending:
            pending.result()
        self._pending = []

    def hex(self) -> dict[str, str]:
        """Return the digests of everything fed, algorithm → lower-case hex."""
        self._settle()
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}
