"""Values of the registry that several traces share: lists by age, texts with more behind."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from triage.api import Artifact
from triage.formats.registry import Hive, Key, Value

MOST: Final = 50_000
"""Values or keys of one place that are looked at."""

_MAX_PROBLEMS = 20


def first_text(raw: bytes) -> str:
    """Return the UTF-16 text that a binary value begins with."""
    end = next(
        (at for at in range(0, len(raw) - 1, 2) if raw[at : at + 2] == b"\0\0"), len(raw) & ~1
    )
    return raw[:end].decode("utf-16-le", "replace")


def filetime(raw: bytes, offset: int = 0) -> int:
    """Return the FILETIME at an offset, 0 when there is none."""
    return int.from_bytes(raw[offset : offset + 8], "little") if len(raw) >= offset + 8 else 0


def text(key: Key | None, name: str) -> str | None:
    """Return a text of a key, None when there is none."""
    value = key.value(name) if key else None
    return (value.data.strip() or None) if value and isinstance(value.data, str) else None


def bounded(key: Key | None) -> Iterator[Value]:
    """Yield the values of a key, if there is one, up to the limit."""
    for _, value in zip(range(MOST), key.values() if key else (), strict=False):
        yield value


def below(key: Key | None) -> Iterator[Key]:
    """Yield the keys below a key, if there is one, up to the limit."""
    for _, child in zip(range(MOST), key.subkeys() if key else (), strict=False):
        yield child


def newest(key: Key) -> str | None:
    """Return the name of the value that a list by age has first: the one its key's time dates."""
    order = key.value("MRUListEx")
    if order is not None and len(order.raw) >= 4:  # noqa: PLR2004 - one number
        (number,) = struct.unpack_from("<i", order.raw)
        return str(number) if number >= 0 else None
    letters = text(key, "MRUList")
    return letters[0] if letters else None


def report(artifact: Artifact, hive: Hive) -> None:
    """Note what could not be read, and what may stand in logs that are not there."""
    if hive.dirty:
        artifact.problem("the hive was being written: newer data may stand in its logs")
    for problem in hive.problems[:_MAX_PROBLEMS]:
        artifact.problem(problem)
