"""Which program it is that examines: version, code and libraries, in one digest.

A validation says something about one method alone. Whatever is changed, the code of this program
or a library, makes another one, which has to be validated again (SWGDE 18-Q-001, ISO/IEC 17025
7.2.2: a change to a validated method).
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import triage
from triage import canonical
from triage.engine.environment import dependencies
from triage.hashing import sha256

_PACKAGES = ("triage", "triage.plugins", "triage.profiles")
_KINDS = (".py", ".yaml")
_DEEPEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """code: SHA-256 over names and SHA-256 of all files of this program that can shape a result."""

    version: str
    code: str
    python: str
    libraries: dict[str, str]  # distribution → version

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: two runs of one digest are runs of one method."""
        return sha256(canonical.encode(asdict(self)))


@cache
def this_method() -> Method:
    """Return the method of this installation."""
    return Method(
        version=triage.__version__,
        code=_code(),
        python=platform.python_version(),
        libraries=dependencies(),
    )


def _code() -> str:
    found = {
        f"{package}/{name}": sha256(file.read_bytes())
        for package in _PACKAGES
        for name, file in _sources(files(package), "", _DEEPEST)
    }
    return sha256(canonical.encode(found))


def _sources(folder: Traversable, above: str, depth: int) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        if entry.is_dir():
            # In a wheel `plugins` and `profiles` lie inside the package: they are read by name.
            inside = not above and entry.name in ("plugins", "profiles")
            if depth and not inside and entry.name != "__pycache__":
                yield from _sources(entry, f"{name}/", depth - 1)
        elif entry.name.endswith(_KINDS):
            yield name, entry
