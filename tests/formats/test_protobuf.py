"""Protocol buffers without a schema: the examples of the specification, cut off and hostile."""

from __future__ import annotations

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import protobuf


def test_the_examples_of_the_specification() -> None:
    assert protobuf.parse(bytes.fromhex("089601")).integer(1) == 150
    assert protobuf.parse(bytes.fromhex("120774657374696e67")).text(2) == "testing"
    inner = protobuf.parse(bytes.fromhex("1a03089601")).message(3)
    assert inner is not None
    assert inner.integer(1) == 150


def test_values_of_a_field_keep_their_order_and_the_last_wins() -> None:
    message = protobuf.parse(b"\x08\x01\x08\x02\x0a\x01x")
    assert message.fields[1] == [1, 2, b"x"]
    assert message.data(1) == b"x"
    assert message.integer(1) is None
    assert message.integer(9) is None
    assert message.data(9) is None
    assert message.text(9) is None
    assert message.message(9) is None


def test_negative_numbers_take_ten_bytes() -> None:
    message = protobuf.parse(b"\x08" + b"\xff" * 9 + b"\x01")
    assert message.signed(1) == -1
    assert message.integer(1) == 2**64 - 1
    assert protobuf.parse(b"\x08\x05").signed(1) == 5


def test_fixed_values_stay_bytes() -> None:
    message = protobuf.parse(b"\x09" + bytes(8) + b"\x15" + bytes(4))
    assert message.fields == {1: [bytes(8)], 2: [bytes(4)]}
    assert message.whole


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x08\x80", b"\x0a", b"\x0a\x05abc", b"\x09\x00", b"\x80", b"\x0a\xff\xff\x7f"],
)
def test_bytes_that_end_inside_a_field_are_not_whole(data: bytes) -> None:
    message = protobuf.parse(b"\x10\x07" + data)
    assert message.fields == {2: [7]}
    assert not message.whole


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b",  # a group
        b"\x0c",
        b"\x0f",
        b"\x00\x00",  # field 0
        b"\x08" + b"\xff" * 11,
        b"\xff" * 11,
        b"\xf8\xff\xff\xff\xff\x01\x00",  # field number beyond 29 bits
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        protobuf.parse(data)


def test_only_whole_messages_are_yielded() -> None:
    message = protobuf.parse(b"\x0a\x02\x08\x01\x0a\x01\x08\x0a\x01\x0b\x08\x05")
    assert [each.integer(1) for each in message.messages(1)] == [1]


def test_undecodable_text_becomes_surrogates() -> None:
    assert protobuf.parse(b"\x0a\x01\xff").text(1) == "\udcff"


def test_too_many_fields_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "FIELDS", 10)
    with pytest.raises(LimitError):
        protobuf.parse(b"\x08\x01" * 11)
