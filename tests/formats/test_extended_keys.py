"""Vectors of BIP-32, and of SLIP-132 for the other prefixes."""

from __future__ import annotations

import pytest

from triage.formats import base58, extended_keys

MASTER = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg"
    "7usUDFdp6W1EGMcet8"
)
MASTER_PRIVATE = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
CHILD = (
    "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5s"
    "ki8PX9rL2dZXvgGDnw"
)


def test_a_master_key() -> None:
    key = extended_keys.classify(MASTER)
    assert key is not None
    assert (key.prefix, key.coin, key.network, key.script) == ("xpub", "bitcoin", "main", "p2pkh")
    assert (key.depth, key.parent_fingerprint, key.child) == (0, "00000000", 0)
    assert not key.secret
    assert key.checks == ("base58check",)


def test_a_hardened_child() -> None:
    key = extended_keys.classify(CHILD)
    assert key is not None
    assert (key.depth, key.parent_fingerprint) == (1, "3442193e")
    assert (key.child, key.hardened) == (0, True)


def test_a_private_key_is_secret_and_keeps_out_of_its_repr() -> None:
    key = extended_keys.classify(MASTER_PRIVATE)
    assert key is not None
    assert key.secret
    assert MASTER_PRIVATE not in repr(key)


@pytest.mark.parametrize(
    ("version", "prefix", "coin", "script"),
    [
        ("049d7cb2", "ypub", "bitcoin", "p2sh-p2wpkh"),
        ("04b24746", "zpub", "bitcoin", "p2wpkh"),
        ("0295b43f", "Ypub", "bitcoin", "p2sh-p2wsh"),
        ("02aa7ed3", "Zpub", "bitcoin", "p2wsh"),
        ("043587cf", "tpub", "bitcoin", "p2pkh"),
        ("044a5262", "upub", "bitcoin", "p2sh-p2wpkh"),
        ("045f1cf6", "vpub", "bitcoin", "p2wpkh"),
        ("024289ef", "Upub", "bitcoin", "p2sh-p2wsh"),
        ("02575483", "Vpub", "bitcoin", "p2wsh"),
        ("019da462", "Ltub", "litecoin", "p2pkh"),
        ("01b26ef6", "Mtub", "litecoin", "p2sh-p2wpkh"),
        ("02facafd", "dgub", "dogecoin", "p2pkh"),
        ("02fe52cc", "drkp", "dash", "p2pkh"),
    ],
)
def test_the_relatives_of_xpub(version: str, prefix: str, coin: str, script: str) -> None:
    payload = bytes.fromhex(version) + base58.decode_check(MASTER)[4:]
    text = base58.encode_check(payload)
    assert text.startswith(prefix)  # the bytes were chosen to give these letters
    key = extended_keys.classify(text)
    assert key is not None
    assert (key.prefix, key.coin, key.script, key.private) == (prefix, coin, script, False)


@pytest.mark.parametrize(
    ("version", "prefix"),
    [
        ("049d7878", "yprv"),
        ("04b2430c", "zprv"),
        ("0295b005", "Yprv"),
        ("02aa7a99", "Zprv"),
        ("04358394", "tprv"),
        ("044a4e28", "uprv"),
        ("045f18bc", "vprv"),
        ("024285b5", "Uprv"),
        ("02575048", "Vprv"),
        ("019d9cfe", "Ltpv"),
        ("01b26792", "Mtpv"),
        ("02fac398", "dgpv"),
        ("02fe52f8", "drkv"),
    ],
)
def test_the_private_twins(version: str, prefix: str) -> None:
    payload = bytes.fromhex(version) + base58.decode_check(MASTER_PRIVATE)[4:]
    text = base58.encode_check(payload)
    key = extended_keys.classify(text)
    assert text.startswith(prefix)
    assert key is not None
    assert key.secret
    assert key.prefix == prefix


def _with(place: int, data: bytes, text: str = MASTER) -> str:
    payload = bytearray(base58.decode_check(text))
    payload[place : place + len(data)] = data
    return base58.encode_check(bytes(payload))


@pytest.mark.parametrize(
    "text",
    [
        _with(0, b"\x04\x88\xb2\x1f"),  # no known version
        _with(5, b"\x01"),  # depth 0 with a parent
        _with(12, b"\x01"),  # depth 0 with a number
        _with(45, b"\x00"),  # a private key under a public version
        _with(45, b"\x04"),
        _with(46, b"\0" * 31 + b"\x05"),  # 5 is no x of a point of secp256k1
        _with(46, b"\xff" * 32),
        _with(45, b"\x02", MASTER_PRIVATE),
        _with(46, bytes(32), MASTER_PRIVATE),  # 0
        _with(46, b"\xff" * 32, MASTER_PRIVATE),  # beyond the order
        base58.encode_check(base58.decode_check(MASTER) + b"\0"),
        base58.encode_check(base58.decode_check(MASTER)[:-1]),
        MASTER[:-1] + "9",
        MASTER[:-1],
        MASTER.replace("6", "0"),
        "",
    ],
)
def test_what_is_no_extended_key(text: str) -> None:
    assert extended_keys.classify(text) is None


def test_finding_in_text() -> None:
    text = f'"xpub": "{MASTER}", k%3D{CHILD}&x{MASTER} {MASTER}y'
    found = [(offset, key.text) for offset, key in extended_keys.find_extended_keys(text)]
    assert found == [(9, MASTER), (text.index(CHILD), CHILD)]


def test_hostile_repetition_ends() -> None:
    assert list(extended_keys.find_extended_keys("x" * 200_000)) == []
