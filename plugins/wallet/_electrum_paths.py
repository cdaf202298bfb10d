"""Where the Electrum family keeps its files, and which program of it a path belongs to."""

from __future__ import annotations

from typing import Final

_DATA: Final = (
    "**/.electrum",  # Electrum on Linux and macOS; Flatpak and Snap keep it below their own folder
    "**/AppData/{Roaming,Local}/Electrum",  # Electrum on Windows Vista and later
    "**/Application Data/Electrum",  # Electrum on Windows XP
    "**/electrum_data",  # Electrum, portable (Windows `-portable.exe`, option -P)
    "**/org.electrum.*electrum/files/data",  # Electrum 4 on Android, its testnet build too
    "electrum",  # Tails: the persistent folder of Electrum, at the root of the unlocked volume
    "**/TailsData_unlocked/electrum",  # Tails: the same, seen from the running system
    "**/.electron-cash",  # Electron Cash on Linux and macOS
    "**/AppData/{Roaming,Local}/ElectronCash",  # Electron Cash on Windows
    "**/electron_cash_data",  # Electron Cash, portable
    "**/org.electroncash.*/files/data",  # Electron Cash on Android
    "**/.electrum-ltc",  # Electrum-LTC on Linux and macOS
    "**/AppData/{Roaming,Local}/Electrum-LTC",  # Electrum-LTC on Windows
    "**/electrum_ltc_data",  # Electrum-LTC, portable
)
_NETWORKS = "{testnet,testnet3,testnet4,regtest,simnet,signet,mutinynet,scalenet}"
WALLETS: Final = (
    *(f"{folder}/wallets/*" for folder in _DATA),  # since 1.8
    *(f"{folder}/{_NETWORKS}/wallets/*" for folder in _DATA),  # test networks, since 2.7
    *(f"{folder}/electrum.dat" for folder in _DATA),  # the one wallet before 1.8
    "**/default_wallet*",  # a copy elsewhere that kept the first wallet's name
)
SETTINGS: Final = (
    *(f"{folder}/config" for folder in _DATA),  # since 1.9, JSON
    *(f"{folder}/{_NETWORKS}/config" for folder in _DATA),  # test networks
)

_SOFTWARE: Final = (  # a part of the path in small letters, name, coin
    (("electron-cash", "electroncash", "electron_cash"), "electron-cash", "BCH"),
    (("electrum-ltc", "electrum_ltc"), "electrum-ltc", "LTC"),
)


def by_path(path: str) -> tuple[str, str]:
    """Return the program and the ticker of its coin; Electrum and BTC unless the path differs."""
    folded = path.casefold()
    for parts, software, coin in _SOFTWARE:
        if any(part in folded for part in parts):
            return software, coin
    return "electrum", "BTC"
