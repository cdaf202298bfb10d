"""CSV files of exchanges and wallet programs: which service, which customer, which coins.

Written from the columns that public parsers accept (see `_exchange_forms`) and, for Electrum, from
exports of its own tests; no export of a real customer was at hand. A file is known by its header,
behind up to ten lines of preamble, separated by comma, semicolon or tab; its name does not count.
From the rows are taken the span of times, the tickers, the customer number, addresses that a
checksum confirms, transaction ids and extended public keys. Times are UTC only where the header
says so. Not read: amounts and prices, spreadsheets, PDF statements.

References: https://github.com/BittyTax/BittyTax, src/bittytax/conv/parsers
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from triage.api import (
    Artifact,
    Confidence,
    Header,
    Shows,
    Time,
    Unit,
    WalletAddress,
    WalletExchange,
    WalletFile,
    WalletTransaction,
    WalletXpub,
    Zone,
    extractor,
)
from triage.formats import addresses
from triage.formats.stamps import utc_text, zoned_text

from . import _found
from ._exchange_forms import BEGINNINGS, Form, recognise

_HEAD = 16 << 10  # bytes in which the header must stand
_PREAMBLE = 10  # lines
_WHOLE = 64 << 20  # bytes
_ROWS = 1_000_000
_MOST = 20_000  # findings of one sort
_COINS = 40
_SORTABLE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?")
_TICKER = re.compile(r"[A-Za-z0-9.]{2,10}")
_TXID = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")

_Finding = WalletExchange | WalletFile | WalletAddress | WalletTransaction | WalletXpub


@extractor(
    name="wallet.exchange.export",
    paths=(
        # any system: what services and programs call these files changes, the header does not
        "**/*.csv",
    ),
    content=tuple(Header(text) for text in BEGINNINGS),
    yields=(WalletExchange, WalletFile, WalletAddress, WalletTransaction, WalletXpub),
)
def export(artifact: Artifact) -> Iterator[_Finding]:
    """Read a CSV export of an exchange or wallet: customer, coins, addresses, transactions."""
    found = _header(artifact.head(_HEAD))
    if found is None:
        return
    form, delimiter, line = found
    text = artifact.text(_WHOLE).replace("\0", "")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    taken = _Taken(form=form)
    try:
        header = next(islice(rows, line, None))
        taken.read(header, islice(rows, _ROWS))
    except (csv.Error, StopIteration):
        artifact.problem("a row that is no CSV: what follows it is not read")
    yield from taken.findings()


def _header(head: bytes) -> tuple[Form, str, int] | None:
    """Return the form, the delimiter and how many lines stand before the header."""
    lines = head.decode("utf-8-sig", "replace").splitlines()[: _PREAMBLE + 1]
    for number, line in enumerate(lines):
        for delimiter in ",;\t":
            if line.count(delimiter) < 3:  # noqa: PLR2004 - every form has four columns or more
                continue
            try:
                form = recognise(next(csv.reader([line], delimiter=delimiter)))
            except (csv.Error, StopIteration):
                continue
            if form:
                return form, delimiter, number
    return None


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What the rows of one file give."""

    form: Form
    records: int = 0
    accounts: dict[str, None] = field(default_factory=dict)
    coins: dict[str, None] = field(default_factory=dict)
    times: list[str] = field(default_factory=list)  # the first and the last
    addresses: dict[str, WalletAddress] = field(default_factory=dict)
    transactions: dict[str, WalletTransaction] = field(default_factory=dict)
    xpubs: dict[str, WalletXpub] = field(default_factory=dict)

    def read(self, header: list[str], rows: Iterator[list[str]]) -> None:
        """Take the rows; repeated headers and closing remarks are none."""
        places = {cell.strip().strip("\ufeff"): at for at, cell in enumerate(header)}
        least = len(self.form.columns) - 1
        for number, row in enumerate(rows, 1):
            if len(row) < least or row == header:
                continue
            self.records += 1
            self._row(
                {name: row[at].strip() for name, at in places.items() if at < len(row)}, number
            )

    def _row(self, row: dict[str, str], number: int) -> None:
        form = self.form
        account = row.get(form.account or "", "")
        if account and len(account) <= 60 and len(self.accounts) < 20:  # noqa: PLR2004 - customer numbers
            self.accounts.setdefault(account)
        tickers = [row.get(name, "") for name in form.coins]
        for ticker in tickers:
            if _TICKER.fullmatch(ticker) and len(self.coins) < _COINS:
                self.coins.setdefault(ticker)
        when = row.get(form.time or "", "")
        if _SORTABLE.match(when):
            self.times = (
                [min(when, *self.times), max(when, *self.times)] if self.times else [when] * 2
            )
        coin = tickers[0] if tickers and _TICKER.fullmatch(tickers[0]) else form.coin
        self._address(row.get(form.address or "", ""), coin, number)
        self._transaction(row.get(form.txid or "", ""), coin, when, number)
        xpub = row.get(form.xpub or "", "")
        if xpub and xpub not in self.xpubs and len(self.xpubs) < _MOST:
            made = _found.xpub(
                coin or "BTC", xpub, place=f"record {number}", label=row.get("Account Name") or None
            )
            if made:
                self.xpubs[xpub] = made

    def _address(self, text: str, coin: str | None, number: int) -> None:
        known = addresses.classify(text) if 20 < len(text) < 130 else None  # noqa: PLR2004 - characters
        if known is None or not known.checks or text in self.addresses:
            return
        if len(self.addresses) < _MOST:
            self.addresses[text] = _found.address(
                coin or _found.ticker(known.coin),
                text,
                role=self.form.role,
                place=f"record {number}",
                checks=known.checks,
            )

    def _transaction(self, text: str, coin: str | None, when: str, number: int) -> None:
        if not _TXID.fullmatch(text) or text in self.transactions:
            return
        if len(self.transactions) < _MOST:
            self.transactions[text] = WalletTransaction(
                shows=Shows.USED,
                confidence=Confidence.PROBABLE,
                locator=f"record {number}",
                times=self._time("recorded", when) if _SORTABLE.match(when) else (),
                coin=coin or "unknown",
                txid=text,
            )

    def findings(self) -> Iterator[_Finding]:
        """Yield the file, one finding a customer number, then what stands in its rows."""
        span: tuple[Time, ...] = ()
        if self.times:
            span = (
                *self._time("first_record", self.times[0]),
                *self._time("last_record", self.times[1]),
            )
        if self.form.wallet:
            yield WalletFile(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                checks=("header",),
                times=span,
                software=self.form.maker,
                coins=tuple(self.coins),
                wallet_type="export",
                state="trace",
                transactions=len(self.transactions),
            )
        else:
            for account in self.accounts or (None,):
                yield WalletExchange(
                    shows=Shows.PRESENT,
                    confidence=Confidence.PROBABLE,
                    checks=("header",),
                    times=span,
                    exchange=self.form.maker,
                    trace="csv-export",
                    service_account=account,
                    report=self.form.report,
                    records=self.records,
                    coins=tuple(self.coins),
                )
        yield from self.xpubs.values()
        yield from self.addresses.values()
        yield from self.transactions.values()

    def _time(self, event: str, when: str) -> tuple[Time, ...]:
        if self.form.utc:
            return utc_text(event, when)
        if when.endswith("Z"):
            return zoned_text(event, when)
        return (Time(event=event, utc=None, raw=when[:40], unit=Unit.TEXT, zone=Zone.UNKNOWN),)
