"""Wasabi: wallet files and settings.

Written from `KeyManager.cs` and `UiConfig.cs` of WalletWasabi (1.1 to 2.x); no wallet of a real
installation was at hand. All but the private key stands in clear: public keys of each address with
labels and whether they were used; a given password opens the key (BIP-38). Not read: the
transaction store, coinjoin rounds.

References: https://github.com/WalletWasabi/WalletWasabi/tree/master/WalletWasabi/Blockchain/Keys
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    JsonObject,
    ParseError,
    Shows,
    Time,
    Unit,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    Zone,
    extractor,
)
from triage.formats import base58

from . import _bip32, _bip38, _coins, _found
from ._shapes import mapping, number, read, sequence, text

_DATA: Final = (
    "**/.walletwasabi/client",  # Linux and macOS
    "**/AppData/Roaming/WalletWasabi/Client",  # Windows
)
_MOST = 100_000
_XPRV: Final = bytes.fromhex("0488ade4")
_STATES: Final = {0: False, 1: True}  # 2: locked, used or not
_NETWORKS: Final = {"Main": "mainnet", "TestNet": "testnet", "TestNet4": "testnet4"}
_PURPOSES: Final = {"84'": "p2wpkh", "86'": "p2tr", "49'": "p2sh-p2wpkh", "44'": "p2pkh"}
_KEY = re.compile(r"[0-9a-fA-F]{66}")


@extractor(
    name="wallet.wasabi.wallet",
    paths=(
        *(f"{folder}/Wallets/**/*.json" for folder in _DATA),  # since 1.0, folders of networks: 2.0
        *(f"{folder}/WalletBackups/**/*.json" for folder in _DATA),  # copies that the program keeps
    ),
    content=(JsonObject({"HdPubKeys", "ExtPubKey"}),),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletXpub | WalletAddress | WalletSecret]:
    """Read a Wasabi wallet: accounts, addresses with labels, what is needed to spend."""
    data = read(artifact)
    if not isinstance(data, dict) or "HdPubKeys" not in data or "ExtPubKey" not in data:
        return
    state = mapping(data.get("BlockchainState"))
    network = _NETWORKS.get(text(state.get("Network")) or "Main", "regtest")
    chain = _coins.of("BTC", network) or _coins.CHAINS[0]
    fingerprint = (text(data.get("MasterFingerprint")) or "").lower() or None
    encrypted = text(data.get("EncryptedSecret"))
    sealed = bool(encrypted)
    opened = _bip38.open_key(artifact, encrypted, chain) if encrypted else None
    listed = list(_addresses(artifact, data, chain))
    xpubs = list(_xpubs(data, fingerprint))
    guarded = "keystore-encrypted" if sealed else "plain"
    yield WalletFile(
        shows=Shows.USED if any(each.used for each in listed) else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if xpubs else Confidence.PROBABLE,
        checks=("base58check",) if xpubs else (),
        protection=_found.guard(guarded),
        software="wasabi",
        coins=("BTC",),
        network=network,
        wallet_type="hd" if sealed else "watch-only",
        state=guarded,
        fingerprint=fingerprint,
        script_types=tuple(sorted({key.script_type for key in xpubs if key.script_type})),
        addresses=len(listed),
        synced_height=number(state.get("Height")),
        opened_by=str(opened[0]) if opened else None,
        needed_to_open=None
        if opened
        else "the wallet password, to spend"
        if sealed
        else "the hardware wallet, to spend",
        kdf="scrypt" if sealed else None,  # BIP-38
    )
    yield from xpubs
    if opened:
        yield _secret(data, *opened)
    yield from listed


def _secret(data: dict[str, Any], opened_by: Credential, private: bytes) -> WalletSecret:
    """Return the master key, with the chain code that stands beside it in clear."""
    try:
        code = base64.b64decode(text(data.get("ChainCode")) or "", validate=True)
    except binascii.Error:
        code = b""
    if len(code) == len(private):
        kind = "xprv"
        value = base58.encode_check(_XPRV + bytes(9) + code + b"\0" + private)
        extent = f"{len(value)} characters"
    else:
        kind, value, extent = "private-key", private.hex(), f"{len(private)} bytes"
    return _found.secret(
        kind,
        "EncryptedSecret",
        value,
        extent,
        coin="BTC",
        checks=("bip38-address-hash",),
        opened_by=opened_by,
    )


def _xpubs(data: dict[str, Any], fingerprint: str | None) -> Iterator[WalletXpub]:
    for name, path, script_type in (
        ("ExtPubKey", "AccountKeyPath", "p2wpkh"),
        ("TaprootExtPubKey", "TaprootAccountKeyPath", "p2tr"),
    ):
        derivation = text(data.get(path))
        found = _found.xpub(
            "BTC",
            text(data.get(name)) or "",
            place=name,
            derivation=f"m/{derivation.removeprefix('m/')}" if derivation else None,
            fingerprint=fingerprint,
            script_type=script_type,
        )
        if found is not None:
            yield found


def _addresses(
    artifact: Artifact, data: dict[str, Any], chain: _coins.Chain
) -> Iterator[WalletAddress]:
    keys = sequence(data.get("HdPubKeys"))
    if len(keys) > _MOST:
        artifact.problem(f"only the first {_MOST} keys were taken")
    for position, item in enumerate(keys[:_MOST]):
        fields = mapping(item)
        key, path = text(fields.get("PubKey")) or "", text(fields.get("FullKeyPath")) or ""
        steps = path.removeprefix("m/").split("/")
        kind = _PURPOSES.get(steps[0])
        if not kind or not _KEY.fullmatch(key):
            continue
        try:
            script = _bip32.script(bytes.fromhex(key), kind)
        except ParseError:
            continue
        found = chain.address(script) if script else None
        if found:
            yield _found.address(
                "BTC",
                found,
                role={"0": "receive", "1": "change"}.get(
                    steps[-2] if len(steps) > 1 else "", "own"
                ),
                place=f"HdPubKeys[{position}]",
                checks=_found.COMPUTED,
                derivation=f"m/{'/'.join(steps)}",
                label=text(fields.get("Label")) or text(fields.get("Labels")),
                used=_STATES.get(number(fields.get("KeyState")) or 0),
            )


_LOG_PIECE = 8 << 20
_LINE = re.compile(r"(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,7})?) ")
_VERSION = re.compile(r"Wasabi(?: Wallet)? (?:GUI |Daemon )?v?(\d+\.\d+\.\d+(?:\.\d+)?)")


@extractor(
    name="wallet.wasabi.settings",
    paths=(
        *(f"{folder}/UiConfig.json" for folder in _DATA),  # since 1.0
        *(f"{folder}/Logs.txt" for folder in _DATA),  # since 1.0
    ),
    yields=(WalletFile,),
)
def settings(artifact: Artifact) -> Iterator[WalletFile]:
    """Read which wallet was selected last, and from the log when the program ran."""
    if artifact.entry.name.casefold() == "logs.txt":
        yield from _log(artifact)
        return
    name = text(mapping(read(artifact, 1 << 20)).get("LastSelectedWallet"))
    if name:
        found = artifact.resolve(f"Wallets/{name}.json")
        yield WalletFile(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator="LastSelectedWallet",
            software="wasabi",
            coins=("BTC",),
            state="named",
            named=name,
            path=found.path if found else None,
        )


def _log(artifact: Artifact) -> Iterator[WalletFile]:
    reader = artifact.open()
    start = reader.read_at(0, _LOG_PIECE).decode("utf-8", "surrogateescape")
    end = reader.read_at(max(0, reader.size - _LOG_PIECE), _LOG_PIECE)
    first, last = _LINE.search(start), _LINE.findall(end.decode("utf-8", "surrogateescape"))
    if first is None or not last:
        return
    version = _VERSION.search(start)
    yield WalletFile(
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        locator="log",
        times=(_local("first_logged", first[1]), _local("last_logged", last[-1])),
        software="wasabi",
        software_version=version[1] if version else None,
        coins=("BTC",),
        state="trace",
    )


def _local(event: str, raw: str) -> Time:
    return Time(event=event, utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL)
