"""Forensic disk-image triage: from a seized drive to a sealed bundle of findings."""

from pathlib import Path

__version__ = "0.1.0"

# A wheel holds plugins/ and profiles/ inside this package; a checkout keeps them beside it.
_CHECKOUT = Path(__file__).parents[1]
if (_CHECKOUT / "pyproject.toml").is_file():
    __path__.append(str(_CHECKOUT))
