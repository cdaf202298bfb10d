"""Accounts at exchanges: exports by their header, browsers, mail."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import exchange_accounts, exchange_apps, exchange_exports
from plugins.wallet._exchange_forms import BEGINNINGS, FORMS, recognise
from triage.api import Confidence, ParseError, WalletExchange, WalletFile, WalletTransaction

Extract = Callable[..., Any]
CSV = "x/y.csv"


def read(extract: Extract, text: str | bytes) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return extract(exchange_exports.export, {CSV: data})


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.maker} {form.report}")
def test_each_form_is_known_by_its_own_columns_and_by_no_fewer(form: Any) -> None:
    known = recognise(list(form.columns))
    assert known
    assert (known.maker, known.report) == (form.maker, form.report)
    for left_out in range(len(form.columns)):
        cut = [cell for at, cell in enumerate(form.columns) if at != left_out]
        other = recognise(cut)
        assert other is None or other.columns != form.columns
    assert recognise([cell.swapcase() for cell in form.columns]) is None


def test_each_form_reads_the_columns_that_it_names() -> None:
    assert all(len(beginning) >= 12 for beginning in BEGINNINGS)
    for form in FORMS:
        assert len(form.columns) >= 4
        assert set(form.coins) <= set(form.columns)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "\ufeff", "a preamble\n\n"])
def test_delimiters_preambles_and_marks(extract: Extract, delimiter: str, before: str) -> None:
    header = "Timestamp (UTC)|Transaction Description|Currency|Amount|To Currency|Native Currency"
    rows = [
        header,
        "2021-05-01 10:00:00|Buy|EUR|1|BTC|EUR",
        "2021-04-01 09:00:00|Buy|EUR|1|ETH|EUR",
    ]
    text = before + "\r\n".join(row.replace("|", delimiter) for row in rows)
    (found,) = read(extract, text).of(WalletExchange)
    assert (found.exchange, found.records, found.coins) == ("Crypto.com", 2, ("EUR", "BTC", "ETH"))
    assert [time.utc for time in found.times] == ["2021-04-01T09:00:00Z", "2021-05-01T10:00:00Z"]


def test_a_time_whose_zone_is_not_told_is_not_converted(extract: Extract) -> None:
    header = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\n"
    text = f"{header},,2021-01-01 01:00:00,,,,X,,,"
    (found,) = read(extract, text).of(WalletExchange)
    assert {(time.utc, time.zone.value) for time in found.times} == {(None, "unknown")}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe" * 3000,
        b'"' * 5000,
        b"," * 5000,
        b"a,b,c,d\n" * 500,
        b"PAIR,AMOUNT,PRICE,FEE\n",
        b"txid;refid,time;type\n",
    ],
)
def test_what_is_no_export_yields_nothing(extract: Extract, data: bytes) -> None:
    result = read(extract, data)
    assert not result.findings
    assert not result.problems


def test_hostile_rows_are_bounded(extract: Extract) -> None:
    header = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n"
    rows = "".join(f"{number},2021-01-01 00:00:00,a,b,C{number},1,\n" for number in range(300))
    found = read(extract, header + rows).of(WalletExchange)
    assert len(found) == 20
    assert len(found[0].coins) == 40
    result = read(extract, f'{header}1,2,3,4,BTC,5,"{"x" * 200_000}"\n')
    assert result.problems
    assert len(result.of(WalletExchange)) == 1
    assert read(extract, f"{header}\0\0,\0,,,,,\n").of(WalletExchange)[0].records == 1


@pytest.mark.skipif(
    "TRIAGE_SAMPLES" not in os.environ,
    reason="TRIAGE_SAMPLES is not set",
)
def test_what_electrum_exported(extract: Extract) -> None:
    folder = Path(os.environ["TRIAGE_SAMPLES"]) / "wallets/electrum-tests/history"
    (path,) = folder.glob("*.csv")
    data = path.read_bytes()
    result = read(extract, data)
    assert [wallet.software for wallet in result.of(WalletFile)] == ["electrum"]
    ids = {line.split(b",")[0].decode() for line in data.splitlines()[1:]} - {""}
    assert {found.txid for found in result.of(WalletTransaction)} == ids


def letters(*results: str) -> bytes:
    return b"".join(
        b"From x Mon Mar  4 09:00:00 2024\nFrom: <a@kraken.com>\nTo: bob@mail.example\n"
        b"Authentication-Results: %s\n\nText.\n\n" % result.encode()
        for result in results
    )


@pytest.mark.parametrize(
    ("results", "sure"),
    [
        (("mx; dkim=pass header.d=kraken.com",), Confidence.PROBABLE),
        (("mx; dkim=pass header.d=mail.kraken.com; spf=fail",), Confidence.PROBABLE),
        (("mx; dkim=fail header.d=kraken.com",), Confidence.POSSIBLE),
        (("mx; dkim=pass header.d=other.example",), Confidence.POSSIBLE),
        (("mx; dkim=pass header.d=coinbase.com",), Confidence.POSSIBLE),
        (("mx; dkim=none; spf=pass header.d=kraken.com",), Confidence.POSSIBLE),
        (("", "mx; dkim=pass header.d=kraken.com"), Confidence.PROBABLE),
    ],
)
def test_mail_is_as_sure_as_the_signature(
    extract: Extract, results: tuple[str, ...], sure: Confidence
) -> None:
    (found,) = extract(exchange_accounts.letters, {"home/bob/mbox": letters(*results)}).findings
    assert (found.confidence, found.messages) == (sure, len(results))


@pytest.mark.parametrize(
    "data", [b"", b"SQLite format 3\0", b"{", b"[1]", b'{"logins": 5}', b"\xff" * 99]
)
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (exchange_accounts.history, "u/History"),
        (exchange_accounts.login, "u/Login Data"),
        (exchange_accounts.login, "u/logins.json"),
        (exchange_accounts.letters, "home/bob/mbox"),
    ],
)
def test_what_is_damaged_yields_nothing(
    extract: Extract, extractor: Any, path: str, data: bytes
) -> None:
    with suppress(ParseError):
        assert not extract(extractor, {path: data}).findings


def test_programs_on_a_phone_are_told_once_a_folder(extract: Extract) -> None:
    folder = "data/data/com.kraken.trade/shared_prefs"
    tree = {f"{folder}/a.xml": b"", f"{folder}/b.xml": b"", f"{folder}/c.txt": b""}
    (found,) = extract(exchange_apps.apps, tree).findings
    assert (found.exchange, found.trace) == ("Kraken", "app")
    assert found.summary() == "Kraken: settings of its program"
    assert not extract(
        exchange_apps.apps, {"data/data/com.kraken/shared_prefs/a.xml": b""}
    ).findings
