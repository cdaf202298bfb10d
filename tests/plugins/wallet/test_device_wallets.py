"""Ledger Live, Coldcard, Specter's devices, and programs that keep LevelDB."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import coldcard, desktop, ledger_live, specter
from triage.api import (
    Confidence,
    Protection,
    RowState,
    Sensitivity,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)

Extract = Callable[..., Any]

FOLDER = Path(__file__).parents[3] / "fixtures/wallet/devices"
APP = "/home/a/.config/Ledger Live/app.json"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("wallet_devices", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load()
wallet_leveldb = importlib.import_module("wallet_leveldb")  # its folder is known since
leveldb = wallet_leveldb.leveldb


def test_ledger_live_tells_accounts_and_payments(extract: Extract) -> None:
    found = extract(ledger_live.accounts, {APP: make.ledger_live(locked=False)})
    (file,) = found.of(WalletFile)
    assert (file.coins, file.hardware) == (("BTC", "ETH"), "nanoX, firmware 2.2.3")
    assert (file.software_version, file.state) == ("2.80.0", "plain")
    assert {time.event: time.utc for time in file.times} == {
        "first_account_created": "2022-04-15T08:00:00Z",
        "synced": "2024-05-06T07:08:09Z",
    }
    (key,) = found.of(WalletXpub)  # named twice in the file
    assert (key.derivation, key.script_type, key.label) == ("m/84'/0'/0'", "p2wpkh", "Bitcoin 1")
    assert [each.delta for each in found.of(WalletTransaction)] == [-51_000, 80_000]
    roles = {each.role for each in found.of(WalletAddress)}
    assert roles == {"receive", "payee"}


def test_ledger_live_locked_still_names_device_and_key(extract: Extract) -> None:
    found = extract(ledger_live.accounts, {APP: make.ledger_live(locked=True)})
    (file,) = found.of(WalletFile)
    assert (file.state, file.protection) == ("keystore-encrypted", Protection.ENCRYPTED)
    assert file.hardware == "nanoX, firmware 2.2.3"
    assert [key.locator for key in found.of(WalletXpub)] == ["starredAccountIds"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"data": 5}', b'{"data": {"other": 1}}', b"text", b"{" * 99]
)
def test_other_files_of_ledger_live_yield_nothing(extract: Extract, data: bytes) -> None:
    assert extract(ledger_live.accounts, {APP: data}).findings == []


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [5], [[]], {"a": []}, True, "9" * 400])
def test_ledger_live_trusts_no_field(extract: Extract, value: Any) -> None:
    data = json.loads(make.ledger_live(locked=False))
    inner = data["data"]
    for name in inner:
        extract(ledger_live.accounts, {APP: json.dumps({"data": inner | {name: value}}).encode()})
    for name in inner["settings"]:
        changed = inner | {"settings": inner["settings"] | {name: value}}
        extract(ledger_live.accounts, {APP: json.dumps({"data": changed}).encode()})
    account = inner["accounts"][0]["data"]
    for name in account:
        changed = inner | {"accounts": [{"data": account | {name: value}}]}
        extract(ledger_live.accounts, {APP: json.dumps({"data": changed}).encode()})
    for name in account["operations"][0]:
        operations = [account["operations"][0] | {name: value}]
        changed = inner | {"accounts": [{"data": account | {"operations": operations}}]}
        extract(ledger_live.accounts, {APP: json.dumps({"data": changed}).encode()})


def test_a_coldcard_export_gives_accounts(extract: Extract) -> None:
    found = extract(coldcard.export, {"/card/coldcard-export.json": make.coldcard()})
    (file,) = found.of(WalletFile)
    assert (file.fingerprint, file.network, file.hardware) == ("73c5da0a", "mainnet", "coldcard")
    assert {key.derivation: key.script_type for key in found.of(WalletXpub)} == {
        "m": None,
        "m/44'/0'/0'": "p2pkh",
        "m/49'/0'/0'": "p2sh-p2wpkh",
        "m/84'/0'/0'": "p2wpkh",
    }
    assert len(found.of(WalletAddress)) == 3


def test_a_coldcard_backup_in_clear_is_a_secret(extract: Extract) -> None:
    found = extract(coldcard.export, {"/card/ckcc-backup.txt": make.coldcard_backup()})
    seed, key = found.of(WalletSecret)
    assert (seed.secret_type, seed.extent) == ("bip39-seed", "12 words")
    assert (key.secret_type, key.checks) == ("xprv", ("base58check",))
    assert all(each.sensitivity is Sensitivity.SECRET for each in (seed, key))
    assert found.of(WalletFile)[0].holds_secret is True
    shown = "".join(f"{each!r}{each.value()}" for each in found.findings)
    assert "abandon" not in shown
    assert make.xprv() not in shown


def test_a_coldcard_multisig_export(extract: Extract) -> None:
    data = {"p2wsh_deriv": "m/48h/0h/0h/2h", "p2wsh": make.MASTER.xpub(), "xfp": "73C5DA0A"}
    found = extract(coldcard.export, {"/card/ccxp-73C5DA0A.json": json.dumps(data).encode()})
    (key,) = found.of(WalletXpub)
    assert (key.script_type, key.derivation) == ("p2wsh", "m/48'/0'/0'/2'")


@pytest.mark.parametrize(
    ("path", "count"), [("/c/backup.7z", 1), ("/c/backup-3.7z", 1), ("/c/backup-photos.7z", 0)]
)
def test_only_a_backup_by_its_full_name_is_one(extract: Extract, path: str, count: int) -> None:
    found = extract(coldcard.export, {path: b"7z\xbc\xaf\x27\x1c" + bytes(90)}).findings
    assert [each.confidence for each in found] == [Confidence.POSSIBLE] * count


@pytest.mark.parametrize("data", [b"", b"{}", b'{"xpub": "xpub"}', b"# Coldcard", b"[1]"])
def test_coldcard_near_misses(extract: Extract, data: bytes) -> None:
    assert extract(coldcard.export, {"/card/coldcard-export.json": data}).findings == []


def test_specter_s_wallet_and_devices(extract: Extract) -> None:
    files = {f"/home/a/.specter/{path}": data for path, data in make.specter().items()}
    found = extract(specter.wallets, files)
    (file,) = found.of(WalletFile)
    assert (file.wallet_type, file.hardware, file.script_types) == ("2of2", "blue, red", ("p2wsh",))
    assert len(found.of(WalletXpub)) == 2
    assert found.of(WalletXpub)[0].descriptor.startswith("wsh(sortedmulti(2,[73c5da0a/48h/0h/0h]")
    devices = extract(specter.devices, files).of(WalletFile)
    assert [each.hardware for each in devices] == ["coldcard", "trezor"]


SUITE = "/home/a/.config/@trezor/suite-desktop/IndexedDB/file__0.indexeddb.leveldb"


def run_leveldb(extract: Extract, folder: str, values: dict[bytes, bytes]) -> Any:
    files = {f"{folder}/{name}": data for name, data in leveldb(values).items()}
    return extract(desktop.storage, files)


def test_trezor_suite_tells_accounts_of_remembered_devices(extract: Extract) -> None:
    files = {f"{SUITE}/{name}": data for name, data in make.trezor_suite().items()}
    found = extract(desktop.storage, files)
    (file,) = found.of(WalletFile)
    assert (file.software, file.hardware, file.label) == (
        "trezor-suite",
        "trezor T2T1",
        "Blue one",
    )
    assert (file.protection, file.coins) == (Protection.HARDWARE, ("BTC", "ETH"))
    (key,) = found.of(WalletXpub)
    assert (key.xpub, key.label) == (make.MASTER.below(84, 0, 0).xpub(), "savings")
    assert key.derivation == "m/84'/0'/0'"
    used, own = sorted(found.of(WalletAddress), key=lambda each: each.coin)
    assert (used.used, used.role, used.derivation) == (True, "receive", "m/84'/0'/0'/0/0")
    assert (own.coin, own.role) == ("ETH", "own")
    (transaction,) = found.of(WalletTransaction)
    assert (transaction.height, transaction.label) == (800_000, "recv")
    assert transaction.times[0].utc == "2023-07-22T04:26:40Z"
    assert found.problems == []


def test_what_cannot_be_decoded_is_searched_for_keys(extract: Extract) -> None:
    key = make.MASTER.below(84, 0, 0).xpub().encode()  # its length stands before it, as a letter
    value = b'\xff\x0fo"\x0adescriptor"' + bytes([len(key)]) + key + b"?"
    found = run_leveldb(extract, SUITE, {b"\0\1\1\1\x01\0a\0c\0c": value})
    assert [each.xpub for each in found.of(WalletXpub)] == [key.decode()]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le"])
def test_local_storage_is_read_in_both_widths(extract: Extract, encoding: str) -> None:
    folder = "/Users/a/AppData/Roaming/Guarda/Local Storage/leveldb"
    value = bytes([encoding == "latin-1"]) + f'{{"a":"{make.SHOP}"}}'.encode(encoding)
    found = run_leveldb(extract, folder, {b"_file://\0\1w": value})
    (address,) = found.of(WalletAddress)
    assert (address.crypto_address, address.role, address.row) == (make.SHOP, "mentioned", None)
    assert found.of(WalletFile)[0].software == "guarda"


def test_an_overwritten_value_is_superseded(extract: Extract) -> None:
    folder = "/home/a/.config/atomic/Local Storage/leveldb"
    files = leveldb({b"k": make.SHOP.encode()})
    second = leveldb({b"k": b"gone"})["000003.log"]
    files["000003.log"] += wallet_leveldb.log_record(
        second[7:].replace(b"\x01\0\0\0\0\0\0\0", b"\x09\0\0\0\0\0\0\0", 1)
    )
    found = extract(desktop.storage, {f"{folder}/{name}": data for name, data in files.items()})
    (address,) = found.of(WalletAddress)
    assert address.row is RowState.SUPERSEDED


def test_lists_of_tokens_are_left_out(extract: Extract) -> None:
    token = b'{"address":"0x9858EfFD232B4033E47d90003D41EC34EcaEda94"}'
    found = run_leveldb(extract, SUITE, {b"tokens": token})
    assert found.of(WalletAddress) == []


@pytest.mark.parametrize("log", [b"", b"\0" * 100, b"\xff" * 40_000])
def test_a_damaged_database_surprises_nobody(extract: Extract, log: bytes) -> None:
    files = make.trezor_suite() | {"000003.log": log}
    found = extract(desktop.storage, {f"{SUITE}/{name}": data for name, data in files.items()})
    assert found.of(WalletXpub) == []
