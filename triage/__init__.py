"""Forensic disk-image triage: from a seized drive to a sealed bundle of findings.

What stands in `__all__` is for programs that use this one; each name is imported when it is first
asked for, so that a worker or a command imports no more than it needs. `docs/automation.md` shows
them at work.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triage.bundle import Bundle
    from triage.bundle.verify import verify
    from triage.engine.options import CaseInfo, Observer, Options, RunResult
    from triage.errors import ExitCode, TriageError
    from triage.profile import load as load_profile

__version__ = "0.1.0"

__all__ = [
    "Bundle",
    "CaseInfo",
    "ExitCode",
    "Observer",
    "Options",
    "RunResult",
    "TriageError",
    "load_profile",
    "run",
    "verify",
]

_FROM = {
    "Bundle": ("triage.bundle", "Bundle"),
    "CaseInfo": ("triage.engine.options", "CaseInfo"),
    "ExitCode": ("triage.errors", "ExitCode"),
    "Observer": ("triage.engine.options", "Observer"),
    "Options": ("triage.engine.options", "Options"),
    "RunResult": ("triage.engine.options", "RunResult"),
    "TriageError": ("triage.errors", "TriageError"),
    "load_profile": ("triage.profile", "load"),
    "verify": ("triage.bundle", "verify"),
}

# A wheel holds plugins/ and profiles/ inside this package; a checkout keeps them beside it.
_CHECKOUT = Path(__file__).parents[1]
if (_CHECKOUT / "pyproject.toml").is_file():
    __path__.append(str(_CHECKOUT))


def run(options: Options, observer: Observer | None = None) -> RunResult:
    """Triage one image into a sealed bundle with its report; `observer` is told what happens.

    The command line does the same through this function. Raises UsageError, ImageError and
    BundleError, all of them TriageError, before anything is written where it can, and
    InterruptedRunError on Ctrl-C, which leaves `.partial` for `resume`.
    """
    from triage.engine.options import Silent  # noqa: PLC0415 - see above
    from triage.engine.start import run as start  # noqa: PLC0415
    from triage.report import render_all  # noqa: PLC0415

    return start(options, observer or Silent(), render_all)


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _FROM[name]
    return getattr(import_module(module), there)
