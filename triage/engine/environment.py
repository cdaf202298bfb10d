"""What this program ran on: written down, so that a result can be repeated."""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files

from triage.errors import TriageError

DISTRIBUTION = "disk-triage"

_LOCKED = re.compile(r"^([a-z0-9-]+)==([^ ;]+)", re.MULTILINE)


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


def unlocked() -> dict[str, str]:
    """Return installed packages whose version is not the locked one: both versions in words."""
    text = files("triage").joinpath("locked.txt").read_text(encoding="utf-8")
    locked: dict[str, set[str]] = {}
    for name, number in _LOCKED.findall(text):
        locked.setdefault(name, set()).add(number)
    found: dict[str, str] = {}
    for name, numbers in sorted(locked.items()):
        with suppress(PackageNotFoundError):  # what an extra needs, or another system
            if (there := version(name)) not in numbers:
                found[name] = f"{there}, locked {' or '.join(sorted(numbers))}"
    return found


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
