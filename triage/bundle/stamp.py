"""RFC 3161 time stamps over the seal, by a round trip that needs no network here.

`request` makes the query, somebody carries it to a time-stamping authority, and the answer is kept
beside the seal as `signatures/seal.json.tsr`. A stamp shows that the seal existed at that time; by
whom it was made, it does not show. OpenSSL writes the certificates in an answer in the order of its
configuration, which is no DER (X.690 section 11.6) and refused by rfc3161-client: they are put in
order before they are read. No signature covers that order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import rfc3161_client as rfc3161
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from triage.bundle import layout
from triage.bundle.output import NewFile, sync_directory, writing
from triage.bundle.root import bundle_root
from triage.bundle.seal import MAX_SEAL
from triage.bundle.tree import walk
from triage.errors import AlteredError, ParseError, UsageError

MAX_TOKEN = 2**20  # bytes
_MAX_ROOTS = 2**22
_LONGEST_NAME = 200

Roots: TypeAlias = Sequence[x509.Certificate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a token says; `verified` when its signature leads to a root that was given."""

    time: datetime
    authority: str
    verified: bool


def request(seal: bytes) -> bytes:
    """Return a time-stamp query (DER) over a seal: SHA-256, a nonce, certificates wanted."""
    builder = rfc3161.TimestampRequestBuilder(
        data=seal, hash_algorithm=rfc3161.HashAlgorithm.SHA256, nonce=True, cert_req=True
    )
    query: bytes = builder.build().as_bytes()
    return query


def check(token: bytes, seal: bytes, roots: Roots | None = None) -> Stamp:
    """Check a token against a seal.

    Raises ParseError when it cannot be read here, AlteredError when it is of something else, was
    not granted, or does not lead to one of `roots`.
    """
    try:
        response = rfc3161.decode_timestamp_response(_in_order(token))
        granted = rfc3161.PKIStatus(response.status) is rfc3161.PKIStatus.GRANTED
    except ValueError as error:
        raise ParseError("a time stamp that cannot be read here; try openssl ts -verify") from error
    if not granted:
        raise AlteredError("the authority did not grant this time stamp")
    try:
        info = response.tst_info
        imprint, certificates = info.message_imprint, response.signed_data.certificates
        digests = {hashlib.new(name, seal).digest() for name in ("sha256", "sha384", "sha512")}
        if imprint.message not in digests:
            raise AlteredError("the time stamp is of something else")
        known = [_readable(item) for item in sorted(certificates)]
        signing = [certificate for certificate in known if _stamps(certificate)]
        if roots is not None:
            _verify(response, seal, roots)
    except ValueError as error:
        raise ParseError("a time stamp that cannot be read here; try openssl ts -verify") from error
    names = [certificate.subject.rfc4514_string() for certificate in signing]
    authority = names[0][:_LONGEST_NAME] if names else "an authority not named"
    return Stamp(time=info.gen_time, authority=authority, verified=roots is not None)


def load_roots(path: Path) -> Roots:
    """Read certificates of time-stamping authorities, PEM. Raises UsageError when there is none."""
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(_MAX_ROOTS))
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise UsageError("holds no PEM certificate", where=str(path)) from error


def add_stamp(bundle: Path, token: bytes, roots: Roots | None = None) -> Stamp:
    """Put the answer of an authority beside the seal of a bundle.

    Raises BundleError when there is one already, and what `check` raises.
    """
    root = bundle_root(bundle)
    stamp = check(token, walk(root).read(layout.SEAL, MAX_SEAL), roots)
    with writing(root / layout.STAMP):
        with NewFile(root / layout.STAMP) as file:
            file.write(token)
        sync_directory(root / layout.SIGNATURES)
    return stamp


def _readable(data: bytes) -> x509.Certificate:
    """Return a certificate all of which can be read: whoever follows the chain reads all, or some.

    Raises ValueError.
    """
    certificate = x509.load_der_x509_certificate(data)
    try:
        certificate.extensions, certificate.issuer, certificate.subject  # noqa: B018 - may raise
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("a certificate with odd extensions") from error
    return certificate


def _stamps(certificate: x509.Certificate) -> bool:
    """Whether a certificate is one for time stamps (RFC 3161 section 2.3)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage.value


_SEQUENCE, _CONTEXT_0 = 0x30, 0xA0  # DER tags


def _in_order(token: bytes) -> bytes:
    """Return the answer with the certificates of its SignedData (RFC 5652) sorted, as DER asks.

    What is not of that form comes back as it is.
    """
    try:
        _, answer, end = _element(token, 0)
        _, _, content = _element(token, answer)  # PKIStatusInfo
        _, content_info, _ = _element(token, content)
        _, _, explicit = _element(token, content_info)  # the OID of SignedData
        _, signed_data, _ = _element(token, explicit)
        tag, at, end = _element(token, signed_data)
        if tag != _SEQUENCE:
            return token
        for _ in range(3):  # version, digest algorithms, what was signed
            at = _element(token, at)[2]
        tag, start, end = _element(token, at)
        if tag != _CONTEXT_0:
            return token
        certificates, at = [], start
        while at < end:
            after = _element(token, at)[2]
            certificates.append(token[at:after])
            at = after
    except ValueError:
        return token
    return token[:start] + b"".join(sorted(certificates)) + token[end:]


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, begin and end of the content of the DER element there. Raises ValueError."""
    header = data[at : at + 6]
    if len(header) < 2:  # noqa: PLR2004 - tag and length
        raise ValueError("cut off")
    length, start = header[1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or len(header) < 2 + octets:  # noqa: PLR2004 - of a length
            raise ValueError("a length that is not one")
        length, start = int.from_bytes(header[2 : 2 + octets], "big"), start + octets
    if start + length > len(data):
        raise ValueError("cut off")
    return header[0], start, start + length


def _verify(response: rfc3161.TimeStampResponse, seal: bytes, roots: Roots) -> None:
    try:
        verifier = rfc3161.VerifierBuilder(roots=list(roots)).build()
        if not verifier.verify_message(response, seal):
            raise AlteredError("the time stamp does not lead to a root that was given")
    except rfc3161.VerificationError as error:
        raise AlteredError(f"the time stamp does not hold: {error}") from error
