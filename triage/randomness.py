"""How far bytes are from random ones: the chi-square of their counts.

For random bytes it is 255 with a deviation of 22.6, whatever their number; text has thousands.
Compressed data nearly always lie above 400 once there are 100 KiB of them; a good compressor (LZMA)
comes as close as encryption.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

RANDOM = range(150, 370)
"""What random bytes give, all but once in 100,000 times."""


def chi_square(parts: Iterable[bytes]) -> int:
    """Return it for all parts together, rounded; 0 without a byte."""
    counts = np.zeros(256, dtype=np.int64)
    for part in parts:
        counts += np.bincount(np.frombuffer(part, np.uint8), minlength=256)
    total = int(counts.sum())
    # In whole numbers: the same on every machine.
    return int((counts * counts).sum()) * 256 // total - total if total else 0
