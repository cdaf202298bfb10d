"""Wallets that a given password opens: made by encoders of our own, published, and of the samples.

What an encoder here and a reader there share is the format's description; that programs write it
so is shown by the samples.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256K1,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from plugins.wallet import (
    bitcoin_core,
    bitcoinj,
    bither,
    blockchain_com,
    electrum,
    ethereum,
    msigna,
)
from plugins.wallet._bitcoinj_crypto import open_salted
from plugins.wallet._blockchain_crypto import open_payload
from plugins.wallet._core_crypto import Master, open_key
from plugins.wallet._electrum_crypto import open_file, open_value
from plugins.wallet._ethereum_crypto import open_presale
from plugins.wallet._msigna_crypto import open_key as open_keychain
from triage.api import Credential, CredentialKind, Extractor, Protection, WalletFile, WalletSecret
from triage.formats.keccak import keccak256

Extract = Callable[..., Any]
PUBLIC = derive_private_key(7, SECP256K1()).public_key()
PRIVATE = (7).to_bytes(32, "big")
POINT = PUBLIC.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def given(*passwords: str) -> tuple[Credential, ...]:
    return tuple(
        Credential(number=number, kind=CredentialKind.PASSWORD, value=password.encode())
        for number, password in enumerate(passwords, 1)
    )


def sealed(key: bytes, vector: bytes, data: bytes) -> bytes:
    padding = 16 - len(data) % 16
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    return encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()


def pw_encode(text: str, password: bytes) -> str:
    key = hashlib.sha256(hashlib.sha256(password).digest()).digest()
    return base64.b64encode(bytes(16) + sealed(key, bytes(16), text.encode())).decode()


def bie1(content: bytes, password: bytes) -> bytes:
    secret = hashlib.pbkdf2_hmac("sha512", password, b"", 1024)
    number = int.from_bytes(secret, "big") % (2**256 - 432420386565659656852420866394968145599)
    own, once = derive_private_key(number, SECP256K1()), generate_private_key(SECP256K1())
    product = once.private_numbers().private_value * number
    order = 2**256 - 432420386565659656852420866394968145599
    shared = derive_private_key(product % order, SECP256K1()).public_key()
    keys = hashlib.sha512(shared.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)).digest()
    assert (
        once.exchange(ECDH(), own.public_key())
        == shared.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)[1:]
    )
    point = once.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    raw = b"BIE1" + point + sealed(keys[16:32], keys[:16], zlib.compress(content))
    return base64.b64encode(raw + hmac.digest(keys[32:], raw, "sha256"))


def test_electrum_opens_the_file_and_then_its_keys(extract: Extract) -> None:
    seed = "wild father tree among universe such mobile favorite target dynamic credit identify"
    content = {
        "seed_version": 50,
        "wallet_type": "standard",
        "use_encryption": True,
        "keystore": {"type": "bip32", "seed": pw_encode(seed, b"two"), "seed_type": "segwit"},
    }
    tree = {"/home/a/.electrum/wallets/w": bie1(json.dumps(content).encode(), b"one")}
    found = extract(electrum.wallets, tree, given=given("zero", "one", "two"))
    (file,) = found.of(WalletFile)
    assert (file.state, file.protection) == ("file-encrypted", Protection.ENCRYPTED)
    assert (file.holds_secret, file.needed_to_open) == (False, None)
    (secret,) = found.of(WalletSecret)
    assert (secret.secret, secret.opened_by) == (seed, "entry 3 of the credentials file")
    assert secret.checks == ("electrum-checksum",)
    assert "in clear" not in secret.summary()
    (file,) = extract(electrum.wallets, tree, given=given("one")).of(WalletFile)
    assert file.needed_to_open == "the wallet password, for seed and private keys alone"
    assert extract(electrum.wallets, tree, given=given("")).of(WalletSecret) == []


def test_electrum_takes_no_damaged_file() -> None:
    whole = bie1(b"{}", b"one")
    assert open_file(whole, b"one") == b"{}"
    raw = bytearray(base64.b64decode(whole))
    raw[60] ^= 1
    assert open_file(base64.b64encode(raw), b"one") is None
    assert open_file(b"QklFMQ==", b"one") is None
    assert open_file(b"!", b"one") is None
    assert [open_value(text, b"") for text in ("", "!", "AAAA", "A" * 64)] == [None] * 4


def test_bitcoin_core_opens_keys_of_their_public_keys() -> None:
    digest = b"hashcat" + bytes.fromhex("1563277210780230")  # hashcat's example of mode 11300
    sealed_key = bytes.fromhex(
        "d011a1b6a8d675b7a36d0cd2efaca32a9f8dc1d57d6d01a58399ea04e703e8bbb44899039326f7a00f171a7bbc854a54"
    )
    master = Master(sealed=sealed_key, salt=digest[7:], method=0, rounds=158555)
    key = master.opened(b"hashcat")
    assert key is not None
    vector = hashlib.sha256(hashlib.sha256(POINT).digest()).digest()[:16]
    assert open_key(key, POINT, sealed(key, vector, PRIVATE)) == PRIVATE
    assert open_key(bytes(32), POINT, sealed(key, vector, PRIVATE)) is None
    assert open_key(key, POINT, b"short") is None
    quick = Master(sealed=sealed_key, salt=b"", method=0, rounds=2)
    assert quick.opened(b"hashcat") is None
    assert Master(sealed=sealed_key, salt=b"", method=1, rounds=2).opened(b"") is None
    assert Master(sealed=sealed_key, salt=b"", method=0, rounds=0).opened(b"") is None


ETHEREUM = {  # of the definition: Web3 Secret Storage, test vectors
    "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
    "version": 3,
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
}


def test_a_key_file_of_ethereum(extract: Extract) -> None:
    path = "/home/a/keystore/k"
    found = extract(
        ethereum.keystore, {path: json.dumps(ETHEREUM).encode()}, given=given("testpassword")
    )
    (secret,) = found.of(WalletSecret)
    assert secret.secret is not None
    assert secret.secret.startswith("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c")
    assert found.of(WalletFile)[0].opened_by == "entry 1 of the credentials file"


@pytest.mark.parametrize(
    "change",
    [
        {"kdfparams": {"c": 1, "prf": "hmac-sha256", "salt": ""}},
        {"kdfparams": {"c": 1 << 60, "prf": "hmac-sha256", "salt": ""}},
        {"kdf": "scrypt", "kdfparams": {"n": 1 << 30, "r": 8, "p": 1, "salt": ""}},
        {"kdf": "scrypt", "kdfparams": {"n": "x", "r": [], "p": None, "salt": "zz"}},
        {"kdfparams": [], "cipherparams": 7},
    ],
)
def test_a_hostile_key_file_stays_locked(extract: Extract, change: dict[str, Any]) -> None:
    crypto: dict[str, Any] = {**ETHEREUM["crypto"], **change}  # type: ignore[dict-item]
    data = json.dumps({**ETHEREUM, "crypto": crypto}).encode()
    (file, _) = extract(ethereum.keystore, {"/k/keystore/k": data}, given=given("a")).findings
    assert (file.opened_by, file.needed_to_open) == (None, "the password of the key file")


def test_the_presale() -> None:
    key = hashlib.pbkdf2_hmac("sha256", b"pw", b"pw", 2000, 16)
    data = {
        "encseed": (bytes(16) + sealed(key, bytes(16), b"seed" * 16)).hex(),
        "bkp": keccak256(b"seed" * 16 + b"\2")[:16].hex(),
    }
    assert open_presale(data, b"pw") == keccak256(b"seed" * 16)
    assert open_presale(data, b"other") is None
    assert open_presale({}, b"pw") is None


def test_a_backup_of_keys_by_openssl() -> None:
    salted = b"pw" + b"saltsalt"
    first = hashlib.md5(salted, usedforsecurity=False).digest()
    second = hashlib.md5(first + salted, usedforsecurity=False).digest()
    vector = hashlib.md5(second + salted, usedforsecurity=False).digest()
    raw = b"Salted__saltsalt" + sealed(first + second, vector, b"# KEEP YOUR PRIVATE KEYS SAFE")
    assert open_salted(raw, b"pw") == b"# KEEP YOUR PRIVATE KEYS SAFE"
    assert open_salted(raw[:-1], b"pw") is None


class Passwords:
    """As much of an artifact as a function needs that tries passwords."""

    def passwords(self, *, cost: int = 0) -> tuple[Credential, ...]:
        assert cost > 0
        return given("other", "pw")

    def locked(self, lock: object) -> None: ...


def test_a_web_wallet_whose_padding_is_random() -> None:
    key = hashlib.pbkdf2_hmac("sha1", b"pw", bytes(16), 10, 32)
    encryptor = Cipher(AES(key), CBC(bytes(16))).encryptor()
    padded = b'{"guid": "x"}' + b"}!" + b"\x03"
    payload = base64.b64encode(bytes(16) + encryptor.update(padded) + encryptor.finalize())
    found = open_payload(Passwords(), payload, None)  # type: ignore[arg-type]
    assert found is not None
    assert (found[0].number, found[1]) == (2, {"guid": "x"})
    assert open_payload(Passwords(), payload[:30], 10) is None  # type: ignore[arg-type]
    assert open_payload(Passwords(), payload, 1 << 40) is None  # type: ignore[arg-type]


def test_msigna_needs_its_public_key() -> None:
    assert open_keychain(bytes(48), -1, POINT, b"") is None
    assert open_keychain(b"", 0, b"", b"") is None


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/"
)
OPENED = [  # extractor, path, sample, how many secrets
    (electrum.wallets, "/x/default_wallet", "btcrecover/electrum-wallet", 1),
    (electrum.wallets, "/x/default_wallet", "btcrecover/electrum2-wallet", 2),
    (electrum.wallets, "/x/default_wallet", "btcrecover/electrum27-wallet", 2),
    (electrum.wallets, "/x/default_wallet", "btcrecover/electrum28-wallet", 2),
    (electrum.wallets, "/x/default_wallet", "btcrecover/electrum41-wallet", 2),
    (electrum.wallets, "/x/default_wallet", "generated/electrum_enc_file/default_wallet", 3),
    (bitcoin_core.wallets, "/x/wallet.dat", "btcrecover/bitcoincore-0.21.1-wallet.dat", 1),
    (bitcoinj.wallets, "/x/a.wallet", "btcrecover/multibit.wallet.bitcoinj.encrypted", 1),
    (bitcoinj.wallets, "/x/a.wallet", "btcrecover/coinomi.wallet.desktop", 2),
    (bitcoinj.backup, "/x/a-multibit.key", "btcrecover/multibit-wallet.key", 1),
    (
        ethereum.keystore,
        "/x/keystore/a",
        "btcrecover/utc-keystore-v3-scrypt-myetherwallet.json",
        1,
    ),
    (
        blockchain_com.backup,
        "/x/wallet.aes.json",
        "btcrecover/blockchain-v0.0-wallet.aes.json",
        1,
    ),
    (
        blockchain_com.backup,
        "/x/wallet.aes.json",
        "btcrecover/blockchain-v2.0-wallet.aes.json",
        1,
    ),
    (bither.wallets, "/x/.bither/address.db", "btcrecover/bither-wallet.db", 1),
    (msigna.vaults, "/x/a.vault", "btcrecover/msigna-wallet.vault", 1),
]


@needs_samples
@pytest.mark.parametrize(("extractor", "path", "sample", "secrets"), OPENED)
def test_the_samples_open(
    extract: Extract, extractor: Extractor, path: str, sample: str, secrets: int
) -> None:
    tree = {path: (SAMPLES / sample).read_bytes()}
    passwords = given("triage-test-1", "btcr-test-password")
    found = extract(extractor, tree, given=passwords)
    number = 1 if "generated" in sample else 2
    opened = [each for each in found.of(WalletSecret) if each.opened_by]
    assert len(opened) == secrets
    assert {each.opened_by for each in opened} == {f"entry {number} of the credentials file"}
    (file,) = found.of(WalletFile)
    assert (file.opened_by, file.needed_to_open) == (opened[0].opened_by, None)


@needs_samples
@pytest.mark.parametrize(
    ("extractor", "path", "sample", "truth"),
    [
        (
            bitcoinj.wallets,
            "/x/a.wallet",
            "coinomi.wallet.desktop",
            "coinomi.wallet.desktop.privkeys.txt",
        ),
        (
            bitcoinj.backup,
            "/x/a-multibit.key",
            "multibit-wallet.key",
            "multibit-wallet.key.privkeys.txt",
        ),
    ],
)
def test_what_opens_is_the_ground_truth(
    extract: Extract, extractor: Extractor, path: str, sample: str, truth: str
) -> None:
    folder = SAMPLES / "btcrecover"
    text = (folder / truth).read_text("utf-8")
    tree = {path: (folder / sample).read_bytes()}
    found = extract(extractor, tree, given=given("btcr-test-password")).of(WalletSecret)
    opened = [each.secret for each in found if each.opened_by]
    assert opened
    assert all(value in text for value in opened)
