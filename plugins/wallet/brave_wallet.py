"""Brave's built-in wallet: keyrings and accounts in a profile's preferences.

Written from brave-core (`components/brave_wallet/browser`: `pref_names.cc`, `keyring_service.cc`,
its migrations) of 2021 to 2026 and from Brave's description of its seed; tested with files made by
us. The seed is locked by the wallet's password (AES-256-GCM-SIV, PBKDF2). Addresses of hardware
accounts and imported ones stand in the clear; of others the name alone. Not read: transactions,
which lie in a database of their own.

References: https://github.com/brave/brave-core/tree/master/components/brave_wallet and
https://github.com/brave/brave-browser/wiki/Brave-Wallet-Seed-Wiki
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, json
from triage.formats.chromium_profile import at, number
from triage.formats.stamps import stamp

from . import _found
from ._shapes import mapping, sequence, text

_LIMIT = 32 << 20
_MOST = 1000
_COINS = {  # the beginning of a keyring's name → coin
    "default": "ETH",
    "solana": "SOL",
    "filecoin": "FIL",
    "bitcoin": "BTC",
    "zcash": "ZEC",
    "cardano": "ADA",
    "polkadot": "DOT",
}


@extractor(
    name="wallet.brave.preferences",
    paths=("**/Brave-Browser*/**/Preferences",),  # Brave 1.31 and later, each system
    yields=(WalletFile, WalletAddress, WalletXpub),
    holds_secret=True,
)
def preferences(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletXpub]:
    """Read Brave's wallet: that one was made, accounts with names, when it was last unlocked."""
    try:
        value = json.parse(artifact.read(_LIMIT), limit=_LIMIT)
    except ParseError:
        return
    wallet = mapping(at(value, "brave", "wallet"))
    keyrings = mapping(wallet.get("keyrings"))
    locked = bool(text(wallet.get("encrypted_mnemonic"))) or any(
        text(mapping(ring).get("encrypted_mnemonic")) for ring in keyrings.values()
    )
    found: list[WalletAddress | WalletXpub] = []
    names: list[str] = []
    devices: dict[str, None] = {}
    for name, ring in list(keyrings.items())[:100]:
        coin = next((c for begin, c in _COINS.items() if name.startswith(begin)), None)
        for place, meta in _accounts(mapping(ring)):
            _account(f"keyrings.{name}.{place}", coin or "ETH", meta, found, names)
            vendor = text(mapping(meta.get("hardware")).get("vendor"))
            if vendor:
                devices.setdefault(vendor[:40])
    if not locked and not found:
        return
    yield WalletFile(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="brave.wallet",
        times=stamp("last_unlocked", number(wallet.get("wallet_last_unlock_time_v2")), "webkit"),
        protection=Protection.ENCRYPTED if locked else None,
        software="brave-wallet",
        coins=tuple(sorted({one.coin for one in found})),
        wallet_type="built-in",
        state="keystore-encrypted" if locked else "trace",
        hardware=", ".join(devices) or None,
        label=", ".join(dict.fromkeys(names))[:200] or None,
        addresses=sum(isinstance(one, WalletAddress) for one in found),
        needed_to_open="the password of the wallet" if locked else None,
        kdf="pbkdf2" if locked else None,
    )
    yield from found


def _accounts(ring: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of accounts, by path in 2021, as a list later; hardware and imported."""
    metas = ring.get("account_metas")
    if isinstance(metas, dict):
        for path, meta in list(metas.items())[:_MOST]:
            yield f"account_metas.{path}", mapping(meta)
    for number_, meta in enumerate(sequence(metas)[:_MOST]):
        yield f"account_metas.{number_}", mapping(meta)
    for number_, meta in enumerate(sequence(ring.get("imported_accounts"))[:_MOST]):
        yield f"imported_accounts.{number_}", mapping(meta)
    for device, about in list(mapping(ring.get("hardware")).items())[:_MOST]:
        inner = mapping(mapping(about).get("account_metas"))
        for path, meta in list(inner.items())[:_MOST]:
            yield f"hardware.{device[:20]}.{path}", mapping(meta)


def _account(
    place: str,
    coin: str,
    meta: dict[str, Any],
    found: list[WalletAddress | WalletXpub],
    names: list[str],
) -> None:
    label = text(meta.get("account_name"))
    if label:
        names.append(label[:60])
    address = text(meta.get("account_address"))
    known = addresses.classify(address) if address else None
    if address and known:
        found.append(
            _found.address(coin, address, role="own", place=place, label=label, checks=known.checks)
        )
    key = text(mapping(meta.get("bitcoin")).get("xpub"))
    xpub = _found.xpub("BTC", key, place=place, label=label) if key else None
    if xpub:
        found.append(xpub)
