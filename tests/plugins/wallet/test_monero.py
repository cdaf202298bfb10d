"""Monero and Feather: wallets that cannot be opened, and what stands around them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import feather, monero
from triage.api import (
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
)

Extract = Callable[..., Any]

# The address of a wallet made for tests, never funded; and the donation address of the project.
OWN = (
    "42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJBzHRCAs9UxqeoyFQMYbqSWYTf"
    "JJQAWDm"
)
OTHER = (
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RV"
    "GQBEP3A"
)


def sealed(length: int = 1643) -> bytes:
    body = hashlib.shake_256(b"monero").digest(8 + length)
    return body[:8] + bytes([length & 0x7F | 0x80, length >> 7]) + body[8:]


def test_a_keys_file_is_named_and_not_opened(extract: Extract) -> None:
    tree = {"/home/a/seized.keys": sealed(), "/home/a/seized": sealed(9000)}
    (file,) = extract(monero.wallets, tree).findings
    assert (file.software, file.coins, file.state) == ("monero", ("XMR",), "file-encrypted")
    assert (file.wallet_type, file.protection) == (None, Protection.ENCRYPTED)
    assert file.needed_to_open == "the wallet password, which may be empty"


def test_what_is_missing_is_said(extract: Extract) -> None:
    (keys,) = extract(monero.wallets, {"/x/a.keys": sealed()}).findings
    assert keys.wallet_type == "keys-only"
    tree = {"/home/a/Monero/wallets/w/w": sealed(9000)}
    (cache,) = extract(monero.wallets, tree).findings
    assert cache.wallet_type == "cache-only"
    assert cache.needed_to_open == "the file of keys, and the wallet password"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 8,
        b"\xff" * 300,
        sealed()[:-1],
        sealed() + b"x",
        b"A" * 8 + bytes([0x80 | 0x6B, 0x0C]) + b"text " * 327,  # fills the file, and is text
        bytes(2000),
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 50,
    ],
)
def test_other_files_of_that_name_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(monero.wallets, {"/x/a.keys": data, "/x/Monero/wallets/b": data})
    assert (found.findings, found.problems) == ([], [])


def test_a_large_keys_file_is_none(extract: Extract) -> None:
    assert extract(monero.wallets, {"/x/a.keys": sealed(16_000) + bytes(9000)}).findings == []


@pytest.mark.parametrize(
    ("text", "count"), [(OWN, 1), (f"{OWN}\n", 1), (OWN[:-1] + "n", 0), ("", 0)]
)
def test_an_address_file_needs_a_true_address(extract: Extract, text: str, count: int) -> None:
    found = extract(monero.address, {"/x/w.address.txt": text.encode()}).findings
    assert len(found) == count
    for address in found:
        assert (address.coin, address.role, address.checks) == ("XMR", "own", ("keccak",))


CONF = "/home/a/.config/monero-project/monero-core.conf"
NODES = json.dumps(
    {"selected": 1, "nodes": [{"address": "a:1"}, {"address": "b.onion:2", "password": "p4ss"}]}
)
SETTINGS = f"""[General]
account_name=savings
daemonPassword=secret
nettype=0
proxyAddress=127.0.0.1:9050
proxyEnabled=true
remoteNodesSerialized="{NODES.replace('"', chr(92) + '"')}"
useRemoteNode=true
wallet_path=/home/a/Monero/wallets/savings/savings
"""


def test_the_settings_of_the_gui(extract: Extract) -> None:
    tree = {CONF: SETTINGS.encode(), "/home/a/Monero/wallets/savings/savings.keys": sealed()}
    found = extract(monero.settings, tree)
    (file,) = found.of(WalletFile)
    assert (file.named, file.path) == (
        "/home/a/Monero/wallets/savings/savings",
        "/home/a/Monero/wallets/savings/savings.keys",
    )
    assert (file.network, file.label, file.server, file.proxy) == (
        "mainnet",
        "savings",
        "b.onion:2",
        "127.0.0.1:9050",
    )
    places = {each.place: each.extent for each in found.of(WalletSecret)}
    assert places == {
        "remoteNodesSerialized: b.onion:2": "4 characters",
        "daemonPassword": "6 characters",
    }
    assert all(each.sensitivity is Sensitivity.SECRET for each in found.of(WalletSecret))
    assert not any("p4ss" in f"{each!r}{each.value()}" for each in found.findings)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[General]\nlogLevel=0\n",
        "wallet_path=\n",
        'remoteNodesSerialized="not json"\n',
        "remoteNodesSerialized=[]\n",
        'remoteNodesSerialized={"nodes": [5, {"address": 7}], "selected": -3}\n',
        "remoteNodesSerialized=" + "[" * 100_000,
    ],
)
def test_settings_that_name_nothing_yield_nothing(extract: Extract, text: str) -> None:
    assert extract(monero.settings, {CONF: text.encode()}).findings == []


LOG = "\n".join(
    f"{when}\t7f00\tINFO\twallet\tsrc/a.cpp:1\t{text}"
    for when, text in (
        ("2024-01-02 03:04:05.678", "Monero 'Fluorine Fermi' (v0.18.3.1-release)"),
        ("2024-01-02 03:05:00.000", f"Loaded wallet keys file, with public address: {OWN}"),
        ("2024-01-03 00:00:00.000", f"to {OTHER} and {OTHER}\n"),
    )
)


def test_a_log_tells_version_times_and_addresses(extract: Extract) -> None:
    found = extract(monero.log, {"/x/monero-wallet-cli.log": LOG.encode()})
    (file,) = found.of(WalletFile)
    assert (file.software, file.software_version, file.state) == (
        "monero-cli",
        "0.18.3.1-release",
        "trace",
    )
    assert file.shows is Shows.EXECUTED
    assert [(time.raw, time.utc) for time in file.times] == [
        ("2024-01-02 03:04:05.678", None),
        ("2024-01-03 00:00:00.000", None),
    ]
    assert [(each.role, each.locator) for each in found.of(WalletAddress)] == [
        ("own", "line 2"),
        ("mentioned", "line 3"),
    ]


@pytest.mark.parametrize(
    "data", [b"", b"some other log\n", b"\0" * 500, b"2024-01-02 03:04:05\n", LOG.encode()[:26]]
)
def test_another_log_yields_nothing(extract: Extract, data: bytes) -> None:
    assert extract(monero.log, {"/x/libwallet.log": data}).findings == []


FEATHER = "/home/a/.config/feather/settings.json"


def test_feather_names_its_wallets(extract: Extract) -> None:
    data = {
        "autoOpenWalletPath": "",
        "recentlyOpenedWallets": ["/home/a/Monero/wallets/w.keys", "/media/stick/w", 5],
        "walletDirectory": "/home/a/Monero/wallets",
        "socks5Host": "127.0.0.1",
        "socks5Port": "9050",
    }
    tree = {FEATHER: json.dumps(data).encode(), "/home/a/Monero/wallets/w.keys": sealed()}
    first, second = extract(feather.settings, tree).findings
    assert (first.named, first.path) == ("/home/a/Monero/wallets/w.keys",) * 2
    assert (second.named, second.path, second.proxy) == ("/media/stick/w", None, "127.0.0.1:9050")


@pytest.mark.parametrize("data", [{}, [], {"theme": "dark"}, {"recentlyOpenedWallets": 5}])
def test_settings_of_another_feather_yield_nothing(extract: Extract, data: Any) -> None:
    assert extract(feather.settings, {FEATHER: json.dumps(data).encode()}).findings == []


def test_feather_settings_that_are_no_json_are_refused(extract: Extract) -> None:
    with pytest.raises(ParseError):
        extract(feather.settings, {FEATHER: b"{"})


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets/generated/monero_restored"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/generated/"
)
def test_a_wallet_of_monero_0_18(extract: Extract) -> None:
    tree = {f"/home/a/{path.name}": path.read_bytes() for path in SAMPLES.iterdir()}
    (file,) = extract(monero.wallets, tree).findings
    assert (file.wallet_type, file.state) == (None, "file-encrypted")
    (ran,) = extract(monero.log, tree).findings
    assert ran.software == "monero-cli"
