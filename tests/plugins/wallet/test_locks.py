"""Lines for hashcat and john: of the programs' own examples, and for wallets that have none."""

from __future__ import annotations

import base64

import pytest

from plugins.wallet import _locks
from triage.api import Lock
from triage.formats.kdf import Pbkdf2, Scrypt


def line(lock: Lock | None) -> str:
    assert lock is not None
    assert lock.line not in repr(lock)
    return lock.line


def test_the_examples_of_hashcat_come_out() -> None:
    """The text of each example, put into a wallet, gives the example again (mode in hashcat)."""
    salt, text, mac = "ab" * 32, "cd" * 32, "ef" * 32
    assert line(_locks.ethereum(Scrypt(salt=b"\1" * 32, n=1024, r=1, p=1), _crypto(text, mac))) == (
        f"$ethereum$s*1024*1*1*{'01' * 32}*{text}*{mac}"
    )
    kdf = Pbkdf2(digest="sha256", salt=bytes.fromhex(salt), rounds=1024)
    assert line(_locks.ethereum(kdf, _crypto(text, mac))) == (
        f"$ethereum$p*1024*{salt}*{text}*{mac}"
    )
    key = bytes.fromhex("e3ad782e7f92d66a3cdfaec43a46be295d1cabd4f4a50ba125f88c47027fff9b")
    scrypt = Scrypt(salt=bytes.fromhex("7523cb5482e81b81"), n=16384, r=8, p=1)
    assert line(_locks.bitcoinj(scrypt, bytes(16) + key, software="multibit")) == (
        f"$multibit$3*16384*8*1*7523cb5482e81b81*{key.hex()}"
    )
    bisq = _locks.bitcoinj(scrypt, bytes(16) + key, software="bisq")
    assert line(bisq) == f"$bisq$3*16384*8*1*7523cb5482e81b81*{key.hex()}"
    assert line(_locks.bitcoin_core(bytes(16) + key, b"12345678", 200460)) == (
        f"$bitcoin$64${key.hex()}$16$3132333435363738$200460$2$00$2$00"
    )
    assert line(_locks.multibit_backup(b"Salted__12345678" + key)) == (
        f"$multibit$1*3132333435363738*{key.hex()}"
    )
    assert line(_locks.blockchain(base64.b64encode(key), None)) == f"$blockchain$32${key.hex()}"
    assert line(_locks.blockchain(base64.b64encode(key), 10)) == (
        f"$blockchain$v2$10$32${key.hex()}"
    )
    value = base64.b64encode(key + bytes(16)).decode()
    assert line(_locks.electrum_value("xprv", value, "x")) == (
        f"$electrum$2*{key[:16].hex()}*{key[16:].hex()}"
    )
    assert line(_locks.electrum_value("keypairs", value, "x")) == (
        f"$electrum$3*{key[16:].hex()}*{'00' * 16}"
    )


def _crypto(text: str, mac: str) -> dict[str, str]:
    return {"ciphertext": text, "mac": mac}


@pytest.mark.parametrize(("size", "mode"), [(64, 21700), (20_000, 21800)])
def test_a_long_file_of_electrum_gives_its_beginning(size: int, mode: int) -> None:
    raw = b"BIE1" + b"\2" * 33 + bytes(size) + b"\7" * 32
    lock = _locks.electrum_file(base64.b64encode(raw))
    assert lock is not None
    assert lock.hashcat == mode
    assert len(lock.line) < 3000
    assert lock.line.endswith("*" + "07" * 32)


@pytest.mark.parametrize(
    "lock",
    [
        _locks.electrum_file(b"!"),
        _locks.electrum_file(base64.b64encode(b"BIE2" + bytes(100))),
        _locks.electrum_value("seed", "AAAA", "x"),
        _locks.electrum_value("passphrase", "A" * 64, "x"),
        _locks.electrum_value("seed", "ä", "x"),
        _locks.bitcoin_core(bytes(80), b"", 1),
        _locks.ethereum(None, _crypto("ab", "cd")),
        _locks.ethereum(Pbkdf2(digest="sha1", salt=b"", rounds=1), _crypto("a\nb", "cd")),
        _locks.ethereum(Pbkdf2(digest="sha1", salt=b"", rounds=1), {}),
        _locks.ethereum_presale({"encseed": "zz"}),
        _locks.multibit_backup(b"Salted__"),
        _locks.multibit_hd(b""),
        _locks.blockchain(b"", None),
    ],
)
def test_what_is_none_gives_no_line(lock: Lock | None) -> None:
    assert lock is None


def _field(number: int, data: bytes) -> bytes:
    return bytes([number]) + len(data).to_bytes(2, "little") + data


def _kdbx(**changes: bytes) -> bytes:
    """Return the beginning of a KDBX 3.1 database as KeePass writes it."""
    fields = {
        "2": bytes.fromhex("31c1f2e6bf714350be5805216afc5aff"),
        "3": b"\1\0\0\0",
        "4": bytes(range(32)),
        "5": bytes(range(32, 64)),
        "6": (6000).to_bytes(8, "little"),
        "7": bytes(range(16)),
        "8": bytes(32),
        "9": b"s" * 32,
        "10": b"\2\0\0\0",
        "0": b"\r\n\r\n",
    } | changes
    return bytes(12) + b"".join(_field(int(key), data) for key, data in fields.items()) + b"c" * 64


def test_a_keepass_database_gives_what_its_first_block_must_be() -> None:
    parts = line(_locks.keepass(_kdbx())).split("*")
    assert parts[:4] == ["$keepass$", "2", "6000", "222"]
    assert parts[7:] == ["73" * 32, "63" * 32]
    for odd in ({"2": b"x" * 16}, {"4": b"short"}, {"9": b""}):
        assert _locks.keepass(_kdbx(**odd)) is None
    for cut in (b"", _kdbx()[:100], _kdbx()[:230]):
        assert _locks.keepass(cut) is None
