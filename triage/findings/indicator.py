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


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorI2p(Finding):
    """The name of an I2P service: one finding for each name in an artifact."""

    kind: ClassVar[str] = "indicator.i2p"
    identity: ClassVar[tuple[str, ...]] = ("i2p",)
    title: ClassVar[str] = "I2P addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A name of the I2P network stands here; only those for encrypted lease sets carry "
        "a checksum.",
        does_not_mean="That the service was visited, exists, or what it offers.",
        other_explanations="A text about I2P, an address book that ships with a router.",
        next_steps="See where it stands, and look for an I2P router and its address book.",
    )

    i2p: str  # lower case, ends in `.i2p`
    i2p_form: str  # b32, b33, name
    checksum_ok: bool  # so for b33; the others have none
    where: tuple[str, ...] = ()  # visit, bookmark, search …, or `text`
    entries: int | None = None  # rows behind this finding
    category: str | None = None  # of the indicator list
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and where it stands."""
        where = f" in {', '.join(self.where)}" if self.where else ""
        known = f" ({self.category})" if self.category else ""
        return f"I2P address {self.i2p}{where}{known}"
