"""Backups that web wallets gave to their users: block.io and BitGo.

Written from what password recovery programs accept (btcrecover); no backup of a customer was at
hand. A backup of block.io holds a key that the secret PIN opens; BitGo's key card is text that is
encrypted with SJCL and printed as a QR code, some keep it as a file. SJCL encrypts other things as
well, so the name of the file must say BitGo. Not read: the PDF, btc.com's and Toast's backups.

References: https://github.com/3rdIteration/btcrecover and https://bitwiseshiftleft.github.io/sjcl
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Confidence, Shows, WalletFile, extractor

from . import _found
from ._shapes import mapping, number, read, text

_LIMIT = 1 << 20
_SJCL: Final = frozenset({"iv", "salt", "ct", "iter"})


@extractor(
    name="wallet.web.backup",
    paths=(
        # copies under a telling name: the services gave the files none
        "**/*block{.,_,-,}io*.json",
        "**/*bitgo*.json",
    ),
    yields=(WalletFile,),
)
def backup(artifact: Artifact) -> Iterator[WalletFile]:
    """Name a backup of block.io or BitGo, and what it takes to open it."""
    data = mapping(read(artifact, _LIMIT))
    inner = mapping(data.get("data")) or data
    key = mapping(inner.get("user_key"))
    if text(key.get("encrypted_passphrase")) or text(inner.get("encrypted_passphrase")):
        yield _sealed("block.io", "the secret PIN", None)
    elif data.keys() >= _SJCL and "bitgo" in artifact.entry.name.casefold():
        yield _sealed("bitgo", "the wallet passphrase", number(data.get("iter")))


def _sealed(software: str, needs: str, rounds: int | None) -> WalletFile:
    return WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=_found.guard("file-encrypted"),
        software=software,
        coins=("BTC",),
        wallet_type="backup",
        state="file-encrypted",
        needed_to_open=needs,
        kdf=f"pbkdf2, {rounds} rounds" if rounds else "pbkdf2",
    )
