"""Cryptocurrency addresses: which coin, which network, which type, and what proves it.

Sources: `chainparams.cpp` of Bitcoin, Litecoin, Dogecoin, Dash and Zcash (version bytes), BIP-173
and BIP-350, cashaddr, EIP-55, Monero's `cryptonote_config.h`, the XRP Ledger's documentation,
TRON's documentation, CIP-19 (Cardano; before it CBOR with a CRC-32), ZIP-316 (Zcash's unified
addresses, of which only the bech32m checksum is tested), SEP-23 (Stellar). Coins share version
bytes: a legacy Bitcoin Cash address and an old Litecoin P2SH address are also Bitcoin addresses,
and are reported as such.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.errors import ParseError
from triage.formats import base58, bech32
from triage.formats.keccak import keccak256

LIMIT: Final = 10_000
"""Addresses that `find_addresses` yields from one text unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoAddress:
    """An address as it stood in the evidence; `checks` is empty when nothing but shape fits."""

    text: str
    coin: str
    network: str  # main, test, stage
    type: str
    checks: tuple[str, ...]

    @property
    def confirmed(self) -> bool:
        """Whether a checksum holds. Without one it is a pattern only: "possible"."""
        return bool(self.checks)


_HASH160 = 20
_VERSIONS: Final = {  # version bytes before a 20-byte hash
    b"\x00": ("bitcoin", "main", "p2pkh"),
    b"\x05": ("bitcoin", "main", "p2sh"),
    b"\x6f": ("bitcoin", "test", "p2pkh"),
    b"\xc4": ("bitcoin", "test", "p2sh"),
    b"\x30": ("litecoin", "main", "p2pkh"),
    b"\x32": ("litecoin", "main", "p2sh"),
    b"\x3a": ("litecoin", "test", "p2sh"),
    b"\x1e": ("dogecoin", "main", "p2pkh"),
    b"\x16": ("dogecoin", "main", "p2sh"),
    b"\x71": ("dogecoin", "test", "p2pkh"),
    b"\x4c": ("dash", "main", "p2pkh"),
    b"\x10": ("dash", "main", "p2sh"),
    b"\x8c": ("dash", "test", "p2pkh"),
    b"\x13": ("dash", "test", "p2sh"),
    b"\x41": ("tron", "main", "account"),
    b"\x1c\xb8": ("zcash", "main", "p2pkh"),
    b"\x1c\xbd": ("zcash", "main", "p2sh"),
    b"\x1d\x25": ("zcash", "test", "p2pkh"),
    b"\x1c\xba": ("zcash", "test", "p2sh"),
}
_SEGWIT: Final = {
    "bc": ("bitcoin", "main"),
    "tb": ("bitcoin", "test"),
    "bcrt": ("bitcoin", "regtest"),
    "ltc": ("litecoin", "main"),
    "tltc": ("litecoin", "test"),
}
_WITNESS: Final = {(0, 20): "p2wpkh", (0, 32): "p2wsh", (1, 32): "p2tr"}
_CARDANO: Final = {  # human-readable part: network nibble, address types (CIP-19)
    "addr": (1, range(8)),
    "stake": (1, range(14, 16)),
    "addr_test": (0, range(8)),
    "stake_test": (0, range(14, 16)),
}
_CARDANO_LONGEST = 130
_CASH: Final = {"bitcoincash": "main", "bchtest": "test", "bchreg": "regtest"}
_CASH_TYPES: Final = {0: "p2pkh", 1: "p2sh"}
_MONERO: Final = {  # network byte: network, type
    18: ("main", "standard"),
    19: ("main", "integrated"),
    42: ("main", "subaddress"),
    53: ("test", "standard"),
    54: ("test", "integrated"),
    63: ("test", "subaddress"),
    24: ("stage", "standard"),
    25: ("stage", "integrated"),
    36: ("stage", "subaddress"),
}
_MONERO_SIZES: Final = {"standard": 69, "subaddress": 69, "integrated": 77}
_RIPPLE_X: Final = {b"\x05\x44": "main", b"\x04\x93": "test"}

_UNIFIED: Final = {"u": "main", "utest": "test"}
_BYRON: Final = ("Ae2", "Ddz", "2cWKMJ", "37bt")
_BYRON_LONGEST = 114
_STELLAR = re.compile(r"G[A-Z2-7]{55}")
_STELLAR_ACCOUNT = 0x30

_ETHEREUM = re.compile(r"0x[0-9A-Fa-f]{40}")
_BASE58 = re.compile(r"[1-9A-HJ-NP-Za-km-z]+")
_SOLANA_KEY = 32
_SHORTEST, _LONGEST = 25, 256


def classify(text: str) -> CryptoAddress | None:
    """Return the address that `text` is, whole, or None. Never raises, whatever the text."""
    if not _SHORTEST <= len(text) <= _LONGEST:
        return None
    if text.startswith("0x"):
        return _ethereum(text)
    try:
        return _stellar(text) or _cash(text) or _bech32(text) or _base58(text)
    except ParseError:
        return None


def _ethereum(text: str) -> CryptoAddress | None:
    if not _ETHEREUM.fullmatch(text):
        return None
    digits = text[2:]
    checks: tuple[str, ...] = ()
    if digits not in {digits.lower(), digits.upper()}:  # EIP-55 lives in mixed case alone
        digest = keccak256(digits.lower().encode("ascii")).hex()
        for digit, nibble in zip(digits, digest, strict=False):
            if digit.isalpha() and digit.isupper() != (nibble >= "8"):
                return None
        checks = ("eip55",)
    return CryptoAddress(text=text, coin="ethereum", network="main", type="account", checks=checks)


def _cash(text: str) -> CryptoAddress | None:
    prefix, colon, rest = text.rpartition(":")
    if not colon:
        if len(rest) != 42 or rest[0] not in "qpQP":  # noqa: PLR2004 - 20 bytes of hash
            return None
        prefix = "bitcoincash"
    network = _CASH.get(prefix.lower())
    if network is None:
        return None
    try:
        kind, digest = bech32.decode_cash(rest, prefix.lower())
    except ParseError:
        return None
    if kind not in _CASH_TYPES or len(digest) not in {20, 32}:
        return None
    return CryptoAddress(
        text=text,
        coin="bitcoin-cash",
        network=network,
        type=_CASH_TYPES[kind],
        checks=("cashaddr",),
    )


def _bech32(text: str) -> CryptoAddress | None:
    hrp = text[: text.rfind("1")].lower()
    if hrp in _SEGWIT:
        witness = bech32.decode_segwit(text)
        coin, network = _SEGWIT[hrp]
        kind = _WITNESS.get((witness.version, len(witness.program)), f"witness-v{witness.version}")
        checks = (witness.encoding.name.lower(),)
    elif hrp in _CARDANO:
        decoded = bech32.decode(text, longest=_CARDANO_LONGEST)
        data = decoded.data()
        nibble, types = _CARDANO[hrp]
        if decoded.encoding is not bech32.Encoding.BECH32 or len(data) < 29:  # noqa: PLR2004 - one hash
            return None
        if data[0] & 15 != nibble or data[0] >> 4 not in types:
            return None
        coin, network, checks = "cardano", "main" if nibble else "test", ("bech32",)
        kind = "stake" if hrp.startswith("stake") else "payment"
    elif hrp == "zs":
        if len(bech32.decode(text).data()) != 43:  # noqa: PLR2004 - diversifier and key
            return None
        coin, network, kind, checks = "zcash", "main", "sapling", ("bech32",)
    elif hrp in _UNIFIED:
        if bech32.decode(text, longest=_LONGEST).encoding is not bech32.Encoding.BECH32M:
            return None
        coin, network, kind, checks = "zcash", _UNIFIED[hrp], "unified", ("bech32m",)
    else:
        return None
    return CryptoAddress(text=text, coin=coin, network=network, type=kind, checks=checks)


def _base58(text: str) -> CryptoAddress | None:
    if not _BASE58.fullmatch(text):
        return None
    if text.startswith(_BYRON):
        return _byron(text)
    if len(text) in {95, 106}:
        return _monero(text)
    if text[0] in "rXT" and (address := _ripple(text)):
        return address
    data = base58.decode(text) if len(text) <= 47 else b""  # noqa: PLR2004 - the longest of the rest
    if len(data) == _SOLANA_KEY:
        return CryptoAddress(text=text, coin="solana", network="main", type="account", checks=())
    payload, checksum = data[:-4], data[-4:]
    known = _VERSIONS.get(payload[:-_HASH160])
    if known is None or checksum != base58.checksum(payload):
        return None
    coin, network, kind = known
    return CryptoAddress(text=text, coin=coin, network=network, type=kind, checks=("base58check",))


def _byron(text: str) -> CryptoAddress | None:
    """Read Cardano's first addresses: CBOR of tagged bytes and their CRC-32."""
    data = base58.decode(text) if len(text) <= _BYRON_LONGEST else b""
    head, size, body = data[:4], data[4:5], data[5:-5]
    if head != b"\x82\xd8\x18\x58" or size != bytes([len(body) & 255]) or data[-5] != 0x1A:  # noqa: PLR2004 - a 32-bit number
        return None
    if zlib.crc32(body) != int.from_bytes(data[-4:], "big"):
        return None
    network = "main" if text.startswith(_BYRON[:2]) else "test"
    return CryptoAddress(
        text=text, coin="cardano", network=network, type="byron", checks=("crc32",)
    )


def _stellar(text: str) -> CryptoAddress | None:
    if not _STELLAR.fullmatch(text):
        return None
    data = base64.b32decode(text)
    crc = binascii.crc_hqx(data[:-2], 0).to_bytes(2, "little")
    if data[0] != _STELLAR_ACCOUNT or data[-2:] != crc:
        return None
    return CryptoAddress(
        text=text, coin="stellar", network="main", type="account", checks=("crc16",)
    )


def _monero(text: str) -> CryptoAddress | None:
    data = base58.decode_blocks(text)
    network, kind = _MONERO.get(data[0], ("", ""))
    if len(data) != _MONERO_SIZES.get(kind) or keccak256(data[:-4])[:4] != data[-4:]:
        return None
    return CryptoAddress(text=text, coin="monero", network=network, type=kind, checks=("keccak",))


def _ripple(text: str) -> CryptoAddress | None:
    try:
        payload = base58.decode_check(text, base58.RIPPLE)
    except ParseError:
        return None
    if payload[0] == 0 and len(payload) == 1 + _HASH160:
        network, kind = "main", "classic"
    elif payload[:2] in _RIPPLE_X and len(payload) == 31:  # noqa: PLR2004 - hash, flags, tag
        network, kind = _RIPPLE_X[payload[:2]], "x-address"
    else:
        return None
    return CryptoAddress(
        text=text, coin="ripple", network=network, type=kind, checks=("base58check",)
    )


# A percent escape before an address must not become its first two characters.
_TOKEN = re.compile(r"%[0-9A-Fa-f]{2}|([0-9A-Za-z]{25,})")
_PREFIXED = re.compile(r"(?:bitcoincash:|bchtest:|bchreg:|addr_|stake_)\Z", re.IGNORECASE)
_PREFIX_CHARS = len("bitcoincash:")
_FEW_DIGITS = 3


def find_addresses(text: str, *, limit: int = LIMIT) -> Iterator[tuple[int, CryptoAddress]]:
    """Yield (offset, address) for every address that stands by itself, in order, at most `limit`.

    Without a checksum an address is "possible" at most, and only yielded when it looks like one:
    Solana's must mix capitals, small letters and several digits, Ethereum's must not be all
    capitals, as constants in programs are. Time grows with the length of the text alone.
    """
    left = limit
    for found in _TOKEN.finditer(text):
        token = found[1]
        if token is None or len(token) > _LONGEST:
            continue
        if left <= 0:
            return
        start = found.start(1)
        before = _PREFIXED.search(text, max(0, start - _PREFIX_CHARS), start)
        address = classify(before[0] + token) if before else None
        if address:
            start -= len(address.text) - len(token)
        else:
            address = classify(token)
        if address and (address.confirmed or _looks_like(address, text[max(0, start - 7) : start])):
            left -= 1
            yield start, address


def _looks_like(address: CryptoAddress, before: str) -> bool:
    text = address.text
    if address.coin == "ethereum":
        return text == text.lower()
    if before == "sha256=":  # Python packages list their files with digests in base64
        return False
    digits = sum(map(str.isdigit, text))
    return digits >= _FEW_DIGITS and text not in {text.lower(), text.upper()}
