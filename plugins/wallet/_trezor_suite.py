"""What Trezor Suite keeps of devices that it was told to remember: accounts, transactions, names.

IndexedDB `trezor-suite`, stores `devices`, `accounts` and `txs`. Of an account its `descriptor` is
the extended public key, or the address where a coin has but one. Records that were replaced are
read as well. Amounts are left out: the units changed with versions. Written from
`packages/suite/src/storage/definitions.ts` of trezor-suite; what newer versions encrypt with a key
of the system (labels) is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from triage.api import (
    Confidence,
    LimitError,
    ParseError,
    RowState,
    Shows,
    WalletAddress,
    WalletTransaction,
    WalletXpub,
)
from triage.formats import indexeddb
from triage.formats.leveldb import Contents
from triage.formats.stamps import stamp

from . import _found
from ._shapes import mapping, sequence, text

_STORES = ("devices", "accounts", "txs")
_MOST = 20_000
_TXID_LENGTHS = range(43, 101)  # Solana's in base 58 to hex
_ROLES = (("used", "receive"), ("unused", "receive"), ("change", "change"))


@dataclass(slots=True)
class Suite:
    """What was read: each thing once, the live record first."""

    devices: dict[str, None] = field(default_factory=dict)  # names that their owners gave
    models: dict[str, None] = field(default_factory=dict)
    keys: dict[str, WalletXpub] = field(default_factory=dict)
    addresses: dict[str, WalletAddress] = field(default_factory=dict)
    transactions: dict[str, WalletTransaction] = field(default_factory=dict)


def read(contents: Contents) -> Suite:
    """Read the database; records that cannot be decoded are passed over."""
    suite = Suite()
    found = list(indexeddb.records(contents, wanted=lambda _, store: store in _STORES))
    for record in sorted(found, key=lambda each: (not each.live, -each.sequence)):
        try:
            value = mapping(record.value())
        except (ParseError, LimitError) as error:
            contents.note(f"{record.file}: {error.message}")
            continue
        place = f"{record.file} {record.offset}, {record.store}"
        row = None if record.live else RowState.SUPERSEDED
        match record.store:
            case "devices":
                _device(value, suite)
            case "accounts":
                _account(value, place, row, suite)
            case _:
                _transaction(value, place, row, suite)
    return suite


def _device(value: dict[str, Any], suite: Suite) -> None:
    features = mapping(value.get("features"))
    label = text(features.get("label")) or text(value.get("label"))
    model = text(features.get("internal_model")) or text(features.get("model"))
    if label and len(suite.devices) < 20:  # noqa: PLR2004 - enough to read
        suite.devices.setdefault(label[:100])
    if model and len(suite.models) < 20:  # noqa: PLR2004
        suite.models.setdefault(model[:20])


def _account(value: dict[str, Any], place: str, row: RowState | None, suite: Suite) -> None:
    descriptor, coin = text(value.get("descriptor")), _coin(value)
    if descriptor is None or coin is None:
        return
    path = text(value.get("path"))
    label = text(value.get("accountLabel")) or text(
        mapping(value.get("metadata")).get("accountLabel")
    )
    made = _found.xpub(coin, descriptor, place=place, derivation=path, label=label)
    if made and len(suite.keys) < _MOST:
        suite.keys.setdefault(descriptor, made)
    listed = [] if made else [("own", {"address": descriptor, "path": path})]
    for role, address in (*listed, *_addresses(mapping(value.get("addresses")))):
        told, transfers = text(address.get("address")) or "", address.get("transfers")
        if not 20 < len(told) < 130 or len(suite.addresses) >= _MOST:  # noqa: PLR2004 - characters
            continue
        found = _found.address(
            coin,
            told,
            role=role,
            place=place,
            derivation=text(address.get("path")),
            used=transfers > 0 if isinstance(transfers, int | float) else None,
            row=row,
            label=label if role == "own" else None,
        )
        suite.addresses.setdefault(told, found)


def _addresses(listed: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in _ROLES:
        for item in sequence(listed.get(name))[:_MOST]:
            yield role, mapping(item)


def _transaction(value: dict[str, Any], place: str, row: RowState | None, suite: Suite) -> None:
    told = mapping(value.get("tx"))
    txid, coin = text(told.get("txid")), _coin(value) or _coin(told)
    if txid is None or len(txid) not in _TXID_LENGTHS or coin is None:
        return
    height, when = told.get("blockHeight"), told.get("blockTime")
    if txid not in suite.transactions and len(suite.transactions) < _MOST:
        suite.transactions[txid] = WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=place,
            row=row,
            times=stamp("confirmed", int(when), "s_unix") if isinstance(when, int | float) else (),
            coin=coin,
            txid=txid,
            height=int(height) if isinstance(height, int | float) and height > 0 else None,
            label=text(told.get("type")),
        )


def _coin(value: dict[str, Any]) -> str | None:
    symbol = text(value.get("symbol"))
    return symbol.upper() if symbol and len(symbol) <= 10 and symbol.isalnum() else None  # noqa: PLR2004 - a ticker
