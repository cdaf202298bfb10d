from __future__ import annotations

import pytest

from triage.formats import base58, bech32
from triage.formats.addresses import classify, find_addresses

MONERO = (
    "42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSo"
    "Hnv7KPbBeGpzJBzHRCAs9UxqeoyFQMYbqSWYTfJJQAWDm"
)
BITCOIN = "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
CASH = "qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"
ETHEREUM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
CARDANO = (
    "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywf"
    "gse35a3x"
)
SOLANA = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def _base58(version: str, size: int = 20) -> str:
    return base58.encode_check(bytes.fromhex(version) + bytes(range(1, size + 1)))


@pytest.mark.parametrize(
    ("text", "coin", "network", "kind", "check"),
    [
        (BITCOIN, "bitcoin", "main", "p2pkh", "base58check"),
        (_base58("05"), "bitcoin", "main", "p2sh", "base58check"),
        (_base58("6f"), "bitcoin", "test", "p2pkh", "base58check"),
        (_base58("c4"), "bitcoin", "test", "p2sh", "base58check"),
        (_base58("30"), "litecoin", "main", "p2pkh", "base58check"),
        (_base58("32"), "litecoin", "main", "p2sh", "base58check"),
        (_base58("1e"), "dogecoin", "main", "p2pkh", "base58check"),
        (_base58("16"), "dogecoin", "main", "p2sh", "base58check"),
        (_base58("4c"), "dash", "main", "p2pkh", "base58check"),
        (_base58("10"), "dash", "main", "p2sh", "base58check"),
        (_base58("1cb8"), "zcash", "main", "p2pkh", "base58check"),
        (_base58("1cbd"), "zcash", "main", "p2sh", "base58check"),
        ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "tron", "main", "account", "base58check"),
        ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "ripple", "main", "classic", "base58check"),
        (SEGWIT, "bitcoin", "main", "p2wpkh", "bech32"),
        (SEGWIT.upper(), "bitcoin", "main", "p2wpkh", "bech32"),
        (
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "bitcoin",
            "test",
            "p2wsh",
            "bech32",
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "bitcoin",
            "main",
            "p2tr",
            "bech32m",
        ),
        (bech32.encode_segwit("ltc", 0, bytes(20)), "litecoin", "main", "p2wpkh", "bech32"),
        (CASH, "bitcoin-cash", "main", "p2pkh", "cashaddr"),
        (f"bitcoincash:{CASH}", "bitcoin-cash", "main", "p2pkh", "cashaddr"),
        (
            "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t",
            "bitcoin-cash",
            "test",
            "p2sh",
            "cashaddr",
        ),
        (ETHEREUM, "ethereum", "main", "account", "eip55"),
        ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "ethereum", "main", "account", "eip55"),
        ("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "ethereum", "main", "account", "eip55"),
        ("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", "ethereum", "main", "account", "eip55"),
        (MONERO, "monero", "main", "standard", "keccak"),
        (CARDANO, "cardano", "main", "payment", "bech32"),
        (
            bech32.encode("stake_test", bech32.ungroup(b"\xe0" + bytes(28))),
            "cardano",
            "test",
            "stake",
            "bech32",
        ),
    ],
)
def test_a_checksum_confirms(text: str, coin: str, network: str, kind: str, check: str) -> None:
    address = classify(text)
    assert address is not None
    assert (address.coin, address.network, address.type) == (coin, network, kind)
    assert address.checks == (check,)
    assert address.confirmed
    assert address.text == text
    quoted = f'x "{text}",{text}\n?a%3D{text}&b'
    assert [found.text for _, found in find_addresses(quoted)] == [text] * 3
    assert [quoted[at : at + len(text)] for at, _ in find_addresses(quoted)] == [text] * 3


@pytest.mark.parametrize(
    ("text", "coin"),
    [(ETHEREUM.lower(), "ethereum"), ("0x" + "1" * 40, "ethereum"), (SOLANA, "solana")],
)
def test_shape_alone_is_only_possible(text: str, coin: str) -> None:
    address = classify(text)
    assert address is not None
    assert (address.coin, address.checks, address.confirmed) == (coin, (), False)
    assert [found.text for _, found in find_addresses(f"<{text}>")] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1" * 200,
        BITCOIN[:-1] + "X",
        BITCOIN[:-1],
        f"x{BITCOIN}",
        _base58("80", 32),  # a private key is no address
        _base58("00", 19),
        _base58("17"),  # no coin that we know
        ETHEREUM.replace("aA", "Aa", 1),  # capitals that do not fit
        ETHEREUM[:-1],
        SEGWIT[:-1] + "5",
        "Bc1" + SEGWIT[3:],
        "xx1" + SEGWIT[3:],
        MONERO[:-1] + "n",
        MONERO[:-1],
        "4" * 95,
        "z" * 95,
        CARDANO[:-1] + "q",
        bech32.encode("addr", bech32.ungroup(b"\x00" + bytes(56))),  # network of the test prefix
        "addr1" + "q" * 40,
        "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTj",
        "a" * 40,
        "\ud800" * 40,
        "é" * 40,
    ],
)
def test_what_is_no_address(text: str) -> None:
    address = classify(text)
    assert address is None or not address.confirmed
    assert not [found for _, found in find_addresses(text) if found.confirmed]


@pytest.mark.parametrize("prefix", ["bchtest", "dogecoin", ""])
def test_a_cash_prefix_is_part_of_the_checksum(prefix: str) -> None:
    assert classify(f"{prefix}:{CASH}") is None


def test_the_classes_of_monero() -> None:
    data = base58.decode_blocks(MONERO)
    assert len(data) == 69
    assert base58.encode_blocks(data) == MONERO


def test_a_prefix_belongs_to_the_address() -> None:
    text = f"pay BitcoinCash:{CASH}"
    assert [(at, found.text) for at, found in find_addresses(text)] == [
        (4, f"BitcoinCash:{CASH}"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "TestDeprecatedDTypeParenthesizedRepeatCount",  # an identifier
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",  # SHA-256
        "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",  # a constant in a program
        "11111111111111111111111111111111",
        f"name.py,sha256={SOLANA},1234",  # a digest in base64
    ],
)
def test_finding_leaves_look_alikes_alone(text: str) -> None:
    assert list(find_addresses(f" {text} ")) == []


def test_the_limit_holds() -> None:
    text = f"{BITCOIN} " * 50
    assert len(list(find_addresses(text, limit=7))) == 7
    assert list(find_addresses(text, limit=0)) == []


@pytest.mark.parametrize("piece", ["1", "0x", "bc1q", "bitcoincash:", "%41", " " + "z" * 34])
def test_hostile_repetition_ends(piece: str) -> None:
    assert not list(find_addresses(piece * (50_000 // len(piece))))


@pytest.mark.parametrize(
    ("text", "coin", "check"),
    [
        ("GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ", "stellar", "crc16"),
        ("Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi", "cardano", "crc32"),
    ],
)
def test_addresses_with_a_crc(text: str, coin: str, check: str) -> None:
    address = classify(text)
    assert address is not None
    assert (address.coin, address.checks) == (coin, (check,))
    assert classify(f"{text[:-1]}A") is None


@pytest.mark.parametrize(
    "text", ["Ae2" + "1" * 56, "Ddz" + "z" * 100, "G" + "A" * 55, "u1qqqqqq" * 5]
)
def test_shapes_of_newer_addresses_prove_nothing(text: str) -> None:
    assert classify(text) is None
