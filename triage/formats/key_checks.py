"""What each kind of private key or token can prove about itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from triage.errors import ParseError
from triage.formats import base58, bech32, extended_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """It is one; `kind` matters where the caller does not know it yet."""

    kind: str = ""
    checks: tuple[str, ...] = ()


_SHAPE = Verdict()

_WIF_VERSIONS: Final = frozenset(
    {
        0x80,  # Bitcoin, Bitcoin Cash, Zcash
        0xEF,  # the test networks
        0xB0,  # Litecoin
        0x9E,  # Dogecoin
        0xF1,  # Dogecoin test
        0xCC,  # Dash
    }
)
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_STELLAR_SEED = 0x90
_BIP38_PREFIXES: Final = (b"\x01\x42", b"\x01\x43")
_RIPPLE_SEEDS: Final = {(b"\x21", 17), (b"\x01", 19)}


def shape_only(_text: str) -> Verdict:
    """Accept: prefix and shape are all there is."""
    return _SHAPE


def mixed(text: str) -> Verdict | None:
    """Accept a mix of capitals, small letters and digits: not a name, not hexadecimal."""
    classes = (str.isupper, str.islower, str.isdigit)
    return _SHAPE if all(any(map(kind, text)) for kind in classes) else None


def age(text: str) -> Verdict:
    """Accept any: the prefix gives it away even when a slip breaks the bech32 checksum."""
    try:
        bech32.decode(text)
    except ParseError:
        return _SHAPE
    return Verdict(checks=("bech32",))


def jwt(text: str) -> Verdict | None:
    """Accept when the first part is a JSON object that names an algorithm."""
    head = text.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head[:4096] + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return None
    return _SHAPE if isinstance(header, dict) and "alg" in header else None


def discord(text: str) -> Verdict | None:
    """Accept when the first part is an account number, 17 to 20 digits, in base64."""
    head = text.partition(".")[0]
    try:
        number = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
    except ValueError:
        return None
    return _SHAPE if re.fullmatch(rb"\d{17,20}", number) else None


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github(text: str) -> Verdict:
    """Accept any by its prefix; CRC-32 of the random part stands at its end, in base 62."""
    body, expected = text[4:-6], text[-6:]
    crc = zlib.crc32(body.encode("ascii"))
    digits = ""
    while crc:
        crc, digit = divmod(crc, 62)
        digits = _BASE62[digit] + digits
    return Verdict(checks=("crc32",)) if digits.rjust(6, "0") == expected else _SHAPE


def _payload(text: str, alphabet: str = base58.BITCOIN) -> bytes:
    try:
        return base58.decode_check(text, alphabet)
    except ParseError:
        return b""


def _wif(text: str) -> Verdict | None:
    payload = _payload(text)
    size = len(payload)
    if (
        size not in {33, 34}
        or payload[0] not in _WIF_VERSIONS
        or payload[33:] not in {b"", b"\x01"}
    ):
        return None
    if not 0 < int.from_bytes(payload[1:33], "big") < _SECP256K1_ORDER:
        return None
    return Verdict(kind="wif", checks=("base58check",))


def _bip38(text: str) -> Verdict | None:
    payload = _payload(text) if text.startswith("6P") else b""
    if len(payload) != 39 or payload[:2] not in _BIP38_PREFIXES:  # noqa: PLR2004 - BIP-38
        return None
    return Verdict(kind="bip38", checks=("base58check",))


def _extended(text: str) -> Verdict | None:
    key = extended_keys.classify(text)
    return Verdict(kind=key.prefix, checks=key.checks) if key and key.private else None


def _ripple_seed(text: str) -> Verdict | None:
    payload = _payload(text, base58.RIPPLE) if text.startswith("s") else b""
    if (payload[:1], len(payload)) not in _RIPPLE_SEEDS:
        return None
    if payload[0] == 1 and not payload.startswith(b"\x01\xe1\x4b"):
        return None
    return Verdict(kind="ripple seed", checks=("base58check",))


def _mini_key(text: str) -> Verdict | None:
    """Casascius' coins: the first byte of SHA-256(text + "?") is 0, which 1 text in 256 is."""
    if (
        not text.startswith("S")
        or mixed(text) is None
        or not re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]+", text)
    ):
        return None
    if hashlib.sha256(f"{text}?".encode()).digest()[0]:
        return None
    return Verdict(kind="mini private key", checks=("sha256-byte",))


def _stellar(text: str) -> Verdict | None:
    if not text.startswith("S") or not re.fullmatch(r"[A-Z2-7]{56}", text):
        return None
    data = base64.b32decode(text)
    crc = binascii.crc_hqx(data[:-2], 0)
    if data[0] != _STELLAR_SEED or crc.to_bytes(2, "little") != data[-2:]:
        return None
    return Verdict(kind="stellar seed", checks=("crc16",))


def _is_ed25519_pair(data: bytes) -> bool:
    key = Ed25519PrivateKey.from_private_bytes(data[:32])
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) == data[32:]


def _solana(text: str) -> Verdict | None:
    try:
        data = base58.decode(text)
    except ParseError:
        return None
    if len(data) != 64 or not _is_ed25519_pair(data):  # noqa: PLR2004 - seed and public key
        return None
    return Verdict(kind="solana key", checks=("ed25519",))


def solana_numbers(text: str) -> Verdict | None:
    """Accept 64 decimal numbers that are a seed and its public key."""
    numbers = [int(number) for number in text.split(",")]
    if max(numbers) > 255 or not _is_ed25519_pair(bytes(numbers)):  # noqa: PLR2004 - bytes
        return None
    return Verdict(kind="solana key", checks=("ed25519",))


BY_LENGTH: Final[dict[int, Callable[[str], Verdict | None]]] = {
    22: _mini_key,
    29: _ripple_seed,
    30: _mini_key,
    31: _ripple_seed,
    51: _wif,
    52: _wif,
    56: _stellar,
    58: _bip38,
    86: _solana,
    87: _solana,
    88: _solana,
    111: _extended,
    112: _extended,
}
"""Which kind a run of so many letters and digits can be."""

BREAKABLE: Final = frozenset(BY_LENGTH) - {22, 30}
"""Lengths at which a key is still one when it was put together from several lines."""
