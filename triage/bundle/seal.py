"""The seal: a signed, or at least signable, statement over the manifests of a bundle.

A DSSE envelope (secure-systems-lab/dsse, protocol v1) around an in-toto Statement v1. It names
`manifest-sha256.txt` and `tagmanifest-sha256.txt` with their digests, so that everything else
hangs on it, and commits to the length and head of the custody log. The envelope exists whether
signed or not; its own SHA-256, as 8 groups of 4 letters and digits, is the seal code for a paper
form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from triage import canonical
from triage.bundle.keys import PublicKey, Signer
from triage.errors import AlteredError, BundleError, ParseError, UsageError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
BUNDLE_SEAL = "urn:disk-triage:bundle-seal:1"
CUSTODY_SEAL = "urn:disk-triage:custody-seal:1"

MAX_SEAL = 2**20  # bytes
_MAX_SIGNATURES = 16
_CODE_LENGTH, _CODE_GROUP = 32, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of an envelope. `fingerprint` is of the key that it carries."""

    fingerprint: str
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A parsed envelope. `payload` is the statement's bytes, `sha256` that of the envelope."""

    sha256: str
    payload: bytes
    predicate_type: str
    subjects: Mapping[str, str]
    predicate: Mapping[str, Any]
    signatures: tuple[Signature, ...]

    @property
    def code(self) -> str:
        """The seal code."""
        return _code(self.sha256)

    @property
    def sealed(self) -> datetime:
        """When it was made, by its own claim. Raises AlteredError when it does not say."""
        try:
            return datetime.strptime(str(self.predicate.get("sealed")), "%Y-%m-%dT%H:%M:%S.%f%z")
        except ValueError as error:
            raise AlteredError("the seal does not say when it was made") from error


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the pre-authentication encoding: what a DSSE signature is over."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def make_statement(
    predicate_type: str, subjects: Mapping[str, str], predicate: Mapping[str, Any]
) -> bytes:
    """Return a statement about files (path → SHA-256). Raises BundleError on a float and such."""
    try:
        return canonical.encode(
            {
                "_type": STATEMENT_TYPE,
                "subject": [
                    {"name": name, "digest": {"sha256": subjects[name]}}
                    for name in sorted(subjects)
                ],
                "predicateType": predicate_type,
                "predicate": predicate,
            }
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"the seal cannot be written: {error}") from error


def make_envelope(payload: bytes, signer: Signer | None) -> bytes:
    """Return the envelope as it stands in a file: canonical JSON and a newline."""
    signatures = []
    if signer:
        signature = signer.sign(pae(payload))
        # The key travels along (DSSE readers ignore what they do not know): a signature must be
        # checkable without a trust file. It proves nothing about who holds it.
        signatures.append(
            {"keyid": signer.key_id, "sig": _b64(signature), "key": signer.public.text}
        )
    return _envelope(payload, signatures)


def seal_sha256(envelope: bytes) -> str:
    """Return what the next seal names as the one before it."""
    return hashlib.sha256(envelope).hexdigest()


def seal_code(envelope: bytes) -> str:
    """Return the code for the paper form: 160 bits of the envelope's SHA-256, in base32."""
    return _code(seal_sha256(envelope))


def normal_code(text: str) -> str:
    """Return a seal code as we print it, from one that a person typed.

    Case, spaces and dashes do not count, and 0, 1 and 8, which base32 lacks, are read as O, I
    and B. Raises UsageError when it cannot be a seal code.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    letters = letters.translate(str.maketrans("018", "OIB"))
    if len(letters) != _CODE_LENGTH or set(letters) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
        raise UsageError(f"not a seal code (8 groups of 4 letters and digits): {text!a}")
    return _grouped(letters)


def parse_seal(data: bytes) -> Seal:
    """Read an envelope and check the signatures in it. Raises AlteredError when it is not one."""
    try:
        envelope = canonical.decode(data.removesuffix(b"\n"))
        payload = _bytes(_get(envelope, "payload", str))
        statement = canonical.decode(payload)
    except ParseError as error:
        raise AlteredError(f"the seal is {error.message}") from error
    if _get(statement, "_type", str) != STATEMENT_TYPE:
        raise AlteredError("the seal holds another type of statement")
    signatures = _get(envelope, "signatures", list)
    if len(signatures) > _MAX_SIGNATURES:
        raise AlteredError(f"the seal has more than {_MAX_SIGNATURES} signatures")
    subjects: dict[str, str] = {}
    for subject in _get(statement, "subject", list):
        name = _get(subject, "name", str)
        if name in subjects:
            raise AlteredError(f"the seal names {name!a} twice")
        subjects[name] = _get(_get(subject, "digest", dict), "sha256", str)
    message = pae(payload)
    checked = tuple(_signature(item, message) for item in signatures)
    # One statement, one spelling: no fields of others, no stray bits at the end of base64.
    if data != _envelope(payload, signatures):
        raise AlteredError("the seal is not spelled as we write it")
    return Seal(
        sha256=seal_sha256(data),
        payload=payload,
        predicate_type=_get(statement, "predicateType", str),
        subjects=subjects,
        predicate=_get(statement, "predicate", dict),
        signatures=checked,
    )


def _envelope(payload: bytes, signatures: list[dict[str, str]]) -> bytes:
    own = [
        {"keyid": item["keyid"], "key": item["key"], "sig": _b64(_bytes(item["sig"]))}
        for item in signatures
    ]
    return canonical.line(
        {"payloadType": PAYLOAD_TYPE, "payload": _b64(payload), "signatures": own}
    )


def _signature(item: object, message: bytes) -> Signature:
    claimed = _get(item, "keyid", str)
    try:
        key = PublicKey.parse(_get(item, "key", str))
    except ValueError as error:
        raise AlteredError(f"a signature in the seal carries {error}") from error
    genuine = key.verifies(_bytes(_get(item, "sig", str)), message)
    return Signature(fingerprint=key.fingerprint, valid=genuine and claimed == key.fingerprint)


def _get(value: object, name: str, kind: type[Any]) -> Any:
    item = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    if not isinstance(item, kind):
        raise AlteredError(f"the seal has no {name}, or of the wrong type")
    return item


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AlteredError("the seal holds broken base64") from error


def _code(sha256: str) -> str:
    return _grouped(base64.b32encode(bytes.fromhex(sha256)).decode("ascii")[:_CODE_LENGTH])


def _grouped(letters: str) -> str:
    return "-".join(
        letters[start : start + _CODE_GROUP] for start in range(0, _CODE_LENGTH, _CODE_GROUP)
    )
