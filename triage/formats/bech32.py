"""Bech32, Bech32m, segwit addresses and Bitcoin Cash addresses.

Sources: BIP-173, BIP-350, and the cashaddr specification of Bitcoin Cash. The checksums are BCH
codes of 30 bits (40 bits for cashaddr).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from triage.errors import ParseError

CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BIP173_LENGTH = 90
"""Characters that BIP-173 allows. Cardano and age go beyond: their callers say how far."""

_VALUES: Final = {char: value for value, char in enumerate(CHARSET)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASH_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CHECKSUM = 6
_CASH_CHECKSUM = 8
_CASH_SIZES: Final = (20, 24, 28, 32, 40, 48, 56, 64)


class Encoding(Enum):
    """The two checksum constants."""

    BECH32 = 1
    BECH32M = 0x2BC830A3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bech32:
    """A decoded string: human-readable part in lower case, 5-bit values without the checksum."""

    hrp: str
    values: tuple[int, ...]
    encoding: Encoding

    def data(self) -> bytes:
        """Return the values as bytes; ParseError when the padding is not zero."""
        return regroup(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segwit:
    """A witness program: version 0-16, 2-40 bytes."""

    hrp: str
    version: int
    program: bytes
    encoding: Encoding


def _polymod(values: Iterable[int]) -> int:
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                state ^= generator
    return state


def _expand(hrp: str) -> list[int]:
    return [ord(char) >> 5 for char in hrp] + [0] + [ord(char) & 31 for char in hrp]


def _values(text: str) -> tuple[int, ...]:
    try:
        return tuple([_VALUES[char] for char in text])
    except KeyError:
        raise ParseError("not a bech32 character") from None


def _one_case(text: str) -> str:
    lower = text.lower()
    if text not in {lower, text.upper()}:
        raise ParseError("mixed case")
    return lower


def decode(text: str, *, longest: int = BIP173_LENGTH) -> Bech32:
    """Decode either encoding. Raises ParseError on case, characters, length or checksum."""
    if len(text) > longest or not all("!" <= char <= "~" for char in text):
        raise ParseError("not a bech32 string")
    hrp, separator, rest = _one_case(text).rpartition("1")
    if not separator or not hrp or len(rest) < _CHECKSUM:
        raise ParseError("no bech32 separator")
    values = _values(rest)
    constant = _polymod([*_expand(hrp), *values])
    for encoding in Encoding:
        if constant == encoding.value:
            return Bech32(hrp=hrp, values=values[:-_CHECKSUM], encoding=encoding)
    raise ParseError("bech32 checksum does not match")


def encode(hrp: str, values: Iterable[int], encoding: Encoding = Encoding.BECH32) -> str:
    """Return the string for 5-bit values, in lower case."""
    data = list(values)
    constant = _polymod([*_expand(hrp), *data, *[0] * _CHECKSUM]) ^ encoding.value
    data += [constant >> 5 * (_CHECKSUM - 1 - i) & 31 for i in range(_CHECKSUM)]
    return f"{hrp}1{''.join(CHARSET[value] for value in data)}"


def regroup(values: Iterable[int]) -> bytes:
    """Turn 5-bit values into bytes. Raises ParseError when padding is not zero or over 4 bits."""
    number = count = 0
    for value in values:
        number = number << 5 | value
        count += 1
    spare = count * 5 % 8
    if spare > 4 or number & ((1 << spare) - 1):  # noqa: PLR2004 - a whole value would be padding
        raise ParseError("bech32 padding is not zero")
    return (number >> spare).to_bytes(count * 5 // 8, "big")


def ungroup(data: bytes) -> list[int]:
    """Turn bytes into 5-bit values, padded with zero bits."""
    count = (len(data) * 8 + 4) // 5
    number = int.from_bytes(data, "big") << (count * 5 - len(data) * 8)
    return [number >> 5 * (count - 1 - i) & 31 for i in range(count)]


def decode_segwit(text: str) -> Segwit:
    """Decode a segwit address of any human-readable part; ParseError where BIP-173/350 say so."""
    decoded = decode(text)
    if not decoded.values:
        raise ParseError("no witness version")
    version = decoded.values[0]
    program = regroup(decoded.values[1:])
    wanted = Encoding.BECH32M if version else Encoding.BECH32
    if version > 16 or not 2 <= len(program) <= 40 or decoded.encoding is not wanted:  # noqa: PLR2004 - BIP-141
        raise ParseError("not a witness program")
    if version == 0 and len(program) not in {20, 32}:
        raise ParseError("not a version 0 witness program")
    return Segwit(hrp=decoded.hrp, version=version, program=program, encoding=decoded.encoding)


def encode_segwit(hrp: str, version: int, program: bytes) -> str:
    """Return the address of a witness program."""
    encoding = Encoding.BECH32M if version else Encoding.BECH32
    return encode(hrp, [version, *ungroup(program)], encoding)


def _cash_polymod(values: Iterable[int]) -> int:
    state = 1
    for value in values:
        top = state >> 35
        state = (state & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(_CASH_GENERATOR):
            if top >> bit & 1:
                state ^= generator
    return state ^ 1


def decode_cash(text: str, prefix: str) -> tuple[int, bytes]:
    """Decode the part of a Bitcoin Cash address after the colon: (type 0-15, hash).

    `prefix` (lower case) takes part in the checksum. Raises ParseError.
    """
    if not 34 <= len(text) <= 112:  # noqa: PLR2004 - 20 to 64 bytes of hash
        raise ParseError("not a length of cashaddr")
    values = _values(_one_case(text))
    if _cash_polymod([*[ord(char) & 31 for char in prefix], 0, *values]):
        raise ParseError("cashaddr checksum does not match")
    data = regroup(values[:-_CASH_CHECKSUM])
    if data[0] & 0x80 or len(data) - 1 != _CASH_SIZES[data[0] & 7]:
        raise ParseError("cashaddr version does not fit its length")
    return data[0] >> 3, data[1:]
