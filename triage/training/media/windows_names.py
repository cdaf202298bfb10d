"""Which names Windows gives."""

from __future__ import annotations

from triage.errors import TrainingError
from triage.training.media.tree import Node

_FORBIDDEN = frozenset('"*/:<>?\\|') | {chr(code) for code in range(32)}


def check_name(node: Node) -> None:
    """Raise TrainingError if Windows would not name a file like this."""
    units = len(node.name.encode("utf-16-le")) // 2
    if _FORBIDDEN & set(node.name) or node.name[-1] in " ." or units > 255:  # noqa: PLR2004
        raise TrainingError("is no name that Windows gives", where=node.entry.path)
