"""The addresses and extended public keys of a bundle as CSV, for those who look at the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from triage.batch.tables import csv_bytes
from triage.bundle import Bundle

COLUMNS: Final = (
    *("coin", "type", "value", "role", "label", "used", "derivation", "confidence", "checks"),
    *("first_time", "account", "volume", "path", "place", "opened_by", "finding"),
)
_VALUE: Final = {
    "wallet.address": ("address", "crypto_address"),
    "wallet.xpub": ("extended public key", "xpub"),
    "wallet.transaction": ("transaction", "txid"),
    "indicator.crypto-address": ("address", "crypto_address"),
}


def addresses_csv(bundle: Bundle) -> bytes:
    """Return one line an address, extended key or transaction, sorted by coin and value.

    Cells that a spreadsheet would take for a formula begin with an apostrophe. A label is text of
    the wallet; an address that stands in a wallet is not for that somebody's.
    """
    return csv_bytes(COLUMNS, sorted(_rows(bundle), key=lambda row: [cell or "" for cell in row]))


def _rows(bundle: Bundle) -> Iterator[list[str | None]]:
    opened = {
        (record["source"]["volume"], record["source"]["path"]): record["value"]["opened_by"]
        for record in bundle.findings()
        if record["kind"] == "wallet.file" and record["value"].get("opened_by")
    }
    for record in bundle.findings():
        if record["kind"] not in _VALUE:
            continue
        kind, name = _VALUE[record["kind"]]
        value, source, account = record["value"], record["source"], record["account"]
        times = sorted(time["utc"] for time in record["times"] if time["utc"])
        used = value.get("used")
        yield [
            _text(value.get("coin")),
            kind,
            _text(value.get(name)),
            _text(value.get("role")),
            _text(value.get("label")),
            None if used is None else "yes" if used else "no",
            _text(value.get("derivation")),
            record["confidence"],
            ", ".join(record["checks"]),
            times[0] if times else None,
            account["name"] if account else None,
            source["volume"],
            source["path"],
            source["locator"],
            opened.get((source["volume"], source["path"])),
            record["id"],
        ]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
