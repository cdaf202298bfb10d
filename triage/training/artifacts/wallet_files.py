"""Other traces of cryptocurrency: Monero, Ethereum, lists of an exchange."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Final

from triage.training import values
from triage.training.artifacts.scene import Scene

_KEYS_LENGTH = 1600  # of what is sealed in a file of keys of Monero 0.18


def monero(scene: Scene) -> None:
    """Leave a Monero wallet: its keys and its cache, sealed; the address in a file beside them.

    name: of the wallet.
    gives: path, address.
    """
    folder = scene.below("Documents/Monero/wallets", "Monero/wallets", "Monero/wallets")
    label = scene.text("name", "first")
    path = f"{folder}/{label}/{label}"
    address = values.monero(scene.own, "wallet")
    length = _KEYS_LENGTH + scene.own.bytes("length", 1)[0]
    scene.file(f"{path}.keys", _sealed(scene, "keys", length))
    scene.file(path, _sealed(scene, "cache", 9000))
    scene.file(f"{path}.address.txt", address)
    scene.shows("wallet.file", f"{path}.keys", main=True, software="monero")
    scene.shows(
        "wallet.address", f"{path}.address.txt", main=True, coin="XMR", crypto_address=address
    )
    scene.call(path=f"/{path}.keys", address=address)


def _sealed(scene: Scene, label: str, length: int) -> bytes:
    """Vector, length as a varint, and so many bytes that look random (`wallet2.cpp`)."""
    return (
        scene.own.bytes(f"{label} vector", 8)
        + bytes([length & 0x7F | 0x80, length >> 7])
        + scene.own.bytes(label, length)
    )


def geth(scene: Scene) -> None:
    """Leave a key file of geth: address and time in clear, the key under a password.

    gives: path, address, made.
    """
    folder = scene.below("AppData/Roaming/Ethereum/keystore", ".ethereum/keystore", "keystore")
    address = values.ethereum(scene.own, "wallet").lower()
    made = scene.when - timedelta(days=30)
    path = f"{folder}/UTC--{made:%Y-%m-%dT%H-%M-%S}.000000000Z--{address[2:]}"
    data = {
        "address": address[2:],
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": scene.own.bytes("text", 32).hex(),
            "cipherparams": {"iv": scene.own.bytes("iv", 16).hex()},
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "p": 1,
                "r": 8,
                "salt": scene.own.bytes("salt", 32).hex(),
            },
            "mac": scene.own.bytes("mac", 32).hex(),
        },
        "id": str(uuid.UUID(bytes=scene.own.bytes("id", 16), version=4)),
        "version": 3,
    }
    scene.file(path, json.dumps(data), made)
    scene.shows("wallet.file", path, main=True, state="keystore-encrypted", coins=("ETH",))
    scene.shows("wallet.address", path, main=True, coin="ETH", crypto_address=address.lower())
    scene.call(path=f"/{path}", address=address, made=f"{made:%Y-%m-%d}")


def exchange(scene: Scene) -> None:
    """Leave a list of withdrawals as customers of Binance save it.

    to: the Bitcoin address that was paid to. name: of the file.
    gives: path, to.
    """
    folder = scene.below("Downloads", "Downloads")
    path = f"{folder}/{scene.text('name', 'withdrawals.csv')}".lstrip("/")
    to = scene.text("to")
    other = values.bitcoin(scene.own, "other")
    lines = ["Date(UTC+0),Coin,Network,Amount,Fee,Address,TXID,Status"]
    for number, address in enumerate((to, other, to)):
        when = scene.when - timedelta(days=9 - 3 * number)
        txid = scene.own.bytes(f"tx {number}", 32).hex()
        amount = f"0.0{scene.own.bytes(f'amount {number}', 1)[0] + 100}"
        lines.append(f"{when:%Y-%m-%d %H:%M:%S},BTC,BTC,{amount},0.0001,{address},{txid},Completed")
    scene.file(path, "\r\n".join([*lines, ""]))
    scene.shows("wallet.exchange", path, main=True, exchange="Binance", trace="csv-export")
    scene.shows("wallet.address", path, main=True, crypto_address=to, role="payee")
    scene.trace("indicator.crypto-address", crypto_address=to, coin="BTC")
    scene.call(path=f"/{path}", to=to)


MAKERS: Final = {
    "wallets.monero": monero,
    "wallets.geth": geth,
    "wallets.exchange": exchange,
}
