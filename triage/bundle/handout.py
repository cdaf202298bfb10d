"""The single-file verifier, as it is handed to the other side."""

from __future__ import annotations

import json
from importlib.resources import files

from triage.errors import TriageError
from triage.findings import KINDS

_UNKNOWN = "IDENTITY: dict[str, list[str]] | None = None"


def verifier_source() -> bytes:
    """Return the program `triage/verifier.py`, with the recipes for the ids of all kinds in it."""
    source = files("triage").joinpath("verifier.py").read_text("utf-8")
    table = {kind: list(KINDS[kind].identity) for kind in sorted(KINDS)}
    if source.count(_UNKNOWN) != 1:
        raise TriageError("the verifier of this installation has no place for the recipes")
    written = json.dumps(table, indent=4)
    return source.replace(_UNKNOWN, f"IDENTITY: dict[str, list[str]] | None = {written}").encode()
