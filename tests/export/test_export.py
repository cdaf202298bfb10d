"""Addresses for the ledger, and what passwords are tried against, from a bundle and its image."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.engine.runs import go, options
from triage.artifact import Lock
from triage.bundle import Bundle
from triage.engine.locks import LockedStore, Locks, read_locks
from triage.errors import AlteredError, UsageError
from triage.export import addresses_csv, hash_lines

KEY_FILE = {
    "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
    "version": 3,
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256", "salt": "ae3c"},
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
}
LINE = (
    "$ethereum$p*262144*ae3c*5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46"
    "*517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    (folder / "home/alice/keystore").mkdir(parents=True)
    (folder / "home/alice/keystore/key").write_text(json.dumps(KEY_FILE))
    return folder


@pytest.fixture(scope="module")
def bundle(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("bundle") / "b"
    go(options(image, path, only=("wallet.ethereum.*",), hash_media=False))
    return Bundle(path)


def test_what_a_password_is_tried_against_comes_from_the_image_alone(
    image: Path, bundle: Bundle
) -> None:
    locks = read_locks(bundle, image)
    (store,) = locks.stores
    assert (store.path, store.software) == ("/home/alice/keystore/key", "ethereum")
    assert (store.lock.line, store.lock.hashcat, store.lock.john) == (LINE, 15600, "ethereum")
    assert locks.without == []
    lines = hash_lines(locks).decode().splitlines()
    assert lines[-1] == LINE
    assert lines[-2].startswith(f"# hashcat -m 15600 | john --format=ethereum | {store.finding} |")
    salt = b"5318b4d5bcd28de6"
    for path in bundle.root.rglob("*"):
        if path.is_file() and path.parts[-4:-3] != ("files",):
            assert salt not in path.read_bytes(), path


def test_the_address_list(bundle: Bundle) -> None:
    (row,) = csv.DictReader(io.StringIO(addresses_csv(bundle).decode()))
    assert row["value"].casefold() == "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b"
    assert (row["coin"], row["type"], row["role"]) == ("ETH", "address", "own")
    assert (row["account"], row["path"]) == ("alice", "/home/alice/keystore/key")


def test_another_image_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "home/alice/keystore").mkdir(parents=True)
    changed = {**KEY_FILE, "version": 1}
    (tmp_path / "home/alice/keystore/key").write_text(json.dumps(changed))
    with pytest.raises((AlteredError, UsageError)):
        read_locks(bundle, tmp_path)


def test_lines_that_no_program_takes_are_left_out() -> None:
    stores = [
        LockedStore(
            finding="f-1",
            software="x",
            volume="p1",
            path="/a\n$b",
            lock=Lock(line=line, hashcat=mode, john=None),
        )
        for mode, line in ((2, "$good$line"), (1, "two\nlines"), (3, "with space"), (4, ""))
    ]
    text = hash_lines(Locks(stores=stores, without=[("f-2", "/c\n$d", "why")])).decode()
    assert [line for line in text.splitlines() if line and line[0] != "#"] == ["$good$line"]
