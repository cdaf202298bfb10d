"""Ledger Live (since 2025 Ledger Wallet): accounts, and which device was connected.

Written from `types/account.ts` of ledger-live-common and from a published analysis of `app.json`;
no file of a real installation was at hand. With a password only accounts are encrypted: settings
still name the device, and account ids there hold extended public keys. Private keys never leave
the device. Not read: tokens and NFTs of an account, exported logs.

References: https://github.com/LedgerHQ/ledger-live
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    HeaderPattern,
    Protection,
    Shows,
    Time,
    WalletAddress,
    WalletFile,
    WalletTransaction,
    WalletXpub,
    extractor,
)
from triage.formats import addresses
from triage.formats.stamps import stamp

from . import _found
from ._shapes import mapping, number, read, sequence, text

_MOST = 10_000
_MOST_OPERATIONS = 100_000
_TICKERS: Final = {
    "bitcoin": "BTC",
    "bitcoin_cash": "BCH",
    "bitcoin_testnet": "BTC",
    "litecoin": "LTC",
    "dogecoin": "DOGE",
    "dash": "DASH",
    "zcash": "ZEC",
    "ethereum": "ETH",
    "ripple": "XRP",
    "cardano": "ADA",
    "solana": "SOL",
    "tron": "TRX",
    "stellar": "XLM",
    "polkadot": "DOT",
    "cosmos": "ATOM",
    "tezos": "XTZ",
    "bsc": "BNB",
    "polygon": "POL",
    "avalanche_c_chain": "AVAX",
}
_SCRIPTS: Final = {
    "": "p2pkh",
    "segwit": "p2sh-p2wpkh",
    "native_segwit": "p2wpkh",
    "taproot": "p2tr",
}
_ACCOUNT = re.compile(r"\w{1,20}:\d{1,3}:(\w{1,60}):([0-9A-Za-z]{20,130}):(\w{0,40})")
_SPENT: Final = {"OUT", "FEES"}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{5,20}Z", re.ASCII)

_Finding = WalletFile | WalletXpub | WalletAddress | WalletTransaction


@extractor(
    name="wallet.ledger-live.accounts",
    paths=(
        "**/AppData/Roaming/Ledger {Live,Wallet}/app*.json*",  # Windows; older copies beside it
        "**/Library/Application Support/Ledger {Live,Wallet}/app*.json*",  # macOS
        "**/.config/Ledger {Live,Wallet}/app*.json*",  # Linux
    ),
    content=(
        HeaderPattern(
            rb'\{\s{0,8}"data"\s{0,4}:\s{0,4}\{.{0,3900}?"(?:lastSeenDevice|starredAccountIds|derivationMode'
            rb'|seedIdentifier|hasCompletedOnboarding|lastUsedVersion)"',
            first=b"{",
        ),
    ),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletTransaction),
)
def accounts(artifact: Artifact) -> Iterator[_Finding]:
    """Read the accounts of Ledger Live and the device that was seen last."""
    data = mapping(mapping(read(artifact)).get("data"))
    if "accounts" not in data and "settings" not in data:
        return
    settings = mapping(data.get("settings"))
    locked = isinstance(data.get("accounts"), str) and bool(data["accounts"])
    listed = [
        mapping(mapping(item).get("data", item)) for item in sequence(data.get("accounts"))[:_MOST]
    ]
    found = [item for account in listed for item in _of_account(account)]
    starred = list(_starred(settings))
    known = {item.xpub for item in found if isinstance(item, WalletXpub)}
    yield WalletFile(
        shows=Shows.USED if listed or locked else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if known or starred else Confidence.PROBABLE,
        times=_times(listed),
        protection=Protection.ENCRYPTED if locked else Protection.PLAIN,
        software="ledger-live",
        software_version=text(settings.get("lastUsedVersion")),
        coins=tuple(sorted({_ticker(text(each.get("currencyId")) or "") for each in listed})),
        wallet_type="hardware",
        state="keystore-encrypted" if locked else "plain",
        hardware=_device(settings, data),
        addresses=sum(isinstance(item, WalletAddress) for item in found),
        transactions=sum(isinstance(item, WalletTransaction) for item in found),
        needed_to_open="the password of Ledger Live, to see accounts; the device, to spend"
        if locked
        else "the device, to spend",
    )
    yield from found
    for item in starred:
        if not isinstance(item, WalletXpub) or item.xpub not in known:
            yield item


def _ticker(currency: str) -> str:
    return _TICKERS.get(currency, currency)


def _device(settings: dict[str, Any], data: dict[str, Any]) -> str | None:
    """Return model and firmware of the last device, else the models that were ever seen."""
    last = mapping(settings.get("lastSeenDevice"))
    model = text(last.get("modelId"))
    if model:
        firmware = text(mapping(last.get("deviceInfo")).get("version"))
        return f"{model}, firmware {firmware}" if firmware else model
    known = [mapping(each) for each in sequence(data.get("knownDevices"))]
    names = {text(each.get("modelId")) or text(each.get("name")) for each in known}
    names |= {text(each) for each in sequence(settings.get("devicesModelList"))}
    return ", ".join(sorted(filter(None, names)))[:200] or None


def _times(listed: list[dict[str, Any]]) -> tuple[Time, ...]:
    created = min(_dates(listed, "creationDate"), default=None)
    synced = max(_dates(listed, "lastSyncDate"), default=None)
    return stamp("first_account_created", created, "text") + stamp("synced", synced, "text")


def _dates(listed: list[dict[str, Any]], name: str) -> Iterator[str]:
    for each in listed:
        value = text(each.get(name))
        if value and _DATE.fullmatch(value):
            yield value


def _of_account(
    account: dict[str, Any],
) -> Iterator[WalletXpub | WalletAddress | WalletTransaction]:
    identifier, label = text(account.get("id")) or "", text(account.get("name"))
    coin = _ticker(text(account.get("currencyId")) or "")
    path = text(account.get("freshAddressPath"))
    mode = text(account.get("derivationMode")) or ""
    key = _found.xpub(
        coin,
        text(account.get("xpub")) or "",
        place=f"account {identifier[:20]}",
        derivation=f"m/{path.rsplit('/', 2)[0]}" if path and path.count("/") > 2 else None,  # noqa: PLR2004 - chain and number
        script_type=_SCRIPTS.get(mode),
        label=label,
    )
    if key:
        yield key
    fresh = text(account.get("freshAddress"))
    seen = {fresh} if fresh else set()
    if fresh:
        yield _found.address(
            coin,
            fresh,
            role="receive",
            place=f"account {identifier[:20]}",
            derivation=f"m/{path}" if path else None,
            label=label,
            used=bool(number(account.get("operationsCount"))),
        )
    for item in sequence(account.get("operations"))[:_MOST_OPERATIONS]:
        yield from _of_operation(mapping(item), coin, seen)


def _of_operation(
    operation: dict[str, Any], coin: str, seen: set[str]
) -> Iterator[WalletTransaction | WalletAddress]:
    txid, kind = text(operation.get("hash")), text(operation.get("type"))
    value, when = number(operation.get("value")), text(operation.get("date"))
    if not txid:
        return
    times = stamp("confirmed", when, "text") if when and _DATE.fullmatch(when) else ()
    delta = None if value is None else -value if kind in _SPENT else value
    yield WalletTransaction(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=f"operation {txid[:20]}",
        times=times,
        coin=coin,
        txid=txid,
        height=number(operation.get("blockHeight")),
        delta=delta,
    )
    for recipient in sequence(operation.get("recipients"))[:100] if kind == "OUT" else ():
        known = addresses.classify(recipient) if isinstance(recipient, str) else None
        if known and recipient not in seen:
            seen.add(recipient)
            yield _found.address(
                coin, recipient, role="payee", place=f"operation {txid[:20]}", times=times
            )


def _starred(settings: dict[str, Any]) -> Iterator[WalletXpub | WalletAddress]:
    """Yield what account ids in the settings hold, even while accounts are locked."""
    for item in sequence(settings.get("starredAccountIds"))[:_MOST]:
        found = _ACCOUNT.fullmatch(item) if isinstance(item, str) else None
        if found is None:
            continue
        coin = _ticker(found[1])
        key = _found.xpub(
            coin, found[2], place="starredAccountIds", script_type=_SCRIPTS.get(found[3])
        )
        if key:
            yield key
        elif addresses.classify(found[2]):
            yield _found.address(coin, found[2], role="own", place="starredAccountIds")
