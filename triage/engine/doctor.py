"""Can this installation do its work? Each check says what it found and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import triage
from triage import profile
from triage.engine.environment import DISTRIBUTION, dependencies, unlocked
from triage.engine.run import survey
from triage.errors import TriageError
from triage.registry import load

_OLDEST_TSK = "20260715"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: `pass`, `warn` or `FAIL`."""

    name: str
    result: str
    detail: str


def examine() -> Iterator[Check]:
    """Run every check; none of them stops the others."""
    for name, check in (
        ("python", _python),
        ("libraries", _libraries),
        ("lock", _lock),
        ("other triage package", _other_package),
        ("extractors", _extractors),
        ("profiles", _profiles),
        ("worker", _worker),
    ):
        yield _checked(name, check)


def _checked(name: str, check: Callable[[], tuple[str, str]]) -> Check:
    try:
        result, detail = check()
    except TriageError as error:
        result, detail = "FAIL", str(error)
    return Check(name=name, result=result, detail=detail)


def _python() -> tuple[str, str]:
    wanted = (3, 11)
    found = ".".join(map(str, sys.version_info[:3]))
    return ("pass" if sys.version_info >= wanted else "FAIL"), f"{found}; 3.11 or newer is needed"


def _libraries() -> tuple[str, str]:
    found = dependencies()
    missing = [name for name, number in found.items() if number == "missing"]
    if missing:
        return "FAIL", f"missing: {', '.join(missing)}; install the project again"
    if found.get("pytsk3", "") < _OLDEST_TSK:
        return "FAIL", f"pytsk3 {found.get('pytsk3')} has known memory errors"
    return "pass", ", ".join(f"{name} {number}" for name, number in found.items())


def _lock() -> tuple[str, str]:
    found = unlocked()
    if not found:
        return "pass", "every library is the one that was locked and tested"
    listed = "; ".join(f"{name} {text}" for name, text in found.items())
    return "warn", f"not as locked: {listed}. Results may differ from those of other machines"


def _other_package() -> tuple[str, str]:
    try:
        other = version("triage")
    except PackageNotFoundError:
        return "pass", f"{DISTRIBUTION} {triage.__version__} alone has the name"
    return "FAIL", (
        f"PyPI's `triage` {other} is installed and has the same import name: "
        "use an environment without it"
    )


def _extractors() -> tuple[str, str]:
    registry = load()
    return "pass", f"{len(registry.entries)} built-in extractors"


def _profiles() -> tuple[str, str]:
    names = profile.shipped()
    for name in names:
        profile.load([name])
    return "pass", ", ".join(names)


def _worker() -> tuple[str, str]:
    """Open a small folder in a worker, as a run would."""
    with TemporaryDirectory() as folder:
        level = survey(Path(folder), allow_incomplete=False, allow_writable_device=False).sandbox
    if level.complete:
        return "pass", f"sandbox: {level.describe()}"
    return "warn", f"sandbox incomplete on this system: {level.describe()}"
