"""BitLocker recovery keys: eight groups of six digits, each a 16-bit number times eleven.

Source: Microsoft's "BitLocker recovery password", and the check of libbde and dislocker. Chance
passes all eight groups once in 11^8 (27 bits); a group of 720896 or more is not 16 bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BITS = 27
"""What eight multiples of eleven prove: log2(11^8)."""

_KEY = re.compile(r"(?<![0-9])(?<![0-9]-)[0-9]{6}(?:-[0-9]{6}){7}(?![0-9]|-[0-9])")
_FACTOR = 11
_LARGEST = 0xFFFF * _FACTOR


def is_recovery_key(text: str) -> bool:
    """Whether a text is, whole, a recovery key."""
    if not _KEY.fullmatch(text):
        return False
    groups = [int(group) for group in text.split("-")]
    # Eight groups of zeros are a form to fill in, not a key.
    return any(groups) and all(group % _FACTOR == 0 and group <= _LARGEST for group in groups)


def find_recovery_keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, key) for every recovery key that stands by itself, in order."""
    for found in _KEY.finditer(text):
        if is_recovery_key(found[0]):
            yield found.start(), found[0]
