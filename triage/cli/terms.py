"""`--keywords`, `--hashes`, `--yara`: what the examiner brings to look for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from triage.engine.terms import Terms, load, refuse_unscanned
from triage.profile import Profile

_C = TypeVar("_C", bound=Callable[..., Any])
_OPTIONS: Final = {
    "keywords": "Words to look for in all content, one a line; with --profile deep.",
    "hashes": "Digests of files to look for: MD5, SHA-1 or SHA-256, or NSRL's CSV.",
    "yara": "YARA rules to ask about each file.",
}


def terms_options(command: _C) -> _C:
    """Add the three options to a command."""
    for name, about in reversed(_OPTIONS.items()):
        kind = click.Path(path_type=Path)
        command = click.option(f"--{name}", type=kind, metavar="FILE", help=about)(command)
    return command


def given_files(given: dict[str, Any]) -> dict[str, Path]:
    """Return the files that were named, by option."""
    return {name: given[name] for name in _OPTIONS if given[name] is not None}


def read_terms(files: dict[str, Path], profile: Profile) -> Terms:
    """Read the files and compile the rules, before any evidence is opened.

    Raises UsageError with what is wrong in which line, or when the profile does not scan.
    """
    found = load(**{name: files.get(name) for name in _OPTIONS})
    refuse_unscanned(found, profile)
    if found.rules is not None:
        from triage.engine.scan.check import compiled  # noqa: PLC0415 - most runs have none

        compiled(found.rules)
    return found
