"""Electrum: what a wallet file says in each of its layouts, and what must yield nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.wallet._bitcoin import transaction_id
from plugins.wallet.electrum import settings, wallets
from triage.api import (
    Confidence,
    ParseError,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)

Extract = Callable[..., Any]

PATH = "/home/alice/.electrum/wallets/default_wallet"
# BIP-32 test vector 1, BIP-39 test vector, and addresses of BIP-173: all public, none of them used.
XPUB = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg"
    "7usUDFdp6W1EGMcet8"
)
XPRV = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
SEED = " ".join(["abandon"] * 11 + ["about"])
CIPHERTEXT = base64.b64encode(bytes(range(96))).decode()
RECEIVE = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
CHANGE = "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH"
PAYEE = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
WIF = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"  # private key 1
# The coinbase transaction of Bitcoin's first block.
TX = (
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d"
    "0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66"
    "207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe55"
    "48271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba"
    "0b8d578a4c702b6bf11d5fac00000000"
)
TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"


def wallet(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "addr_history": {RECEIVE: [["ab" * 32, 700_000]], CHANGE: []},
        "addresses": {"receiving": [RECEIVE], "change": [CHANGE]},
        "channels": {"ff": {}},
        "contacts": {PAYEE: ["address", "The Shop"]},
        "db_metadata": {"creation_timestamp": 1_700_000_000, "first_electrum_version_used": "4.5"},
        "invoices": {"aa": {"message": "rent", "outputs": [[0, PAYEE, 5]], "time": 1_700_000_001}},
        "keystore": {
            "derivation": "m/0'",
            "root_fingerprint": "3442193e",
            "seed": SEED,
            "seed_type": "bip39",
            "type": "bip32",
            "xprv": XPRV,
            "xpub": XPUB,
        },
        "labels": {RECEIVE: "salary", "ab" * 32: "march"},
        "seed_version": 60,
        "txi": {},
        "txo": {"ab" * 32: {RECEIVE: {"0": [5000, False]}}},
        "use_encryption": False,
        "verified_tx3": {"ab" * 32: [700_000, 1_631_333_672, 1, "00"]},
        "wallet_type": "standard",
    }
    return data | changes


def run(extract: Extract, data: Any, path: str = PATH) -> Any:
    return extract(wallets, {path: data if isinstance(data, bytes) else json.dumps(data).encode()})


def test_a_plain_wallet_tells_what_it_is(extract: Extract) -> None:
    found = run(extract, wallet())
    assert found.problems == []
    (file,) = found.of(WalletFile)
    assert (file.software, file.coins, file.network) == ("electrum", ("BTC",), "mainnet")
    assert (file.state, file.wallet_type, file.holds_secret) == ("plain", "standard", True)
    assert (file.fingerprint, file.format_version) == ("3442193e", "60")
    assert (file.addresses, file.transactions, file.channels) == (2, 1, 1)
    assert file.recorded_balance == 5000
    assert file.needed_to_open is None
    assert file.confidence is Confidence.CONFIRMED
    assert file.times[0].utc == "2023-11-14T22:13:20Z"


def test_addresses_have_their_place_label_and_use(extract: Extract) -> None:
    found = {each.crypto_address: each for each in run(extract, wallet()).of(WalletAddress)}
    assert found[RECEIVE].role == "receive"
    assert found[RECEIVE].derivation == "m/0'/0/0"
    assert found[RECEIVE].label == "salary"
    assert found[RECEIVE].used is True
    assert found[RECEIVE].shows is Shows.USED
    assert found[RECEIVE].checks == ("bech32",)
    assert (found[CHANGE].role, found[CHANGE].used) == ("change", False)
    assert found[CHANGE].derivation == "m/0'/1/0"


def test_contacts_and_payees_are_destinations(extract: Extract) -> None:
    contact, payee = run(extract, wallet()).of(WalletAddress)[2:]
    assert (contact.role, contact.crypto_address, contact.label) == ("contact", PAYEE, "The Shop")
    assert (payee.role, payee.crypto_address, payee.label) == ("payee", PAYEE, "rent")
    assert contact.shows is payee.shows is Shows.DESTINATION


def test_keys_and_transactions(extract: Extract) -> None:
    found = run(extract, wallet())
    (xpub,) = found.of(WalletXpub)
    assert (xpub.xpub, xpub.derivation, xpub.fingerprint) == (XPUB, "m/0'", "3442193e")
    assert xpub.confidence is Confidence.CONFIRMED
    (transaction,) = found.of(WalletTransaction)
    assert (transaction.height, transaction.label, transaction.delta) == (700_000, "march", 5000)
    assert transaction.times[0].utc == "2021-09-11T04:14:32Z"
    assert transaction.confidence is Confidence.PROBABLE  # the bytes are not in the file


@pytest.mark.parametrize(
    ("txid", "raw", "confidence"),
    [
        (TXID, TX, Confidence.CONFIRMED),
        ("00" * 32, TX, Confidence.PROBABLE),
        (TXID, TX[:-2], Confidence.PROBABLE),
        (TXID, "01000000", Confidence.PROBABLE),
        (TXID, "01000000" + "ff" * 9, Confidence.PROBABLE),
        (TXID, "no hex", Confidence.PROBABLE),
    ],
)
def test_the_id_of_a_stored_transaction_is_checked(
    extract: Extract, txid: str, raw: str, confidence: Confidence
) -> None:
    found = run(extract, wallet(transactions={txid: raw}, verified_tx3={}, addr_history={}))
    assert [each.confidence for each in found.of(WalletTransaction)] == [confidence]


def test_a_witness_is_no_part_of_the_id() -> None:
    with_witness = TX[:8] + "0001" + TX[8:-8] + "0100" + TX[-8:]
    assert transaction_id(bytes.fromhex(with_witness)) == TXID


def test_secrets_stand_nowhere_but_in_the_frame(extract: Extract) -> None:
    found = run(extract, wallet())
    seed, xprv = found.of(WalletSecret)
    assert (seed.secret_type, seed.place, seed.extent) == (
        "bip39-seed",
        "keystore.seed",
        "12 words",
    )
    assert (xprv.secret_type, xprv.extent) == ("xprv", "111 characters")
    assert seed.confidence is xprv.confidence is Confidence.CONFIRMED
    assert seed.sensitivity is Sensitivity.SECRET
    assert (seed.secret, xprv.secret) == (SEED, XPRV)
    shown = [f"{each!r} {each.summary()} {each.value()}" for each in found.findings]
    assert not any(SEED in text or XPRV in text for text in shown)


def test_an_encrypted_keystore_keeps_its_secrets(extract: Extract) -> None:
    keystore = wallet()["keystore"] | {"seed": CIPHERTEXT, "xprv": CIPHERTEXT}
    found = run(extract, wallet(keystore=keystore, use_encryption=True))
    (file,) = found.of(WalletFile)
    assert file.state == "keystore-encrypted"
    assert file.holds_secret is False
    assert file.needed_to_open == "the wallet password, for seed and private keys alone"
    assert found.of(WalletSecret) == []
    assert len(found.of(WalletAddress)) == 4


def test_a_seed_in_clear_is_told_whatever_the_flag_says(extract: Extract) -> None:
    found = run(extract, wallet(use_encryption=True))
    assert [each.place for each in found.of(WalletSecret)] == ["keystore.seed", "keystore.xprv"]


def test_imported_keys_are_one_secret(extract: Extract) -> None:
    keys = {"02" + "11" * 32: f"p2wpkh:{WIF}", "02" + "22" * 32: WIF}
    data = wallet(
        keystore={"type": "imported", "keypairs": keys},
        addresses={RECEIVE: {"pubkey": "02" + "11" * 32}},
        wallet_type="imported",
    )
    found = run(extract, data)
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.extent) == ("private-keys", "2 keys")
    assert secret.secret.count(WIF) == 2
    assert found.of(WalletAddress)[0].role == "imported"


def test_a_hardware_wallet_has_no_secret(extract: Extract) -> None:
    keystore = {"type": "hardware", "hw_type": "trezor", "xpub": XPUB, "derivation": "m/84'/0'/0'"}
    (file,) = run(extract, wallet(keystore=keystore)).of(WalletFile)
    assert file.hardware == "trezor"
    assert file.holds_secret is False
    assert file.needed_to_open == "the hardware wallet (trezor), to spend"


def test_the_first_generation_is_a_python_literal(extract: Extract) -> None:
    text = (
        f"{{'seed': '{'0f' * 16}', 'use_encryption': False, 'master_public_key': '{'ab' * 64}', "
        f"'accounts': {{0: {{0: ['{CHANGE}'], 1: []}}}}, 'labels': {{'{CHANGE}': u'caf\\xe9'}}, "
        f"'contacts': ['{PAYEE}'], 'seed_version': 4L}}"
    )
    found = run(extract, text.encode())
    (file,) = found.of(WalletFile)
    assert (file.wallet_type, file.format_version, file.state) == ("old", "4", "plain")
    assert [(each.role, each.label) for each in found.of(WalletAddress)] == [
        ("receive", "café"),
        ("contact", None),
    ]
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.extent) == ("electrum-seed-old", "32 hex digits")
    assert found.of(WalletXpub)[0].confidence is Confidence.PROBABLE  # no point of the curve


def patches(*items: Any) -> bytes:
    return b"".join(b",\n" + json.dumps(item).encode() for item in items)


def test_appended_changes_are_applied(extract: Extract) -> None:
    extra = patches(
        {"op": "add", "path": f"/labels/{CHANGE}", "value": "later"},
        {"op": "add", "path": "/addresses/receiving/1", "value": PAYEE},
        {"op": "replace", "path": "/seed_version", "value": 71},
        {"op": "remove", "path": "/contacts"},
    )
    found = run(extract, json.dumps(wallet()).encode() + extra)
    assert found.problems == []
    (file,) = found.of(WalletFile)
    assert (file.format_version, file.addresses) == ("71", 3)
    labels = {each.crypto_address: each.label for each in found.of(WalletAddress)}
    assert labels[CHANGE] == "later"
    assert "contact" not in {each.role for each in found.of(WalletAddress)}


def test_a_seed_that_a_change_replaced_still_stands_in_the_file(extract: Extract) -> None:
    extra = patches(
        {"op": "replace", "path": "/keystore/seed", "value": CIPHERTEXT},
        {"op": "remove", "path": "/keystore/xprv"},
    )
    found = run(extract, json.dumps(wallet()).encode() + extra)
    rows = {each.place: each.row for each in found.of(WalletSecret)}
    assert rows == dict.fromkeys(("keystore.seed", "keystore.xprv"), RowState.SUPERSEDED)
    (file,) = found.of(WalletFile)
    assert (file.state, file.holds_secret) == ("keystore-encrypted", True)


def test_without_transactions_nothing_is_said_of_a_balance(extract: Extract) -> None:
    (file,) = run(extract, wallet(addr_history={}, verified_tx3={}, txo={})).of(WalletFile)
    assert (file.transactions, file.recorded_balance) == (0, None)


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "add", "path": "labels/x", "value": 1},
        {"op": "add", "path": "/labels", "other": 1},
        {"op": "add", "path": "/nowhere/x", "value": 1},
        {"op": "remove", "path": "/nowhere"},
        {"op": "replace", "path": "/addresses/receiving/7", "value": 1},
        {"op": "add", "path": "/addresses/receiving/" + "9" * 5000, "value": 1},
        {"op": "add", "path": "/a" * 100, "value": 1},
        {"op": "move", "path": "/labels", "from": "/seed"},
        ["add"],
        7,
    ],
)
def test_a_change_that_does_not_fit_is_counted(extract: Extract, patch: Any) -> None:
    found = run(extract, json.dumps(wallet()).encode() + patches(patch))
    assert found.problems == ["1 of the appended changes do not fit"]
    assert len(found.of(WalletAddress)) == 4


def test_a_change_cut_off_by_a_crash_is_noted(extract: Extract) -> None:
    found = run(extract, json.dumps(wallet()).encode() + patches({"op": "add"})[:-3])
    (file,) = found.of(WalletFile)
    assert file.state == "damaged"
    assert len(found.problems) == 1
    assert len(found.of(WalletAddress)) == 4


def sealed(magic: bytes = b"BIE1", body: int = 64) -> bytes:
    point = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    return base64.b64encode(magic + point + bytes(body) + bytes(32))


@pytest.mark.parametrize(
    ("data", "needed"),
    [
        (sealed(), "the wallet password"),
        (sealed(b"BIE2"), "the hardware wallet it is bound to"),
        (
            b"Electrum\0\1" + bytes(16) + b"\1\1\0\x10" + bytes(32) + bytes(80 + 32),
            "the wallet password",
        ),
    ],
)
def test_a_file_that_is_encrypted_whole_is_named(
    extract: Extract, data: bytes, needed: str
) -> None:
    found = run(extract, data)
    (file,) = found.findings
    assert (file.state, file.needed_to_open) == ("file-encrypted", needed)
    assert file.protection is Protection.ENCRYPTED
    assert found.problems == []


def test_an_encrypted_file_that_is_cut_off_is_damaged(extract: Extract) -> None:
    (file,) = run(extract, sealed()[:-6]).findings
    assert (file.state, file.protection) == ("damaged", Protection.DAMAGED)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"fs r/w test",
        b"[Desktop Entry]\n",
        b"QklFSSBpcyBub3QgYSB3YWxsZXQ=",
        b"QklFMQ== and a sentence",
        b"Electrum is a wallet\n",
        b'{"name": "a JSON file", "wallets": []}',
        b'{"seed_version": "4", "keystore": 1}',
        b'{"wallet_type": "leather", "colour": "brown"}',
        b'{"seed_version": 4, "about": "not a wallet"}',
        b'["seed_version"]',
    ],
)
def test_what_is_no_wallet_yields_nothing(extract: Extract, data: bytes) -> None:
    found = run(extract, data)
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("percent", [30, 50, 70, 90, 99])
def test_a_wallet_cut_off_gives_what_it_has(extract: Extract, percent: int) -> None:
    data = json.dumps(wallet()).encode()
    found = run(extract, data[: len(data) * percent // 100])
    (file,) = found.of(WalletFile)
    assert (file.state, file.protection) == ("damaged", Protection.DAMAGED)
    assert len(found.problems) == 1
    assert RECEIVE in {each.crypto_address for each in found.of(WalletAddress)}


@pytest.mark.parametrize(
    "data",
    [
        b'{"seed_version":' + b"[" * 100_000,
        b'{"seed_version": 4, "keystore": {}, "x": ' + b'{"a":' * 100_000,
        b"{'seed_version': " + b"(" * 100_000,
        b"{'seed_version': 4]",
        b"{{}: 'seed_version'}",
        b'{"seed_version": ' + b"[" + b"," * 5_000_001 + b"]",
    ],
)
def test_hostile_nesting_is_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        run(extract, data)


@pytest.mark.parametrize(
    "value", [None, 7, "text", [], {}, [[[]]], {"a": {"b": None}}, "9" * 5000, True, [None, 5], -1]
)
def test_no_field_may_be_trusted_to_have_its_type(extract: Extract, value: Any) -> None:
    for name in wallet():
        if name not in {"seed_version", "wallet_type"}:
            run(extract, wallet(**{name: value}))
    for name in ("transactions", "verified_tx", "pubkeys", "accounts", "master_public_keys"):
        run(extract, wallet(**{name: value}))
        run(extract, wallet(**{name: {"x/": value, "0": value, "receiving": value}}))
    for name in ("invoices", "contacts", "txi", "txo", "submarine_swaps", "addr_history"):
        run(extract, wallet(**{name: {"a": value, RECEIVE: value, "ab" * 32: value}}))
    for name in wallet()["keystore"]:
        run(extract, wallet(keystore=wallet()["keystore"] | {name: value}))
    run(extract, wallet(keystore={"keypairs": {"a": value}}))


@pytest.mark.parametrize(
    ("path", "software", "coin"),
    [
        ("/Users/bob/AppData/Roaming/Electrum/wallets/x", "electrum", "BTC"),
        ("/Users/bob/AppData/Roaming/ElectronCash/wallets/x", "electron-cash", "BCH"),
        ("/Users/bob/AppData/Roaming/Electrum-LTC/wallets/x", "electrum-ltc", "LTC"),
        ("/Documents and Settings/bob/Application Data/Electrum/wallets/x", "electrum", "BTC"),
        ("/home/bob/.electrum/testnet/wallets/x", "electrum", "BTC"),
        ("/home/bob/.electrum/electrum.dat", "electrum", "BTC"),
        ("/home/bob/.electron-cash/wallets/x", "electron-cash", "BCH"),
        ("/home/bob/.var/app/org.electrum.electrum/.electrum/wallets/x", "electrum", "BTC"),
        ("/usb/portable/electrum_data/wallets/x", "electrum", "BTC"),
        ("/data/data/org.electrum.electrum/files/data/wallets/x", "electrum", "BTC"),
        ("/data/data/org.electrum.testnet.electrum/files/data/wallets/x", "electrum", "BTC"),
        ("/electrum/wallets/x", "electrum", "BTC"),
        ("/home/bob/.electrum/wallets/x.tmp.4711", "electrum", "BTC"),
        ("/backup/default_wallet.old", "electrum", "BTC"),
    ],
)
def test_every_layout_is_found(extract: Extract, path: str, software: str, coin: str) -> None:
    (file,) = run(extract, wallet(), path).of(WalletFile)
    assert (file.software, file.coins) == (software, (coin,))


CONFIG = "/home/alice/.electrum/config"


def test_settings_name_wallets_server_and_proxy(extract: Extract) -> None:
    data = {
        "config_version": 3,
        "gui_last_wallet": PATH,
        "recently_open": [PATH, "/media/usb/savings", r"E:\keys\cold"],
        "server": "electrum.example.org:50002:s",
        "proxy": "socks5:127.0.0.1:9050:tor:pass:word",
        "rpcuser": "user",
        "rpcpassword": "c2VjcmV0",
    }
    tree = {CONFIG: json.dumps(data).encode(), PATH: json.dumps(wallet()).encode()}
    found = extract(settings, tree)
    named = found.of(WalletFile)
    assert [(each.named, each.path) for each in named] == [
        (PATH, PATH),
        ("/media/usb/savings", None),
        (r"E:\keys\cold", None),
    ]
    assert {each.state for each in named} == {"named"}
    assert {each.server for each in named} == {"electrum.example.org:50002:s"}
    assert {each.proxy for each in named} == {"socks5:127.0.0.1:9050"}
    secrets = {each.place: each for each in found.of(WalletSecret)}
    assert secrets["proxy_password"].secret == "pass:word"  # noqa: S105 - invented
    assert secrets["rpcpassword"].extent == "8 characters"
    shown = [f"{each!r} {each.summary()} {each.value()}" for each in found.findings]
    assert not any("pass:word" in text or "c2VjcmV0" in text for text in shown)


@pytest.mark.parametrize(
    "data", [b"{}", b'{"theme": "dark"}', b"[]", b"7", b'{"config_version": 3, "server": 7}']
)
def test_other_settings_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(settings, {CONFIG: data})
    assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b"[remote]\nurl=x"])
def test_settings_that_are_no_json_are_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(settings, {CONFIG: data})
