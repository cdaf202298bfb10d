"""Passwords and keys that the examiner was given, and what each may be tried on."""

from __future__ import annotations

from triage.credentials.file import FILE_LIMIT, load, parse
from triage.credentials.model import Credential, CredentialKind, counts
from triage.credentials.proof import SALT_BYTES, proof

__all__ = [
    "FILE_LIMIT",
    "SALT_BYTES",
    "Credential",
    "CredentialKind",
    "counts",
    "load",
    "parse",
    "proof",
]
