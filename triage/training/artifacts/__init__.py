"""What a scenario can put on an image, by name: makers through the real formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

_PARAMETER = re.compile(r"(?:(?<=\.)|^) (?=[a-z]+(?:, [a-z]+)*: )")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a maker says of itself.

    parameters: a line for each thing that `with` may hold. gives: words for texts, `{id.word}`;
    every artifact gives `when` as well.
    """

    summary: str
    parameters: tuple[str, ...]
    gives: tuple[str, ...]


def parameters(maker: Maker) -> Told:
    """Read the docstring of a maker: `name, name: text` begins a parameter."""
    summary, _, rest = (maker.__doc__ or "").partition("\n")
    lines: list[str] = []
    gives: tuple[str, ...] = ()
    for line in filter(None, map(str.strip, rest.splitlines())):
        for part in _PARAMETER.split(line):
            if _PARAMETER.match(f" {part}") or not lines:
                names, _, text = part.partition(": ")
                marked = ", ".join(f"`{name.strip()}`" for name in names.split(","))
                if names == "gives":
                    gives = tuple(text.rstrip(".").split(", "))
                    continue
                lines.append(f"{marked}: {text}".strip())
            else:
                lines[-1] = f"{lines[-1]} {part}"
    return Told(summary=summary, parameters=tuple(lines), gives=gives)
