"""I2P structures: identities, destinations with secret keys, router infos, addresses.

An identity is 256 bytes of encryption key, 128 bytes of signing key (padded at the front) and a
certificate; its SHA-256 is its address. Source: https://geti2p.net/spec/common-structures;
compared with files and the log of i2pd 2.45.1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from triage.errors import ParseError

KEYS_LIMIT = 64 << 10
"""Bytes of a file with secret keys; real ones are below 1 KB."""
INFO_LIMIT = 64 << 10
"""Bytes of a router info; the network accepts less than 4 KB."""

_KEYS = 384
_KEY_CERTIFICATE = 5
_CERTIFICATES = frozenset({0, 1, 2, 3, 4, _KEY_CERTIFICATE})
_SIGNATURES = {  # type → (name, bytes of public key, secret key, signature)
    0: ("dsa-sha1", 128, 20, 40),
    1: ("ecdsa-p256", 64, 32, 64),
    2: ("ecdsa-p384", 96, 48, 96),
    3: ("ecdsa-p521", 132, 66, 132),
    7: ("ed25519", 32, 32, 64),
    8: ("ed25519ph", 32, 32, 64),
    11: ("reddsa", 32, 32, 64),
}
_ED25519 = 7
_ELGAMAL_KEY = 256
_MAX_ADDRESSES = 16
_MAX_OPTIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A router identity or destination; `length` is how many bytes it takes."""

    length: int
    digest: bytes  # SHA-256
    signature: str  # type of signing key
    signature_type: int
    signing_key: bytes

    @property
    def b32(self) -> str:
        """`<52 characters>.b32.i2p`, the address of a destination."""
        return f"{base64.b32encode(self.digest).decode().lower().rstrip('=')}.b32.i2p"

    @property
    def b64(self) -> str:
        """The hash in I2P's base64, as routers are named in the network database."""
        return base64.b64encode(self.digest, b"-~").decode()


def identity(data: bytes) -> Identity:
    """Read the identity at the beginning. Raises ParseError."""
    if len(data) < _KEYS + 3:
        raise ParseError("too short for an I2P identity")
    kind, size = data[_KEYS], int.from_bytes(data[_KEYS + 1 : _KEYS + 3], "big")
    length = _KEYS + 3 + size
    if kind not in _CERTIFICATES or length > len(data):
        raise ParseError("not an I2P identity")
    number = 0
    if kind == _KEY_CERTIFICATE:
        if size < 4:  # noqa: PLR2004 - two types of two bytes
            raise ParseError("not an I2P identity")
        number = int.from_bytes(data[_KEYS + 3 : _KEYS + 5], "big")
    elif kind == 0 and size:
        raise ParseError("not an I2P identity")
    if number not in _SIGNATURES:
        raise ParseError(f"an I2P identity with unknown signature type {number}")
    name, key_length, _, _ = _SIGNATURES[number]
    return Identity(
        length=length,
        digest=hashlib.sha256(data[:length]).digest(),
        signature=name,
        signature_type=number,
        signing_key=data[_KEYS - min(key_length, 128) : _KEYS],
    )


def secret_keys(data: bytes) -> Identity:
    """Read a file of a destination and its secret keys; returns the public part alone.

    Raises ParseError when what follows is not as long as keys of those types are.
    """
    found = identity(data)
    rest = len(data) - found.length
    secret = _SIGNATURES[found.signature_type][2]
    # 256 bytes for ElGamal, or 32 for X25519 where a program stores no more.
    if rest not in {_ELGAMAL_KEY + secret, 32 + secret}:
        raise ParseError("an I2P identity without secret keys behind it")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterInfo:
    """What a router tells its network about itself; `published` is milliseconds since 1970."""

    identity: Identity
    published: int
    addresses: tuple[dict[str, str], ...]  # options, with `style` and perhaps `host`, `port`
    options: dict[str, str]
    signature_ok: bool | None  # None: not of a type that is checked here


def router_info(data: bytes) -> RouterInfo:
    """Read a `router.info`. Raises ParseError."""
    found = identity(data)
    at = found.length
    published = int.from_bytes(data[at : at + 8], "big")
    count = _byte(data, at + 8)
    at += 9
    addresses = []
    for _ in range(min(count, _MAX_ADDRESSES)):
        style, at = _string(data, at + 9)  # cost and expiry before it
        options, at = _mapping(data, at)
        addresses.append({**options, "style": style})
    peers = _byte(data, at)
    options, end = _mapping(data, at + 1 + 32 * peers)
    _, _, _, length = _SIGNATURES[found.signature_type]
    if end + length > len(data):
        raise ParseError("the router info is cut short", where=f"byte {end}")
    valid = None
    if found.signature_type == _ED25519:
        try:
            key = Ed25519PublicKey.from_public_bytes(found.signing_key)
            key.verify(data[end : end + length], data[:end])
            valid = True
        except (InvalidSignature, ValueError):
            valid = False
    return RouterInfo(
        identity=found,
        published=published,
        addresses=tuple(addresses),
        options=options,
        signature_ok=valid,
    )


def destination_address(text: str) -> str | None:
    """Return the b32 address of a destination in I2P's base64, None when it is none."""
    text = text.strip()
    if not 516 <= len(text) <= 2000:  # noqa: PLR2004 - the shortest is 387 bytes
        return None
    try:
        data = base64.b64decode(text, b"-~", validate=True)
        found = identity(data)
    except (binascii.Error, ValueError, ParseError):
        return None
    return found.b32 if found.length == len(data) else None


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ParseError("the router info is cut short", where=f"byte {at}")
    return data[at]


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + _byte(data, at)
    if end > len(data):
        raise ParseError("the router info is cut short", where=f"byte {at}")
    return data[at + 1 : end].decode("utf-8", "surrogateescape"), end


def _mapping(data: bytes, at: int) -> tuple[dict[str, str], int]:
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    if at + 2 > len(data) or end > len(data):
        raise ParseError("the router info is cut short", where=f"byte {at}")
    at += 2
    options: dict[str, str] = {}
    while at < end and len(options) < _MAX_OPTIONS:
        key, at = _string(data, at)
        value, after = _string(data, at + 1)
        if data[at : at + 1] != b"=" or data[after : after + 1] != b";":
            raise ParseError("a damaged mapping", where=f"byte {at}")
        options[key] = value
        at = after + 1
    return options, end
