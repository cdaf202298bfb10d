"""Public derivation: the addresses below an extended public key, without any private key.

Sources: BIP-32 (CKDpub), BIP-341 (the tweak of a taproot key without scripts), BIP-49 and BIP-84
(which script a key is put into).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key

from triage.api import ParseError

from ._bitcoin import hash160

_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_HARDENED = 1 << 31
_Point = tuple[int, int]


def lift(key: bytes) -> _Point:
    """Return the point of a compressed public key. Raises ParseError when there is none."""
    x = int.from_bytes(key[1:], "big")
    if len(key) != 33 or key[0] not in {2, 3} or x >= _P:  # noqa: PLR2004 - compressed
        raise ParseError("not a compressed public key")
    square = (pow(x, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        raise ParseError("not a point of secp256k1")
    return x, y if y % 2 == key[0] % 2 else _P - y


def _plus_base(point: _Point, factor: int) -> _Point:
    """Return the point plus `factor` times the base point."""
    if not 0 < factor < _N:
        raise ParseError("derivation has no result")
    numbers = derive_private_key(factor, SECP256K1()).public_key().public_numbers()
    (x1, y1), (x2, y2) = point, (numbers.x, numbers.y)
    if x1 == x2:
        raise ParseError("derivation has no result")
    slope = (y2 - y1) * pow(x2 - x1, -1, _P) % _P
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _compressed(point: _Point) -> bytes:
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")


def public_key(private: bytes, *, compressed: bool = True) -> bytes:
    """Return the public key of 32 bytes of private key. Raises ParseError when they are none."""
    factor = int.from_bytes(private, "big")
    if not 0 < factor < _N:
        raise ParseError("not a private key")
    numbers = derive_private_key(factor, SECP256K1()).public_key().public_numbers()
    if compressed:
        return _compressed((numbers.x, numbers.y))
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def matches(private: bytes, public: bytes) -> bool:
    """Whether 32 bytes of private key make this public key, compressed or not."""
    factor = int.from_bytes(private, "big")
    if not 0 < factor < _N:
        return False
    numbers = derive_private_key(factor, SECP256K1()).public_key().public_numbers()
    whole = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return public in {_compressed((numbers.x, numbers.y)), whole}


def child(chain_code: bytes, key: bytes, index: int) -> tuple[bytes, bytes]:
    """Return chain code and compressed key of a child that is not hardened. Raises ParseError."""
    if not 0 <= index < _HARDENED:
        raise ParseError("hardened children need the private key")
    digest = hmac.digest(chain_code, key + index.to_bytes(4, "big"), hashlib.sha512)
    point = _plus_base(lift(key), int.from_bytes(digest[:32], "big"))
    return digest[32:], _compressed(point)


def _taproot(key: bytes) -> bytes:
    x, y = lift(b"\x02" + key[1:])
    tag = hashlib.sha256(b"TapTweak").digest()
    tweak = hashlib.sha256(tag + tag + x.to_bytes(32, "big")).digest()
    return _compressed(_plus_base((x, y), int.from_bytes(tweak, "big")))[1:]


def script(key: bytes, script_type: str) -> bytes | None:
    """Return the output script of a public key, None for a type that takes more than one key."""
    match script_type:
        case "p2pkh":
            return b"\x76\xa9\x14" + hash160(key) + b"\x88\xac"
        case "p2wpkh":
            return b"\x00\x14" + hash160(key)
        case "p2sh-p2wpkh":
            return b"\xa9\x14" + hash160(b"\x00\x14" + hash160(key)) + b"\x87"
        case "p2tr":
            return b"\x51\x20" + _taproot(key)
        case "p2pk":
            return bytes([len(key)]) + key + b"\xac"
        case _:
            return None


SCRIPT_TYPES: Final = ("p2pkh", "p2wpkh", "p2sh-p2wpkh", "p2tr", "p2pk")
"""What `script` makes of one key."""
