"""What other programs take: each target is a module that makes bytes from a bundle.

`TARGETS` need the bundle alone. `hashcat` reads the image too, since a bundle holds nothing that a
password could be tried against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from triage.bundle import Bundle
from triage.export.addresses import addresses_csv
from triage.export.case import case
from triage.export.exported import Exported
from triage.export.hashcat import hash_lines
from triage.export.misp import misp
from triage.export.redact import Redaction, Rules, redact
from triage.export.sqlite import sqlite
from triage.export.stix import stix
from triage.export.timesketch import timesketch

TARGETS: Final[Mapping[str, Callable[[Bundle], Exported]]] = MappingProxyType(
    {
        "case": case,
        "stix": stix,
        "misp": misp,
        "timesketch": timesketch,
        "csv": lambda bundle: Exported(content=addresses_csv(bundle)),
        "sqlite": sqlite,
    }
)
"""Name on the command line → exporter."""

__all__ = [
    "TARGETS",
    "Exported",
    "Redaction",
    "Rules",
    "addresses_csv",
    "hash_lines",
    "redact",
]
