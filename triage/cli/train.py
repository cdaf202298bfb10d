"""`triage train`: practice with known answers."""

from __future__ import annotations

from triage.cli.command import cli


@cli.group("train", short_help="Practise on made images, and grade what was found.")
def train() -> None:
    """Practise on made images whose answers are known, and grade what was found on them."""


from triage.cli import build, grade  # noqa: E402, F401 - add their commands to the group above
