"""Where Bitcoin Core and its forks keep their files."""

from __future__ import annotations

from typing import Final

_LINUX = (
    "{.bitcoin,.litecoin,.dogecoin,.dashcore,.zcash,.namecoin,.peercoin,.ppcoin,.vertcoin,.digibyte"
    ",.raven,.pivx,.qtum,.firo,.zcoin,.monacoin}"
)
_OTHERS = (
    "{Bitcoin,Litecoin,Dogecoin,DashCore,Zcash,Namecoin,Peercoin,PPCoin,Vertcoin,DigiByte,Raven"
    ",PIVX,Qtum,Firo,zcoin,Monacoin}"
)
_DATA: Final = (
    f"**/{_LINUX}",  # Linux; snap and Flatpak keep it below their own folder
    f"**/AppData/Roaming/{_OTHERS}",  # Windows Vista and later
    f"**/AppData/Local/{_OTHERS}",  # Windows, Bitcoin Core 28 and later
    f"**/Application Data/{_OTHERS}",  # Windows XP
    f"**/Library/Application Support/{_OTHERS}",  # macOS
)
_NETWORKS = "{testnet3,testnet4,testnet,signet,regtest}"
WALLETS: Final = (
    *(f"{folder}/*.dat" for folder in _DATA),  # before 0.16, or with the option -wallet=NAME
    *(f"{folder}/wallets/**/*.dat" for folder in _DATA),  # since 0.16
    *(f"{folder}/{_NETWORKS}/*.dat" for folder in _DATA),  # test networks
    *(f"{folder}/{_NETWORKS}/wallets/**/*.dat" for folder in _DATA),  # test networks, since 0.16
    "**/*wallet*.dat",  # the default name, or a copy that kept a part of it, in any folder
    "**/wallet.dat*",  # copies: wallet.dat.old, wallet.dat.bak, wallet.dat~
    "**/*wallet*.{bak,backup,old}",  # copies under another ending
    "**/*.legacy.bak",  # what a migration to descriptors leaves behind, since 24
)
_CONFIGURATION = (
    "{bitcoin,litecoin,dogecoin,dash,zcash,namecoin,peercoin,vertcoin,digibyte,raven,pivx,qtum,firo"
    ",monacoin}.conf"
)
SETTINGS: Final = (
    *(f"{folder}/{_CONFIGURATION}" for folder in _DATA),  # all versions, written by hand
    f"etc/*/{_CONFIGURATION}",  # Linux, packaged daemons
    f"**/{_CONFIGURATION}",  # a data directory elsewhere (option -datadir)
)
CHOICES: Final = (
    *(f"{folder}/settings.json" for folder in _DATA),  # since 0.21, written by the program
    *(f"{folder}/{_NETWORKS}/settings.json" for folder in _DATA),  # test networks
)
LOGS: Final = (
    *(f"{folder}/debug.log" for folder in _DATA),  # all versions
    *(f"{folder}/{_NETWORKS}/debug.log" for folder in _DATA),  # test networks
)
