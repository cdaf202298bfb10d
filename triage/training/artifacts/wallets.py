"""Wallets of Bitcoin: Electrum and Bitcoin Core."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from datetime import timedelta
from typing import Final

from triage.formats import bech32
from triage.training.artifacts.scene import Scene
from triage.training.writers import berkeleydb, bitcoin_keys
from triage.training.writers.bitcoin_keys import Extended, name, vector
from triage.training.writers.sqlite import frozen_memory

_GENESIS = bytes.fromhex("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")[::-1]
_ZPUB = bytes.fromhex("04b24746")
_MAINNET = int.from_bytes(bytes.fromhex("f9beb4d9"), "big", signed=True)
_RECEIVING, _CHANGE = 6, 3
_LEAST = 5  # bytes of noise in a file that is encrypted as a whole, in 16-byte blocks


def _electrum_folder(scene: Scene) -> str:
    return scene.below("AppData/Roaming/Electrum/wallets", ".electrum/wallets", "wallets")


def electrum(scene: Scene) -> None:
    """Leave an Electrum wallet of which the addresses can be read; its keys are under a password.

    name: of the file. label: what the owner wrote beside the first address.
    gives: path, address, label.
    """
    path = f"{_electrum_folder(scene)}/{scene.text('name', 'default_wallet')}"
    label = scene.text("label", "first")
    account = Extended.master(scene.own.bytes("electrum", 32)).below(84, 0, 0)
    chains = [[_segwit(account.child(c).child(n)) for n in range(count)] for c, count in _chains()]
    first = chains[0][0]
    sealed = base64.b64encode(scene.own.bytes("sealed", 96)).decode()
    data = {
        "addr_history": {address: [] for chain in chains for address in chain},
        "addresses": {"receiving": chains[0], "change": chains[1]},
        "keystore": {
            "derivation": "m/84'/0'/0'",
            "pw_hash_version": 1,
            "root_fingerprint": scene.own.bytes("root", 4).hex(),
            "seed": sealed,
            "type": "bip32",
            "xprv": base64.b64encode(scene.own.bytes("xprv", 144)).decode(),
            "xpub": bitcoin_keys.base58check(_ZPUB + account.encoded()),
        },
        "labels": {first: label},
        "seed_type": "bip39",
        "seed_version": 41,
        "use_encryption": True,
        "wallet_type": "standard",
    }
    scene.file(path, json.dumps(data, indent=4))
    scene.shows("wallet.file", path, main=True, software="electrum", state="keystore-encrypted")
    scene.shows("wallet.address", path, main=True, crypto_address=first, label=label)
    for address in chains[0][1:]:
        scene.shows("wallet.address", path, crypto_address=address)
    scene.trace("indicator.crypto-address", crypto_address=first, coin="BTC")
    scene.call(path=f"/{path}", address=first, label=label)


def electrum_sealed(scene: Scene) -> None:
    """Leave an Electrum wallet that is encrypted as a whole: only that it is one can be told.

    name: of the file.
    gives: path.
    """
    path = f"{_electrum_folder(scene)}/{scene.text('name', 'savings')}"
    blocks = _LEAST + scene.own.bytes("length", 1)[0] % 64 + 60
    key = bitcoin_keys.public(scene.own.bytes("ephemeral", 32))
    body = b"BIE1" + key + scene.own.bytes("body", 16 * blocks) + scene.own.bytes("mac", 32)
    scene.file(path, base64.b64encode(body))
    scene.shows("wallet.file", path, main=True, software="electrum", state="file-encrypted")
    scene.call(path=f"/{path}")


def core(scene: Scene) -> None:
    """Leave a wallet of Bitcoin Core 25 (descriptors, SQLite), encrypted.

    name: of its folder.
    gives: path, address.
    """
    folder = scene.below("AppData/Local/Bitcoin/wallets", ".bitcoin/wallets", "Bitcoin/wallets")
    path = f"{folder}/{scene.text('name', 'main')}/wallet.dat"
    master = Extended.master(scene.own.bytes("core", 32))
    scene.file(path, _descriptors(scene, master))
    first = _segwit(master.below(84, 0, 0).child(0).child(0))
    scene.shows("wallet.file", path, main=True, software="bitcoin-core")
    scene.shows("wallet.address", path, crypto_address=first)
    scene.call(path=f"/{path}", address=first)


def core_old(scene: Scene) -> None:
    """Leave a wallet of Bitcoin Core 0.8 (Berkeley DB) whose keys stand in clear.

    name: of its folder. label: of its address.
    gives: path, address, label.
    """
    folder = scene.below("AppData/Roaming/Bitcoin", ".bitcoin", "Bitcoin")
    path = f"{folder}/wallet.dat"
    label = scene.text("label", "donations")
    key = scene.own.bytes("old key", 32)
    public = bitcoin_keys.public(key)
    address = bitcoin_keys.base58check(b"\0" + bitcoin_keys.hash160(public))
    secret = bitcoin_keys.der(key)
    made = int((scene.when - timedelta(days=400)).timestamp())
    place = struct.pack("<i", 80_600) + b"\2" + scene.own.bytes("tip", 32) + _GENESIS
    records = {
        name("version"): struct.pack("<i", 80_600),
        name("minversion"): struct.pack("<i", 10_500),
        name("bestblock"): place,
        name("name") + name(address): name(label),
        name("key") + vector(public): vector(secret) + bitcoin_keys.sha256d(public + secret),
        name("keymeta") + vector(public): struct.pack("<iq", 1, made),
    }
    items = [berkeleydb.Item(key=key, value=value) for key, value in records.items()]
    scene.file(path, berkeleydb.write(items))
    scene.shows("wallet.file", path, main=True, software="bitcoin-core", holds_secret=True)
    scene.shows("wallet.address", path, main=True, crypto_address=address, label=label)
    scene.shows("wallet.secret", path)
    scene.call(path=f"/{path}", address=address, label=label)


def _chains() -> tuple[tuple[int, int], ...]:
    return (0, _RECEIVING), (1, _CHANGE)


def _segwit(key: Extended) -> str:
    public = bitcoin_keys.public(key.key)
    return bech32.encode_segwit("bc", 0, bitcoin_keys.hash160(public))


def _descriptors(scene: Scene, master: Extended) -> bytes:
    """Return records as `walletdb.cpp` of Bitcoin Core 25 writes them."""
    made = int((scene.when - timedelta(days=120)).timestamp())
    own = bitcoin_keys.public(master.key)
    version = struct.pack("<i", 250_100)
    records = [
        (name("version"), version),
        (name("minversion"), struct.pack("<i", 169_900)),
        (name("flags"), struct.pack("<Q", 1 << 34)),
        (name("bestblock"), version + b"\0"),
        (
            name("bestblock_nomerkle"),
            version + b"\2" + scene.own.bytes("tip", 32) + _GENESIS,
        ),
        (
            name("mkey") + struct.pack("<I", 1),
            vector(scene.own.bytes("mkey", 48))
            + vector(scene.own.bytes("salt", 8))
            + struct.pack("<II", 0, 150_000)
            + b"\0",
        ),
    ]
    account = master.below(84, 0, 0)
    for chain in (0, 1):
        text = f"wpkh({master.xpub()}/84h/0h/0h/{chain}/*)#training"
        about = hashlib.sha256(text.encode()).digest()
        used = 2 if chain == 0 else 0
        range_ = struct.pack("<Qiii", made, used, 0, 1000)
        child = account.child(chain).encoded()
        sealed = vector(scene.own.bytes(f"ckey {chain}", 48))
        records += [
            (name("walletdescriptor") + about, name(text) + range_),
            (name("walletdescriptorlhcache") + about + bytes(4), vector(account.encoded())),
            (name("walletdescriptorcache") + about + bytes(4), vector(child)),
            (name("walletdescriptorckey") + about + vector(own), sealed),
        ]
    return frozen_memory(
        [
            "PRAGMA page_size=4096",
            f"PRAGMA application_id={_MAINNET}",
            "CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)",
            *(("INSERT INTO main VALUES (?,?)", record) for record in records),
        ]
    )


MAKERS: Final = {
    "wallets.electrum": electrum,
    "wallets.electrum-sealed": electrum_sealed,
    "wallets.bitcoin-core": core,
    "wallets.bitcoin-core-old": core_old,
}
