"""BIP-38, Exodus and Armory: published vectors, and files made after the formats' descriptions."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from plugins.wallet import _bip32, _bip38, _coins, exodus, wasabi
from plugins.wallet import armory as armory_plugin
from plugins.wallet._armory_crypto import Romix
from plugins.wallet._armory_crypto import read as read_romix
from plugins.wallet._bitcoin import hash160
from plugins.wallet._exodus_crypto import read
from tests.plugins.wallet.test_opened import Passwords, given
from triage.api import WalletFile, WalletSecret

Extract = Callable[..., Any]
WORDS = "ocean hidden kidney famous rich season gloom husband spring convince attitude boy"
SEED = "/home/a/.config/Exodus/exodus.wallet/seed.seco"


class One(Passwords):
    """One password, since each try costs a second."""

    def passwords(self, *, cost: int = 0) -> Any:
        assert cost == 1 << 20
        return given("TestingOneTwoThree")


def test_the_vector_of_bip_38() -> None:
    value = "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg"
    found = _bip38.open_key(One(), value, _coins.CHAINS[0])  # type: ignore[arg-type]
    assert found is not None
    wif = _coins.CHAINS[0].wif(found[1], compressed=False)
    assert wif == "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGh",
        "6PfQu77ygVyJLZjfvMLyhLMQbYnu5uguoJJ4kMCLqWwPEdfpwANVS76gTX",  # with multiplication
        "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR",
    ],
)
def test_what_is_no_such_key(value: str) -> None:
    assert _bip38.read(value) is None


def test_a_locked_wasabi_wallet_says_what_it_needs(extract: Extract) -> None:
    content = {"HdPubKeys": [], "ExtPubKey": "x", "EncryptedSecret": "6P"}
    path = "/home/a/.walletwasabi/client/Wallets/w.json"
    tree = {path: json.dumps(content).encode()}
    (file,) = extract(wasabi.wallets, tree, given=given("pw")).of(WalletFile)
    assert (file.opened_by, file.needed_to_open) == (None, "the wallet password, to spend")


def seco(content: bytes, *, n: int = 16) -> bytes:
    salt, vector = bytes(range(32)), bytes(12)
    key = hashlib.scrypt(b"pw", salt=salt, n=n, r=8, p=1, dklen=32)
    inner = bytes(range(32, 64))
    sealed_key = AESGCM(key).encrypt(vector, inner, None)
    blob = AESGCM(inner).encrypt(vector, content, None)
    metadata = salt + struct.pack(">III", n, 8, 1) + b"aes-256-gcm".ljust(32, b"\0")
    metadata += vector + sealed_key[32:] + sealed_key[:32] + vector + blob[-16:]
    rest = metadata.ljust(256, b"\0") + struct.pack(">I", len(blob) - 16) + blob[:-16]

    def short(text: str) -> bytes:
        return bytes([len(text)]) + text.encode()

    head = b"SECO" + bytes(8) + short("seco-v0-scrypt-aes") + short("Exodus") + short("23.5")
    return head.ljust(0xE0, b"\0") + hashlib.sha256(rest).digest() + rest


def padded(content: bytes) -> bytes:
    return (struct.pack(">I", len(content)) + content).ljust(32_768, b"\0")


@pytest.mark.parametrize(
    "content", [padded(gzip.compress(WORDS.encode(), mtime=0)), WORDS.encode()]
)
def test_a_container_of_exodus(extract: Extract, content: bytes) -> None:
    found = extract(exodus.container, {SEED: seco(content)}, given=given("other", "pw"))
    (file,) = found.of(WalletFile)
    assert (file.opened_by, file.needed_to_open) == ("entry 2 of the credentials file", None)
    (secret,) = found.of(WalletSecret)
    assert (secret.secret, secret.secret_type, secret.extent) == (WORDS, "bip39-seed", "12 words")


def test_content_without_words_is_given_as_it_is(extract: Extract) -> None:
    found = extract(exodus.container, {SEED: seco(padded(b"\xff\x00"))}, given=given("pw"))
    assert found.of(WalletSecret)[0].secret == "ff00"  # noqa: S105 - what was put in


def test_hashcat_s_example_of_mode_28200() -> None:
    parts = [
        base64.b64decode(part)
        for part in (
            "IYkXZgFETRmFp4wQXyP8XMe3LtuOw8wMdLcBVQ+9YWE=",
            "lq0W9ekN5sC0O7Xw",
            "UD4a6mUUhkTbQtGWitXHZUg0pQ4RHI6W/KUyYE95m3k=",
            "ZuNQckXOtr4r21x+DT1zpQ==",
        )
    ]
    salt, vector, key, tag = parts
    data = bytearray(seco(b"x", n=16384))
    data[0x100:0x120] = salt
    data[0x14C:0x158], data[0x158:0x168], data[0x168:0x188] = vector, tag, key
    container = read(bytes(data))
    assert container is not None
    assert container.lock.line == "EXODUS:16384:8:1:" + ":".join(
        base64.b64encode(part).decode() for part in parts
    )
    made = container.kdf.derive(b"hashcat", 32)
    assert AESGCM(made).decrypt(vector, key + tag, None)


@pytest.mark.parametrize("length", [0x100, 0x150, 0x1A0])
def test_a_container_cut_off(length: int) -> None:
    assert read(seco(b"x")[:length]) is None
    assert read(seco(b"x")[:0x120] + b"\xff" * 300) is None


def armory(*, memory: int = 1024, rounds: int = 2) -> bytes:
    """Encode a wallet with a passphrase, after the sources."""

    def checked(data: bytes) -> bytes:
        return data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]

    salt = bytes(range(32))
    key = Romix(memory=memory, rounds=rounds, salt=salt).derive(b"pw")

    def entry(number: int, index: int) -> bytes:
        private = number.to_bytes(32, "big")
        public = _bip32.public_key(private, compressed=False)
        vector = bytes([number]) * 16
        encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - CFB is made of it
        first = bytes(a ^ b for a, b in zip(private, encryptor.update(vector), strict=False))
        second = bytes(a ^ b for a, b in zip(private[16:], encryptor.update(first), strict=True))
        data = checked(hash160(public)) + struct.pack("<IQ", 13_500_000, 3)
        data += checked(b"\5" * 32) + struct.pack("<qq", index, index) + checked(vector)
        data += checked(first + second) + checked(public)
        return data + struct.pack("<QQII", 1, 0, 0xFFFFFFFF, 0)

    kdf = checked(struct.pack("<QI", memory, rounds) + salt).ljust(256, b"\0")
    data = b"\xbaWALLET\0" + struct.pack("<I", 13_500_000) + bytes.fromhex("f9beb4d9")
    data += struct.pack("<Q", 1) + bytes(6) + struct.pack("<Q", 1) + bytes(32 + 256 + 8)
    data += kdf + bytes(256) + entry(7, -1) + bytes(1024)
    return data + b"\0" + hash160(_bip32.public_key((9).to_bytes(32, "big"))) + entry(9, 0)


def test_a_wallet_of_armory(extract: Extract) -> None:
    tree = {"/home/a/.armory/armory_x_.wallet": armory()}
    found = extract(armory_plugin.wallets, tree, given=given("other", "pw"))
    (file,) = found.of(WalletFile)
    assert (file.opened_by, file.holds_secret) == ("entry 2 of the credentials file", False)
    root, keys = found.of(WalletSecret)
    assert root.secret == f"{7:064x} {'05' * 32}"
    assert _coins.CHAINS[0].wif((9).to_bytes(32, "big"), compressed=False) in keys.secret
    (locked,) = extract(armory_plugin.wallets, tree, given=given("other")).of(WalletFile)
    assert (locked.opened_by, locked.state) == (None, "keystore-encrypted")


@pytest.mark.parametrize(("memory", "rounds"), [(1 << 40, 1), (1000, 1), (0, 1), (1024, 1 << 20)])
def test_a_hostile_wallet_of_armory_is_not_derived(memory: int, rounds: int) -> None:
    data = struct.pack("<QI", memory, rounds) + bytes(32)
    digest = hashlib.sha256(hashlib.sha256(data).digest()).digest()
    assert read_romix((data + digest[:4]).ljust(256, b"\0")) is None
