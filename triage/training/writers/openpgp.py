"""OpenPGP keys and messages: version 4, Ed25519 with a Curve25519 subkey, as GnuPG 2.2 makes them.

Keys follow from a label and carry valid self-signatures; GnuPG imports them. Messages have a real
recipient and noise inside, so nothing opens them. RFC 4880 and RFC 9580, sections 4, 5 and 12.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from triage.formats.armor import crc24
from triage.training.tree import Inventor

_PKESK, _SIGNATURE, _SECRET_KEY, _PUBLIC_KEY = 1, 2, 5, 6
_SECRET_SUBKEY, _USER_ID, _PUBLIC_SUBKEY, _SEIPD = 7, 13, 14, 18
_EDDSA, _ECDH, _SHA256, _AES256 = 22, 18, 8, 9
_ED25519 = bytes.fromhex("2b06010401da470f01")
_CURVE25519 = bytes.fromhex("2b060104019755010501")
_KDF = b"\x03\x01\x08\x09"  # SHA-256, AES-256
_CERTIFY_SIGN, _ENCRYPT = b"\x03", b"\x0c"
_POSITIVE, _BINDING = 0x13, 0x18


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key pair of somebody; `user_id` like `Name <mail>`."""

    inventor: Inventor
    user_id: str
    created: datetime

    @property
    def fingerprint(self) -> str:
        """40 upper-case hex digits."""
        return _fingerprint(self._primary).hex().upper()

    @property
    def subkey_id(self) -> str:
        """16 upper-case hex digits: what a message to this key names."""
        return _fingerprint(self._subkey)[-8:].hex().upper()

    def public(self) -> bytes:
        """Return the certificate in binary."""
        return self._packets(secret=False)

    def secret(self) -> bytes:
        """Return the key with its secret parts, locked by a passphrase that nobody has."""
        return self._packets(secret=True)

    def message(self, label: str, length: int) -> bytes:
        """Return a message to this key, in binary: a session key and `length` bytes of noise."""
        subkey = _fingerprint(self._subkey)[-8:]
        point = _mpi(b"\x40" + self.inventor.bytes(f"{label} point", 32))
        wrapped = self.inventor.bytes(f"{label} session", 48)
        session = b"\x03" + subkey + bytes([_ECDH]) + point + bytes([len(wrapped)]) + wrapped
        body = b"\x01" + self.inventor.bytes(f"{label} body", length)
        return _packet(_PKESK, session) + _packet(_SEIPD, body)

    @property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.inventor.bytes(self.user_id, 32))

    @property
    def _primary(self) -> bytes:
        point = b"\x40" + self._signer.public_key().public_bytes_raw()
        return self._head(_EDDSA) + bytes([len(_ED25519)]) + _ED25519 + _mpi(point)

    @property
    def _subkey(self) -> bytes:
        key = X25519PrivateKey.from_private_bytes(self.inventor.bytes(f"{self.user_id} sub", 32))
        point = _mpi(b"\x40" + key.public_key().public_bytes_raw())
        return self._head(_ECDH) + bytes([len(_CURVE25519)]) + _CURVE25519 + point + _KDF

    def _head(self, algorithm: int) -> bytes:
        return struct.pack(">BIB", 4, int(self.created.timestamp()), algorithm)

    def _packets(self, *, secret: bool) -> bytes:
        name = self.user_id.encode()
        named = b"\xb4" + struct.pack(">I", len(name)) + name
        bound = _prefixed(self._subkey)
        primary, subkey = self._primary, self._subkey
        if secret:
            primary += self._locked("primary")
            subkey += self._locked("subkey")
        kinds = (_SECRET_KEY, _SECRET_SUBKEY) if secret else (_PUBLIC_KEY, _PUBLIC_SUBKEY)
        return b"".join(
            (
                _packet(kinds[0], primary),
                _packet(_USER_ID, name),
                self._signed(_POSITIVE, named, _CERTIFY_SIGN),
                _packet(kinds[1], subkey),
                self._signed(_BINDING, bound, _ENCRYPT),
            )
        )

    def _locked(self, label: str) -> bytes:
        """Secret part under a passphrase: salted and iterated SHA-256, AES-256, noise."""
        noise = self.inventor.bytes(f"{self.user_id} {label}", 8 + 16 + 54)
        return bytes([254, _AES256, 3, _SHA256]) + noise[:8] + b"\xee" + noise[8:]

    def _signed(self, kind: int, about: bytes, flags: bytes) -> bytes:
        primary = self._primary
        hashed = b"".join(
            (
                _subpacket(33, b"\x04" + _fingerprint(primary)),  # issuer
                _subpacket(2, struct.pack(">I", int(self.created.timestamp()))),
                _subpacket(27, flags),
            )
        )
        head = bytes([4, kind, _EDDSA, _SHA256]) + struct.pack(">H", len(hashed)) + hashed
        trailer = b"\x04\xff" + struct.pack(">I", len(head))
        digest = hashlib.sha256(_prefixed(primary) + about + head + trailer).digest()
        signature = self._signer.sign(digest)
        unhashed = _subpacket(16, _fingerprint(primary)[-8:])
        body = head + struct.pack(">H", len(unhashed)) + unhashed + digest[:2]
        return _packet(_SIGNATURE, body + _mpi(signature[:32]) + _mpi(signature[32:]))


def armored(kind: str, data: bytes) -> str:
    """Return ASCII armor; kind is `PUBLIC KEY BLOCK`, `PRIVATE KEY BLOCK` or `MESSAGE`."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    check = base64.b64encode(crc24(data).to_bytes(3, "big")).decode()
    frame = ("-----BEGIN PGP", "-----END PGP")
    return "\n".join(
        [f"{frame[0]} {kind}-----", "", *lines, f"={check}", f"{frame[1]} {kind}-----", ""]
    )


def _packet(kind: int, body: bytes) -> bytes:
    one, two = 192, 8384
    if len(body) < one:
        length = bytes([len(body)])
    elif len(body) < two:
        length = bytes([(len(body) - one >> 8) + one, len(body) - one & 0xFF])
    else:
        length = b"\xff" + struct.pack(">I", len(body))
    return bytes([0xC0 | kind]) + length + body


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _mpi(number: bytes) -> bytes:
    number = number.lstrip(b"\0")
    return struct.pack(">H", int.from_bytes(number, "big").bit_length()) + number


def _prefixed(key: bytes) -> bytes:
    return b"\x99" + struct.pack(">H", len(key)) + key


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha1(_prefixed(key), usedforsecurity=False).digest()
