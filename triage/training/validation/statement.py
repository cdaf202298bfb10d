"""The signed statement about a validation: what `triage run --validation` takes.

A DSSE envelope around an in-toto Statement, as the seal of a bundle is: anybody who can check the
one can check the other.
"""

from __future__ import annotations

from triage.bundle import Signer
from triage.bundle.seal import make_envelope, make_statement
from triage.custody import system_clock, utc_text
from triage.engine.basis import RESULTS, VALIDATION
from triage.hashing import sha256
from triage.training.validation.results import Validation, summed


def statement(validation: Validation, results: bytes, signer: Signer | None) -> bytes:
    """Return the envelope; `results` are the bytes of `validation.json`."""
    figures = [
        {"set": set_, "data": data, "depth": depth, "found": ratio.part, "there": ratio.whole}
        for (set_, data, depth), ratio in summed(validation.cells, "set", "data", "depth").items()
    ]
    noise = [
        {"filesystem": one.filesystem, "depth": one.depth, "wrong": one.wrong, "files": one.files}
        for one in validation.falsehoods
    ]
    predicate = {
        "method": validation.method,
        "machine": validation.machine,
        "sealed": utc_text(system_clock()),
        "begun": validation.begun,
        "ended": validation.ended,
        "sets": list(validation.sets),
        "figures": figures,
        "false_positives": noise,
        "signer": signer.key_id if signer else None,
    }
    return make_envelope(make_statement(VALIDATION, {RESULTS: sha256(results)}, predicate), signer)
