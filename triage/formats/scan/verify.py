"""From places that may hold something to hits: the readers of text decide, near each place.

What counts as an address, a key or a phrase is thereby the same in a file's content as in any
other text of the project; only Solana's addresses, which have no checksum, need a word beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from triage.errors import TriageError
from triage.formats import armor, openpgp
from triage.formats.addresses import find_addresses
from triage.formats.bitlocker import BITS as BITLOCKER_BITS
from triage.formats.bitlocker import find_recovery_keys
from triage.formats.extended_keys import find_extended_keys
from triage.formats.onion import find_i2p, find_onions
from triage.formats.private_keys import find_secrets
from triage.formats.scan.classes import ascii_letters, digits, padded
from triage.formats.scan.hits import PgpMessage, Secret, What
from triage.formats.scan.literals import Literal
from triage.formats.scan.runs import (
    ADDRESS,
    EXTENDED,
    ONION,
    SECRET,
    SOLANA_WORD,
    WORD_BEFORE,
    runs,
)
from triage.formats.scan.seeds import find_seeds
from triage.formats.scan.words import SHORTEST, word_runs

Found = tuple[int, int, str, What]
"""Start, end, encoding (ascii or utf-8), what."""

_WIDE_SPACE = "\u3000".encode()  # its bytes look like a letter's
_MARGIN = 64
_NAME_MARGIN = 320
_PGP_LONGEST = 1 << 20
_KINDS: Final = {  # of private keys that are money or open a volume: kind → bits of proof
    "age secret key": 30,
    "wif": 32,
    "bip38": 32,
    "ripple seed": 32,
    "stellar seed": 16,
    "solana key": 256,
    "mini private key": 8,
    "hex key": 0,
}


def narrow(data: bytes, literals: Sequence[tuple[int, Literal]]) -> Iterator[Found]:
    """Yield everything found in `data` as text of one byte a character or UTF-8, in no order."""
    raw = padded(data)
    latin = ascii_letters(raw)
    yield from _in_runs(data, list(runs(data, latin | digits(raw))))
    text = data
    wide = any(literal is Literal.WIDE_SPACE for _, literal in literals)
    if wide and data.count(_WIDE_SPACE) >= SHORTEST - 1:
        text = data.replace(_WIDE_SPACE, b"   ")
        raw = padded(text)
    for start, end in word_runs(text, raw, latin):
        yield from _seeds(data, start, end)
    yield from _at_literals(data, literals)


def _in_runs(data: bytes, found: list[tuple[int, int, int]]) -> Iterator[Found]:
    number = 0
    while number < len(found):
        start, end, families = found[number]
        number += 1
        while number < len(found) and found[number][0] - end <= 2 * _MARGIN:
            end = found[number][1]
            families |= found[number][2]
            number += 1
        low, high = max(0, start - _MARGIN), min(len(data), end + _MARGIN)
        text = data[low:high].decode("latin-1")
        for at, length, what in _read(text, families):
            if (at or not low) and (at + length < len(text) or high == len(data)):
                yield low + at, low + at + length, "ascii", what


def _read(text: str, families: int) -> Iterator[tuple[int, int, What]]:
    if families & ADDRESS:
        for at, address in find_addresses(text):
            if address.coin != "solana" or _is_named(text, at):
                yield at, len(address.text), address
    if families & EXTENDED:
        for at, key in find_extended_keys(text):
            if key.private:
                secret = Secret(kind=key.prefix, text=key.text, checks=key.checks, bits=32)
                yield at, len(key.text), secret
            else:
                yield at, len(key.text), key
    if families & ONION:
        for at, onion in find_onions(text):
            yield at, len(onion.host), onion
    if families & SECRET:
        yield from _keys(text)


def _keys(text: str) -> Iterator[tuple[int, int, What]]:
    for span in find_secrets(text):
        if span.kind in _KINDS:
            secret = Secret(
                kind=span.kind,
                text=text[span.start : span.end],
                checks=span.checks,
                bits=_KINDS[span.kind] if span.checks else 0,
            )
            yield span.start, span.end - span.start, secret


def _is_named(text: str, at: int) -> bool:
    return SOLANA_WORD.search(text[max(0, at - WORD_BEFORE) : at].encode("latin-1")) is not None


def _seeds(data: bytes, start: int, end: int) -> Iterator[Found]:
    text = data[start:end].decode("utf-8", "surrogateescape")
    for first, last, secret in find_seeds(text):
        if text.isascii():
            yield start + first, start + last, "ascii", secret
        else:
            begin = start + len(text[:first].encode("utf-8", "surrogateescape"))
            phrase = text[first:last]
            size = len(phrase.encode("utf-8", "surrogateescape"))
            yield begin, begin + size, "ascii" if phrase.isascii() else "utf-8", secret


def _at_literals(data: bytes, found: Sequence[tuple[int, Literal]]) -> Iterator[Found]:
    for literal, reader in _READERS.items():
        ends = [end for end, what in found if what is literal]
        number = 0
        while number < len(ends):
            first = last = ends[number]
            number += 1
            while number < len(ends) and ends[number] - last <= 2 * _NAME_MARGIN:
                last = ends[number]
                number += 1
            low, high = max(0, first - _NAME_MARGIN), min(len(data), last + _NAME_MARGIN)
            for at, length, what in reader(data[low:high].decode("latin-1")):
                if (at or not low) and (low + at + length < high or high == len(data)):
                    yield low + at, low + at + length, "ascii", what
    begins = [end for end, what in found if what is Literal.PGP]
    for begin, following in zip_longest(begins, begins[1:], fillvalue=len(data)):
        yield from _pgp(data, begin, min(following, begin + _PGP_LONGEST))


def _names(text: str) -> Iterator[tuple[int, int, What]]:
    for at, onion in find_onions(text):
        yield at, len(onion.host), onion


def _i2p(text: str) -> Iterator[tuple[int, int, What]]:
    for at, address in find_i2p(text):
        yield at, len(address.address), address


def _recovery_keys(text: str) -> Iterator[tuple[int, int, What]]:
    for at, key in find_recovery_keys(text):
        yield (
            at,
            len(key),
            Secret(kind="bitlocker recovery key", text=key, checks=("mod11",), bits=BITLOCKER_BITS),
        )


def _pgp(data: bytes, begin: int, limit: int) -> Iterator[Found]:
    low = max(0, begin - _MARGIN)
    low = data.rfind(b"\n", low, begin) + 1 or low
    end = data.find(b"-----END PGP ", begin, limit)
    text = data[low : limit if end < 0 else end + _MARGIN].decode("latin-1")
    block = next(armor.blocks(text), None)
    if block is None or not block.data:
        return
    place = low + block.start, low + block.end, "ascii"
    if block.kind == "PRIVATE KEY BLOCK":
        checks, bits = (("armor-crc24",), 24) if block.crc_ok else ((), 0)
        whole = text[block.start : block.end]
        yield *place, Secret(kind="pgp private key", text=whole, checks=checks, bits=bits)
    elif block.kind == "MESSAGE":
        try:
            recipients = openpgp.recipients(openpgp.packets(block.data))
        except TriageError:
            return
        if recipients is not None:
            message = PgpMessage(
                recipients=recipients,
                size=len(block.data),
                crc_ok=block.crc_ok,
                ended=block.ended,
            )
            yield *place, message


_READERS: Final[dict[Literal, Callable[[str], Iterator[tuple[int, int, What]]]]] = {
    Literal.ONION: _names,
    Literal.I2P: _i2p,
    Literal.BITLOCKER: _recovery_keys,
}
