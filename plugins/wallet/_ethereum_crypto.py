"""What a password opens in key files of Ethereum, versions 1 to 3, and of the presale.

A key derived by scrypt or PBKDF2 (HMAC-SHA-256) has two halves: the first opens the private key
(AES-128-CTR; CBC in version 1), the second is checked by Keccak-256 over it and the ciphertext.
The presale's is PBKDF2 with 2,000 rounds and the password itself as salt; a part of Keccak-256 over
the seed and a 2 is the check, and the key is Keccak-256 of the seed.
Sources: Web3 Secret Storage definition; geth's `passphrase.go` and `presale.go`.
"""

from __future__ import annotations

import hmac
from typing import Any

from triage.api import ParseError
from triage.formats import aes
from triage.formats.kdf import Kdf, Pbkdf2, Scrypt
from triage.formats.keccak import keccak256

from ._shapes import mapping, number, text

_HALF = 16
PRESALE_ROUNDS = 2000


def kdf_of(crypto: dict[str, Any]) -> Kdf | None:
    """Return how the password becomes a key; None for a way that is not known."""
    given = {name.casefold(): value for name, value in mapping(crypto.get("kdfparams")).items()}
    salt = _hex(given.get("salt"))
    numbers = {name: number(given.get(name)) or 0 for name in ("n", "r", "p", "c")}
    try:
        if text(crypto.get("kdf")) == "scrypt":
            return Scrypt(salt=salt, n=numbers["n"], r=numbers["r"], p=numbers["p"])
        if text(given.get("prf")) in {None, "hmac-sha256"}:
            return Pbkdf2(digest="sha256", salt=salt, rounds=numbers["c"])
    except ParseError:
        pass
    return None


def open_key(crypto: dict[str, Any], kdf: Kdf, password: bytes) -> bytes | None:
    """Return the private key, None with another password."""
    sealed, mac = _hex(crypto.get("ciphertext")), _hex(crypto.get("mac"))
    vector = _hex(mapping(crypto.get("cipherparams")).get("iv"))
    key = kdf.derive(password, 2 * _HALF)
    if not hmac.compare_digest(keccak256(key[_HALF:] + sealed), mac):
        return None
    try:
        if text(crypto.get("cipher")) == "aes-128-cbc":
            return aes.cbc_padded(keccak256(key[:_HALF])[:_HALF], vector, sealed)
        return aes.ctr(key[:_HALF], vector, sealed)
    except ParseError:
        return None


def open_presale(data: dict[str, Any], password: bytes) -> bytes | None:
    """Return the private key of a file of the presale, None with another password."""
    sealed, check = _hex(data.get("encseed")), _hex(data.get("bkp"))
    key = Pbkdf2(digest="sha256", salt=password, rounds=PRESALE_ROUNDS).derive(password, _HALF)
    try:
        seed = aes.cbc_padded(key, sealed[: aes.BLOCK], sealed[aes.BLOCK :])
    except ParseError:
        return None
    fits = hmac.compare_digest(keccak256(seed + b"\2")[:_HALF], check)
    return keccak256(seed) if fits else None


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex((text(value) or "").removeprefix("0x"))
    except ValueError:
        return b""
