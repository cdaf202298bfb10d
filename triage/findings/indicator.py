"""Indicators: strings that mean something wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorOnion(Finding):
    """The address of an onion service: one finding for each address in an artifact."""

    kind: ClassVar[str] = "indicator.onion"
    identity: ClassVar[tuple[str, ...]] = ("onion",)
    title: ClassVar[str] = "Onion addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The name of an onion service stands here; a checksum shows that it is well formed.",
        does_not_mean="That the service was visited, exists, or what it offers.",
        other_explanations="A text about onion services, a list of links, a block list.",
        next_steps="See where it stands, and search the rest of the exhibit for it.",
    )

    onion: str  # lower case, ends in `.onion`, without sub-domains
    onion_version: int  # 3, or 2 for those before 2021
    checksum_ok: bool  # always so for version 3; version 2 has none
    where: tuple[str, ...] = ()  # visit, bookmark, search …, or `text`
    entries: int | None = None  # rows behind this finding
    category: str | None = None  # of the indicator list, such as a service known to the public
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and where it stands."""
        where = f" in {', '.join(self.where)}" if self.where else ""
        known = f" ({self.category})" if self.category else ""
        return f"onion address {self.onion}{where}{known}"
