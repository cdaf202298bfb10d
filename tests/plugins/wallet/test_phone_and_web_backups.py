"""imToken, Coinomi's cache, backups of block.io and BitGo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import coinomi_android, imtoken, web_backups
from triage.api import WalletAddress, WalletFile, WalletTransaction

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/wallet/extensions/browsers/tree"
IMTOKEN = "data/data/im.token.app/files/wallets/5eed.json"
BACKUPS = "Users/bob/Documents"


def test_imtoken_tells_all_but_the_hint(extract: Extract) -> None:
    found = extract(imtoken.wallets, {IMTOKEN: (TREE / IMTOKEN).read_bytes()})
    (file,) = found.of(WalletFile)
    assert (file.label, file.coins, file.wallet_type) == ("Daily", ("ETH",), "mnemonic")
    assert file.times[0].utc == "2020-09-13T12:26:40Z"
    assert "hint stands" in (file.needed_to_open or "")
    assert [each.role for each in found.of(WalletAddress)] == ["own"]
    assert "not to be shown" not in repr(found)


def test_coinomi_left_payments_as_names(extract: Extract) -> None:
    folder = "data/data/com.coinomi.wallet/cache/0123456789abcdef"
    tree = {f"{folder}/bitcoin.main/{'ab' * 32}": b"", f"{folder}/tezos.main/{'cd' * 32}": b""}
    found = extract(coinomi_android.received, tree | {f"{folder}/bitcoin.main/index": b""})
    assert {(each.coin, each.txid[:2]) for each in found.of(WalletTransaction)} == {
        ("BTC", "ab"),
        ("tezos", "cd"),
    }


@pytest.mark.parametrize(
    ("name", "value", "software"),
    [
        ("bitgo-keycard.json", {"iv": "a", "salt": "b", "ct": "c", "iter": 10000}, "bitgo"),
        ("note about bitgo.json", {"iv": "a", "ct": "c"}, None),
        ("block.io.json", {"user_key": {"encrypted_passphrase": "x"}}, "block.io"),
        ("my_blockio.json", {"data": {"user_key": {"encrypted_passphrase": "x"}}}, "block.io"),
        ("block.io.json", {"user_key": 5, "data": []}, None),
        ("bitgo.json", [1], None),
    ],
)
def test_backups_by_name_and_shape(
    extract: Extract, name: str, value: Any, software: str | None
) -> None:
    found = extract(web_backups.backup, {f"{BACKUPS}/{name}": json.dumps(value).encode()})
    assert [each.software for each in found.of(WalletFile)] == ([software] if software else [])
    assert not found.problems


@pytest.mark.parametrize("data", [b"", b"{", b'{"imTokenMeta": 5}', b"\xff" * 99, b"[" * 5000])
def test_what_is_damaged_yields_nothing(extract: Extract, data: bytes) -> None:
    assert not extract(imtoken.wallets, {IMTOKEN: data}).findings
    assert not extract(web_backups.backup, {f"{BACKUPS}/bitgo.json": data}).findings
