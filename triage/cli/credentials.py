"""`--credentials`: where the passwords and keys come from, and what is said about them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from triage.console.output import note
from triage.credentials import FILE_LIMIT, Credential, load, parse
from triage.profile import Profile

VARIABLE: Final = "TRIAGE_CREDENTIALS"
"""Environment variable with the path of the file, where the option is not given."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_C = TypeVar("_C", bound=Callable[..., Any])


def credentials_option(command: _C) -> _C:
    """Add the option to a command."""
    return click.option(
        "--credentials",
        metavar="FILE|-",
        help=f"Passwords and keys that may be tried, YAML; `-` is standard input. "
        f"Default: the file that {VARIABLE} names.",
    )(command)


def credentials_path(given: str | None) -> str | None:
    """Return what the option or the environment names."""
    return given or os.environ.get(VARIABLE) or None


def read_credentials(given: str | None, profile: Profile) -> tuple[Credential, ...]:
    """Read the credentials and say what is odd about them. Raises UsageError, without values."""
    name = credentials_path(given)
    if name is None:
        return ()
    if name == "-":
        data = sys.stdin.buffer.read(FILE_LIMIT + 1)
        found = parse(data, name="standard input", folder=Path())
    else:
        path = Path(name)
        found = load(path)
        if os.name == "posix" and path.is_file() and path.stat().st_mode & _OTHERS:
            note("warning: others can read the credentials file; chmod 600 it")
    if profile.decrypt == "never":
        note("warning: the profile says `decrypt: never`: no credential is used")
    return found
