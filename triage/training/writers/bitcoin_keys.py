"""Keys of Bitcoin and the encodings that files of wallets share: base58, DER, BIP-32, protobuf."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_N = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DER = bytes.fromhex(
    "a08185308182020101302c06072a8648ce3d0101022100fffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffefffffc2f300604010004010704210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16"
    "f81798022100fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141020101a124032200"
)


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    """Return RIPEMD-160 of SHA-256."""
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()


def base58check(payload: bytes) -> str:
    """Return bytes with their checksum in base58."""
    data = payload + sha256d(payload)[:4]
    value, text = int.from_bytes(data, "big"), ""
    while value:
        value, digit = divmod(value, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def public(key: bytes) -> bytes:
    """Return the compressed public key of a private one."""
    point = derive_private_key(int.from_bytes(key, "big"), SECP256K1()).public_key()
    return point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def der(key: bytes) -> bytes:
    """Return a private key as Bitcoin Core stores it (214 bytes)."""
    return bytes.fromhex("3081d30201010420") + key + _DER + public(key)


def vector(data: bytes) -> bytes:
    """Return bytes behind their compact size."""
    short = (
        bytes([len(data)]) if len(data) in range(0xFD) else b"\xfd" + struct.pack("<H", len(data))
    )
    return short + data


def name(text: str) -> bytes:
    """Return text behind its compact size."""
    return vector(text.encode())


class Extended:
    """A BIP-32 private key."""

    def __init__(self, key: bytes, chain: bytes, head: bytes = bytes(9)) -> None:
        self.key, self.chain, self.head = key, chain, head

    @classmethod
    def master(cls, seed: bytes) -> Extended:
        """Return the master key of a seed."""
        digest = hmac.digest(b"Bitcoin seed", seed, hashlib.sha512)
        return cls(digest[:32], digest[32:])

    def child(self, number: int, *, hardened: bool = False) -> Extended:
        """Return one child."""
        index = struct.pack(">I", number | hardened << 31)
        data = (b"\0" + self.key if hardened else public(self.key)) + index
        digest = hmac.digest(self.chain, data, hashlib.sha512)
        key = (int.from_bytes(digest[:32], "big") + int.from_bytes(self.key, "big")) % _N
        head = bytes([self.head[0] + 1]) + hash160(public(self.key))[:4] + index
        return Extended(key.to_bytes(32, "big"), digest[32:], head)

    def below(self, *steps: int) -> Extended:
        """Return the key below hardened steps."""
        found = self
        for step in steps:
            found = found.child(step, hardened=True)
        return found

    def encoded(self) -> bytes:
        """74 bytes: the extended public key without its version."""
        return self.head + self.chain + public(self.key)

    def xpub(self) -> str:
        """Return the extended public key as text."""
        return base58check(bytes.fromhex("0488b21e") + self.encoded())


def field(number: int, value: int | bytes | str) -> bytes:
    """Return one field of a protocol buffer: a varint, or bytes behind their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    data = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
