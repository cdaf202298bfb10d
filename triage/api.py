"""All that the author of an extractor imports.

An extractor is one decorated generator over one `Artifact` that yields findings. Raise ParseError
when the artifact is not what its path promised; call `artifact.problem()` to note something odd
and go on. The engine adds source, account, hashes and origin.
"""

from __future__ import annotations

from triage.artifact import Artifact, Fact, Lock, Unprotected
from triage.content import Header, HeaderPattern, JsonObject, RandomBytes, SqliteSchema
from triage.credentials import Credential, CredentialKind
from triage.errors import EvidenceError, LimitError, ParseError
from triage.extractor import Extractor, extractor
from triage.findings import *  # noqa: F403 - the whole vocabulary is part of the interface
from triage.findings import __all__ as _findings
from triage.model import Allocation, Entry, EntryType, EvidencePath, FileTimes, Reader

__all__ = [  # noqa: PLE0604 - the names of the vocabulary are strings too
    "Allocation",
    "Artifact",
    "Credential",
    "CredentialKind",
    "Entry",
    "EntryType",
    "EvidenceError",
    "EvidencePath",
    "Extractor",
    "Fact",
    "FileTimes",
    "Header",
    "HeaderPattern",
    "JsonObject",
    "LimitError",
    "Lock",
    "ParseError",
    "RandomBytes",
    "Reader",
    "SqliteSchema",
    "Unprotected",
    "extractor",
    *_findings,
]
