"""What the main password opens in a backup of Blockchain.com.

The payload is base64 of a vector, which is the salt too, and AES-256 text; the key is PBKDF2 with
SHA-1. Since version 2 the rounds stand beside it and the mode is CBC. Before, there were ten rounds
in CBC, in the first months one round, in CBC or OFB. The padding is random but for its last byte
(ISO 10126); that what opens is a JSON object proves the password. In it, keys and seeds may be
encrypted once more, with the wallet's `sharedKey` and a second password, whose hash stands beside
them. Source: My-Wallet-V3, `wallet-crypto.js`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from triage.api import Artifact, Credential, ParseError
from triage.formats import aes, json
from triage.formats.kdf import Pbkdf2

from . import _locks
from ._shapes import mapping, number, text

_KEY = 32
_MOST_ROUNDS = 1 << 20
_Mode = Callable[[bytes, bytes, bytes], bytes]
_BEFORE_2: tuple[tuple[int, _Mode], ...] = ((10, aes.cbc), (1, aes.cbc), (1, aes.ofb))


def open_payload(
    artifact: Artifact, payload: bytes, rounds: int | None
) -> tuple[Credential, dict[str, Any]] | None:
    """Return which password opens a payload, and the wallet; `rounds` is None before version 2."""
    ways = _BEFORE_2 if rounds is None else ((rounds, aes.cbc),)
    try:
        raw = base64.b64decode(b"".join(payload.split()), validate=True)
        kdfs = [Pbkdf2(digest="sha1", salt=raw[: aes.BLOCK], rounds=count) for count, _ in ways]
    except (binascii.Error, ParseError):
        return None
    artifact.locked(_locks.blockchain(payload, rounds))
    for password in artifact.passwords(cost=sum(kdf.cost for kdf in kdfs)):
        for kdf, (_, mode) in zip(kdfs, ways, strict=True):
            found = _opened(kdf.derive(password.value, _KEY), mode, raw)
            if found:
                return password, found
    return None


def find_second(artifact: Artifact, data: dict[str, Any]) -> tuple[Credential, bytes] | None:
    """Return which entry is a wallet's second password, and what its keys are made from."""
    shared, expected = text(data.get("sharedKey")), text(data.get("dpasswordhash"))
    rounds = second_rounds(data)
    if shared is None or expected is None or rounds > _MOST_ROUNDS:
        return None
    for password in artifact.passwords(cost=2 * rounds):
        made = digest = shared.encode("utf-8", "replace") + password.value
        for _ in range(rounds):
            digest = hashlib.sha256(digest).digest()
        if hmac.compare_digest(digest.hex(), expected.casefold()):
            return password, made
    return None


def second_rounds(data: dict[str, Any]) -> int:
    """Return how often a wallet's second password is hashed, and its keys derived."""
    return max(1, number(mapping(data.get("options")).get("pbkdf2_iterations")) or 10)


def open_value(value: str, second: bytes, rounds: int) -> str | None:
    """Return a key or seed that the second password keeps, None when it does not open."""
    try:
        raw = base64.b64decode(value, validate=True)
        key = Pbkdf2(digest="sha1", salt=raw[: aes.BLOCK], rounds=rounds).derive(second, _KEY)
        plain = _unpadded(aes.cbc(key, raw[: aes.BLOCK], raw[aes.BLOCK :]))
        return plain.decode("ascii")
    except (binascii.Error, ParseError, UnicodeDecodeError):
        return None


def _unpadded(plain: bytes) -> bytes:
    return plain[: -plain[-1]] if plain and 1 <= plain[-1] <= aes.BLOCK else plain


def _opened(key: bytes, mode: _Mode, raw: bytes) -> dict[str, Any] | None:
    try:
        if not mode(key, raw[: aes.BLOCK], raw[aes.BLOCK : 2 * aes.BLOCK]).startswith(b"{"):
            return None
        plain = _unpadded(mode(key, raw[: aes.BLOCK], raw[aes.BLOCK :]))
        found = json.parse(plain.rstrip(b"\0\x80"))
    except ParseError:
        return None
    return found if isinstance(found, dict) else None
