"""The mark of an image that was made for training, and what is told of it.

A file at the root of each volume says it by its name, and an E01 by the notes in its header, so
that findings of such an image are never shown without a word. The mark is what the image says of
itself: whoever puts it on other media earns a banner, and nothing else changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

NOTICE: Final = (
    "TRAINING: everything on this image is invented; a finding from it is never evidence."
)

MARK: Final = b"DISK-TRIAGE-TRAINING."
"""How the name of the file begins that stands at the root of each volume."""

_SCENARIO = "[a-z][a-z0-9-]{0,39}"
_NAME = re.compile(rf"DISK-TRIAGE-TRAINING\.({_SCENARIO})\.txt", re.ASCII)
_HEADER = re.compile(rf"disk-triage training: ({_SCENARIO})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What `run.json` says of a training image."""

    scenario: str
    notice: str = NOTICE


def mark_name(scenario: str) -> str:
    """Return the name of the file at the root of each volume."""
    return f"DISK-TRIAGE-TRAINING.{scenario}.txt"


def mark_notes(scenario: str) -> str:
    """Return what stands in the notes of an E01."""
    return f"disk-triage training: {scenario}"


def marked(names: Iterable[str], header: Mapping[str, str]) -> Training | None:
    """Return the mark of an image, by names at the roots of its volumes and its E01 header."""
    for name in names:
        if found := _NAME.fullmatch(name):
            return Training(scenario=found[1])
    for text in header.values():
        if found := _HEADER.match(text):
            return Training(scenario=found[1])
    return None
