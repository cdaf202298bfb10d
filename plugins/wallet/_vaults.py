"""How wallets that are web programs lock their keys: what a vault looks like.

Shapes: MetaMask's `browser-passworder` (data, iv, salt, since 2023 keyMetadata; before, always
10,000 rounds) and its mobile form (cipher, iv, salt, lib); Phantom's encryptedKey; key stores of
Ethereum's version 3, also with Keplr's changes; the SJCL form (iv, ct, salt, iter).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _vault_crypto
from ._shapes import mapping, number, text
from ._vault_crypto import Sealed

_EARLY_ROUNDS = 10_000  # browser-passworder before rounds were written beside the data

_MOBILE_ROUNDS = 5000  # the mobile program's, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """An encrypted store. `identity` tells two apart that were locked at different times."""

    kdf: str  # `pbkdf2, 600000 rounds`
    identity: str  # digest of its salt
    sealed: Sealed | None = None  # None: what a password would open is not known


def of(value: Mapping[str, Any]) -> Vault | None:
    """Return what locks an object, None when it is no vault."""
    salt = text(value.get("salt"))
    if salt and text(value.get("data")) and text(value.get("iv")):
        params = mapping(mapping(value.get("keyMetadata")).get("params"))
        rounds = number(params.get("iterations")) or _EARLY_ROUNDS
        return _vault(f"pbkdf2, {rounds} rounds", salt, _vault_crypto.passworder(value, rounds))
    if salt and text(value.get("cipher")) and text(value.get("iv")):  # the mobile program
        params = mapping(mapping(value.get("keyMetadata")).get("params"))
        rounds = number(params.get("iterations")) or _MOBILE_ROUNDS
        return _vault(f"pbkdf2, {rounds} rounds", salt, _vault_crypto.mobile(value, rounds))
    if salt and text(value.get("encrypted")) and text(value.get("nonce")):
        return _vault(_told(text(value.get("kdf")), number(value.get("iterations"))), salt)
    if salt and text(value.get("ct")) and text(value.get("iv")):
        return _vault(_told("pbkdf2", number(value.get("iter"))), salt)
    store = mapping(value.get("crypto") or value.get("Crypto"))
    params = mapping(store.get("kdfparams"))
    salt = text(params.get("salt"))
    if salt and text(store.get("ciphertext")):
        told = number(params.get("n")) or number(params.get("c"))
        return _vault(_told(text(store.get("kdf")), told), salt, _vault_crypto.keplr(store))
    return None


def _told(kdf: str | None, rounds: int | None) -> str:
    name = kdf or "unknown"
    return f"{name}, {rounds} rounds" if rounds else name


def _vault(kdf: str, salt: str, sealed: Sealed | None = None) -> Vault:
    identity = hashlib.sha256(salt.encode("utf-8", "replace")).hexdigest()
    return Vault(kdf=kdf[:60], identity=identity, sealed=sealed)
