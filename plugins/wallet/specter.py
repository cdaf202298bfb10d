"""Specter Desktop: wallets, devices.

Written from `wallet/wallet.py` and `devices` of Specter Desktop (1.x, 2.x); no file of a real
installation was at hand, but the form is that of its exports. Private keys lie in the devices or in
the Bitcoin Core that Specter commands. Not read: its copies of transactions and addresses (CSV).

References: https://github.com/cryptoadvance/specter-desktop
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    JsonObject,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletXpub,
    extractor,
)

from . import _found
from ._core_wallet import parse_descriptor
from ._shapes import mapping, number, read, sequence, text

_NETWORKS: Final = {  # by the folder; a file that lies elsewhere does not tell
    "main": "mainnet",
    "test": "testnet",
    "regtest": "regtest",
    "signet": "signet",
    "liquidv1": "liquid",
}
_SCRIPTS: Final = {
    "pkh": "p2pkh",
    "wpkh": "p2wpkh",
    "sh-wpkh": "p2sh-p2wpkh",
    "wsh": "p2wsh",
    "sh-wsh": "p2sh-p2wsh",
    "tr": "p2tr",
}


@extractor(
    name="wallet.specter.wallet",
    paths=(
        "**/.specter/wallets/*/*.json",  # Linux, macOS and Windows; folders are networks
        "**/.specter/wallets*/**/*.json",  # with several users
    ),
    content=(JsonObject({"recv_descriptor", "sigs_required"}),),
    yields=(WalletFile, WalletXpub, WalletAddress),
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletXpub | WalletAddress]:
    """Read a Specter wallet: descriptors, the next addresses, the devices that sign."""
    data = mapping(read(artifact))
    if not text(data.get("recv_descriptor")):
        return
    network = artifact.path.rsplit("/", 2)[1]
    devices = [text(each) or "" for each in sequence(data.get("devices"))]
    signers = number(data.get("sigs_required")) or 1
    xpubs = list(_xpubs(data))
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if xpubs else Confidence.PROBABLE,
        checks=("base58check",) if xpubs else (),
        protection=Protection.PLAIN,
        software="specter",
        coins=("BTC",),
        network=_NETWORKS.get(network),
        wallet_type=f"{signers}of{len(devices)}" if len(devices) > 1 else "single signature",
        hardware=", ".join(filter(None, devices))[:200] or None,
        label=text(data.get("name")),
        script_types=tuple(sorted({key.script_type for key in xpubs if key.script_type})),
        addresses=(number(data.get("address_index")) or 0) + 1,
        needed_to_open="the devices that it names, to spend",
    )
    yield from xpubs
    for name, role, index in (
        ("address", "receive", number(data.get("address_index"))),
        ("change_address", "change", number(data.get("change_index"))),
    ):
        found = text(data.get(name))
        if found:
            yield _found.address(
                "BTC",
                found,
                role=role,
                place=name,
                derivation=None if index is None else f"{int(role == 'change')}/{index}",
            )


def _xpubs(data: dict[str, object]) -> Iterator[WalletXpub]:
    descriptor = text(data.get("recv_descriptor")) or ""
    for shape in parse_descriptor(descriptor):
        found = _found.xpub(
            "BTC",
            shape.xpub,
            place="recv_descriptor",
            derivation=shape.path(0),
            fingerprint=shape.fingerprint,
            script_type=shape.script_type,
            descriptor=descriptor,
            label=text(data.get("name")),
        )
        if found:
            yield found


@extractor(
    name="wallet.specter.device",
    paths=("**/.specter/devices*/*.json",),  # Linux, macOS and Windows
    yields=(WalletFile, WalletXpub),
)
def devices(artifact: Artifact) -> Iterator[WalletFile | WalletXpub]:
    """Read a device that Specter knows: its type and the public keys it gave."""
    data = mapping(read(artifact))
    keys = sequence(data.get("keys"))
    name, kind = text(data.get("name")), text(data.get("type"))
    if not keys or not name or not kind:
        return
    xpubs = []
    for position, item in enumerate(keys[:1000]):
        fields = mapping(item)
        found = _found.xpub(
            "BTC",
            text(fields.get("original")) or text(fields.get("xpub")) or "",
            place=f"keys[{position}]",
            derivation=text(fields.get("derivation")),
            fingerprint=text(fields.get("fingerprint")),
            script_type=_SCRIPTS.get(text(fields.get("type")) or ""),
            label=name,
        )
        if found:
            xpubs.append(found)
    yield WalletFile(
        shows=Shows.USED,
        confidence=Confidence.CONFIRMED if xpubs else Confidence.PROBABLE,
        checks=("base58check",) if xpubs else (),
        protection=Protection.PLAIN,
        software="specter",
        coins=("BTC",),
        wallet_type="device",
        hardware=kind,
        label=name,
        fingerprint=next((key.fingerprint for key in xpubs if key.fingerprint), None),
        needed_to_open=f"the device ({kind}), to spend",
    )
    yield from xpubs
