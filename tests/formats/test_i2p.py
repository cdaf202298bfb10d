"""I2P structures against files of i2pd 2.45.1, and against damage."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats.i2p import destination_address, identity, router_info, secret_keys

DATA = Path(__file__).parent / "data" / "i2p"
INFO = (DATA / "router.info").read_bytes()
KEYS = (DATA / "my-site.dat").read_bytes()
ADDRESS = "tenfkfhxy2tvnj6puacahy22iopp6q554tgmqdx55j7uenssl4aa.b32.i2p"  # from i2pd's own log


def test_destination_as_i2pd_names_it() -> None:
    assert secret_keys(KEYS).b32 == ADDRESS
    assert secret_keys(KEYS).signature == "ed25519"


def test_router_info() -> None:
    found = router_info(INFO)
    assert found.signature_ok
    assert found.options["router.version"] == "0.9.57"
    assert [address["style"] for address in found.addresses] == ["NTCP2", "SSU2"]
    assert found.addresses[0]["port"] == "19999"


@pytest.mark.parametrize("at", [10, 400, 500, len(INFO) - 1])
def test_changed_bytes_break_the_signature(at: int) -> None:
    data = bytearray(INFO)
    data[at] ^= 1
    with contextlib.suppress(ParseError):
        assert router_info(bytes(data)).signature_ok is False


@pytest.mark.parametrize("cut", range(0, len(INFO), 41))
def test_truncated_router_info(cut: int) -> None:
    with pytest.raises(ParseError):
        router_info(INFO[:cut])


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 386, KEYS[:391], KEYS[:-1], KEYS + b"x", bytes(700), b"\xff" * 700],
)
def test_no_secret_keys(data: bytes) -> None:
    with pytest.raises(ParseError):
        secret_keys(data)


def test_certificates() -> None:
    plain = bytes(384) + b"\0\0\0"
    assert identity(plain).signature == "dsa-sha1"
    for bad in (
        b"\x05\0\0",
        b"\x05\0\x04\0\x63\0\0",
        b"\x09\0\0",
        b"\x05\xff\xff",
        b"\0\0\x04abcd",
    ):
        with pytest.raises(ParseError):
            identity(bytes(384) + bad)


def test_destination_in_a_hosts_file() -> None:
    whole = base64.b64encode(KEYS[:391], b"-~").decode()
    assert destination_address(whole) == ADDRESS
    for text in ("", whole[:-4], whole + "AAAA", "A" * 516 + "!", "é" * 520):
        assert destination_address(text) is None
