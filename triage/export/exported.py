"""What an export gives: bytes for a file, and what did not fit into the format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The content of a file. `notes` are sentences about what was left out, for the examiner."""

    content: bytes
    notes: tuple[str, ...] = ()


def json_bytes(value: Any) -> bytes:
    """Return JSON that people can read too: sorted keys, one level a line, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


def json_lines(values: Iterable[Any]) -> bytes:
    """Return one JSON object a line."""
    return b"".join(
        json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True).encode() + b"\n"
        for value in values
    )


def left_out(count: int, why: str) -> tuple[str, ...]:
    """Return the note about `count` things that were left out; none when there are none."""
    return (f"{count:,} left out: {why}",) if count else ()
