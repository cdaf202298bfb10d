"""Ed25519 keys: the one that signs a bundle, and the ones that a laboratory trusts.

Private keys are PEM (PKCS #8) or OpenSSH files. A trust file is OpenSSH's `allowed_signers`
(ssh-keygen(1), ALLOWED SIGNERS), or holds one OpenSSH public key per line, or PEM public keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from triage.errors import UsageError

NAMESPACE = "disk-triage"
"""What `namespaces="…"` in a trust file and `ssh-keygen -Y sign -n …` must name."""

_MAX_FILE = 2**20
_HARDWARE = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_ED25519 = "ssh-ed25519"
_BLOB_PREFIX = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"  # RFC 8709 section 4
_KEY_TYPE = re.compile(r"(sk-)?(ssh|ecdsa)-[a-z0-9-]+(@openssh\.com)?")
_TOKEN = re.compile(r'(?:"[^"]*"|[^\s"])+')
_OPTION = re.compile(r'(?P<name>[A-Za-z-]+)(?:="(?P<value>[^"]*)")?(?:,|$)')
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def fingerprint_of(blob: bytes) -> str:
    """Return `SHA256:…` of a public key in SSH's wire format, as `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


class PublicKey:
    """An Ed25519 public key."""

    __slots__ = ("_key", "blob")

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.blob = _BLOB_PREFIX + key.public_bytes_raw()

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read `ssh-ed25519 AAAA…`; raises ValueError on anything else."""
        kind, _, encoded = text.partition(" ")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ValueError("a key that is not base64") from error
        raw = blob[len(_BLOB_PREFIX) :]
        if kind != _ED25519 or not blob.startswith(_BLOB_PREFIX) or len(raw) != 32:  # noqa: PLR2004 - RFC 8032
            raise ValueError("not an Ed25519 public key")
        key = cls(Ed25519PublicKey.from_public_bytes(raw))
        if key.text != text:
            raise ValueError("a key in an unusual spelling")
        return key

    @property
    def text(self) -> str:
        """The key as OpenSSH writes it, without a comment."""
        return f"{_ED25519} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as `ssh-keygen -l` prints it."""
        return fingerprint_of(self.blob)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made this signature over this message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer:
    """An Ed25519 private key, ready to sign."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @property
    def key_id(self) -> str:
        """Fingerprint of the public key, as `ssh-keygen -l` prints it."""
        return self.public.fingerprint

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._key.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key of a trust file: whose it is, and when its signatures count (both ends may be open)."""

    identity: str
    fingerprint: str
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def counts_at(self, time: datetime) -> bool:
        """Whether a signature made at this time counts."""
        return (self.valid_after is None or time >= self.valid_after) and (
            self.valid_before is None or time < self.valid_before
        )


Trust: TypeAlias = tuple[TrustedKey, ...]


def load_signer(path: Path, passphrase: bytes | None = None) -> Signer:
    """Read an Ed25519 private key, PEM or OpenSSH.

    Raises UsageError when the file cannot be read, holds another kind of key, or the passphrase
    is missing or wrong.
    """
    data = _read(path)
    load = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH PRIVATE KEY" in data
        else serialization.load_pem_private_key
    )
    try:
        key = load(data, passphrase or None)
    except UnsupportedAlgorithm as error:
        raise UsageError(f"signing key cannot be read: {error}", where=str(path)) from error
    except TypeError as error:  # how `cryptography` says that there must, or must not, be one
        reason = "has no passphrase" if passphrase else "is encrypted: its passphrase is needed"
        raise UsageError(f"the signing key {reason}", where=str(path)) from error
    except ValueError as error:
        raise UsageError("not a private key, or a wrong passphrase", where=str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("the signing key is not Ed25519", where=str(path))
    return Signer(key)


def load_trust(path: Path) -> Trust:
    """Read a trust file. Times in it without `Z` are taken as UTC, on every host.

    Ed25519 keys count, and those on hardware (`sk-…`). Keys of other types, certificate
    authorities and keys for other namespaces than
    `disk-triage` are left out. Raises UsageError on a line that is none of the three formats, and
    when no key is left.
    """
    try:
        text = _read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("not a trust file: not UTF-8", where=str(path)) from error
    keys = tuple(_from_pem(text, path) if "-----BEGIN" in text else _from_lines(text, path))
    if not keys:
        raise UsageError("holds no key that signs bundles", where=str(path))
    return keys


def find_trusted(trust: Iterable[TrustedKey], fingerprint: str, at: datetime) -> TrustedKey | None:
    """Return the entry that makes a signature by this key, made at this time, count."""
    return next(
        (key for key in trust if key.fingerprint == fingerprint and key.counts_at(at)), None
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    if len(data) > _MAX_FILE:
        raise UsageError("too large for a key file", where=str(path))
    return data


def _from_pem(text: str, path: Path) -> Iterator[TrustedKey]:
    for block in _PEM.findall(text):
        try:
            key = serialization.load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UsageError("a PEM block that is not a public key", where=str(path)) from error
        if isinstance(key, Ed25519PublicKey):
            fingerprint = PublicKey(key).fingerprint
            yield TrustedKey(identity=fingerprint, fingerprint=fingerprint)


def _from_lines(text: str, path: Path) -> Iterator[TrustedKey]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key = _from_line(line)
        except ValueError as error:
            raise UsageError(str(error), where=f"{path} line {number}") from error
        if key:
            yield key


def _from_line(line: str) -> TrustedKey | None:
    """Read `[principals [options]] keytype base64 [comment]`."""
    tokens = _TOKEN.findall(line)
    at = next((n for n, token in enumerate(tokens[:3]) if _KEY_TYPE.fullmatch(token)), None)
    if at is None or at + 1 >= len(tokens):
        raise ValueError("neither a public key nor an allowed signer")
    options = _options(tokens[1]) if at == 2 else {}  # noqa: PLR2004 - principals, options, key
    namespaces = options.get("namespaces")
    if (
        tokens[at] not in (_ED25519, *_HARDWARE)
        or "cert-authority" in options
        or (namespaces and not any(fnmatchcase(NAMESPACE, p) for p in namespaces.split(",")))
    ):
        return None
    fingerprint = _fingerprint(tokens[at], tokens[at + 1])
    comment = " ".join(tokens[at + 2 :])
    return TrustedKey(
        identity=tokens[0].strip('"') if at else comment or fingerprint,
        fingerprint=fingerprint,
        valid_after=_time(options.get("valid-after")),
        valid_before=_time(options.get("valid-before")),
    )


def _fingerprint(kind: str, encoded: str) -> str:
    if kind == _ED25519:
        return PublicKey.parse(f"{kind} {encoded}").fingerprint
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("a key that is not base64") from error
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise ValueError("a key of another kind than it says")
    return fingerprint_of(blob)


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _OPTION.match(text, position)
        name = match["name"].lower() if match else ""
        if not match or name not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            raise ValueError(f"an option that is not known: {text[position:]!a}")
        options[name] = match["value"] or ""
        position = match.end()
    return options


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    digits = text.removesuffix("Z")
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if not form or not digits.isascii() or not digits.isdigit():
        raise ValueError(f"not a time of the form YYYYMMDD[HHMM[SS]][Z]: {text!a}")
    return datetime.strptime(digits, form).replace(tzinfo=UTC)
