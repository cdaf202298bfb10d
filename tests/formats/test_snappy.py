from __future__ import annotations

import pytest

from triage.errors import LimitError, ParseError
from triage.formats.snappy import decompress, decompress_frames

# Made with Google's library through cramjam 2.14.0.
PATTERN = bytes.fromhex("a0060c61626364" + "fe0400" * 12 + "6e0400")


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        pytest.param(PATTERN, b"abcd" * 200, id="of the library"),
        pytest.param(b"\x00", b"", id="empty"),
        pytest.param(b"\x05\x10hello", b"hello", id="literal"),
        pytest.param(b"\x09\x08abc\x09\x03", b"abcabcabc", id="copy of one byte"),
        pytest.param(b"\x07\x08abc\x0e\x03\x00", b"abcabca", id="copy of two bytes"),
        pytest.param(b"\x07\x08abc\x0f\x03\x00\x00\x00", b"abcabca", id="copy of four bytes"),
        pytest.param(b"\x0a\x00x\x22\x01\x00", b"x" * 10, id="a copy that overlaps itself"),
        pytest.param(b"\x3d\xf0\x3c" + b"y" * 61, b"y" * 61, id="a long literal"),
    ],
)
def test_decompress(data: bytes, plain: bytes) -> None:
    assert decompress(data) == plain


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xff\xff\xff\xff\x01", id="a length without an end"),
        pytest.param(b"\x05\x10hell", id="literal cut off"),
        pytest.param(b"\x06\x10hello", id="shorter than claimed"),
        pytest.param(b"\x04\x10hello", id="longer than claimed"),
        pytest.param(b"\x05\x09\x03", id="copy from nothing"),
        pytest.param(b"\x07\x08abc\x0e\x00\x00", id="copy from nowhere"),
        pytest.param(b"\x07\x08abc\x0e\x03", id="copy cut off"),
        pytest.param(b"\x06\xf0", id="long literal cut off"),
        pytest.param(b"\x80\x80\x80\x08\x00x", id="more than it can hold"),
    ],
)
def test_damaged(data: bytes) -> None:
    with pytest.raises(ParseError):
        decompress(data)


def test_limit() -> None:
    with pytest.raises(LimitError):
        decompress(b"\x0a\x00x\x22\x01\x00", limit=9)


STREAM = b"\xff\x06\x00\x00sNaPpY"


def frame(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + (len(content) + 4).to_bytes(3, "little") + b"\0\0\0\0" + content


def test_frames_compressed_and_not() -> None:
    stream = STREAM + frame(0, b"\x05\x10hello") + frame(0xFE, b"padding") + frame(1, b" you")
    assert decompress_frames(stream) == b"hello you"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"sNaPpY", ParseError, id="no stream"),
        pytest.param(STREAM + frame(0, b"\x05\x10hello")[:-2], ParseError, id="cut off"),
        pytest.param(STREAM + frame(5, b"x"), ParseError, id="unknown kind"),
        pytest.param(STREAM + frame(1, b"xxxx") * 3, LimitError, id="too long"),
    ],
)
def test_frames_of_no_use(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decompress_frames(data, limit=10)
