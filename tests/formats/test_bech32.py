"""Vectors of BIP-173, BIP-350 and the cashaddr specification."""

from __future__ import annotations

import pytest

from triage.errors import ParseError
from triage.formats import bech32
from triage.formats.bech32 import Encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("A12UEL5L", Encoding.BECH32),
        ("a12uel5l", Encoding.BECH32),
        (
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            Encoding.BECH32,
        ),
        ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", Encoding.BECH32),
        ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", Encoding.BECH32),
        ("?1ezyfcl", Encoding.BECH32),
        ("A1LQFN3A", Encoding.BECH32M),
        ("a1lqfn3a", Encoding.BECH32M),
        ("abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", Encoding.BECH32M),
        ("split1checkupstagehandshakeupstreamerranterredcaperredlc445v", Encoding.BECH32M),
        ("?1v759aa", Encoding.BECH32M),
    ],
)
def test_valid_strings(text: str, encoding: Encoding) -> None:
    decoded = bech32.decode(text)
    assert decoded.encoding is encoding
    assert bech32.encode(decoded.hrp, decoded.values, encoding) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "\x201nwldj5",  # a human-readable part outside printable ASCII
        "\x7f1axkwrx",
        "\x801eym55h",
        # too long
        "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
        "pzry9x0s0muk",  # no separator
        "1pzry9x0s0muk",  # nothing before it
        "x1b4n0q5v",  # a foreign character
        "li1dgmt3",  # checksum too short
        "de1lg7wt\xff",
        "A1G7SGD8",  # checksum over the upper-case form
        "10a06t8",
        "a12UEL5L",  # mixed case
        "a12uel5q",
        "",
        "1",
    ],
)
def test_invalid_strings(text: str) -> None:
    with pytest.raises(ParseError):
        bech32.decode(text)


@pytest.mark.parametrize(
    ("address", "script"),
    [
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        (
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
        ),
        (
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        ("BC1SW50QGDZ25J", "6002751e"),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
    ],
)
def test_witness_programs(address: str, script: str) -> None:
    witness = bech32.decode_segwit(address)
    opcode = 0x50 + witness.version if witness.version else 0
    assert bytes([opcode, len(witness.program)]).hex() + witness.program.hex() == script
    encoded = bech32.encode_segwit(witness.hrp, witness.version, witness.program)
    assert encoded == address.lower()


@pytest.mark.parametrize(
    "address",
    [
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # bech32 for version 1
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",  # bech32m for version 0
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",  # version 17
        "bc1pw5dgrnzv",  # one byte
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",  # version 0 of 16 bytes
        "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",  # over 4 bits of padding
        "bc1gmk9yu",  # nothing
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3pjxtptv",  # padding not zero
    ],
)
def test_what_is_no_witness_program(address: str) -> None:
    with pytest.raises(ParseError):
        bech32.decode_segwit(address)


def test_values_and_bytes_go_both_ways() -> None:
    for size in range(65):
        data = bytes(range(size))
        assert bech32.regroup(bech32.ungroup(data)) == data


@pytest.mark.parametrize(
    ("text", "prefix", "kind", "digest"),
    [
        (
            "qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2",
            "bitcoincash",
            0,
            "f5bf48b397dae70be82b3cca4793f8eb2b6cdac9",
        ),
        (
            "pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t",
            "bchtest",
            1,
            "f5bf48b397dae70be82b3cca4793f8eb2b6cdac9",
        ),
    ],
)
def test_cash_addresses(text: str, prefix: str, kind: int, digest: str) -> None:
    assert bech32.decode_cash(text, prefix) == (kind, bytes.fromhex(digest))
    assert bech32.decode_cash(text.upper(), prefix) == (kind, bytes.fromhex(digest))
    for wrong, other in ((text, "bchreg"), (text[:-1] + "q", prefix), (text[:20], prefix)):
        with pytest.raises(ParseError):
            bech32.decode_cash(wrong, other)
