"""Names of bundles: safe on every host, the same for the same images, never two alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

_LONGEST = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# What the program itself puts behind a name.
_OURS = re.compile(r"\.(partial(\.\d+)?|bundle|quick)\Z", re.IGNORECASE)
_DIGEST = 8  # hex digits that tell equal names apart


def safe_name(text: str) -> str:
    """Return text as a file name of ASCII letters, digits, `.`, `_` and `-`; never empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    name = _UNSAFE.sub("-", plain)[:_LONGEST].strip(".-_")
    while _OURS.search(name):
        name = _OURS.sub("", name).strip(".-_")
    return "image" if not name else f"image-{name}" if _RESERVED.fullmatch(name) else name


def unique_names(wanted: Sequence[tuple[str, str]], taken: Collection[str] = ()) -> list[str]:
    """Return a name for each (text, identity), none equal in any case to another or to `taken`.

    Equal names are told apart by a digest of the identity, whatever the order.
    """
    plain = [safe_name(text) for text, _ in wanted]
    counts = Counter(name.casefold() for name in plain)
    before = {name.casefold() for name in taken}
    used = before | set(counts)
    names = []
    for name, (_, identity) in zip(plain, wanted, strict=True):
        if counts[name.casefold()] == 1 and name.casefold() not in before:
            names.append(name)
            continue
        names.append(next(other for other in _told_apart(name, identity) if other not in used))
        used.add(names[-1])
    return names


def _told_apart(name: str, identity: str) -> Iterator[str]:
    number = 0
    while True:
        key = f"{identity}\0{number}".encode("utf-8", "surrogatepass")
        yield f"{name}-{hashlib.sha256(key).hexdigest()[:_DIGEST]}".casefold()
        number += 1
