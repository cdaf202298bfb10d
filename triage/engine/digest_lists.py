"""Lists of digests that an examiner brings, in memory: sorted, eight bytes of each as a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from triage.errors import UsageError
from triage.evidence.arrays import Array, Ints

_ALGORITHMS: Final = {32: "md5", 40: "sha1", 64: "sha256"}
_DIGEST = re.compile(
    rb"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])"
)


class Digests:
    """The digests of one algorithm, sorted; a look-up says in which line one stands."""

    def __init__(self, digests: bytes, size: int, lines: Ints) -> None:
        rows = np.frombuffer(digests, np.uint8).reshape(-1, size)
        heads = np.ascontiguousarray(rows[:, :8]).view(">u8")[:, 0].astype(np.uint64)
        order = np.argsort(heads, kind="stable")
        self._heads: Array = heads[order]
        self._rows, self._lines = rows[order], lines[order]

    def __len__(self) -> int:
        return len(self._heads)

    def line(self, digest: str) -> int | None:
        """Return the first line in which a digest stands, counted from 1."""
        raw = bytes.fromhex(digest)
        head = np.uint64(int.from_bytes(raw[:8], "big"))
        at = int(np.searchsorted(self._heads, head))
        while at < len(self._heads) and self._heads[at] == head:
            if self._rows[at].tobytes() == raw:
                return int(self._lines[at])
            at += 1
        return None


def parse_digests(data: bytes) -> dict[str, Digests]:
    """Return the digests by algorithm. Raises UsageError."""
    found: dict[int, tuple[bytearray, list[int]]] = {}
    for number, digest in _digests(data):
        raw, lines = found.setdefault(len(digest), (bytearray(), []))
        raw += bytes.fromhex(digest.decode("ascii"))
        lines.append(number)
    if not found:
        raise UsageError("holds no MD5, SHA-1 or SHA-256 in hexadecimal", where="--hashes")
    return {
        _ALGORITHMS[size]: Digests(bytes(raw), size // 2, np.array(lines, dtype=np.int64))
        for size, (raw, lines) in sorted(found.items())
    }


def _digests(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield line and longest digest of each line that has one."""
    for number, line in enumerate(data.split(b"\n"), 1):
        digests = _DIGEST.findall(line)
        if digests and not line.lstrip().startswith(b"#"):
            yield number, max(digests, key=len)
