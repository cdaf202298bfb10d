"""What this program ran on: written down, so that a result can be repeated."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from triage.errors import TriageError

DISTRIBUTION = "disk-triage"


def dependencies() -> dict[str, str]:
    """Return the run-time dependencies with their installed versions."""
    found: dict[str, str] = {}
    try:
        wanted = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        raise TriageError("disk-triage is not installed; see the README") from None
    for requirement in wanted:
        if "extra ==" in requirement:
            continue
        name = requirement
        for separator in "<>=!~;[ ":
            name = name.partition(separator)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return dict(sorted(found.items()))


def environment() -> dict[str, object]:
    """Return interpreter, system and library versions. No host name, no path."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "libraries": dependencies(),
    }
