"""Keygrips: the names under which GnuPG's agent keeps secret keys, computed from public ones.

A keygrip is a SHA-1 over the public parts without times and versions, so it links a key ring to
`private-keys-v1.d/<keygrip>.key`. Source: libgcrypt, `cipher/{rsa,dsa,elgamal,ecc}.c`
(`compute_keygrip`) and `cipher/ecc-curves.c`; compared with the output of GnuPG 2.2.40.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from triage.formats.openpgp_keys import PublicKey

_RSA = frozenset({1, 2, 3})
_PARTS = {16: "pgy", 20: "pgy", 17: "pqgy"}  # algorithm → names of its public numbers
_NATIVE = {25: "cv25519", 27: "ed25519"}


@dataclass(frozen=True, slots=True)
class _Curve:
    """Prime, coefficients, generator and order, as libgcrypt hashes them."""

    p: int
    a: int
    b: int
    gx: int
    gy: int
    n: int

    @property
    def width(self) -> int:
        return (self.p.bit_length() + 7) // 8


_25519 = 2**255 - 19
_ORDER_25519 = 2**252 + 27742317777372353535851937790883648493
_ED25519 = _Curve(
    p=_25519,
    a=1,  # libgcrypt hashes the negative coefficients without their sign
    b=0x2DFC9311D490018C7338BF8688861767FF8FF5B2BEBE27548A14B235ECA6874A,
    gx=0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A,
    gy=0x6666666666666666666666666666666666666666666666666666666666666658,
    n=_ORDER_25519,
)
_CV25519 = _Curve(
    p=_25519,
    a=121665,
    b=1,
    gx=9,
    gy=0x20AE19A1B8A086B4E01EDD2C7748D14C923D4D7E6D7C61B229E9C5A27ECED3D9,
    n=_ORDER_25519,
)
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1
_P521 = 2**521 - 1
_CURVES = {
    "ed25519": _ED25519,
    "cv25519": _CV25519,
    "nistp256": _Curve(
        p=_P256,
        a=_P256 - 3,
        b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        gx=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        gy=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "nistp384": _Curve(
        p=_P384,
        a=_P384 - 3,
        b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        gx=0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        gy=0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    "nistp521": _Curve(
        p=_P521,
        a=_P521 - 3,
        b=0x051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        gx=0xC6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
        gy=0x11839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
        n=0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    ),
    "secp256k1": _Curve(
        p=2**256 - 2**32 - 977,
        a=0,
        b=7,
        gx=0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        gy=0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    ),
}


def keygrip(key: PublicKey) -> str | None:
    """Return the keygrip, 40 upper-case digits; None for an algorithm or curve not known here."""
    return keygrip_of(key.number, key.numbers, key.curve)


def keygrip_of(number: int, numbers: Sequence[bytes], curve: str | None) -> str | None:
    """Return the keygrip of public numbers, in the order of their OpenPGP algorithm."""
    if number in _RSA and numbers:
        return _digest(_signed(numbers[0]))
    if number in _PARTS and len(numbers) == len(_PARTS[number]):
        parts = zip(_PARTS[number], numbers, strict=True)
        return _digest(b"".join(_item(name, _signed(value)) for name, value in parts))
    name = _NATIVE.get(number, curve or "")
    known = _CURVES.get(name)
    if known is None or not numbers:
        return None
    point = numbers[0]
    if name in {"ed25519", "cv25519"} and point[:1] == b"\x40":
        point = point[1:]
    generator = b"\x04" + b"".join(at.to_bytes(known.width, "big") for at in (known.gx, known.gy))
    return _digest(
        _item("p", _unsigned(known.p))
        + _item("a", _unsigned(known.a))
        + _item("b", _unsigned(known.b))
        + _item("g", generator)
        + _item("n", _unsigned(known.n))
        + _item("q", point)
    )


def _digest(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()


def _item(name: str, data: bytes) -> bytes:
    return b"(1:%c%d:%b)" % (ord(name), len(data), data)


def _unsigned(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _signed(number: bytes) -> bytes:
    """Return a number as S-expressions hold it: a zero byte before a first bit that is set."""
    number = number.lstrip(b"\0")
    return b"\0" + number if number[:1] >= b"\x80" else number
