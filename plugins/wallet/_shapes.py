"""JSON of wallets: values of the type that is wanted, or nothing."""

from __future__ import annotations

import re
from typing import Any

from triage.api import Artifact, LimitError, ParseError
from triage.formats import json

LIMIT = 32 << 20
"""Bytes of a JSON file."""

_OBJECT = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*[\[{]")


def read(artifact: Artifact, limit: int = LIMIT) -> Any:
    """Return the content of a file whose pattern also matches other files: None if not JSON."""
    if artifact.entry.size > limit or not _OBJECT.match(artifact.head(64)):
        return None
    try:
        return json.parse(artifact.read(limit).decode("utf-8-sig", "surrogateescape"))
    except LimitError:
        raise
    except ParseError:
        return None


def mapping(value: Any) -> dict[str, Any]:
    """Return it if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return it if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """Return it if it is text and not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> int | None:
    """Return it if it is an integer, or the decimal text of one."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
