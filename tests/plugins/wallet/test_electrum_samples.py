"""Wallets that Electrum 1.9.8 to 4.6.0 wrote, and the truth about them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet.electrum import settings, wallets
from triage.api import WalletAddress, WalletFile, WalletSecret, WalletTransaction, WalletXpub

Extract = Callable[..., Any]

SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/"
)


def run(extract: Extract, name: str) -> Any:
    data = (SAMPLES / name).read_bytes()
    found = extract(wallets, {"/home/x/.electrum/wallets/x": data})
    assert found.problems == []
    return found


@pytest.mark.parametrize("name", ["electrum_std/default_wallet", "electrum_std/created_segwit"])
def test_a_wallet_of_4_3_4_gives_its_ground_truth(extract: Extract, name: str) -> None:
    truth = json.loads((SAMPLES / "generated/ground_truth.json").read_text("utf-8"))[name]
    found = run(extract, f"generated/{name}")
    (file,) = found.of(WalletFile)
    assert file.format_version == str(truth["seed_version"])
    assert file.fingerprint == truth["master_fingerprint"]
    assert (file.state, file.wallet_type, file.network) == ("plain", "standard", "mainnet")
    (xpub,) = found.of(WalletXpub)
    assert (xpub.xpub, xpub.script_type, xpub.derivation) == (truth["xpub"], "p2wpkh", "m/0'")
    seed = found.of(WalletSecret)[0]
    assert (seed.secret, seed.secret_type) == (truth["seed"], "electrum-seed-segwit")
    assert seed.checks == ("electrum-checksum",)
    by_role = {
        role: [each.crypto_address for each in found.of(WalletAddress) if each.role == role]
        for role in ("receive", "change")
    }
    assert by_role == {"receive": truth["receiving"], "change": truth["change"]}
    assert {each.checks for each in found.of(WalletAddress)} == {("bech32",)}


@pytest.mark.parametrize(
    "name",
    [
        "generated/electrum_enc_file/default_wallet",
        "btcrecover/electrum28-wallet",
        "btcrecover/electrum41-wallet",
    ],
)
def test_files_encrypted_whole_are_named(extract: Extract, name: str) -> None:
    (file,) = run(extract, name).findings
    assert (file.state, file.needed_to_open) == ("file-encrypted", "the wallet password")
    assert file.checks == ("secp256k1 point",)


# name, wallet_type, state, addresses, transactions, fingerprint, secrets
ROWS = [
    ("btcrecover/electrum-wallet", "old", "keystore-encrypted", 8, 0, None, []),
    ("btcrecover/electrum2-wallet", "standard", "keystore-encrypted", 23, 0, "adf1d21c", []),
    ("btcrecover/electrum27-wallet", "standard", "keystore-encrypted", 26, 0, "fe00eeb3", []),
    ("electrum-tests/client_1_9_8_seeded", "old", "plain", 8, 0, None, ["electrum-seed-old"]),
    (
        "electrum-tests/client_2_0_4_seeded",
        *("standard", "plain", 23, 0, "88efea8a", ["electrum-seed", "xprv"]),
    ),
    (
        "electrum-tests/client_2_1_1_multisig",
        *("2of2", "plain", 23, 0, "bca76b8b", ["electrum-seed", "xprv"]),
    ),
    (
        "electrum-tests/client_2_3_2_importedkeys",
        *("imported", "plain", 3, 0, None, ["private-keys"]),
    ),
    ("electrum-tests/client_2_4_3_trezor_singleacc", "trezor", "plain", 26, 0, None, []),
    ("electrum-tests/client_2_6_4_watchaddresses", "imported", "plain", 3, 0, None, []),
    (
        "electrum-tests/client_2_8_3_seeded",
        *("standard", "plain", 26, 0, "f08253ae", ["electrum-seed-standard", "xprv"]),
    ),
    (
        "electrum-tests/client_2_9_3_old_seeded_with_realistic_history",
        *("standard", "plain", 54, 21, None, ["electrum-seed-old"]),
    ),
    (
        "electrum-tests/client_3_2_3_ledger_standard_keystore_changes",
        *("standard", "plain", 26, 0, None, []),
    ),
    (
        "electrum-tests/client_4_6_0_with_unfulfilled_htlcs",
        *("standard", "plain", 33, 3, "b66cdaba"),
        ["electrum-seed-segwit", "xprv", "lightning-xprv", "swap-key"],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_every_generation_is_read(extract: Extract, row: tuple[Any, ...]) -> None:
    name, kind, state, addresses, transactions, fingerprint, secrets = row
    found = run(extract, name)
    (file,) = found.of(WalletFile)
    assert (file.wallet_type, file.state) == (kind, state)
    assert (file.addresses, file.transactions) == (addresses, transactions)
    assert file.fingerprint == fingerprint
    assert [each.secret_type for each in found.of(WalletSecret)] == secrets
    assert file.holds_secret is bool(secrets)
    assert all(each.checks for each in found.of(WalletAddress))
    assert all(each.checks for each in found.of(WalletXpub))
    assert all(each.checks == ("transaction id",) for each in found.of(WalletTransaction))


def test_addresses_computed_from_public_keys_are_those_of_the_history(extract: Extract) -> None:
    name = "btcrecover/electrum27-wallet"
    history = json.loads((SAMPLES / name).read_text("utf-8"))["addr_history"]
    found = run(extract, name).of(WalletAddress)
    assert {each.crypto_address for each in found} == set(history)
    assert {each.role for each in found} == {"receive", "change"}
    assert {each.checks for each in found} == {("computed from public keys",)}


def test_a_history_with_amounts(extract: Extract) -> None:
    found = run(extract, "electrum-tests/client_2_9_3_old_seeded_with_realistic_history")
    first = found.of(WalletTransaction)[0]
    assert first.txid.startswith("0f4972c8")
    assert (first.height, first.delta) == (1_230_168, -459)
    assert first.times[0].utc == "2017-11-12T23:21:29Z"
    (file,) = found.of(WalletFile)
    assert (file.network, file.recorded_balance) == ("testnet", 27_642_500)
    assert sum(each.used for each in found.of(WalletAddress)) > 10


def test_devices_channels_and_creation(extract: Extract) -> None:
    ledger = run(extract, "electrum-tests/client_3_2_3_ledger_standard_keystore_changes")
    (file,) = ledger.of(WalletFile)
    assert (file.hardware, file.holds_secret) == ("ledger", False)
    (file,) = run(extract, "electrum-tests/client_4_6_0_with_unfulfilled_htlcs").of(WalletFile)
    assert (file.software_version, file.network, file.channels) == ("4.6.0", "regtest", 1)
    assert file.times[0].utc == "2026-06-30T10:52:31Z"


def test_the_settings_hold_a_password(extract: Extract) -> None:
    data = (SAMPLES / "generated/electrum_dotdir/.electrum/config").read_bytes()
    found = extract(settings, {"/home/x/.electrum/config": data})
    assert [(each.secret_type, each.extent) for each in found.findings] == [
        ("rpc-password", "24 characters")
    ]
