"""Wasabi, Specter, Sparrow, Armory, bitcoinj, Coinomi, Bither, mSIGNA, Green, Blockchain.com."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import (
    armory,
    bitcoinj,
    bither,
    blockchain_com,
    green,
    msigna,
    sparrow,
    specter,
    wasabi,
)
from triage.api import (
    Confidence,
    Extractor,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)
from triage.formats import base58

Extract = Callable[..., Any]

FIXTURES = Path(__file__).parents[3] / "fixtures/wallet"
USERS = FIXTURES / "desktop/windows/tree/Users"
ROAMING = "AppData/Roaming"
XPUB84 = (
    "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZX"
    "YVUhLv1VMrjPC7PW6V"  # BIP-84
)
RECEIVE84 = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"


def _load(name: str) -> Any:
    path = FIXTURES / name
    spec = importlib.util.spec_from_file_location(f"wallet_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load("desktop/make.py")


def fixture(path: str) -> bytes:
    return (USERS / path).read_bytes()


WASABI = f"/Users/a/{ROAMING}/WalletWasabi/Client/Wallets/w.json"


def test_wasabi_tells_all_but_the_secret(extract: Extract) -> None:
    data = fixture(f"alice/{ROAMING}/WalletWasabi/Client/Wallets/market.json")
    found = extract(wasabi.wallets, {WASABI: data})
    (file,) = found.of(WalletFile)
    assert (file.fingerprint, file.synced_height, file.state) == (
        "73c5da0a",
        842_000,
        "keystore-encrypted",
    )
    assert (file.addresses, file.shows) == (3, Shows.USED)
    first = found.of(WalletAddress)[0]
    assert (first.crypto_address, first.label, first.used) == (RECEIVE84, "market, alice", True)
    assert first.derivation == "m/84'/0'/0'/0/0"
    assert [key.derivation for key in found.of(WalletXpub)] == ["m/84'/0'/0'", "m/86'/0'/0'"]


def test_wasabi_without_a_secret_watches(extract: Extract) -> None:
    data = json.loads(fixture(f"alice/{ROAMING}/WalletWasabi/Client/Wallets/market.json"))
    data["EncryptedSecret"] = None
    data["BlockchainState"]["Network"] = "TestNet"
    found = extract(wasabi.wallets, {WASABI: json.dumps(data).encode()})
    (file,) = found.of(WalletFile)
    assert (file.wallet_type, file.network, file.kdf) == ("watch-only", "testnet", None)
    assert found.of(WalletAddress)[0].crypto_address.startswith("tb1")


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], {}, [5], [{}], [{"PubKey": "0" * 66}], {"a": 1}]
)
def test_wasabi_trusts_no_field(extract: Extract, value: Any) -> None:
    data = json.loads(fixture(f"alice/{ROAMING}/WalletWasabi/Client/Wallets/market.json"))
    for name in data:
        if name not in {"HdPubKeys", "ExtPubKey"}:
            extract(wasabi.wallets, {WASABI: json.dumps(data | {name: value}).encode()})
    for name in ("HdPubKeys", "ExtPubKey"):
        found = extract(wasabi.wallets, {WASABI: json.dumps(data | {name: value}).encode()})
        assert len(found.of(WalletFile)) == 1


def test_wasabi_s_log_has_local_times(extract: Extract) -> None:
    path = f"/Users/a/{ROAMING}/WalletWasabi/Client/Logs.txt"
    text = (
        "2024-01-02 03:04:05.678 [1] INFO\tWasabi GUI v2.0.5.0 started\n"
        "2024-02-03 04:05:06.789 [9] INFO\tbye\n"
    )
    (file,) = extract(wasabi.settings, {path: text.encode()}).findings
    assert (file.state, file.software_version) == ("trace", "2.0.5.0")
    assert [(time.raw, time.utc) for time in file.times] == [
        ("2024-01-02 03:04:05.678", None),
        ("2024-02-03 04:05:06.789", None),
    ]
    assert extract(wasabi.settings, {path: b"nothing\n"}).findings == []


SPARROW = f"/Users/a/{ROAMING}/Sparrow/wallets/w.mv.db"


def test_sparrow_in_clear_gives_key_and_seed(extract: Extract) -> None:
    data = fixture(f"alice/{ROAMING}/Sparrow/wallets/plain.mv.db")
    found = extract(sparrow.wallets, {SPARROW: data})
    (file,) = found.of(WalletFile)
    assert (file.state, file.fingerprint, file.holds_secret) == ("plain", "73c5da0a", True)
    assert [time.event for time in file.times] == ["created", "last_written"]
    (key,) = found.of(WalletXpub)
    assert (key.xpub, key.derivation) == (XPUB84, "m/84'/0'/0'")
    (seed,) = found.of(WalletSecret)
    assert (seed.secret_type, seed.extent) == ("bip39-seed", "12 words")
    assert seed.sensitivity is Sensitivity.SECRET
    assert "ozone" not in f"{seed!r}{seed.value()}{seed.summary()}"


@pytest.mark.parametrize(
    "data",
    [
        fixture(f"bob/{ROAMING}/Sparrow/wallets/savings.mv.db"),
        bytes(300) + b"SPRW1\n" + bytes(500),
        base64.b64encode(b"SPRW1" + bytes(range(99))),
    ],
)
def test_sparrow_encrypted_is_named(extract: Extract, data: bytes) -> None:
    (file,) = extract(sparrow.wallets, {SPARROW: data}).findings
    assert (file.state, file.protection) == ("file-encrypted", Protection.ENCRYPTED)


def test_sparrow_s_old_json(extract: Extract) -> None:
    store = {
        "label": "mine",
        "keyDerivation": {"masterFingerprint": "73c5da0a", "derivationPath": "m/84'/0'/0'"},
        "extendedPublicKey": XPUB84,
        "seed": {"mnemonicString": " ".join(["abandon"] * 11 + ["about"])},
    }
    path = "/home/a/.sparrow/testnet/wallets/old"
    found = extract(sparrow.wallets, {path: json.dumps({"keystores": [store, 5]}).encode()})
    assert found.of(WalletFile)[0].network == "testnet"
    assert found.of(WalletXpub)[0].fingerprint == "73c5da0a"
    assert found.of(WalletSecret)[0].confidence is Confidence.CONFIRMED


@pytest.mark.parametrize("data", [b"", b"{}", b'{"keystores": 5}', b"{", b"text", b"SPRW", b"H2"])
def test_sparrow_near_misses(extract: Extract, data: bytes) -> None:
    assert extract(sparrow.wallets, {SPARROW: data}).findings == []


def test_sparrow_settings(extract: Extract) -> None:
    path = "/home/a/.sparrow/config"
    data = {"mode": "ONLINE", "useProxy": True, "proxyServer": "127.0.0.1:9050"}
    (file,) = extract(sparrow.settings, {path: json.dumps(data).encode()}).findings
    assert (file.state, file.proxy) == ("trace", "127.0.0.1:9050")
    assert extract(sparrow.settings, {path: b'{"other": 1}'}).findings == []


ARMORY = f"/Users/a/{ROAMING}/Armory/armory_x_.wallet"


def test_armory_in_clear_and_locked(extract: Extract) -> None:
    plain = extract(armory.wallets, {ARMORY: make.armory(locked=False)})
    (file,) = plain.of(WalletFile)
    assert (file.format_version, file.label) == ("1.35", "Primary Wallet – rent and food")
    assert (file.state, file.holds_secret, file.checks) == ("plain", True, ("checksum",))
    first, second = plain.of(WalletAddress)
    assert (first.label, first.used, second.used) == ("from the market", True, None)
    root, keys = plain.of(WalletSecret)
    assert (root.secret_type, keys.extent, keys.checks) == ("root-key", "2 keys", ("public key",))
    locked = extract(armory.wallets, {ARMORY: make.armory(locked=True)})
    assert (locked.of(WalletFile)[0].state, locked.of(WalletFile)[0].kdf) == (
        "keystore-encrypted",
        "romix",
    )
    assert locked.of(WalletSecret) == []
    assert [each.crypto_address for each in locked.of(WalletAddress)] == [
        each.crypto_address for each in plain.of(WalletAddress)
    ]


def test_armory_cut_off_gives_what_it_has(extract: Extract) -> None:
    data = make.armory(locked=True)
    found = extract(armory.wallets, {ARMORY: data[:-300]})
    assert found.of(WalletFile)[0].state == "damaged"
    assert len(found.of(WalletAddress)) == 1
    assert len(found.problems) == 1
    with pytest.raises(ParseError):
        extract(armory.wallets, {ARMORY: data[:400]})
    assert extract(armory.wallets, {ARMORY: b"leather"}).findings == []


MULTIBIT = f"/Users/a/{ROAMING}/MultiBit/multibit.wallet"


def test_multibit_tells_amounts_and_destinations(extract: Extract) -> None:
    found = extract(bitcoinj.wallets, {MULTIBIT: make.multibit()})
    (file,) = found.of(WalletFile)
    assert (file.software, file.recorded_balance, file.transactions) == ("multibit", 29_000, 2)
    assert (file.synced_height, file.label) == (733_000, "Your wallet description")
    receipt, payment = found.of(WalletTransaction)
    assert (receipt.delta, receipt.height) == (80_000, 732_000)
    assert (payment.delta, payment.label) == (-51_000, "sunglasses")
    own, payee = found.of(WalletAddress)
    assert (own.label, own.used, payee.role) == ("donations", True, "payee")
    (secret,) = found.of(WalletSecret)
    assert secret.checks == ("public key",)


def test_bisq_lists_what_was_handed_out(extract: Extract) -> None:
    path = f"/Users/a/{ROAMING}/Bisq/btc_mainnet/wallet/bisq_BTC.wallet"
    found = extract(bitcoinj.wallets, {path: make.bisq()})
    (file,) = found.of(WalletFile)
    assert (file.software, file.state, file.kdf) == ("bisq", "keystore-encrypted", "scrypt")
    roles = [(each.role, each.derivation) for each in found.of(WalletAddress)]
    assert roles == [
        ("receive", "m/84'/0'/0'/0/0"),
        ("receive", "m/84'/0'/0'/0/1"),
        ("change", "m/84'/0'/0'/1/0"),
    ]
    assert found.of(WalletAddress)[0].crypto_address == RECEIVE84
    (key,) = found.of(WalletXpub)
    assert (key.derivation, key.script_type) == ("m/84'/0'/0'", "p2wpkh")


def test_a_seed_of_bitcoinj_in_clear(extract: Extract) -> None:
    words = b" ".join([b"abandon"] * 11 + [b"about"])
    key = make.field(1, 3) + make.field(2, words) + make.field(5, 1_650_000_000_000)
    data = make.field(1, "org.bitcoin.test") + make.field(3, key) + make.field(7, 1)
    found = extract(bitcoinj.wallets, {"/home/a/x.wallet": data})
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.extent, secret.checks) == (
        "bip39-seed",
        "12 words",
        ("bip39-checksum",),
    )
    assert found.of(WalletFile)[0].network == "testnet"


def test_coinomi_has_a_pocket_for_each_coin(extract: Extract) -> None:
    path = "/Users/a/AppData/Local/Coinomi/Coinomi/wallets/x.wallet"
    found = extract(bitcoinj.wallets, {path: make.coinomi()})
    (file,) = found.of(WalletFile)
    assert (file.coins, file.label, file.fingerprint) == (
        ("BTC", "LTC"),
        "Pocket money",
        "73c5da0a",
    )
    assert {each.coin: each.derivation for each in found.of(WalletXpub)} == {
        "BTC": "m/84'/0'/0'",
        "LTC": "m/44'/2'/0'",
    }
    assert {each.coin: each.crypto_address[:3] for each in found.of(WalletAddress)} == {
        "BTC": "bc1",
        "LTC": "LUW",
    }


@pytest.mark.parametrize("make_wallet", [make.multibit, make.bisq, make.coinomi])
@pytest.mark.parametrize("part", [10, 40, 60, 90, 99])
def test_protocol_buffers_cut_off(
    extract: Extract, make_wallet: Callable[[], bytes], part: int
) -> None:
    data = make_wallet()
    found = extract(bitcoinj.wallets, {MULTIBIT: data[: len(data) * part // 100]})
    for file in found.of(WalletFile):
        assert file.state == "damaged"
        assert found.problems


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"An order for a wallet of leather",
        b"\x0a\x16org.bitcoin.production",
        b"\x0a\x16org.bitcoin.production\xff\xff",
        b"\x08\x14\x12\x03abc",
        b"\x08\x14\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_other_wallets_yield_nothing(extract: Extract, data: bytes) -> None:
    found = extract(bitcoinj.wallets, {"/x/a.wallet": data})
    assert [each for each in found.findings if each.state != "damaged"] == []


def test_a_network_that_is_not_known_is_named_as_it_is(extract: Extract) -> None:
    data = b"\x0a\x0corg.dog.main" + make.field(7, 1)
    for more, coins in ((b"", ("org.dog.main",)), (b"\x0a\x03dog", ("dog",))):
        (file,) = extract(bitcoinj.wallets, {"/x/a.wallet": data + more}).findings
        assert (file.coins, file.network) == (coins, None)


@pytest.mark.parametrize(
    ("path", "data", "software"),
    [
        ("/x/multibit-data/key-backup/a.key", b"Salted__" + bytes(88), "multibit"),
        (
            "/x/bitcoin-wallet-backup-2020-01-01",
            b"Salted__" + bytes(1016),
            "bitcoin-wallet-android",
        ),
        ("/x/multibit-data/key-backup/a.key", b"Salted__" + bytes(87), None),
        ("/x/multibit-data/key-backup/a.key", b"salted", None),
    ],
)
def test_backups_of_keys_are_named(
    extract: Extract, path: str, data: bytes, software: str | None
) -> None:
    found = extract(bitcoinj.backup, {path: base64.encodebytes(data)}).findings
    assert [file.software for file in found] == ([software] if software else [])


def test_multibit_hd_must_look_random(extract: Extract) -> None:
    tree = {"/x/mbhd-1/mbhd.wallet.aes": make.sealed("x", 4096)}
    assert extract(bitcoinj.backup, tree).findings[0].software == "multibit-hd"
    for data in (bytes(4096), make.sealed("x", 4095), b""):
        assert extract(bitcoinj.backup, {"/x/mbhd-1/mbhd.wallet.aes": data}).findings == []


def test_bither_checks_its_keys(extract: Extract) -> None:
    found = extract(bither.wallets, {"/home/a/.bither/address.db": make.bither()})
    (address,) = found.of(WalletAddress)
    assert (address.label, address.checks) == ("till", ("computed from public keys",))
    assert [each.derivation for each in found.of(WalletXpub)] == ["m/44'/0'/0'/0", "m/44'/0'/0'/1"]
    assert found.of(WalletFile)[0].state == "keystore-encrypted"


def test_msigna_reads_its_tables(extract: Extract) -> None:
    found = extract(msigna.vaults, {"/home/a/x.vault": make.msigna()})
    (file,) = found.of(WalletFile)
    assert (file.label, file.format_version, file.transactions) == ("household", "12", 1)
    (address,) = found.of(WalletAddress)
    assert (address.crypto_address, address.role, address.label) == (
        "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA",  # BIP-44, the same seed
        "receive",
        "salary",
    )
    assert found.of(WalletTransaction)[0].height == 732_500


@pytest.mark.parametrize(
    ("extractor", "path"),
    [(bither.wallets, "/home/a/.bither/address.db"), (msigna.vaults, "/home/a/x.vault")],
)
def test_other_databases_yield_nothing(extract: Extract, extractor: Extractor, path: str) -> None:
    for schema in ("CREATE TABLE a (b)", "CREATE TABLE addresses (address TEXT)"):
        assert extract(extractor, {path: make.database(schema, [])}).findings == []
    assert extract(extractor, {path: b"text"}).findings == []
    with pytest.raises(ParseError):
        extract(extractor, {path: b"SQLite format 3\0" + bytes(84)})


def test_backups_of_blockchain_com(extract: Extract) -> None:
    backups = make.blockchain()
    path = "/home/a/wallet.aes.json"
    (third,) = extract(
        blockchain_com.backup, {path: backups["alice/Downloads/wallet.aes.json"]}
    ).findings
    assert (third.format_version, third.state) == ("3", "file-encrypted")
    (zero,) = extract(
        blockchain_com.backup, {path: backups["bob/Downloads/wallet.aes.json"]}
    ).findings
    assert zero.format_version == "0 or 1"
    wrapped = {
        "guid": "5eed",
        "payload": backups["alice/Downloads/wallet.aes.json"].decode(),
    }
    (file,) = extract(blockchain_com.backup, {path: json.dumps(wrapped).encode()}).findings
    assert (file.label, file.format_version) == ("5eed", "3")


def test_a_web_wallet_in_clear(extract: Extract) -> None:
    data = json.loads(make.blockchain()["bob/Downloads/blockchain-wallet.json"])
    path = "/home/a/wallet.aes.json"
    found = extract(blockchain_com.backup, {path: json.dumps(data).encode()})
    assert {each.secret_type for each in found.of(WalletSecret)} == {"private-keys", "hd-seed"}
    assert {each.role: each.label for each in found.of(WalletAddress)} == {
        "own": "old",
        "contact": "a friend",
    }
    data["double_encryption"] = True
    found = extract(blockchain_com.backup, {path: json.dumps(data).encode()})
    assert found.of(WalletSecret) == []
    assert found.of(WalletFile)[0].state == "keystore-encrypted"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b"A" * 640,
        base64.b64encode(bytes(range(100))),
        b'{"guid": "x", "keys": [1]}',
        b'{"payload": "x"}',
        b'{"payload": "{", "guid": "5eed0000-1111-4222-8333-444455556666"}',
        b'{"a": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_backup_yields_nothing(extract: Extract, data: bytes) -> None:
    assert extract(blockchain_com.backup, {"/home/a/wallet.aes.json": data}).findings == []


@pytest.mark.parametrize("value", [None, 5, "x", [[]], [5], {"a": 5}, [{"xpub": 5, "accounts": 5}]])
def test_a_web_wallet_trusts_no_field(extract: Extract, value: Any) -> None:
    data = json.loads(make.blockchain()["bob/Downloads/blockchain-wallet.json"])
    for name in data:
        tree = {"/home/a/wallet.aes.json": json.dumps(data | {name: value}).encode()}
        extract(blockchain_com.backup, tree)


def test_green_is_locked_by_its_service(extract: Extract) -> None:
    path = "/Users/a/AppData/Local/Blockstream/Green/wallets/x"
    data = {"network": "testnet-liquid", "login": {"pin": {"salt": "x"}}, "name": "n"}
    (file,) = extract(green.wallets, {path: json.dumps(data).encode()}).findings
    assert (file.state, file.coins, file.network) == ("keystore-encrypted", ("L-BTC",), "testnet")
    for other in (b"{}", b'{"network": "mainnet"}', b"text", b'{"network": 5, "login": 5}'):
        assert extract(green.wallets, {path: other}).findings == []


def test_specter_near_misses(extract: Extract) -> None:
    for data in (b"{}", b"[]", b'{"recv_descriptor": 5}', b"text", b'{"keys": [], "name": "x"}'):
        assert extract(specter.wallets, {"/h/.specter/wallets/main/a.json": data}).findings == []
        assert extract(specter.devices, {"/h/.specter/devices/a.json": data}).findings == []


@pytest.mark.parametrize("data", [b"\0" * 500, struct.pack("<I", 0xFFFFFFFF) * 200])
def test_noise_yields_nothing(extract: Extract, data: bytes) -> None:
    for extractor, path in (
        (wasabi.wallets, WASABI),
        (sparrow.wallets, SPARROW),
        (armory.wallets, ARMORY),
        (bitcoinj.wallets, MULTIBIT),
        (bither.wallets, "/h/.bither/address.db"),
        (msigna.vaults, "/h/x.vault"),
        (blockchain_com.backup, "/h/wallet.aes.json"),
        (green.wallets, "/h/Blockstream/Green/wallets/x"),
    ):
        assert extract(extractor, {path: data}).findings == []


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets/btcrecover"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/btcrecover/"
)


@needs_samples
@pytest.mark.parametrize(
    ("name", "state", "secrets"), [("clear", "plain", 1), ("encrypted", "keystore-encrypted", 0)]
)
def test_wallets_of_multibit_classic(extract: Extract, name: str, state: str, secrets: int) -> None:
    data = (SAMPLES / f"multibit.wallet.bitcoinj.{name}").read_bytes()
    found = extract(bitcoinj.wallets, {MULTIBIT: data})
    (file,) = found.of(WalletFile)
    assert (file.state, file.label) == (state, "Your wallet description")
    assert found.of(WalletAddress)[0].crypto_address == "19VvSJ13F5LYWV9rhywnjUA8v5n3pPaxeA"
    assert len(found.of(WalletSecret)) == secrets


@needs_samples
def test_a_key_backup_of_multibit(extract: Extract) -> None:
    data = (SAMPLES / "multibit-wallet.key").read_bytes()
    (file,) = extract(bitcoinj.backup, {"/x/multibit-data/key-backup/a.key": data}).findings
    assert (file.software, file.state) == ("multibit", "file-encrypted")


@needs_samples
def test_a_wallet_of_coinomi_has_the_accounts_of_its_root_key(extract: Extract) -> None:
    text = (SAMPLES / "coinomi.wallet.desktop.privkeys.txt").read_text("utf-8")
    payload = _decoded(text.split("BIP32 Root Key: ")[1].strip())
    root = make.Extended(payload[46:], payload[13:45])
    path = "/Users/a/AppData/Local/Coinomi/Coinomi/wallets/x.wallet"
    found = extract(bitcoinj.wallets, {path: (SAMPLES / "coinomi.wallet.desktop").read_bytes()})
    (file,) = found.of(WalletFile)
    assert (file.label, file.state, len(file.coins)) == ("Wallet #2", "keystore-encrypted", 59)
    keys = {
        each.derivation: _decoded(each.xpub) for each in found.of(WalletXpub) if each.coin == "BTC"
    }
    for purpose in (44, 49, 84):
        account = root.below(purpose, 0, 0)
        ours = keys[f"m/{purpose}'/0'/0'"]
        assert (ours[13:45], ours[45:]) == (account.chain, make.public(account.key))


def _decoded(text: str) -> bytes:
    return base58.decode_check(text)


@needs_samples
def test_a_database_of_bither(extract: Extract) -> None:
    data = (SAMPLES / "bither-wallet.db").read_bytes()
    found = extract(bither.wallets, {"/h/.bither/address.db": data})
    (address,) = found.of(WalletAddress)
    assert address.crypto_address == "18NAns9gstCYA3E5vWYrgxA8Bx7q8D7NuS"
    assert address.times[0].utc == "2015-04-09T17:23:41.356Z"


@needs_samples
def test_a_vault_of_msigna(extract: Extract) -> None:
    data = (SAMPLES / "msigna-wallet.vault").read_bytes()
    found = extract(msigna.vaults, {"/h/x.vault": data})
    (key,) = found.of(WalletXpub)
    assert (key.label, key.derivation) == ("btcr-test-keychain", "m")
    assert found.of(WalletFile)[0].state == "keystore-encrypted"


@needs_samples
@pytest.mark.parametrize(("name", "version"), [("v0.0", "0 or 1"), ("v2.0", "2")])
def test_backups_of_web_wallets(extract: Extract, name: str, version: str) -> None:
    data = (SAMPLES / f"blockchain-{name}-wallet.aes.json").read_bytes()
    (file,) = extract(blockchain_com.backup, {"/h/wallet.aes.json": data}).findings
    assert (file.format_version, file.state) == (version, "file-encrypted")
