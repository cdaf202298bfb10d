#!/usr/bin/env python3
r"""Verify a disk-triage bundle (contract 1) with nothing but Python 3.9 or newer.

    python3 verify-bundle.py BUNDLE [--seal-code CODE] [--key FINGERPRINT] [--tsa-roots FILE]

One file, no installation: read it before you run it. It shares no code with the program that makes
bundles, so a fault in one is not a fault in both; that is also why it is long. Signatures (Ed25519,
those of ssh-keygen, the time stamp of an authority) are checked where the package `cryptography` is
installed; where not, the line says "not done". What is not done is never "pass".

Exit codes: 0 intact, 3 intact but the run in it was incomplete, 4 altered or what was demanded is
not there, 1 not a bundle, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
except ImportError:  # a signature that nobody checked is "not done"
    Ed25519PublicKey = None  # type: ignore[assignment,misc]

# Kind → fields that make its id. `triage verifier` writes the table of its version here.
IDENTITY: dict[str, list[str]] | None = None

CONTRACT = 1
MAX_LINE, MAX_SEAL, MAX_MANIFEST = 16 * 2**20, 2**20, 2**29
MAX_ENTRIES, MAX_DEPTH, MAX_SIGNATURES, MAX_SIGNATURE = 5_000_000, 8, 16, 2**16
TAGS = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"]
RECORDS = {"findings": "id", "files": "key", "coverage": None, "problems": None}
SEAL = "signatures/seal.json"
PREFIX = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
LINE = re.compile(rb"([0-9a-f]{64})  ([!-~]+)\n")
EXPORTED = re.compile(r"data/files/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})\.(bin|age)")
LATER = re.compile(r"custody/(\d{4})\.(jsonl|seal\.json)")
ARMOR = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?"
)
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Object identifiers as they are encoded: PKCS #9 attributes, hashes, signatures.
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
SIGNING_CERTIFICATE_2 = bytes.fromhex("2a864886f70d010910022f")
SEQUENCE, SET, CONTEXT = 0x30, 0x31, 0xA0  # tags
INTEGER, OCTETS, OID, NULL = 0x02, 0x04, 0x06, b"\5\0"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
HASHES = {
    bytes.fromhex(f"60864801650304020{number}"): name
    for number, name in ((1, "sha256"), (2, "sha384"), (3, "sha512"))
}
SIGNATURE_HASHES = {
    bytes.fromhex("2a864886f70d010101"): None,  # RSA, with the hash that the signer names
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
    bytes.fromhex("2a8648ce3d040302"): "sha256",  # ECDSA
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
}
BESIDE = re.compile(r"signatures/(seal\.json\.(tsr|sig)|[0-9a-f]{16}\.json)")


class Altered(Exception):
    """What is there is not what was sealed."""


class NotDone(Exception):
    """A check that could not be done, or that nobody asked for."""


class NotABundle(Exception):
    """Nothing to verify, or it cannot be read."""


# What a made-up time stamp raises in those who read it.
UNREADABLE: tuple[type[Exception], ...] = (ValueError, LookupError, TypeError, AttributeError)
if Ed25519PublicKey is not None:
    UNREADABLE += (UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension)
    UNREADABLE += (x509.InvalidVersion, x509.UnsupportedGeneralNameType)

# ------------------------------------------------------------------------------ canonical JSON


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: the one form that records have."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def refuse(text: str) -> NoReturn:
    """Floats, NaN and integers beyond 2^53 have no canonical form."""
    raise ValueError(text)


def integer(text: str) -> int:
    return int(text) if len(text) < 18 and abs(int(text)) <= 2**53 else refuse(text)


def parse(data: bytes, what: str) -> Any:
    """Return the value behind canonical JSON, and refuse any other spelling."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_int=integer, parse_float=refuse, parse_constant=refuse)
        same = canonical(value) == data
    except (ValueError, RecursionError) as error:
        raise Altered(f"{what} is not canonical JSON") from error
    if not same:
        raise Altered(f"{what} is not in its canonical form")
    return value


def lines(file: Any, what: str) -> Iterator[bytes]:
    """Yield lines with their newline, none longer than MAX_LINE."""
    number = 0
    while True:
        line = file.readline(MAX_LINE + 1)
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE or not line.endswith(b"\n"):
            raise Altered(f"{what} line {number} is too long, or cut off")
        yield line


def typed(value: Any, name: str, kind: type) -> Any:
    item = value.get(name) if isinstance(value, dict) else None
    if not isinstance(item, kind):
        raise Altered(f"the seal has no {name}, or of the wrong type")
    return item


def unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Altered("the seal holds broken base64") from error


# -------------------------------------------------------------------------------- the seal


def code_of(sha256: str) -> str:
    letters = base64.b32encode(bytes.fromhex(sha256)).decode("ascii")[:32]
    return "-".join(letters[at : at + 4] for at in range(0, 32, 4))


class Seal:
    """A DSSE envelope (protocol v1) around an in-toto Statement v1."""

    def __init__(self, data: bytes) -> None:
        envelope = parse(data[:-1] if data.endswith(b"\n") else data, "the seal")
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.payload = unbase64(typed(envelope, "payload", str))
        statement = parse(self.payload, "the statement in the seal")
        if typed(statement, "_type", str) != "https://in-toto.io/Statement/v1":
            raise Altered("the seal holds another type of statement")
        self.kind = typed(statement, "predicateType", str)
        self.predicate = typed(statement, "predicate", dict)
        self.subjects: dict[str, str] = {}
        for subject in typed(statement, "subject", list):
            name = typed(subject, "name", str)
            if name in self.subjects:
                raise Altered("the seal names a file twice")
            self.subjects[name] = typed(typed(subject, "digest", dict), "sha256", str)
        own = typed(envelope, "signatures", list)
        if len(own) > MAX_SIGNATURES:
            raise Altered(f"the seal has more than {MAX_SIGNATURES} signatures")
        self.signatures = [self._signature(item) for item in own]
        plain = {
            "payloadType": "application/vnd.in-toto+json",
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "signatures": [
                {
                    "keyid": item["keyid"],
                    "key": item["key"],
                    "sig": base64.b64encode(unbase64(item["sig"])).decode("ascii"),
                }
                for item in own
            ],
        }
        if canonical(plain) + b"\n" != data:
            raise Altered("the seal is not spelled as it was written")

    def _signature(self, item: Any) -> tuple[str, bool | None]:
        """Return (fingerprint of the key, whether it signed this; None: not checked)."""
        claimed, text = typed(item, "keyid", str), typed(item, "key", str)
        signature = unbase64(typed(item, "sig", str))
        blob = unbase64(text.partition(" ")[2])
        raw = blob[len(PREFIX) :]
        spelled = "ssh-ed25519 " + base64.b64encode(blob).decode("ascii")
        if not blob.startswith(PREFIX) or len(raw) != 32 or text != spelled:
            raise Altered("a signature in the seal carries no Ed25519 key")
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")
        fingerprint = f"SHA256:{digest}"
        if claimed != fingerprint:
            return fingerprint, False
        if Ed25519PublicKey is None:
            return fingerprint, None
        kind = b"application/vnd.in-toto+json"
        message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
        except InvalidSignature:
            return fingerprint, False
        return fingerprint, True

    @property
    def sealed(self) -> str:
        try:
            at = str(self.predicate.get("sealed"))
            datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%f%z")
        except ValueError as error:
            raise Altered("the seal does not say when it was made") from error
        return at


# ---------------------------------------------------------------- signatures of ssh-keygen


class Blob:
    """Fields of the SSH wire format (RFC 4251 section 5)."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, length: int) -> bytes:
        if length > len(self.data):
            raise Altered("an SSH signature that is cut off")
        part, self.data = self.data[:length], self.data[length:]
        return part

    def string(self) -> bytes:
        return self.take(int.from_bytes(self.take(4), "big"))


def ssh_signer(armored: bytes, message: bytes) -> tuple[str, bool | None]:
    """Return (fingerprint, whether it signed `message`; None: not checked): PROTOCOL.sshsig."""
    match = ARMOR.fullmatch(armored)
    blob = Blob(unbase64(match[1].replace(b"\n", b"").decode("ascii")) if match else b"")
    if blob.take(6) != b"SSHSIG" or blob.take(4) != b"\0\0\0\x01":
        raise Altered("seal.json.sig is not an SSH signature")
    key, namespace, reserved, algorithm, proof = (blob.string() for _ in range(5))
    if namespace != b"disk-triage":
        raise Altered("seal.json.sig is for another purpose than disk-triage")
    if algorithm not in (b"sha256", b"sha512"):
        raise Altered("seal.json.sig is over an unknown hash")
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode("ascii").rstrip("=")
    fingerprint = f"SHA256:{digest}"
    if Ed25519PublicKey is None:
        return fingerprint, None
    signed = b"SSHSIG"
    for part in (namespace, reserved, algorithm, hashlib.new(algorithm.decode(), message).digest()):
        signed += len(part).to_bytes(4, "big") + part
    try:
        ssh_proof(Blob(key), Blob(proof), signed)
    except (InvalidSignature, ValueError):
        return fingerprint, False
    return fingerprint, True


def ssh_proof(key: Blob, proof: Blob, signed: bytes) -> None:
    """Raise what says that a key did not sign: Ed25519, and two kinds on hardware."""
    kind = key.string()
    if proof.string() != kind:
        raise Altered("an SSH signature of another kind than its key")
    if kind == b"ssh-ed25519":
        Ed25519PublicKey.from_public_bytes(key.string()).verify(proof.string(), signed)
        return
    if kind == b"sk-ssh-ed25519@openssh.com":
        point, application, signature = key.string(), key.string(), proof.string()
        Ed25519PublicKey.from_public_bytes(point).verify(
            signature, touched(application, proof, signed)
        )
        return
    if kind != b"sk-ecdsa-sha2-nistp256@openssh.com" or key.string() != b"nistp256":
        raise Altered("an SSH signature by a kind of key that is not checked here")
    point, application, numbers = key.string(), key.string(), Blob(proof.string())
    r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).verify(
        encode_dss_signature(r, s),
        touched(application, proof, signed),
        ec.ECDSA(hashes.SHA256()),
    )


def touched(application: bytes, proof: Blob, signed: bytes) -> bytes:
    """Return what the hardware signed: it adds flags and a counter (PROTOCOL.u2f)."""
    flags, counter = proof.take(1), proof.take(4)
    if not flags[0] & 1:
        raise Altered("a hardware signature that nobody touched the key for")
    application = hashlib.sha256(application).digest()
    return application + flags + counter + hashlib.sha256(signed).digest()


# ------------------------------------------------------------------- time stamps (RFC 3161)


class Der:
    """One element of DER: its tag, its content, and the bytes of the whole. Raises ValueError."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        header = data[at : at + 6]
        if len(header) < 2:
            raise ValueError("cut off")
        length, start = header[1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4 or len(header) < 2 + octets:
                raise ValueError("a length that is not one")
            length, start = int.from_bytes(header[2 : 2 + octets], "big"), start + octets
        self.end = start + length
        if self.end > len(data):
            raise ValueError("cut off")
        self.tag, self.content, self.whole = header[0], data[start : self.end], data[at : self.end]

    def items(self, least: int = 0, tag: int = SEQUENCE) -> list[Der]:
        """Return the elements inside one of this tag, at least so many."""
        if self.tag != tag:
            raise ValueError("another element than there must be")
        found: list[Der] = []
        at = 0
        while at < len(self.content):
            found.append(Der(self.content, at))
            at = found[-1].end
        if len(found) < least:
            raise ValueError("fewer elements than there must be")
        return found

    @property
    def oid(self) -> bytes:
        """Return an object identifier: this element, or that of an algorithm without parameters."""
        found, *more = self.items(1) if self.tag == SEQUENCE else [self]
        if found.tag != OID or [item.whole for item in more] not in ([], [NULL]):
            raise ValueError("not an object identifier")
        return found.content


class Stamp:
    """An answer of a time-stamping authority: a CMS SignedData (RFC 5652) around a TSTInfo."""

    def __init__(self, token: bytes) -> None:
        whole = Der(token)
        if whole.end != len(token):
            raise ValueError("more than one answer")
        status, content = whole.items(2)[:2]
        self.granted = status.items(1)[0].whole == b"\2\1\0"
        kind, explicit = content.items(2)[:2]
        if kind.oid != SIGNED_DATA:
            raise ValueError("not signed data")
        signed = explicit.items(1, CONTEXT)[0].items(4)
        kind, inner = signed[2].items(2)[:2]
        if kind.oid != TST_INFO:
            raise ValueError("not a time stamp")
        (octets,) = inner.items(1, CONTEXT)
        if octets.tag != OCTETS:
            raise ValueError("not a time stamp")
        self.info = octets.content
        _, _, imprint, _, time = Der(self.info).items(5)[:5]
        self.imprint = imprint.items(2)[1].content
        text = time.content.decode("ascii").partition(".")[0].rstrip("Z")
        self.time = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        self.certificates = [
            item.whole
            for part in signed[3:4]
            if part.tag == CONTEXT
            for item in part.items(0, CONTEXT)
        ]
        (signer,) = signed[-1].items(1, SET)
        self.signer = signer.items(6)
        listed = [item.oid for item in signed[1].items(0, SET)]
        if not signed[0].tag == self.signer[0].tag == INTEGER or self.signer[2].oid not in listed:
            raise ValueError("not signed data")
        self.attributes = {
            kind.oid: values.items(1, SET)[0]
            for kind, values in (item.items(2)[:2] for item in self.signer[3].items(1, CONTEXT))
        }

    def check(self, roots: list[Any]) -> str:
        """Return who made it. Raises Altered where it does not lead to one of `roots`."""
        digest = HASHES[self.signer[2].oid]
        if self.attributes[MESSAGE_DIGEST].content != hashlib.new(digest, self.info).digest():
            raise Altered("the time stamp was changed")
        own = self._certificate()
        algorithm = self.signer[4].oid
        if algorithm not in SIGNATURE_HASHES:
            raise ValueError("a kind of signature that is not checked here")
        named = SIGNATURE_HASHES[algorithm] or digest
        if self.signer[5].tag != OCTETS:
            raise ValueError("no signature")
        signed = bytes([SET]) + self.signer[3].whole[1:]  # as a SET, RFC 5652 section 5.4
        self._holds(own, self.signer[5].content, signed, named)
        usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        if not usage.critical or [item.dotted_string for item in usage.value] != [TIME_STAMPING]:
            raise Altered("the time stamp was signed with a certificate for something else")
        self._lead(own, roots)
        return str(own.subject.rfc4514_string())[:200]

    def _certificate(self) -> Any:
        """Return the certificate that the signed attributes name by its hash (RFC 5035)."""
        attribute = self.attributes.get(SIGNING_CERTIFICATE_2)
        name = "sha256"
        if attribute is None:
            attribute, name = self.attributes[SIGNING_CERTIFICATE], "sha1"
        first = attribute.items(1)[0].items(1)[0].items(1)
        if first[0].tag == SEQUENCE:
            name, first = HASHES[first[0].oid], first[1:]
        for data in self.certificates:
            if hashlib.new(name, data).digest() == first[0].content:
                own = x509.load_der_x509_certificate(data)
                issuer, serial = self.signer[1].items(2)[:2]
                number = int.from_bytes(serial.content, "big", signed=True)
                named = (issuer.whole, serial.tag, number)
                if named != (own.issuer.public_bytes(), INTEGER, own.serial_number):
                    raise Altered("the time stamp names another certificate than it carries")
                return own
        raise Altered("the certificate of the time stamp is not in it, or is another")

    def _holds(self, by: Any, signature: bytes, message: bytes, name: str) -> None:
        key, algorithm = by.public_key(), getattr(hashes, name.upper())()
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, message, padding.PKCS1v15(), algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(algorithm))
            else:
                raise UnsupportedAlgorithm("a kind of key that is not checked here")
        except InvalidSignature as error:
            raise Altered("a signature in the time stamp does not hold") from error

    def _lead(self, certificate: Any, roots: list[Any]) -> None:
        """Follow issuers to a root that was given, each valid at the time of the stamp."""
        trusted = {root.fingerprint(hashes.SHA256()) for root in roots}
        known = roots + [x509.load_der_x509_certificate(data) for data in self.certificates]
        for other in known:
            other.extensions, other.issuer, other.subject  # noqa: B018 - says so when it cannot
        for _ in range(MAX_DEPTH):
            if not began(certificate) <= self.time <= ended(certificate):
                raise Altered("a certificate was not valid at the time of the stamp")
            if certificate.fingerprint(hashes.SHA256()) in trusted:
                return
            certificate = self._issuer(certificate, known)
        raise Altered("the time stamp does not lead to a root that was given")

    def _issuer(self, certificate: Any, known: list[Any]) -> Any:
        name = certificate.signature_hash_algorithm.name
        for other in known:
            try:
                constraints = other.extensions.get_extension_for_class(x509.BasicConstraints)
                if other.subject != certificate.issuer or not constraints.value.ca:
                    continue
                self._holds(other, certificate.signature, certificate.tbs_certificate_bytes, name)
            except (x509.ExtensionNotFound, Altered):
                continue
            return other
        raise Altered("the time stamp does not lead to a root that was given")


def began(certificate: Any) -> datetime:
    """Return when a certificate begins to be valid; older versions give times without a zone."""
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc  # type: ignore[no-any-return]
    return certificate.not_valid_before.replace(tzinfo=timezone.utc)  # type: ignore[no-any-return]


def ended(certificate: Any) -> datetime:
    """Return when a certificate ends to be valid."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc  # type: ignore[no-any-return]
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)  # type: ignore[no-any-return]


def read_roots(path: str) -> list[Any]:
    """Read certificates of authorities, PEM. Without `cryptography` none can be read."""
    try:
        data = Path(path).read_bytes()
        if Ed25519PublicKey is None:
            return []
        found = [x509.load_pem_x509_certificate(item) for item in CERTIFICATE.findall(data)]
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not found:
        raise argparse.ArgumentTypeError("holds no PEM certificate")
    return found


# ---------------------------------------------------------------------------- the folder


def safe(path: str) -> bool:
    return all(
        PART.fullmatch(part) and not RESERVED.fullmatch(part) and not part.endswith(".")
        for part in path.split("/")
    )


class Folder:
    """Every regular file below a folder, looked at without following anything."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, os.stat_result] = {}
        self.problems: list[str] = []
        folded: set[str] = set()
        waiting, seen = [""], 0
        while waiting:
            folder = waiting.pop()
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES:
                        self.problems.append("too many entries; the rest was not read")
                        return
                    path = f"{folder}/{entry.name}".lstrip("/")
                    status = entry.stat(follow_symlinks=False)
                    wrong = self._wrong(path, status, folded)
                    folded.add(path.casefold())
                    if wrong:
                        self.problems.append(f"{path!a} {wrong}")
                    elif stat.S_ISDIR(status.st_mode):
                        waiting.append(path)
                    else:
                        self.files[path] = status
        self.problems.sort()

    @staticmethod
    def _wrong(path: str, status: os.stat_result, folded: set[str]) -> str | None:
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            return "is neither a file nor a folder"
        if path.count("/") >= MAX_DEPTH:
            return "lies too deep"
        if not safe(path):
            return "has a name that no bundle holds"
        if path.casefold() in folded:
            return "is there twice, in upper and lower case"
        if stat.S_ISREG(status.st_mode) and status.st_nlink != 1:
            return "is a hard link"
        return None

    def open(self, path: str) -> Any:
        seen = self.files.get(path)
        if seen is None:
            raise Altered(f"{path} is missing")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        file = os.fdopen(os.open(self.root / path, flags), "rb")
        now = os.fstat(file.fileno())
        if (now.st_dev, now.st_ino, now.st_size) != (seen.st_dev, seen.st_ino, seen.st_size):
            file.close()
            raise Altered(f"{path} changed while it was looked at")
        return file

    def read(self, path: str, limit: int) -> bytes:
        with self.open(path) as file:
            if self.files[path].st_size > limit:
                raise Altered(f"{path} is larger than {limit} bytes")
            return bytes(file.read(limit))

    def sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with self.open(path) as file:
            while True:
                block = file.read(2**20)
                if not block:
                    return digest.hexdigest()
                digest.update(block)


def manifest(data: bytes, payload: bool) -> dict[str, str]:
    """Return path → SHA-256; lines are sorted, each path is one that a bundle may hold."""
    digests: dict[str, str] = {}
    folded: set[str] = set()
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        match = LINE.fullmatch(line)
        path = match[2].decode("ascii") if match else ""
        if (
            not match
            or len(line) > 4096
            or not safe(path)
            or path.startswith("data/") is not payload
            or path.casefold() in folded
            or (digests and path < next(reversed(digests)))
        ):
            raise Altered(f"line {number} of the manifest is not one that was written")
        digests[path] = match[1].decode("ascii")
        folded.add(path.casefold())
    return digests


def chain(file: Any, what: str, previous: str | None) -> tuple[str, int, str]:
    """Check a custody log; return (bundle id, length, SHA-256 of the last line)."""
    bundle: str | None = None
    length, head = 0, previous
    for line in lines(file, what):
        record = parse(line[:-1], f"{what} line {length + 1}")
        if (
            not isinstance(record, dict)
            or (record.get("seq"), record.get("prev")) != (length, head)
            or not isinstance(record.get("bundle"), str)
            or bundle not in (None, record["bundle"])
            or not isinstance(record.get("event"), str)
            or not isinstance(record.get("data"), dict)
        ):
            raise Altered(f"{what} line {length + 1} does not continue the line before it")
        bundle, length, head = record["bundle"], length + 1, hashlib.sha256(line).hexdigest()
    if bundle is None or head is None:
        raise Altered(f"{what} is empty")
    return bundle, length, head


def finding_id(record: dict[str, Any]) -> str:
    """Return the id that follows from a finding. Raises NotDone for a kind that is not known."""
    if isinstance(record.get("redacted"), dict):
        identity: list[Any] = [CONTRACT, "redacted", record["redacted"]["original"]]
    else:
        if IDENTITY is None or record["kind"] not in IDENTITY:
            raise NotDone(f"the recipe for ids of {ascii(record['kind'])[:80]} is not known here")
        source = record["source"]
        names = ("volume", "within", "path", "address", "locator")
        values = [record["value"].get(name) for name in IDENTITY[record["kind"]]]
        identity = [CONTRACT, record["kind"], values, *(source[name] for name in names)]
    return "f-" + hashlib.sha256(canonical(identity)).hexdigest()[:32]


# ---------------------------------------------------------------------------- the checks


class Verifier:
    """All checks of one bundle. `results`: (name, pass | FAIL | not done, a sentence)."""

    def __init__(
        self,
        root: Path,
        code: str | None = None,
        key: str | None = None,
        roots: list[Any] | None = None,
    ) -> None:
        self.folder = Folder(root)
        self.code, self.key, self.roots = code, key, roots
        self.stamped: str | None = None
        self.results: list[tuple[str, str, str]] = []
        self.seal: Seal | None = None
        self.later: list[Seal] = []
        self.payload: dict[str, str] | None = None
        self.tags: dict[str, str] | None = None
        self.counts: dict[str, int] = {}
        self.wrong_ids: list[str] = []
        self.unknown_ids: list[str] = []
        self.unexported: list[str] = []
        self.commitments: set[str] = set()
        self.wrong_redactions: list[str] = []
        self.signers: list[str] = []
        self.unchecked: list[str] = []

    def run(self) -> int:
        """Do every check, in an order in which each may build on those before it."""
        for check in (
            self.check_seal,
            self.check_manifest,
            self.check_tagmanifest,
            self.check_tree,
            self.check_declaration,
            self.check_size,
            self.check_content,
            self.check_run,
        ):
            self._check(check.__name__[6:].replace("_", "-"), check)
        for name in RECORDS:
            self._check(name, lambda name=name: self.check_records(name))  # type: ignore[misc]
        for check in (
            self.check_finding_ids,
            self.check_exported,
            self.check_redactions,
            self.check_custody,
            self.check_later_custody,
            self.check_totals,
            self.check_signature,
            self.check_trust,
            self.check_seal_code,
            self.check_time_stamp,
        ):
            self._check(check.__name__[6:].replace("_", "-"), check)
        if any(outcome == "FAIL" for _, outcome, _ in self.results):
            return 4
        return 3 if self.seal and self.seal.predicate["incomplete"] else 0

    def _check(self, name: str, check: Callable[[], str]) -> None:
        try:
            outcome, detail = "pass", check()
        except NotDone as reason:
            outcome, detail = "not done", str(reason)
        except Altered as reason:
            outcome, detail = "FAIL", str(reason)
        self.results.append((name, outcome, detail))

    def _sealed(self) -> Seal:
        if self.seal is None:
            raise NotDone("there is no readable seal")
        return self.seal

    def _listed(self) -> dict[str, str]:
        if self.payload is None:
            raise NotDone("the manifest could not be used")
        return self.payload

    def check_seal(self) -> str:
        seal = Seal(self.folder.read(SEAL, MAX_SEAL))
        if seal.kind != "urn:disk-triage:bundle-seal:1":
            raise Altered("the seal is not one of a bundle")
        if set(seal.subjects) != {"manifest-sha256.txt", "tagmanifest-sha256.txt"}:
            raise Altered("the seal does not name the two manifests")
        self.seal = seal
        contract = seal.predicate.get("contract")
        if isinstance(contract, int) and contract > CONTRACT:
            raise NotABundle(f"is of format {contract}, too new for this verifier")
        if contract != CONTRACT:
            raise Altered("the seal is of another version of the format")
        if not isinstance(seal.predicate.get("incomplete"), bool):
            raise Altered("the seal does not say whether the run was complete")
        return f"of {seal.sealed}, by its own claim"

    def _sealed_file(self, path: str) -> bytes:
        data = self.folder.read(path, MAX_MANIFEST)
        if hashlib.sha256(data).hexdigest() != self._sealed().subjects[path]:
            raise Altered(f"{path} is not the file that was sealed")
        return data

    def check_manifest(self) -> str:
        self.payload = manifest(self._sealed_file("manifest-sha256.txt"), payload=True)
        return f"lists {len(self.payload)} files, as sealed"

    def check_tagmanifest(self) -> str:
        self.tags = manifest(self._sealed_file("tagmanifest-sha256.txt"), payload=False)
        if list(self.tags) != TAGS:
            raise Altered("does not list the bag's own files and nothing else")
        return "lists the bag's own files, as sealed"

    def check_tree(self) -> str:
        listed = {"tagmanifest-sha256.txt", SEAL, *TAGS, *self._listed()}
        there = set(self.folder.files)
        problems = self.folder.problems + [f"{path} is missing" for path in sorted(listed - there)]
        problems += [
            f"{path} does not belong to the bundle"
            for path in sorted(there - listed)
            if not BESIDE.fullmatch(path) and not self._later_number(path)
        ]
        if problems:
            raise Altered("; ".join(problems[:5]))
        return f"{len(there)} files, all listed, no links"

    @staticmethod
    def _later_number(path: str) -> int:
        match = LATER.fullmatch(path)
        return int(match[1]) if match else 0

    def check_declaration(self) -> str:
        declared = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        if self.folder.read("bagit.txt", MAX_SEAL) != declared:
            raise Altered("bagit.txt is not that of a BagIt 1.0 bag")
        return "BagIt 1.0"

    def check_size(self) -> str:
        sizes = [s.st_size for path, s in self.folder.files.items() if path.startswith("data/")]
        there = {"files": len(sizes), "bytes": sum(sizes)}
        info = self.folder.read("bag-info.txt", MAX_SEAL).decode("utf-8", "replace")
        found = re.findall(r"(?m)^Payload-Oxum: (\d{1,18})\.(\d{1,18})$", info)
        if len(found) != 1 or there != {"files": int(found[0][1]), "bytes": int(found[0][0])}:
            raise Altered("files and bytes are not those of bag-info.txt")
        if self._sealed().predicate.get("payload") != there:
            raise Altered("files and bytes are not those of the seal")
        return f"{there['files']} files, {there['bytes']} bytes, as sealed"

    def check_content(self) -> str:
        digests = dict(self._listed())
        if self.tags is None:
            raise NotDone("the tag manifest could not be used")
        digests.update(self.tags)
        declared = self._sealed().predicate.get("payload")
        left = declared.get("bytes") if isinstance(declared, dict) else None
        if not isinstance(left, int):
            raise Altered("the seal does not say how many bytes it covers")
        left += self.folder.files["manifest-sha256.txt"].st_size + 2**20
        for path, digest in digests.items():
            status = self.folder.files.get(path)
            if status is None:
                continue  # the tree check says so
            left -= status.st_size
            if left < 0:
                raise Altered(f"{path} and what follows was not read: more than was sealed")
            if self.folder.sha256(path) != digest:
                raise Altered(f"{path} was changed")
        return f"{len(digests)} files have the SHA-256 that was sealed"

    def check_run(self) -> str:
        data = self.folder.read("data/run.json", MAX_LINE)
        run = parse(data[:-1] if data.endswith(b"\n") else data, "data/run.json")
        if not isinstance(run, dict):
            raise Altered("data/run.json is not an object")
        return "canonical JSON"

    def check_records(self, name: str) -> str:
        path, field, previous, number = f"data/{name}.jsonl", RECORDS[name], b"", 0
        with self.folder.open(path) as file:
            for number, line in enumerate(lines(file, path), 1):
                where = f"{path} line {number}"
                record = parse(line[:-1], where)
                if not isinstance(record, dict):
                    raise Altered(f"{where} is not an object")
                key = line
                if field:
                    if not isinstance(record.get(field), str) or not record[field]:
                        raise Altered(f"{where} has no {field}")
                    key = record[field].encode("utf-8")
                if key < previous or (field and key == previous):
                    raise Altered(f"{where} is not sorted, or there twice")
                previous = key
                self._look(name, record)
        self.counts[name] = number
        return f"{number} records, canonical, sorted"

    def _look(self, name: str, record: dict[str, Any]) -> None:
        if name == "findings":
            try:
                if finding_id(record) != record["id"]:
                    self.wrong_ids.append(ascii(record["id"]))
            except NotDone as reason:
                self.unknown_ids.append(str(reason))
            except Exception:  # noqa: BLE001 - a hostile record may break the recipe in any way
                self.wrong_ids.append(ascii(record["id"]))
            if record.get("redacted") is not None:
                made = record["redacted"]
                fields = made.get("fields") if isinstance(made, dict) else None
                told = [made.get("original"), *fields.values()] if isinstance(fields, dict) else [0]
                if all(isinstance(item, str) for item in told):
                    self.commitments.update(map(str, told))
                else:
                    self.wrong_redactions.append(ascii(record["id"]))
        path = record.get("exported")
        if name == "files" and path is not None:
            named = isinstance(path, str) and EXPORTED.fullmatch(path)
            if not named or path not in (self.payload or ()):
                self.unexported.append(f"{path!a} is missing")

    def check_finding_ids(self) -> str:
        if "findings" not in self.counts:
            raise NotDone("the findings could not be read")
        if self.wrong_ids:
            raise Altered("ids do not fit their content: " + "; ".join(self.wrong_ids[:5]))
        if self.unknown_ids:
            raise NotDone(self.unknown_ids[0])
        return "every id fits its content"

    def check_exported(self) -> str:
        payload = self._listed()
        if "files" not in self.counts:
            raise NotDone("the file records could not be read")
        stored = [path for path in payload if path.startswith("data/files/")]
        wrong = list(self.unexported)
        for path in stored:
            match = EXPORTED.fullmatch(path)
            if not match or (match[4] == "bin" and match[3] != payload[path]):
                wrong.append(f"{path} does not hold what its name says")
        if wrong:
            raise Altered("; ".join(wrong[:5]))
        return f"{len(stored)} exported files, under the names of their content"

    def check_redactions(self) -> str:
        path = "data/redactions.jsonl"
        if path not in self.folder.files:
            if self.commitments or self.wrong_redactions:
                raise Altered("findings were redacted, and the commitments are missing")
            raise NotDone("nothing was taken out")
        made: dict[str, None] = {}
        previous = ""
        with self.folder.open(path) as file:
            for number, line in enumerate(lines(file, path), 1):
                record = parse(line[:-1], f"{path} line {number}")
                name = record.get("commitment") if isinstance(record, dict) else None
                if not isinstance(name, str) or name <= previous:
                    raise Altered(f"{path} line {number} is no commitment, not sorted or twice")
                made[name] = None
                previous = name
        if self.wrong_redactions:
            raise Altered("do not say what they were made from: " + self.wrong_redactions[0])
        if not self.commitments <= set(made):
            raise Altered("a finding commits to something that is not listed")
        source = self._sealed().predicate.get("redacted_from")
        if not isinstance(source, dict):
            raise Altered("the seal does not say from which bundle this was made")
        return f"{len(made)} commitments; made from the bundle with {ascii(source)[:200]}"

    def check_custody(self) -> str:
        with self.folder.open("data/custody.jsonl") as file:
            bundle, length, head = chain(file, "data/custody.jsonl", None)
        predicate = self._sealed().predicate
        if predicate.get("bundle") != bundle:
            raise Altered("the custody log is of another bundle")
        if predicate.get("custody") != {"length": length, "head": head}:
            raise Altered("length or head of the custody log is not that of the seal")
        return f"{length} entries, unbroken up to the head that was sealed"

    def check_later_custody(self) -> str:
        seal = self._sealed()
        there = {path for path in self.folder.files if LATER.fullmatch(path)}
        while there:
            name = f"custody/{len(self.later) + 1:04d}"
            log, own = f"{name}.jsonl", f"{name}.seal.json"
            if not {log, own} <= there:
                raise Altered(f"{log} or its seal is missing")
            there -= {log, own}
            found = Seal(self.folder.read(own, MAX_SEAL))
            self._check_link(found, seal, log)
            self.later.append(found)
            seal = found
        return f"{len(self.later)} events after the seal, unbroken"

    def _check_link(self, seal: Seal, before: Seal, log: str) -> None:
        if self.folder.files[log].st_size > MAX_LINE:
            raise Altered(f"{log} is too large")
        with self.folder.open(log) as file:
            bundle, length, head = chain(file, log, before.sha256)
        signer = seal.predicate.get("signer")
        if (
            seal.kind != "urn:disk-triage:custody-seal:1"
            or seal.subjects != {log: self.folder.sha256(log)}
            or seal.predicate.get("previous") != before.sha256
            or seal.predicate.get("custody") != {"length": length, "head": head}
            or not bundle == seal.predicate.get("bundle") == before.predicate.get("bundle")
        ):
            raise Altered(f"{log} does not continue the seal before it")
        if any(valid is False for _, valid in seal.signatures) or (
            signer is not None and signer not in {name for name, _ in seal.signatures}
        ):
            raise Altered(f"the signature of {log} is not valid")

    def check_totals(self) -> str:
        predicate, payload = self._sealed().predicate, self._listed()
        if len(self.counts) < len(RECORDS):
            raise NotDone("not all records could be read")
        if predicate.get("counts") != self.counts:
            raise Altered("the numbers of records are not those of the seal")
        named = {"run": "data/run.json", "custody": "data/custody.jsonl"}
        named.update({name: f"data/{name}.jsonl" for name in RECORDS})
        if predicate.get("sha256") != {name: payload.get(path) for name, path in named.items()}:
            raise Altered("the hashes of the records are not those of the seal")
        return ", ".join(f"{number} {name}" for name, number in self.counts.items())

    def check_signature(self) -> str:
        seal = self._sealed()
        found = list(seal.signatures)
        for path in sorted(self.folder.files):
            if BESIDE.fullmatch(path) and not path.startswith(f"{SEAL}."):
                other = Seal(self.folder.read(path, MAX_SEAL))
                if other.payload != seal.payload or not other.signatures:
                    raise Altered(f"{path} does not sign the statement of this bundle")
                found += other.signatures
        if f"{SEAL}.sig" in self.folder.files:
            armored = self.folder.read(f"{SEAL}.sig", MAX_SIGNATURE)
            found.append(ssh_signer(armored, self.folder.read(SEAL, MAX_SEAL)))
        bad = [name for name, valid in found if valid is False]
        if bad:
            raise Altered("not a valid signature by " + ", ".join(bad))
        signer = seal.predicate.get("signer")
        if signer is not None and signer not in {name for name, _ in seal.signatures}:
            raise Altered("the signature that the seal speaks of is gone")
        self.signers = [name for name, valid in found if valid]
        self.unchecked = [name for name, valid in found if valid is None]
        if self.unchecked:
            raise NotDone("the package cryptography is missing: " + ", ".join(self.unchecked))
        if not found:
            raise NotDone("the bundle is not signed")
        return "valid, by " + ", ".join(self.signers)

    def check_trust(self) -> str:
        if self.key is None:
            raise NotDone("no fingerprint was given")
        if self.key in self.unchecked:
            raise Altered("its signature could not be checked: the package cryptography is missing")
        if self.key not in self.signers:
            raise Altered("no valid signature by the key that was given")
        return f"signed by {self.key}"

    def check_time_stamp(self) -> str:
        demanded = Altered if self.roots is not None else NotDone
        if f"{SEAL}.tsr" not in self.folder.files:
            raise demanded("there is none")
        token, seal = (self.folder.read(name, MAX_SEAL) for name in (f"{SEAL}.tsr", SEAL))
        try:
            stamp = Stamp(token)
            if not stamp.granted:
                raise Altered("the authority did not grant this time stamp")
            if stamp.imprint not in [hashlib.new(name, seal).digest() for name in HASHES.values()]:
                raise Altered("the time stamp is of something else")
            said = f"{stamp.time:%Y-%m-%d %H:%M:%S} UTC"
            if self.roots is None:
                raise NotDone(f"of this seal, {said}: no certificate was given to check it with")
            if Ed25519PublicKey is None:
                raise Altered(f"of this seal, {said}: the package cryptography is missing")
            authority = stamp.check(self.roots)
        except UNREADABLE as error:
            raise demanded("cannot be read here; try openssl ts -verify") from error
        self.stamped = f"{said} by {ascii(authority)[1:-1]}"
        return f"the seal existed at {self.stamped}"

    def check_seal_code(self) -> str:
        if self.code is None:
            raise NotDone("no seal code was given")
        for what, seal in [
            ("the bundle", self._sealed()),
            *((f"event {n}", s) for n, s in enumerate(self.later, 1)),
        ]:
            if code_of(seal.sha256) == self.code:
                return f"is that of {what}"
        raise Altered("differs: this is not the bundle whose code was written down")


def normal_code(text: str) -> str:
    """Return a code as it is printed; 0, 1 and 8 are read as O, I and B."""
    letters = "".join(text.split()).replace("-", "").upper()
    letters = letters.translate(str.maketrans("018", "OIB"))
    if not re.fullmatch("[A-Z2-7]{32}", letters):
        raise argparse.ArgumentTypeError("not 8 groups of 4 letters and digits")
    return "-".join(letters[at : at + 4] for at in range(0, 32, 4))


def bundle_root(path: Path) -> Path:
    """Return the folder of a finished bundle."""
    root = path.resolve(strict=True)
    marks = ("bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", SEAL, "data/run.json")
    if re.search(r"\.partial(\.\d+)?$", root.name, re.IGNORECASE):
        raise NotABundle("a run that was not finished, never sealed")
    if not root.is_dir() or not any((root / mark).exists() for mark in marks):
        raise NotABundle("not a bundle")
    return root


def main() -> int:
    """Verify the bundle named on the command line."""
    text = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(description=text[0], epilog=text[-1])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seal-code", type=normal_code, help="the code on the paper form")
    parser.add_argument("--key", metavar="FINGERPRINT", help="SHA256:…, as ssh-keygen -l prints it")
    parser.add_argument(
        "--tsa-roots", type=read_roots, metavar="FILE", help="demand a time stamp under these (PEM)"
    )
    given = parser.parse_args()
    try:
        verifier = Verifier(bundle_root(given.bundle), given.seal_code, given.key, given.tsa_roots)
        code = verifier.run()
    except (NotABundle, OSError) as error:
        print(f"{str(given.bundle)!a}: {error}", file=sys.stderr)
        return 1
    for name, outcome, detail in verifier.results:
        print(f"{outcome:9}{name:14}{detail}")
    print()
    if verifier.seal:
        print(f"seal code    {code_of(verifier.seal.sha256)}")
    if code == 4:
        print("verdict      ALTERED, or what was demanded is not there.")
        return code
    more = " The run in it was incomplete." if code == 3 else ""
    print(f"verdict      Intact: sealed, and consistent with its seal.{more}")
    if verifier.stamped:
        print(f"time         It existed at {verifier.stamped}.")
    if not (given.seal_code or given.key):
        print("origin       Nothing here shows who made it: anyone could have made it anew.")
    return code


if __name__ == "__main__":
    sys.exit(main())
