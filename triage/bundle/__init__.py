"""Bundles: what a run leaves behind. Written once, sealed, and checkable by anyone."""

from triage.bundle.age import load_identities, parse_recipient
from triage.bundle.diff import BundleDiff, Change, RecordDiff, compare
from triage.bundle.keys import Signer, Trust, TrustedKey, load_signer, load_trust
from triage.bundle.later import add_signature, append_event
from triage.bundle.layout import CONTRACT_VERSION
from triage.bundle.reader import Bundle, Record, well_formed
from triage.bundle.seal import Seal, seal_code
from triage.bundle.verification import Check, Outcome, Verification
from triage.bundle.verify import verify
from triage.bundle.writer import BundleWriter, SealResult

__all__ = [
    "CONTRACT_VERSION",
    "Bundle",
    "BundleDiff",
    "BundleWriter",
    "Change",
    "Check",
    "Outcome",
    "Record",
    "RecordDiff",
    "Seal",
    "SealResult",
    "Signer",
    "Trust",
    "TrustedKey",
    "Verification",
    "add_signature",
    "append_event",
    "compare",
    "load_identities",
    "load_signer",
    "load_trust",
    "parse_recipient",
    "seal_code",
    "verify",
    "well_formed",
]
