"""Ethereum: key files of geth, Clef, Parity, MyEtherWallet, Foundry and the presale.

Written from the Web3 Secret Storage definition (version 3; 1 and 2 differ in details) and from the
presale's generator, and tested with a file of MyEtherWallet. Address and time of creation stand in
clear, the private key is always encrypted, and opened with a given password. Not read: geth's
database.

References: https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    JsonObject,
    Protection,
    Shows,
    Time,
    WalletAddress,
    WalletFile,
    WalletSecret,
    extractor,
)
from triage.formats import addresses
from triage.formats.stamps import stamp

from . import _found, _locks
from ._ethereum_crypto import PRESALE_ROUNDS, kdf_of, open_key, open_presale
from ._shapes import mapping, number, read, text

_LIMIT = 1 << 20
_NAME = re.compile(r"UTC--(\d{4}-\d\d-\d\d)T(\d\d)[-:](\d\d)[-:](\d\d(?:\.\d{1,9})?)Z?--", re.ASCII)
_SOFTWARE: Final = (  # a part of the path in small letters, program
    ("/.foundry/", "foundry"),
    ("io.parity.ethereum", "parity"),
    ("/parity/", "parity"),
    ("openethereum", "parity"),
    ("/.ethereum/", "geth"),
    ("/ethereum/keystore/", "geth"),
    ("/ethereum/", "geth"),
)


@extractor(
    name="wallet.ethereum.keystore",
    paths=(
        "**/UTC--*",  # geth, Clef, Mist, MyEtherWallet: any system, any folder
        "**/keystore/*",  # geth with other names, imported by hand
        "**/.foundry/keystores/*",  # Foundry: names are the user's
        "**/io.parity.ethereum/keys/**/*",  # Parity and OpenEthereum on Linux and macOS
        "**/Parity/Ethereum/keys/**/*",  # the same on Windows
        "**/*keystore*.json",  # exports of other wallets
        "**/*presale*.json",  # the sale of 2014
        "**/ethereum*wallet*.json",  # the same, its usual name
    ),
    content=(
        JsonObject({"crypto", "version"}),  # geth and most others
        JsonObject({"Crypto", "version"}),  # MyEtherWallet, Mist
    ),
    yields=(WalletFile, WalletAddress, WalletSecret),
)
def keystore(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletSecret]:
    """Read a key file: its address, when it was made, how its password is used."""
    data = read(artifact, _LIMIT)
    if not isinstance(data, dict):
        return
    lower = {name.casefold(): value for name, value in data.items()}
    if text(lower.get("encseed")) and text(lower.get("ethaddr")):
        kind, found = "presale", text(lower.get("ethaddr"))
        kdf: str | None = "pbkdf2"
        opened = _open_presale(artifact, lower)
    else:
        crypto = {name.casefold(): value for name, value in mapping(lower.get("crypto")).items()}
        if not text(crypto.get("ciphertext")) or not text(crypto.get("mac")):
            return
        kind, found = "keystore", text(lower.get("address"))
        kdf = text(crypto.get("kdf"))
        opened = _open(artifact, crypto)
    address = _address(found, _created(artifact))
    name = f"/{artifact.path.casefold()}"
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=_created(artifact),
        protection=Protection.ENCRYPTED,
        software=next((program for part, program in _SOFTWARE if part in name), "ethereum"),
        format_version=_version(lower),
        coins=("ETH",),
        wallet_type=kind,
        state="keystore-encrypted",
        addresses=1 if address else None,
        opened_by=opened.opened_by if opened else None,
        needed_to_open=None if opened else "the password of the key file",
        kdf=kdf,
    )
    if opened:
        yield opened
    if address:
        yield address


def _open(artifact: Artifact, crypto: dict[str, Any]) -> WalletSecret | None:
    kdf = kdf_of(crypto)
    artifact.locked(_locks.ethereum(kdf, crypto))
    if kdf is None:
        return None
    for password in artifact.passwords(cost=kdf.cost):
        key = open_key(crypto, kdf, password.value)
        if key is not None:
            return _secret(key, "crypto.ciphertext", "keccak-256 mac", password)
    return None


def _open_presale(artifact: Artifact, data: dict[str, Any]) -> WalletSecret | None:
    artifact.locked(_locks.ethereum_presale(data))
    for password in artifact.passwords(cost=PRESALE_ROUNDS):
        key = open_presale(data, password.value)
        if key is not None:
            return _secret(key, "encseed", "keccak-256", password)
    return None


def _secret(key: bytes, place: str, check: str, password: Credential) -> WalletSecret:
    return _found.secret(
        "private-key",
        place,
        key.hex(),
        f"{len(key)} bytes",
        coin="ETH",
        checks=(check,),
        opened_by=password,
    )


def _version(data: dict[str, Any]) -> str | None:
    version = number(data.get("version"))
    return None if version is None else str(version)


def _created(artifact: Artifact) -> tuple[Time, ...]:
    """Return the time in the file's name, which is UTC."""
    found = _NAME.match(artifact.entry.name)
    if found is None:
        return ()
    return stamp("created", f"{found[1]}T{found[2]}:{found[3]}:{found[4]}Z", "text")


def _address(found: str | None, times: tuple[Time, ...]) -> WalletAddress | None:
    """Return the address, whose digits stand without their prefix and without a checksum."""
    known = addresses.classify("0x" + (found or "").removeprefix("0x"))
    if known is None:
        return None
    return _found.address(
        "ETH", known.text, role="own", place="address", checks=known.checks, times=times
    )
