"""Coldcard: what the device exports to a memory card.

Written from `shared/export.py` and `shared/backups.py` of the Coldcard firmware (4 and 5); no file
of a real device was at hand. Read are the JSON exports for other wallets, the multisig export
(`ccxp-….json`) and backups in clear. Encrypted backups (`backup….7z`) are named, not opened.

References: https://github.com/Coldcard/firmware/tree/master/shared
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    JsonObject,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import extended_keys, mnemonic

from . import _found
from ._shapes import mapping, read, text

_SCRIPTS: Final = {"bip44": "p2pkh", "bip49": "p2sh-p2wpkh", "bip84": "p2wpkh", "bip86": "p2tr"}
_MULTISIG: Final = {
    "p2sh": "p2sh",
    "p2sh_p2wsh": "p2sh-p2wsh",
    "p2wsh_p2sh": "p2sh-p2wsh",
    "p2wsh": "p2wsh",
}
_NETWORKS: Final = {"BTC": "mainnet", "XTN": "testnet", "XRT": "regtest"}
_HEADER = "# Coldcard backup file!"
_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"

_Finding = WalletFile | WalletXpub | WalletAddress | WalletSecret


@extractor(
    name="wallet.coldcard.export",
    paths=(
        "**/coldcard-export*.json",  # firmware 3 and later: generic JSON
        "**/ccxp-*.json",  # multisig
        "**/new-coldcard*.json",  # skeleton for Electrum
        "**/new-wasabi*.json",  # skeleton for Wasabi
        "**/ckcc-backup*.txt",  # a backup in clear, by the command-line tool
        "**/backup*.7z",  # a backup, encrypted with twelve words
    ),
    content=(JsonObject({"chain", "xfp", "xpub"}),),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletSecret),
    holds_secret=True,
)
def export(artifact: Artifact) -> Iterator[_Finding]:
    """Read an export or a backup of a Coldcard."""
    head = artifact.head(64)
    if head.startswith(_SEVEN_ZIP):
        yield from _sealed(artifact)
    elif head.startswith(_HEADER.encode()):
        yield from _backup(artifact)
    else:
        data = mapping(read(artifact, 1 << 20))
        keys = list(_keys(data))
        if keys:
            yield _file(data, keys)
            yield from keys
            yield from _first_addresses(data)


def _sealed(artifact: Artifact) -> Iterator[WalletFile]:
    """Name a 7z file only by its full form: `backup.7z`, `backup-2.7z`."""
    if re.fullmatch(r"backup(-\d{1,3})?\.7z", artifact.entry.name, re.IGNORECASE):
        yield WalletFile(
            shows=Shows.PRESENT,
            confidence=Confidence.POSSIBLE,
            protection=Protection.ENCRYPTED,
            software="coldcard",
            coins=("BTC",),
            wallet_type="backup",
            state="file-encrypted",
            needed_to_open="the twelve words of the backup, written down when it was made",
        )


def _file(data: dict[str, Any], keys: list[WalletXpub]) -> WalletFile:
    firmware = mapping(data.get("keystore")).get("ckcc_xfp") and "coldcard"
    return WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=("base58check",),
        protection=Protection.PLAIN,
        software="coldcard",
        software_version=text(data.get("ColdCardFirmwareVersion")),
        coins=("BTC",),
        network=_NETWORKS.get(text(data.get("chain")) or ""),
        wallet_type="export",
        fingerprint=next((key.fingerprint for key in keys if key.fingerprint), None),
        script_types=tuple(sorted({key.script_type for key in keys if key.script_type})),
        hardware="coldcard" if firmware or "xfp" in data else None,
        needed_to_open="the device, to spend",
    )


def _keys(data: dict[str, Any]) -> Iterator[WalletXpub]:
    fingerprint = text(data.get("xfp")) or text(data.get("MasterFingerprint"))
    store = mapping(data.get("keystore"))  # Electrum's skeleton
    candidates: list[tuple[str, str | None, str | None, str | None]] = [
        ("xpub", text(data.get("xpub")), "m" if "xfp" in data else None, None),
        ("ExtPubKey", text(data.get("ExtPubKey")), "m/84'/0'/0'", "p2wpkh"),
        ("keystore.xpub", text(store.get("xpub")), text(store.get("derivation")), None),
    ]
    for name, kind in _SCRIPTS.items():
        part = mapping(data.get(name))
        candidates.append((name, text(part.get("xpub")), text(part.get("deriv")), kind))
    for name, kind in _MULTISIG.items():
        deriv = text(data.get(f"{name}_deriv"))
        candidates.append((name, text(data.get(name)), deriv, kind))
    for place, key, derivation, script in candidates:
        found = _found.xpub(
            "BTC",
            key or "",
            place=place,
            derivation=derivation,
            fingerprint=fingerprint.lower() if fingerprint else None,
            script_type=script,
        )
        if found:
            yield found


def _first_addresses(data: dict[str, Any]) -> Iterator[WalletAddress]:
    for name in _SCRIPTS:
        part = mapping(data.get(name))
        found, derivation = text(part.get("first")), text(part.get("deriv"))
        if found:
            yield _found.address(
                "BTC",
                found,
                role="receive",
                place=f"{name}.first",
                derivation=f"{derivation}/0/0" if derivation else None,
            )


_LINE = re.compile(r'(?m)^(\w{1,40}) = (?:"([^"\n]{1,4000})"|(\S{1,4000}))$')


def _backup(artifact: Artifact) -> Iterator[_Finding]:
    values = {found[1]: found[2] or found[3] for found in _LINE.finditer(artifact.text(1 << 20))}
    words, private = values.get("mnemonic", ""), values.get("xprv", "")
    chain = values.get("chain", "BTC")
    public = _found.xpub("BTC", values.get("xpub", ""), place="xpub")
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        software="coldcard",
        software_version=values.get("fw_version"),
        coins=("BTC",),
        network=_NETWORKS.get(chain),
        wallet_type="backup",
        fingerprint=public.fingerprint if public else None,
        holds_secret=bool(words or private),
    )
    if public:
        yield public
    if words:
        known = mnemonic.check(words.split(), kind="bip39")
        yield _found.secret(
            "bip39-seed",
            "mnemonic",
            words,
            _found.counted(len(words.split()), "word"),
            coin="BTC",
            checks=known.checks if known else (),
        )
    key = extended_keys.classify(private)
    if private:
        yield _found.secret(
            "xprv",
            "xprv",
            private,
            f"{len(private)} characters",
            coin="BTC",
            checks=key.checks if key else (),
        )
