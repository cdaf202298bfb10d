"""Protocol buffers without their schema: numbered fields, as they stand on the wire.

A message is a run of fields, each a varint `number << 3 | wire type` and a value: varint (0), eight
bytes (1), a length and so many bytes (2), four bytes (5). Groups (3, 4) are obsolete and refused.
What a field means only its program knows. Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.errors import LimitError, ParseError

FIELDS: Final = 2_000_000
"""Fields that `parse` reads of one message."""

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_FIXED: Final = {_EIGHT: 8, _FOUR: 4}
_LONGEST_VARINT = 10
_BITS = 64
_HIGHEST_FIELD = (1 << 29) - 1

Value = int | bytes


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of one message: number → values in their order. Fixed values stay bytes.

    `whole` is false when the bytes end inside a field: the fields before it are there.
    """

    fields: dict[int, list[Value]]
    whole: bool

    def integer(self, number: int) -> int | None:
        """Return the last varint of a field as an unsigned number, or None."""
        value = self.fields.get(number, [None])[-1]
        return value if isinstance(value, int) else None

    def signed(self, number: int) -> int | None:
        """Return the last varint of a field as `int32` or `int64`, or None."""
        value = self.integer(number)
        return value - (1 << _BITS) if value is not None and value >> (_BITS - 1) else value

    def data(self, number: int) -> bytes | None:
        """Return the last bytes of a field, or None."""
        value = self.fields.get(number, [None])[-1]
        return value if isinstance(value, bytes) else None

    def text(self, number: int) -> str | None:
        """Return the last text of a field, undecodable bytes as lone surrogates, or None."""
        value = self.data(number)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def messages(self, number: int) -> Iterator[Message]:
        """Yield the messages in a field, in their order; what is none is left out."""
        for value in self.fields.get(number, ()):
            if isinstance(value, bytes):
                try:
                    message = parse(value)
                except ParseError:
                    continue
                if message.whole:
                    yield message

    def message(self, number: int) -> Message | None:
        """Return the last message in a field, or None."""
        return next(reversed(list(self.messages(number))), None)


def parse(data: bytes) -> Message:
    """Read one message. Raises ParseError when the bytes are none, LimitError beyond `FIELDS`.

    Bytes that end inside a field give what stands before, and `whole` false.
    """
    fields: dict[int, list[Value]] = {}
    at = count = 0
    while at < len(data):
        count += 1
        if count > FIELDS:
            raise LimitError(f"more than {FIELDS} fields in a message")
        found = _field(data, at)
        if found is None:
            return Message(fields, whole=False)
        number, value, at = found
        fields.setdefault(number, []).append(value)
    return Message(fields, whole=True)


def _field(data: bytes, at: int) -> tuple[int, Value, int] | None:
    tag = _varint(data, at)
    if tag is None:
        return None
    number, wire = tag[0] >> 3, tag[0] & 7
    if not 0 < number <= _HIGHEST_FIELD:
        raise ParseError("impossible field number")
    at = tag[1]
    if wire == _VARINT:
        found = _varint(data, at)
        return None if found is None else (number, *found)
    if wire == _BYTES:
        length = _varint(data, at)
        if length is None:
            return None
        at, size = length[1], length[0]
    elif wire in _FIXED:
        size = _FIXED[wire]
    else:
        raise ParseError(f"wire type {wire} is not read")
    if size > len(data) - at:
        return None
    return number, data[at : at + size], at + size


def _varint(data: bytes, at: int) -> tuple[int, int] | None:
    """Return a varint and where it ends, None when the data end before it does."""
    value = 0
    for position in range(_LONGEST_VARINT):
        if at + position >= len(data):
            return None
        byte = data[at + position]
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more"
            return value & ((1 << _BITS) - 1), at + position + 1
    raise ParseError("a varint does not end")
