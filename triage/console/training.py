"""The mark of a practice image, which everything that shows its findings must carry.

`run.json` says it in `image.training`: {"scenario", "notice"}, absent where the image is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Which exercise an image was made for, and what must be said of it."""

    scenario: str
    notice: str


def training_of(run: Mapping[str, Any]) -> Training | None:
    """Return the mark of a run's image; None for an image that nothing says was made."""
    told = run["image"].get("training")
    return told and Training(scenario=str(told["scenario"]), notice=str(told["notice"]))
