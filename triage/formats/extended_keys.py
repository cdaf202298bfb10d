"""BIP-32 extended keys: xpub and its relatives, public and private.

78 bytes in Base58Check: version 4, depth 1, parent fingerprint 4, child number 4 (big-endian, the
top bit means hardened), chain code 32, key 33. The versions are those of BIP-32 and SLIP-132,
Dogecoin's and Dash's those of their `chainparams`. Several coins share Bitcoin's versions, so
`coin` says "bitcoin" where the bytes only say "Bitcoin or a relative of it".

The master key's fingerprint cannot be read from a key deeper than 1: the parent's fingerprint is
the master's at depth 1 alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.errors import ParseError
from triage.formats import base58

LENGTH: Final = 78
"""Bytes of a payload."""
CHARS: Final = (111, 112)
"""Characters that 82 bytes become, given the versions below."""

_P = 2**256 - 2**32 - 977  # secp256k1
_N = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_HARDENED = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    prefix: str
    private: bool
    coin: str
    network: str
    script: str


def _pair(public: str, private: str, where: str, script: str) -> dict[bytes, _Version]:
    coin, _, network = where.partition(" ")
    pairs = {}
    for text, is_private in ((public, False), (private, True)):
        version, prefix = text.split()
        pairs[bytes.fromhex(version)] = _Version(
            prefix=prefix, private=is_private, coin=coin, network=network, script=script
        )
    return pairs


_VERSIONS: Final = {
    **_pair("0488b21e xpub", "0488ade4 xprv", "bitcoin main", "p2pkh"),
    **_pair("049d7cb2 ypub", "049d7878 yprv", "bitcoin main", "p2sh-p2wpkh"),
    **_pair("04b24746 zpub", "04b2430c zprv", "bitcoin main", "p2wpkh"),
    **_pair("0295b43f Ypub", "0295b005 Yprv", "bitcoin main", "p2sh-p2wsh"),
    **_pair("02aa7ed3 Zpub", "02aa7a99 Zprv", "bitcoin main", "p2wsh"),
    **_pair("043587cf tpub", "04358394 tprv", "bitcoin test", "p2pkh"),
    **_pair("044a5262 upub", "044a4e28 uprv", "bitcoin test", "p2sh-p2wpkh"),
    **_pair("045f1cf6 vpub", "045f18bc vprv", "bitcoin test", "p2wpkh"),
    **_pair("024289ef Upub", "024285b5 Uprv", "bitcoin test", "p2sh-p2wsh"),
    **_pair("02575483 Vpub", "02575048 Vprv", "bitcoin test", "p2wsh"),
    **_pair("019da462 Ltub", "019d9cfe Ltpv", "litecoin main", "p2pkh"),
    **_pair("01b26ef6 Mtub", "01b26792 Mtpv", "litecoin main", "p2sh-p2wpkh"),
    **_pair("02facafd dgub", "02fac398 dgpv", "dogecoin main", "p2pkh"),
    **_pair("02fe52cc drkp", "02fe52f8 drkv", "dash main", "p2pkh"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedKey:
    """What an extended key says about its place in the tree.

    `script` is what the prefix promises (a plain xpub is also used for taproot and multisig);
    `parent_fingerprint` is 8 hex digits, all zero for a master key; `child` counts from 0 without
    the hardened bit. `text` of a private key is a secret: it is left out of `repr`.
    """

    text: str = field(repr=False)
    prefix: str
    private: bool
    coin: str
    network: str
    script: str
    depth: int
    parent_fingerprint: str
    child: int
    hardened: bool
    checks: tuple[str, ...] = ("base58check",)

    @property
    def secret(self) -> bool:
        """Whether it lets its holder spend."""
        return self.private


def classify(text: str) -> ExtendedKey | None:
    """Return what an extended key says, or None if it is none: checksum, version, key in range."""
    if len(text) not in CHARS:
        return None
    try:
        payload = base58.decode_check(text)
    except ParseError:
        return None
    version = _VERSIONS.get(payload[:4])
    if version is None or len(payload) != LENGTH or not _is_key(payload[45:], version.private):
        return None
    depth, parent, child = payload[4], payload[5:9], int.from_bytes(payload[9:13], "big")
    if depth == 0 and (any(parent) or child):
        return None
    return ExtendedKey(
        text=text,
        prefix=version.prefix,
        private=version.private,
        coin=version.coin,
        network=version.network,
        script=version.script,
        depth=depth,
        parent_fingerprint=parent.hex(),
        child=child & ~_HARDENED,
        hardened=bool(child & _HARDENED),
    )


def _is_key(data: bytes, private: bool) -> bool:
    number = int.from_bytes(data[1:], "big")
    if private:
        return data[0] == 0 and 0 < number < _N
    if data[0] not in {2, 3} or number >= _P:
        return False
    square = (pow(number, 3, _P) + 7) % _P
    return square == 0 or pow(square, (_P - 1) // 2, _P) == 1


# A percent escape before a key must not become its first two characters.
_RUN = re.compile(r"%[0-9A-Fa-f]{2}|([0-9A-Za-z]{111,})")


def find_extended_keys(text: str) -> Iterator[tuple[int, ExtendedKey]]:
    """Yield (offset, key) for every extended key that stands by itself, in order; linear time."""
    for found in _RUN.finditer(text):
        key = classify(found[1]) if found[1] else None
        if key is not None:
            yield found.start(1), key
