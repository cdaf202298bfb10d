"""Which runs of letters and digits can be an address or a key: by first character and length.

Addresses, extended keys, private keys and onion addresses are all unbroken runs of at least 22
letters and digits. They are found four bytes at a time, and most are thrown away, thousands at
once, by a table of first characters and lengths and by their first bytes.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from triage.formats.scan.classes import Bytes, Flags

# What a run may be, so that only those readers look that could say yes. Plain numbers: an `enum`
# costs more than all else that is done with most runs.
ADDRESS, EXTENDED, SECRET, ONION = 1, 2, 4, 8

_FOUR: Final = np.uint32(0x0101_0101)
_WHOLE = 4  # words of four bytes inside 22 (even 19) bytes, however they lie
_SHORTEST, _LONGEST = 22, 256

_BASE58: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567"

_HASHED: Final = b"13mn2LMDA9X78tTr"  # first characters of 20 bytes in Base58Check

_HASHED_LONGEST = 35
_SOLANA_SHORTEST, _SOLANA_LONGEST = 32, 44

# What must hold of a run with this first byte and length, one of those set:
_CHECKED = 1  # begins in base58
_UNCHECKED = 2  # the same, and has digits: Solana's addresses prove nothing
_BECH32 = 4  # a "1" after one to five characters
_OTHER = 8  # Python looks


def _table() -> Bytes:
    """Return [first byte, length] → what is looked for."""
    table = np.zeros((256, _LONGEST + 1), np.uint8)

    def allow(what: int, first: bytes, *lengths: int) -> None:
        for length in lengths:
            table[list(first), length] |= what

    allow(_CHECKED, b"S", 22, 30)  # mini keys
    allow(_CHECKED, _HASHED, *range(25, _HASHED_LONGEST + 1))  # 20 bytes of hash
    allow(_CHECKED, b"s", 29, 31)  # XRP Ledger seeds
    allow(_UNCHECKED, _BASE58, *range(_SOLANA_SHORTEST, _SOLANA_LONGEST + 1))  # Solana
    allow(_CHECKED, b"XT", *range(45, 48))  # XRP Ledger X-addresses
    allow(_OTHER, b"0", 42)  # Ethereum
    allow(_OTHER, b"qpQP", 42)  # Bitcoin Cash
    allow(_BECH32, b"btluzsaBTLUZSA", *range(39, _LONGEST + 1))
    allow(_CHECKED, b"569KLQTX7c", 51, 52)  # WIF
    allow(_OTHER, _BASE32, 56)  # onion, Stellar
    allow(_CHECKED, b"6", 58)  # BIP-38
    allow(_OTHER, b"1", *range(41, 66))  # what follows AGE-SECRET-KEY-
    allow(_CHECKED, b"AD23", *range(59, 115))  # Cardano before Shelley
    allow(_OTHER, b"0123456789abcdefABCDEF", 64)  # a raw key, if a word says so
    allow(_OTHER, b"0", 66)  # the same with 0x
    allow(_CHECKED, _BASE58, 86, 87, 88)  # Solana's pair of keys
    allow(_CHECKED, _BASE58, 95, 106)  # Monero
    allow(_CHECKED, b"xyztuvYZUVLMdD", 111, 112)  # extended keys
    return table


_TABLE = _table()
_IN_BASE58 = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(_BASE58, np.uint8))
_IS_UPPER, _IS_LOWER = (
    np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(letters.encode(), np.uint8))
    for letters in (string.ascii_uppercase, string.ascii_lowercase)
)
_DIGITS = 3  # Solana's addresses with fewer are too like names
_COLUMNS = np.arange(_SOLANA_LONGEST)

_BECH32_SHAPE = (
    rb"(?i:(?:bc|tb|bcrt|ltc|tltc|addr|stake|test|zs|u|utest)1|[qp])[02-9ac-hj-np-zAC-HJ-NP-Z]+"
)
_SHAPE = re.compile(
    rb"(?P<base58>[1-9A-HJ-NP-Za-km-z]+)"
    rb"|(?P<ethereum>0x[0-9A-Fa-f]{40})"
    rb"|(?P<bech32>" + _BECH32_SHAPE + rb")"
    rb"|(?P<age>1[02-9AC-HJ-NP-Zac-hj-np-z]+)"
    rb"|(?P<base32>[A-Za-z2-7]{56})"
    rb"|(?P<hex>(?:0x)?[0-9A-Fa-f]{64})"
)
# One in eleven addresses of native segwit happens to have no 0 and no l, as if it were base58.
_ALSO_BECH32 = re.compile(_BECH32_SHAPE)
_KEY_WORD = re.compile(rb"(?i:priv|secret|seed|entropy|key)")
SOLANA_WORD = re.compile(
    rb"(?i:solana|phantom|solflare|backpack|pubkey|public[ _-]?key|address|wallet)"
)
"""One of these must stand before what may be Solana's: 32 bytes in base58 prove nothing."""
WORD_BEFORE = 48
_AGE_PREFIX = b"AGE-SECRET-KEY-"


def runs(data: bytes, flags: Flags) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, families) for every run that may be something, in order.

    `flags` say where in `data`, and the padding behind it, letters and digits stand.
    """
    starts, ends = _extents(flags)
    if len(starts) == 0:
        return
    raw = np.frombuffer(data + bytes(_SOLANA_LONGEST), np.uint8)
    lengths = np.minimum(ends - starts, _LONGEST + 1)
    wanted = np.where(
        lengths <= _LONGEST, _TABLE[raw[starts], np.minimum(lengths, _LONGEST)], np.uint8(0)
    )
    some = wanted != 0
    starts, ends, lengths, wanted = starts[some], ends[some], lengths[some], wanted[some]
    heads = np.lib.stride_tricks.sliding_window_view(raw, _SOLANA_LONGEST)[starts]
    base58 = _IN_BASE58[heads[:, :_SHORTEST]].all(axis=1)
    digits = (heads - np.uint8(0x30)) < np.uint8(10)
    digits = (digits & (lengths[:, None] > _COLUMNS)).sum(axis=1)
    kept = (wanted & _OTHER) != 0
    kept |= ((wanted & _CHECKED) != 0) & base58
    # Thirty-two chance characters have letters of both cases; a digest in hexadecimal has not.
    mixed = _IS_UPPER[heads].any(axis=1) & _IS_LOWER[heads].any(axis=1)
    kept |= ((wanted & _UNCHECKED) != 0) & base58 & (digits >= _DIGITS) & mixed
    kept |= ((wanted & _BECH32) != 0) & (heads[:, 1:6] == ord("1")).any(axis=1)
    for start, end in zip(starts[kept].tolist(), ends[kept].tolist(), strict=True):
        families = _families(data, start, end)
        if families:
            yield start, end, families


def _extents(flags: Flags) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return starts and ends of all runs of 22 bytes and more."""
    whole = flags.view(np.uint32) == _FOUR
    first = np.flatnonzero(whole[:-3] & whole[1:-2] & whole[2:-1] & whole[3:])
    if len(first) == 0:
        return first, first
    breaks = np.flatnonzero(np.diff(first) > 1) + 1
    starts = first[np.concatenate(([0], breaks))] * 4
    ends = (first[np.concatenate((breaks - 1, [-1]))] + _WHOLE) * 4
    for _ in range(3):
        starts = starts - (flags[starts - 1] & (starts > 0))
        ends = ends + flags[ends]
    kept = ends - starts >= _SHORTEST
    return starts[kept], ends[kept]


def _families(data: bytes, start: int, end: int) -> int:
    token = data[start:end]
    shape = _SHAPE.fullmatch(token)
    match shape and shape.lastgroup:
        case "base58":
            return _base58(token, data, start)
        case "ethereum":
            return ADDRESS
        case "bech32":
            # One case, or it is no bech32: most words of base64 end here.
            return ADDRESS if _is_one_case(token) else 0
        case "age":
            return SECRET if _follows_age(data, start) else 0
        case "base32":
            return _base32(token)
        case "hex":
            return SECRET if _follows_key_word(data, start) else 0
        case _:
            return 0


def _follows_age(data: bytes, start: int) -> bool:
    return data[max(0, start - len(_AGE_PREFIX)) : start].upper() == _AGE_PREFIX


def _follows_key_word(data: bytes, start: int) -> bool:
    return _KEY_WORD.search(data, max(0, start - WORD_BEFORE), start) is not None


def _base32(token: bytes) -> int:
    families = ONION if token[-1:] in b"dD" else 0
    families |= ADDRESS if token[:1] == b"G" else 0
    return families | (SECRET if token[:1] == b"S" else 0)


def _base58(token: bytes, data: bytes, start: int) -> int:
    size = len(token)
    if size in (111, 112):
        return EXTENDED
    if size == 56:  # noqa: PLR2004 - base32 without "l" and "o"
        return _base32(token)
    if size in (22, 29, 30, 31, 51, 52, 58, 86, 87, 88):
        return SECRET | ADDRESS
    if token[:1] == b"1" and _follows_age(data, start):
        return SECRET
    if size == 64:  # noqa: PLR2004 - hexadecimal that happens to have no 0
        return SECRET if _follows_key_word(data, start) else 0
    if _is_one_case(token) and _ALSO_BECH32.fullmatch(token):
        return ADDRESS
    if _SOLANA_SHORTEST <= size <= _SOLANA_LONGEST and not _may_be_hashed(token):
        return ADDRESS if SOLANA_WORD.search(data, max(0, start - WORD_BEFORE), start) else 0
    return ADDRESS


def _is_one_case(token: bytes) -> bool:
    return token in (token.lower(), token.upper())


def _may_be_hashed(token: bytes) -> bool:
    return (token[0] in _HASHED and len(token) <= _HASHED_LONGEST) or token[0] in b"qpQP"
