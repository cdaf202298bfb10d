"""Invented values that several artifacts of a scenario share: addresses, names, words.

All follow from SHAKE-256 over a seed and a label. Bare addresses are made without any key: the
digest stands where the hash of a public key would, so nobody can spend what is sent there. Keys
of wallets follow from the seed, so everybody who has it can: no such address is ever to be used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from triage.formats import base58, bech32
from triage.formats.keccak import keccak256
from triage.formats.wordlists import LISTS
from triage.training.tree import Inventor

_ENGLISH: Final = next(each.spelled for each in LISTS if each.language == "english")
_STONES = ("amber", "cinder", "ember", "flint", "indigo", "jasper", "lumen", "mica", "onyx", "opal")
_BEASTS = ("heron", "badger", "marten", "otter", "lynx", "weasel", "osprey", "ibis", "tern", "vole")


def bitcoin(inventor: Inventor, label: str) -> str:
    """Return a native segwit address, BIP-173, of no key."""
    return bech32.encode_segwit("bc", 0, inventor.bytes(f"bitcoin {label}", 20))


def bitcoin_old(inventor: Inventor, label: str) -> str:
    """Return an address that begins with 1, of no key."""
    return base58.encode_check(b"\0" + inventor.bytes(f"bitcoin {label}", 20))


def ethereum(inventor: Inventor, label: str) -> str:
    """Return an Ethereum address with the checksum of EIP-55, of no key."""
    plain = inventor.bytes(f"ethereum {label}", 20).hex()
    digest = keccak256(plain.encode()).hex()
    half = 8
    return "0x" + "".join(
        letter.upper() if int(check, 16) >= half else letter
        for letter, check in zip(plain, digest[:40], strict=True)
    )


def monero(inventor: Inventor, label: str) -> str:
    """Return a Monero address of no key."""
    body = b"\x12" + inventor.bytes(f"monero {label}", 64)
    return base58.encode_blocks(body + keccak256(body)[:4])


def phrase(inventor: Inventor, label: str, length: int = 12) -> str:
    """Return a BIP-39 phrase of 12 or 24 words with a valid checksum."""
    entropy = inventor.bytes(f"phrase {label}", length * 4 // 3)
    bits = int.from_bytes(entropy, "big")
    check = length // 3
    bits = bits << check | hashlib.sha256(entropy).digest()[0] >> (8 - check)
    return " ".join(_ENGLISH[bits >> 11 * place & 0x7FF] for place in range(length - 1, -1, -1))


def handle(inventor: Inventor, label: str) -> str:
    """Return a nickname."""
    first, second, number = inventor.bytes(f"handle {label}", 3)
    return f"{_STONES[first % len(_STONES)]}{_BEASTS[second % len(_BEASTS)]}{number:03}"


def _onion(inventor: Inventor, label: str) -> str:
    return f"{inventor.onion(label)}.onion"


def _password(inventor: Inventor, label: str) -> str:
    numbers = [int.from_bytes(inventor.bytes(f"password {label} {n}", 2), "big") for n in range(3)]
    return "-".join(_ENGLISH[number % len(_ENGLISH)] for number in numbers)


KINDS: Final[Mapping[str, Callable[[Inventor, str], str]]] = {
    "bitcoin": bitcoin,
    "bitcoin-old": bitcoin_old,
    "ethereum": ethereum,
    "monero": monero,
    "onion": _onion,
    "handle": handle,
    "password": _password,
    "phrase": phrase,
}
"""What a scenario may ask for by name."""
