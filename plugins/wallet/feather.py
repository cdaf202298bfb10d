"""Feather: settings. Its wallets are Monero's files, see `monero`.

Written from `src/utils/config.cpp` of Feather 2.8; no settings file of a real installation was at
hand. Not read: the cache of nodes and prices.

References: https://github.com/feather-wallet/feather/blob/master/src/utils/config.cpp
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Confidence, Shows, WalletFile, extractor
from triage.formats import json

_LIMIT = 1 << 20
_MOST = 1000
_KEYS: Final = {"walletDirectory", "recentlyOpenedWallets", "autoOpenWalletPath", "useOnionNodes"}


@extractor(
    name="wallet.feather.settings",
    paths=(
        "**/.config/feather/settings.json",  # Linux
        "**/AppData/{Roaming,Local}/*eather*/settings.json",  # Windows
        "**/Library/Application Support/*eather*/settings.json",  # macOS
        "**/{feather_data,.feather}/**/settings.json",  # Tails and the portable version
    ),
    yields=(WalletFile,),
)
def settings(artifact: Artifact) -> Iterator[WalletFile]:
    """Read Feather's settings: wallets opened lately, the folder of wallets, the proxy."""
    data = json.parse(artifact.read(_LIMIT))
    if not isinstance(data, dict) or not _KEYS & data.keys():
        return
    host, port = data.get("socks5Host"), data.get("socks5Port")
    proxy = f"{host}:{port}" if isinstance(host, str) and host else None
    recent = data.get("recentlyOpenedWallets")
    named = {"autoOpenWalletPath": data.get("autoOpenWalletPath")}
    named |= {
        f"recentlyOpenedWallets[{position}]": path
        for position, path in enumerate((recent if isinstance(recent, list) else [])[:_MOST])
    }
    paths: dict[str, str] = {}
    for place, path in named.items():
        if isinstance(path, str) and path and path not in paths.values():
            paths[place] = path
    folder = data.get("walletDirectory")
    if not paths and isinstance(folder, str) and folder:
        paths["walletDirectory"] = folder
    for place, path in paths.items():
        found = artifact.resolve(path) or artifact.resolve(f"{path}.keys")
        yield WalletFile(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=place,
            software="feather",
            coins=("XMR",),
            state="named",
            named=path,
            path=found.path if found else None,
            proxy=proxy,
        )
