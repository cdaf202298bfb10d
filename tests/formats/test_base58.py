from __future__ import annotations

from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats import base58
from triage.formats.keccak import keccak256


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", ""),
        ("61", "2g"),
        ("73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"),
        (
            "00eb15231dfceb60925886b67d065299925915aeb172c06647",
            "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L",
        ),
        ("00000000000000000000", "1111111111"),
    ],
)
def test_known_answers_both_ways(data: str, text: str) -> None:
    assert base58.encode(bytes.fromhex(data)) == text
    assert base58.decode(text).hex() == data


def test_ripple_uses_its_own_order() -> None:
    payload = base58.decode_check("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", base58.RIPPLE)
    assert payload.hex() == "00b5f762798a53d543a014caf8b297cff8f2f937e8"
    assert base58.encode_check(payload, base58.RIPPLE) == "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"


@pytest.mark.parametrize(
    "text",
    [
        "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62X",  # checksum changed
        "1ANNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i",  # data changed
        "1A Na15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i",  # a foreign character
        "1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW6",  # cut
        "",
        "1",
        "2" * (base58.LONGEST + 1),
    ],
)
def test_a_wrong_text_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        base58.decode_check(text)


@pytest.mark.parametrize("size", range(20))
def test_blocks_go_both_ways(size: int) -> None:
    data = bytes(range(256 - size, 256))
    assert base58.decode_blocks(base58.encode_blocks(data)) == data


@pytest.mark.parametrize("text", ["z" * 11, "1" * 4, "0" * 11, "1" * 300])
def test_an_impossible_block_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        base58.decode_blocks(text)


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_known_answers(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_keccak_pads_at_the_edges_of_a_block() -> None:
    assert len({keccak256(bytes(size)) for size in (134, 135, 136, 137, 271, 272)}) == 6


def test_the_samples_good_and_bad_addresses(samples: Path) -> None:
    text = (samples / "vectors" / "bitcoin-base58.txt").read_text(encoding="utf-8")
    verdicts: dict[str, bool] = {}
    for line in text.splitlines():
        quoted = line.split('"')
        if len(quoted) == 3 and ("#t" in line or "#f" in line):
            verdicts[quoted[1]] = "#t" in line
    assert len(verdicts) >= 5
    for address, good in verdicts.items():
        try:
            base58.decode_check(address)
        except ParseError:
            assert not good, address
        else:
            assert good, address
