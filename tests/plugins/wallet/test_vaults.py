"""Vaults of web wallets: those of real programs, hashcat's example, and made by us."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR

from plugins.wallet import _vaults, extensions, metamask_mobile
from plugins.wallet._vault_crypto import secrets_in
from tests.plugins.wallet.test_opened import given
from triage.api import Protection, RowState, WalletFile, WalletSecret

Extract = Callable[..., Any]
ABOUT = "abandon " * 11 + "about"
KEY = "11" * 32
SALT, VECTOR = bytes(range(32)), bytes(range(16))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def keyrings(*, as_bytes: bool = True) -> bytes:
    words: Any = list(ABOUT.encode()) if as_bytes else ABOUT
    return json.dumps(
        [
            {"type": "HD Key Tree", "data": {"mnemonic": words, "numberOfAccounts": 1}},
            {"type": "Simple Key Pair", "data": [KEY]},
            {"type": "Ledger Hardware", "data": {"accounts": ["0x" + "22" * 20]}},
        ]
    ).encode()


def desktop(password: bytes, rounds: int | None, content: bytes) -> dict[str, Any]:
    key = hashlib.pbkdf2_hmac("sha256", password, SALT, rounds or 10_000, 32)
    data = AESGCM(key).encrypt(VECTOR, content, None)
    value: dict[str, Any] = {"data": b64(data), "iv": b64(VECTOR), "salt": b64(SALT)}
    if rounds:
        value["keyMetadata"] = {"algorithm": "PBKDF2", "params": {"iterations": rounds}}
    return value


def phone(password: bytes, content: bytes, *, decoded: bool) -> dict[str, Any]:
    salt = SALT if decoded else b64(SALT).encode()
    key = hashlib.pbkdf2_hmac("sha512", password, salt, 5000, 32)
    padding = 16 - len(content) % 16
    encryptor = Cipher(AES(key), CBC(VECTOR)).encryptor()
    data = encryptor.update(content + bytes([padding]) * padding)
    return {"cipher": b64(data), "iv": VECTOR.hex(), "salt": b64(SALT), "lib": "original"}


def keplr(password: bytes, content: bytes) -> dict[str, Any]:
    key = hashlib.scrypt(password, salt=SALT, n=16, r=8, p=1, dklen=32)
    data = Cipher(AES(key[:16]), CTR(VECTOR)).encryptor().update(content)
    return {
        "version": "1.2",
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": VECTOR.hex()},
            "ciphertext": data.hex(),
            "kdf": "scrypt",
            "kdfparams": {"salt": SALT.hex(), "dklen": 32, "n": 16, "r": 8, "p": 1},
            "mac": hashlib.sha256(key[16:] + data).hexdigest(),
        },
    }


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (desktop(b"right", None, keyrings()), keyrings()),
        (desktop(b"right", 20, keyrings(as_bytes=False)), keyrings(as_bytes=False)),
        (phone(b"right", keyrings(), decoded=False), keyrings()),
        (phone(b"right", keyrings(), decoded=True), keyrings()),
        (keplr(b"right", ABOUT.encode()), ABOUT.encode()),
    ],
)
def test_a_vault_opens_with_its_password_and_no_other(
    value: dict[str, Any], content: bytes
) -> None:
    vault = _vaults.of(value)
    assert vault
    assert vault.sealed
    assert vault.sealed.opened(b"right") == content
    assert vault.sealed.opened(b"wrong") is None
    assert ABOUT not in repr(vault)


def test_what_a_vault_holds() -> None:
    assert list(secrets_in(keyrings())) == [
        ("bip39-seed", "keyring 1 HD Key Tree", ABOUT, "12 words"),
        ("private-key", "keyring 2 Simple Key Pair", KEY, "64 hex digits"),
    ]
    assert [found[0] for found in secrets_in(ABOUT.encode())] == ["bip39-seed"]
    assert [found[0] for found in secrets_in(KEY.encode())] == ["private-key"]
    for nothing in (b"", b"[[[[", b"[1, {}]", b'[{"data": {"mnemonic": [256, -1]}}]', b"\xff" * 40):
        assert list(secrets_in(nothing)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "!"},
        {"iv": ""},
        {"data": "AAAA"},
        {"keyMetadata": {"params": {"iterations": 1 << 40}}},
        {"keyMetadata": {"params": {"iterations": -1}}},
    ],
)
def test_a_vault_of_impossible_parts_is_not_tried(change: dict[str, Any]) -> None:
    vault = _vaults.of(desktop(b"right", 20, b"[]") | change)
    assert vault is None or vault.sealed is None or vault.sealed.opened(b"right") is None


def test_the_lines_are_those_of_hashcat() -> None:
    sealed: Any = getattr(_vaults.of(desktop(b"x", None, b" " * 40)), "sealed", None)
    assert sealed.lock.line == f"$metamask${b64(SALT)}${b64(VECTOR)}${b64(sealed.text)}"
    assert sealed.lock.hashcat == 26600
    sealed = getattr(_vaults.of(desktop(b"x", 600, b" " * 40)), "sealed", None)
    assert sealed.lock.line.startswith(f"$metamask$rounds=600${b64(SALT)}$")
    sealed = getattr(_vaults.of(desktop(b"x", None, b" " * 3000)), "sealed", None)
    assert sealed.lock.hashcat == 26610
    assert sealed.lock.line.endswith(f"${b64(sealed.text[:64])}")
    sealed = getattr(_vaults.of(desktop(b"x", None, b"[]")), "sealed", None)
    assert sealed.lock is None


def state(vault: dict[str, Any]) -> bytes:
    return json.dumps({"KeyringController": {"vault": json.dumps(vault)}}).encode()


def test_a_phone_opens(extract: Extract) -> None:
    vault = phone(b"right", keyrings(), decoded=False)
    tree = {
        "/data/data/io.metamask/files/persistStore/persist-root": json.dumps(
            {"engine": json.dumps({"backgroundState": json.loads(state(vault))})}
        ).encode()
    }
    found = extract(metamask_mobile.state, tree, given=given("wrong", "right"))
    (file,) = found.of(WalletFile)
    assert (file.state, file.protection) == ("keystore-encrypted", Protection.ENCRYPTED)
    assert (file.holds_secret, file.needed_to_open) == (False, None)
    assert {each.opened_by for each in found.of(WalletSecret)} == {file.opened_by}
    assert [each.secret for each in found.of(WalletSecret)] == [ABOUT, KEY]
    assert not extract(metamask_mobile.state, tree, given=given("wrong")).of(WalletSecret)


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets/btcrecover"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder of samples")
@pytest.mark.parametrize("version", ["", "-v10_11_3"])
def test_the_stores_of_metamask_open(extract: Extract, version: str) -> None:
    identifier = "nkbihfbeogaeaoehlefnkodbefgpgknn"
    tree = {
        f"p/Local Extension Settings/{identifier}/{path.name}": path.read_bytes()
        for path in (SAMPLES / "metamask" / f"{identifier}{version}").iterdir()
    }
    found = extract(extensions.storage, tree, given=given("password", "btcr-test-password"))
    (live,) = (file for file in found.of(WalletFile) if file.row is not RowState.SUPERSEDED)
    assert live.opened_by == "entry 2 of the credentials file"
    assert {each.checks for each in found.of(WalletSecret)} == {("bip39-checksum",)}
    former = [file.opened_by for file in found.of(WalletFile) if file is not live]
    # its password was changed, and the store still holds the vault from before
    assert former == [f"entry {2 if version else 1} of the credentials file"]
