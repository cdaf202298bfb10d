"""imToken on Android: its wallets, one JSON file each.

Written from token-core-android (`foundation/.../WalletKeystore`, `model/Metadata`) of 2018 to 2022;
no file of a real installation was at hand. A wallet is a key store like Ethereum's with a name,
times and the coin beside it. The password's hint is not shown: it may be the password. Not read:
iOS, what later versions keep in the system's key store.

References: https://github.com/consenlabs/token-core-android
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Shows,
    WalletAddress,
    WalletFile,
    WalletXpub,
    extractor,
)
from triage.formats.stamps import stamp

from . import _found, _vaults
from ._shapes import mapping, number, read, text

_LIMIT = 1 << 20
_COINS: Final = {
    "BITCOIN": "BTC",
    "BITCOINCASH": "BCH",
    "COSMOS": "ATOM",
    "EOS": "EOS",
    "ETHEREUM": "ETH",
    "LITECOIN": "LTC",
    "TRON": "TRX",
}


@extractor(
    name="wallet.imtoken.wallet",
    paths=(
        # Android: identity.json tells which of the others belong together
        "**/im.token.app/files/wallets/*.json",
    ),
    yields=(WalletFile, WalletAddress, WalletXpub),
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletXpub]:
    """Read a wallet of imToken: name, coin, address, when it was made, how it is locked."""
    data = mapping(read(artifact, _LIMIT))
    about = mapping(data.get("imTokenMeta"))
    if not about:
        return
    chain = text(about.get("chainType")) or text(about.get("chain")) or ""
    coin = _COINS.get(chain.upper(), chain.upper()[:10])
    address, key = text(data.get("address")), text(data.get("xpub"))
    vault = _vaults.of(data)
    xpub = _found.xpub(coin, key, derivation=text(data.get("mnemonicPath"))) if key else None
    made = number(about.get("timestamp"))
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=stamp("created", made, "s_unix"),
        protection=_found.guard("keystore-encrypted"),
        software="imtoken",
        coins=(coin,) if coin else (),
        network=(text(about.get("network")) or "").lower() or None,
        wallet_type=(text(about.get("source")) or "identity").lower()[:40],
        state="keystore-encrypted",
        label=text(about.get("name")),
        addresses=int(bool(address)),
        needed_to_open="the wallet password; a hint stands in the file"
        if text(about.get("passwordHint"))
        else "the wallet password",
        kdf=vault.kdf if vault else None,
    )
    if address and coin:
        told = f"0x{address}" if coin == "ETH" and not address.startswith("0x") else address
        yield _found.address(coin, told, role="own", place="address")
    if xpub:
        yield xpub
