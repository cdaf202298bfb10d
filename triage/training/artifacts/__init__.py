"""What a scenario can put on an image, by name: makers through the real formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from triage.training.artifacts import (
    chat,
    darknet,
    mail,
    notes,
    pgp,
    remailer,
    system,
    tor,
    wallet_files,
    wallets,
    web,
)
from triage.training.artifacts.scene import Scene

Maker: TypeAlias = Callable[[Scene], None]
"""Adds files to the scene, says what they show, and gives names to what questions ask for."""

MAKERS: Final[Mapping[str, Maker]] = {
    **tor.MAKERS,
    **darknet.MAKERS,
    **web.MAKERS,
    **remailer.MAKERS,
    **mail.MAKERS,
    **pgp.MAKERS,
    **wallets.MAKERS,
    **wallet_files.MAKERS,
    **chat.MAKERS,
    **notes.MAKERS,
    **system.MAKERS,
}


def describe(maker: Maker) -> str:
    """Return what a maker says of itself: its docstring as one paragraph."""
    return " ".join((maker.__doc__ or "").split())
