"""Families of kinds: the first part of a kind, in the order of the report."""

from __future__ import annotations

from typing import Final

FAMILIES: Final = (
    "tor",
    "darknet",
    "web",
    "mail",
    "pgp",
    "chat",
    "wallet",
    "encryption",
    "vpn",
    "indicator",
    "program",
    "system",
)


def rank(family: str) -> tuple[int, str]:
    """Sort key; families of a later version stand at the end, by name."""
    return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), family
