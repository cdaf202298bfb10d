"""Signatures of `ssh-keygen -Y sign` over the seal, so that keys on hardware (`sk-…`) can seal.

`signatures/seal.json.sig` is an armored SSHSIG blob (OpenSSH, PROTOCOL.sshsig) over the whole file
`signatures/seal.json` in the namespace `disk-triage`. Checked here: Ed25519, and the hardware kinds
sk-ssh-ed25519 and sk-ecdsa-sha2-nistp256 (PROTOCOL.u2f), which must report that a person touched
them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import subprocess
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from triage.bundle import layout
from triage.bundle.keys import NAMESPACE, fingerprint_of
from triage.bundle.output import NewFile, sync_directory, writing
from triage.bundle.root import bundle_root
from triage.bundle.seal import MAX_SEAL
from triage.bundle.tree import walk
from triage.errors import AlteredError, UsageError

MAX_SIGNATURE = 2**16  # bytes
_ARMOR: Final = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?"
)
_MAGIC: Final = b"SSHSIG"
_TOUCHED: Final = 0x01  # flag of FIDO: user presence
_SECONDS: Final = 120  # for a passphrase and a touch


def check(signature: bytes, message: bytes) -> str:
    """Return the fingerprint of the key that signed. Raises AlteredError when it does not hold.

    Of a kind that is not checked here, and of a blob that is none, it says so in the same way.
    """
    match = _ARMOR.fullmatch(signature)
    try:
        encoded = match[1].replace(b"\n", b"") if match else b""
        blob = _Blob(base64.b64decode(encoded, validate=True))
    except binascii.Error as error:
        raise AlteredError("not an SSH signature") from error
    if blob.take(6) != _MAGIC or blob.number() != 1:
        raise AlteredError("not an SSH signature")
    key, namespace, reserved, algorithm = (blob.string() for _ in range(4))
    proof = blob.string()
    if namespace != NAMESPACE.encode():
        raise AlteredError(f"an SSH signature for another purpose than {NAMESPACE}")
    if algorithm not in (b"sha256", b"sha512"):
        raise AlteredError("an SSH signature over an unknown hash")
    digest = hashlib.new(algorithm.decode(), message).digest()
    signed = _MAGIC + b"".join(map(_string, (namespace, reserved, algorithm, digest)))
    try:
        _check_proof(_Blob(key), _Blob(proof), signed)
    except (InvalidSignature, ValueError) as error:
        raise AlteredError("the SSH signature does not hold") from error
    return fingerprint_of(key)


def sign(bundle: Path, key: Path) -> Path:
    """Let `ssh-keygen` sign the seal of a bundle; it asks for passphrase or touch by itself.

    `key` is a private key, or the public key of one that an agent holds. Raises UsageError when
    ssh-keygen is missing or refuses, BundleError when there is such a signature already.
    """
    root = bundle_root(bundle)
    seal = walk(root).read(layout.SEAL, MAX_SEAL)
    try:
        done = subprocess.run(  # noqa: S603 - arguments of our own; the key is a path
            ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key.absolute())],  # noqa: S607 - found on PATH, as its user has it
            input=seal,
            stdout=subprocess.PIPE,
            check=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError("ssh-keygen did not sign", where=str(key)) from error
    check(done.stdout, seal)
    with writing(root / layout.SSH_SIGNATURE):
        with NewFile(root / layout.SSH_SIGNATURE) as file:
            file.write(done.stdout)
        sync_directory(root / layout.SIGNATURES)
    return root / layout.SSH_SIGNATURE


class _Blob:
    """Fields of the SSH wire format (RFC 4251 section 5)."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, length: int) -> bytes:
        if length > len(self._data):
            raise AlteredError("an SSH signature that is cut off")
        part, self._data = self._data[:length], self._data[length:]
        return part

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _check_proof(key: _Blob, proof: _Blob, signed: bytes) -> None:
    kind = key.string()
    if proof.string() != kind:
        raise AlteredError("an SSH signature of another kind than its key")
    match kind:
        case b"ssh-ed25519":
            Ed25519PublicKey.from_public_bytes(key.string()).verify(proof.string(), signed)
        case b"sk-ssh-ed25519@openssh.com":
            public, application = Ed25519PublicKey.from_public_bytes(key.string()), key.string()
            signature = proof.string()
            public.verify(signature, _touched(application, proof, signed))
        case b"sk-ecdsa-sha2-nistp256@openssh.com":
            if key.string() != b"nistp256":
                raise AlteredError("a key on another curve than it says")
            point, application = key.string(), key.string()
            numbers = _Blob(proof.string())
            r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).verify(
                encode_dss_signature(r, s),
                _touched(application, proof, signed),
                ec.ECDSA(hashes.SHA256()),
            )
        case _:
            raise AlteredError("an SSH signature by a kind of key that is not checked here")


def _touched(application: bytes, proof: _Blob, signed: bytes) -> bytes:
    """Return what the hardware signed: it adds flags and a counter (PROTOCOL.u2f)."""
    flags, counter = proof.take(1), proof.take(4)
    if not flags[0] & _TOUCHED:
        raise AlteredError("a hardware signature that nobody touched the key for")
    digest = hashlib.sha256(signed).digest()
    return hashlib.sha256(application).digest() + flags + counter + digest
