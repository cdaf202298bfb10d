"""Blockstream Green: its wallet files.

Written from `wallet.cpp` of green_qt as its JSON shows; no file of a real installation was at hand.
Seeds are encrypted with a key that the service gives out for the right PIN: without the PIN and the
service nothing opens. Not read: the databases of the library (`gdk`).

References: https://github.com/Blockstream/green_qt
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, JsonObject, Protection, Shows, WalletFile, extractor

from ._shapes import mapping, read, text

_LIQUID = {"liquid", "testnet-liquid", "electrum-liquid"}


@extractor(
    name="wallet.green.wallet",
    paths=(
        "**/Blockstream/Green/wallets/*",  # Windows, macOS and Linux
        "**/Blockstream/Green/*/wallets/*",  # the same, with a folder for a network
    ),
    content=(JsonObject({"network", "pin_data"}),),
    yields=(WalletFile,),
)
def wallets(artifact: Artifact) -> Iterator[WalletFile]:
    """Read the file of a Green wallet: name, network, how it is locked."""
    data = mapping(read(artifact, 1 << 20))
    network = text(data.get("network"))
    if network is None or not {"pin_data", "login", "device_details"} & data.keys():
        return
    device = mapping(data.get("device_details"))
    login = mapping(data.get("login"))
    locked = bool(mapping(data.get("pin_data")) or login.get("pin"))
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.ENCRYPTED if locked else Protection.PLAIN,
        software="green",
        coins=("L-BTC",) if network in _LIQUID else ("BTC",),
        network="testnet" if "testnet" in network else "mainnet",
        wallet_type="hardware" if device else "hd" if locked else "watch-only",
        hardware=text(device.get("type")) or text(device.get("name")),
        label=text(data.get("name")),
        state="keystore-encrypted" if locked else "plain",
        needed_to_open="the PIN, and the service that keeps the key for it" if locked else None,
    )
