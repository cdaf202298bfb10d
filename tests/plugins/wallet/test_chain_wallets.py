"""Ethereum, Solana, Exodus, Daedalus and KeePass."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import daedalus, ethereum, exodus, keepass, solana
from triage.api import (
    Confidence,
    ParseError,
    Protection,
    Sensitivity,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)

Extract = Callable[..., Any]

FOLDER = Path(__file__).parents[3] / "fixtures/wallet/chains"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("wallet_chains", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load()
NAME = f"UTC--2021-05-06T07-08-09.5Z--{make.ADDRESS}"


@pytest.mark.parametrize(
    ("path", "software", "created"),
    [
        (f"/home/a/.ethereum/keystore/{NAME}", "geth", "2021-05-06T07:08:09.5Z"),
        (f"/Users/a/AppData/Local/Ethereum/keystore/{NAME}", "geth", "2021-05-06T07:08:09.5Z"),
        ("/home/a/.foundry/keystores/x", "foundry", None),
        ("/home/a/.local/share/io.parity.ethereum/keys/ethereum/x", "parity", None),
        ("/home/a/Downloads/my-keystore.json", "ethereum", None),
    ],
)
def test_a_key_file_names_address_program_and_time(
    extract: Extract, path: str, software: str, created: str | None
) -> None:
    found = extract(ethereum.keystore, {path: make.keystore("x", "scrypt", make.ADDRESS)})
    (file,) = found.of(WalletFile)
    assert (file.software, file.kdf, file.format_version) == (software, "scrypt", "3")
    assert [time.utc for time in file.times] == ([created] if created else [])
    (address,) = found.of(WalletAddress)
    assert address.crypto_address == "0x" + make.ADDRESS
    assert address.confidence is Confidence.PROBABLE  # small letters have no checksum


def test_a_key_file_may_leave_its_address_out(extract: Extract) -> None:
    found = extract(ethereum.keystore, {"/x/keystore/a": make.keystore("x", "pbkdf2", None)})
    assert (found.of(WalletFile)[0].kdf, found.of(WalletAddress)) == ("pbkdf2", [])


def test_the_presale_is_told_apart(extract: Extract) -> None:
    data = {"encseed": "00" * 64, "ethaddr": make.ADDRESS, "bkp": "ff"}
    found = extract(ethereum.keystore, {"/x/presale.json": json.dumps(data).encode()})
    assert found.of(WalletFile)[0].wallet_type == "presale"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Keys of the house\n",
        b"{}",
        b"[]",
        b'{"crypto": {}}',
        b'{"crypto": {"ciphertext": "00"}}',
        b'{"Crypto": 5, "version": 3}',
        b'{"encseed": 5, "ethaddr": 5}',
        b"{" * 10_000,
    ],
)
def test_other_files_in_a_keystore_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(ethereum.keystore, {"/x/keystore/a": data, f"/x/{NAME}": data})
    assert (found.findings, found.problems) == ([], [])


def test_a_key_file_with_odd_fields_is_still_one(extract: Extract) -> None:
    data = json.loads(make.keystore("x", "scrypt", make.ADDRESS))
    values: tuple[Any, ...] = (None, 5, "", [], {}, "0x" + "g" * 40)
    for value in values:
        for name in ("address", "version", "id"):
            tree = {"/x/keystore/a": json.dumps(data | {name: value}).encode()}
            assert len(extract(ethereum.keystore, tree).of(WalletFile)) == 1


def test_a_solana_key_is_in_clear(extract: Extract) -> None:
    content = make.solana("x")
    found = extract(solana.key, {"/home/a/.config/solana/id.json": content})
    (secret,) = found.of(WalletSecret)
    assert (secret.extent, secret.checks) == ("1 key", ("ed25519",))
    assert secret.sensitivity is Sensitivity.SECRET
    assert found.of(WalletFile)[0].holds_secret is True
    assert content.decode() not in "".join(f"{each!r}{each.value()}" for each in found.findings)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        json.dumps(list(range(64))).encode(),
        json.dumps([300] * 64).encode(),
        json.dumps([1] * 63).encode(),
        b"[" + b"1," * 5000 + b"1]",
        b'{"a": 1}',
    ],
)
def test_other_lists_of_numbers_yield_nothing(extract: Extract, data: bytes) -> None:
    assert extract(solana.key, {"/x/keypair.json": data}).findings == []


def test_solana_s_settings(extract: Extract) -> None:
    path = "/home/a/.config/solana/cli/config.yml"
    text = b"json_rpc_url: 'https://rpc.example'\nkeypair_path: \"/home/a/id.json\"\n"
    (file,) = extract(solana.settings, {path: text, "/home/a/id.json": b"x"}).findings
    assert (file.named, file.path, file.server) == (
        "/home/a/id.json",
        "/home/a/id.json",
        "https://rpc.example",
    )
    assert extract(solana.settings, {path: b"other: 1\n"}).findings == []


SEED = "/home/a/.config/Exodus/exodus.wallet/seed.seco"


def test_an_exodus_container_is_checked(extract: Extract) -> None:
    (file,) = extract(exodus.container, {SEED: make.seco()}).findings
    assert (file.software, file.software_version, file.kdf) == ("exodus", "23.5.22", "scrypt")
    assert (file.checks, file.protection) == (("sha256",), Protection.ENCRYPTED)
    broken = make.seco()[:-1] + b"x"
    (file,) = extract(exodus.container, {SEED: broken}).findings
    assert (file.checks, file.confidence) == ((), Confidence.PROBABLE)
    (file,) = extract(exodus.container, {SEED: broken[:600]}).findings
    assert (file.state, file.protection) == ("damaged", Protection.DAMAGED)


def test_a_passphrase_beside_it_opens_it(extract: Extract) -> None:
    beside = SEED.replace("seed.seco", "passphrase.json")
    found = extract(exodus.container, {SEED: make.seco(), beside: b'{"passphrase": "abc"}'})
    assert found.of(WalletFile)[0].protection is Protection.KEY_ON_IMAGE
    assert found.of(WalletSecret)[0].place == "passphrase.json"


@pytest.mark.parametrize(
    "data", [b"", b"SECO", b"SECO" + b"\xff" * 30, b"text", b"SECO" + bytes(9)]
)
def test_what_is_no_container_yields_nothing(extract: Extract, data: bytes) -> None:
    try:
        assert extract(exodus.container, {SEED: data}).findings == []
    except ParseError:
        assert data == b"SECO"


def test_an_export_of_exodus_is_searched(extract: Extract) -> None:
    key = make.MASTER.below(84, 0, 0).xpub()
    text = f"BTC,{key}\nBTC,bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu\n".encode()
    found = extract(exodus.report, {"/home/a/exodus-exports/x.csv": text})
    assert [each.xpub for each in found.of(WalletXpub)] == [key]
    assert [(each.coin, each.locator) for each in found.of(WalletAddress)] == [("BTC", "line 2")]


DAEDALUS = "/home/a/.local/share/Daedalus/mainnet/wallets/she.1.sqlite"


def test_daedalus_tells_name_address_and_payment(extract: Extract) -> None:
    found = extract(daedalus.wallets, {DAEDALUS: make.daedalus()})
    (file,) = found.of(WalletFile)
    assert (file.label, file.state) == ("Ada purse", "keystore-encrypted")
    assert file.times[0].utc == "2021-03-04T05:06:07.89Z"
    (address,) = found.of(WalletAddress)
    assert (address.crypto_address[:6], address.used, address.checks) == (
        "addr1q",
        True,
        ("bech32",),
    )
    (transaction,) = found.of(WalletTransaction)
    assert (transaction.delta, transaction.height) == (5_000_000, 5_400_000)


@pytest.mark.parametrize("data", [b"", b"\x83", b"text", b"SQLite"])
def test_daedalus_near_misses(extract: Extract, data: bytes) -> None:
    key = "/home/a/.local/share/Daedalus/Secrets-1.0/secret.key"
    assert extract(daedalus.wallets, {DAEDALUS: data, key: data}).findings == []


@pytest.mark.parametrize(
    ("head", "version", "kdf"),
    [
        (make.kdbx(), "kdbx 4.1", "argon2"),
        (struct.pack("<III", 0x9AA2D903, 0xB54BFB67, 0x00030001), "kdbx 3.1", "aes-kdf"),
        (struct.pack("<III", 0x9AA2D903, 0xB54BFB65, 3), "kdb 1", "aes-kdf"),
        (struct.pack("<III", 0x9AA2D903, 0xB54BFB67, 0x00040000), "kdbx 4.0", None),
    ],
)
def test_password_safes_are_named(
    extract: Extract, head: bytes, version: str, kdf: str | None
) -> None:
    (file,) = extract(keepass.database, {"/x/a.kdbx": head}).findings
    assert (file.format_version, file.kdf, file.state) == (version, kdf, "file-encrypted")


@pytest.mark.parametrize(
    "data", [b"", b"x" * 11, b"not a safe at all", struct.pack("<III", 0x9AA2D903, 1, 1)]
)
def test_other_safes_yield_nothing(extract: Extract, data: bytes) -> None:
    assert extract(keepass.database, {"/x/a.kdb": data}).findings == []


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets/btcrecover"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/btcrecover/"
)
def test_a_key_file_of_myetherwallet(extract: Extract) -> None:
    data = (SAMPLES / "utc-keystore-v3-scrypt-myetherwallet.json").read_bytes()
    found = extract(ethereum.keystore, {"/x/UTC--2018-01-02T03-04-05.678Z--ab28": data})
    (address,) = found.of(WalletAddress)
    assert address.crypto_address == "0xab28206d93e0b1c4cedf4302351a206777056c4c"
    assert found.of(WalletFile)[0].kdf == "scrypt"
