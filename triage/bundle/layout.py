"""Names inside a bundle: where everything stands, and which names may stand there at all.

A bundle is a BagIt 1.0 bag (RFC 8493). Every name in it is made by us, from a small alphabet:
evidence names exist only as data inside JSON.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from triage.errors import BundleError

CONTRACT_VERSION = 1

PARTIAL = ".partial"  # suffix of a bundle that is still being written

BAGIT_TXT = "bagit.txt"
BAG_INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAGMANIFEST = "tagmanifest-sha256.txt"
SEALED_TAGS = (BAG_INFO, BAGIT_TXT, MANIFEST)  # what the tag manifest lists, in its order

RUN = "data/run.json"
FINDINGS = "data/findings.jsonl"
FILES = "data/files.jsonl"
COVERAGE = "data/coverage.jsonl"
PROBLEMS = "data/problems.jsonl"
CUSTODY = "data/custody.jsonl"
SECRETS = "data/secrets.age"
REDACTIONS = "data/redactions.jsonl"  # only where something was taken out
EXPORTED = "data/files"
REPORT = "data/report"

SIGNATURES = "signatures"
SEAL = "signatures/seal.json"
LATER = "custody"  # folder of the events after the seal

RECORDS = MappingProxyType({FINDINGS: "id", FILES: "key", COVERAGE: None, PROBLEMS: None})
"""The record files, and the field that orders and names a record; None: the line as a whole."""

STAMP = f"{SEAL}.tsr"  # RFC 3161 time stamp
SSH_SIGNATURE = f"{SEAL}.sig"  # of `ssh-keygen -Y sign`
DETACHED = (STAMP, SSH_SIGNATURE)
"""What may stand beside the seal, made by other programs."""

_PARTIAL = re.compile(r"\.partial(\.\d+)?$", re.IGNORECASE)
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EXPORTED = re.compile(
    rf"{EXPORTED}/([0-9a-f]{{2}})/([0-9a-f]{{2}})/(\1\2[0-9a-f]{{60}})\.(bin|age)"
)
_COUNTERSIGNATURE = re.compile(rf"{SIGNATURES}/[0-9a-f]{{16}}\.json")
_LATER = re.compile(rf"{LATER}/(\d{{4}})\.(jsonl|seal\.json)")


def is_partial(name: str) -> bool:
    """Whether a folder of this name is a bundle that was not finished, also one set aside."""
    return _PARTIAL.search(name) is not None


def is_safe(path: str) -> bool:
    """Whether a `/`-separated path inside the bundle is one that we could have written."""
    return all(
        _PART.fullmatch(part) and not _RESERVED.fullmatch(part) and not part.endswith(".")
        for part in path.split("/")
    )


def is_sha256(text: object) -> bool:
    """Whether this is a SHA-256 in lower-case hex."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def exported(sha256: str, *, sealed: bool = False) -> str:
    """Return where exported evidence with this hash stands; `sealed`: encrypted with age.

    Raises BundleError when `sha256` is not one.
    """
    if not is_sha256(sha256):
        raise BundleError(f"not a SHA-256 in lower-case hex: {sha256!a}")
    return f"{EXPORTED}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{'age' if sealed else 'bin'}"


def exported_sha256(path: str) -> tuple[str, bool] | None:
    """Return the hash in the name of an exported file and whether it is sealed, else None."""
    match = _EXPORTED.fullmatch(path)
    return (match[3], match[4] == "age") if match else None


def countersignature(fingerprint_hex: str) -> str:
    """Return where a further signature by this key stands."""
    return f"{SIGNATURES}/{fingerprint_hex[:16]}.json"


def is_countersignature(path: str) -> bool:
    """Whether a further signature of the seal may stand under this path."""
    return _COUNTERSIGNATURE.fullmatch(path) is not None


def later_log(number: int) -> str:
    """Return the path of the `number`th log after the seal, from 1."""
    return f"{LATER}/{number:04d}.jsonl"


def later_seal(number: int) -> str:
    """Return the path of the seal of the `number`th log after the seal, from 1."""
    return f"{LATER}/{number:04d}.seal.json"


def later_number(path: str) -> int | None:
    """Return the number in the path of a later log or its seal, else None."""
    match = _LATER.fullmatch(path)
    return int(match[1]) if match else None
