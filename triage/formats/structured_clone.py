"""Values of JavaScript as V8 and Blink serialise them: what IndexedDB of Chromium stores.

An envelope of Blink (`FF`, version, since version 21 the place of a trailer), one of V8 (`FF`,
version), then one value: a tag byte and what belongs to it. Objects count from 0 in the order in
which they begin, and a later place may point back to one. Read are versions 9 to 16 of V8; what
Blink adds (files, keys) only as far as it can stand in a database.

Sources: V8's `src/objects/value-serializer.cc`; Blink's
`bindings/core/v8/serialization/serialization_tag.h`, `v8_script_value_deserializer.cc` and, in
`modules`, `v8_script_value_deserializer_for_modules.cc`. Tested with what Chromium 156 wrote.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from triage.errors import LimitError, ParseError

DEPTH_LIMIT: Final = 100
OBJECT_LIMIT: Final = 2_000_000
"""Objects in one value."""

Value: TypeAlias = (
    "bool | int | float | str | bytes | Date | BlobIndex | CryptoKey | list[Value]"
    " | dict[str, Value] | None"
)
"""`undefined` and holes are None; a Map is a list of pairs, a Set a list, an Error an object.

A reference back to an object that is not finished (a cycle) is None: what is read has an end.
"""

_VERSIONS: Final = range(9, 17)
_HOST_TAG_SINCE: Final = 13  # before, what V8 did not know was Blink's
_FLAGS_SINCE: Final = 14  # of a view of a buffer
_TRAILER: Final = 12  # bytes: offset u64, length u32
_PAIR: Final = 2
_ERROR_NAMES: Final = {
    b"E": "EvalError",
    b"R": "RangeError",
    b"F": "ReferenceError",
    b"S": "SyntaxError",
    b"T": "TypeError",
    b"U": "URIError",
}
_ERROR_TEXTS: Final = {b"m": "message", b"s": "stack"}
_GEOMETRY: Final = {  # tag of Blink → doubles that follow
    **dict.fromkeys((b"Q", b"W", b"E", b"R"), 4),
    **dict.fromkeys((b"Y", b"U", b"T"), 16),
    **dict.fromkeys((b"I", b"O"), 6),
}
_KEY_FIELDS: Final = {1: 2, 2: 2, 4: 3, 5: 3, 6: 1, 7: 2}  # kind of CryptoKey → numbers
_RSA: Final = 4


@dataclass(frozen=True, slots=True)
class Date:
    """A `Date`: milliseconds since 1970 UTC; not a number when it was invalid."""

    milliseconds: float


@dataclass(frozen=True, slots=True)
class BlobIndex:
    """A `Blob` or `File`, by its number among those that lie outside the value."""

    index: int


@dataclass(frozen=True, slots=True)
class CryptoKey:
    """That a key of WebCrypto stands here, and how many bytes it has; never the key."""

    length: int


def parse(data: bytes) -> Value:
    """Read one value with its envelopes.

    Raises ParseError when it is damaged or not of a known version, LimitError beyond the limits.
    """
    return _Reader(data).whole()


def unpacked_envelope(data: bytes) -> int:
    """Return where V8's own envelope begins: behind that of Blink, if there is one.

    Raises ParseError without any.
    """
    if data[:1] != b"\xff":
        raise ParseError("a value without a version")
    _, after = varint(data, 1)
    if data[after : after + 1] == b"\xfe":
        after += 1 + _TRAILER
    return after if data[after : after + 1] == b"\xff" else 0


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of up to 64 bits, lowest seven first, and where it ends."""
    value = shift = 0
    for byte in data[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            return value, at + shift // 7
    raise ParseError("a number without an end")


class _Unfinished:
    """Stands for an object whose end was not reached."""


_UNFINISHED: Final = _Unfinished()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.depth = 0
        self.version = 0
        self.objects: list[Value | _Unfinished] = []

    def whole(self) -> Value:
        self.at = unpacked_envelope(self.data) + 1
        self.version = self.number()
        if self.version not in _VERSIONS:
            raise ParseError(f"a value of version {self.version}")
        return self.value()

    # Bytes and numbers

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise ParseError("a value that ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self) -> int:
        value, self.at = varint(self.data, self.at)
        return value

    def double(self) -> float:
        (value,) = struct.unpack("<d", self.take(8))
        return float(value)

    def tag(self) -> bytes:
        """Return the next tag; padding stands before texts of two bytes a character."""
        while (tag := self.take(1)) == b"\0":
            pass
        return tag

    def peek(self) -> bytes:
        at = self.at
        while self.data[at : at + 1] == b"\0":
            at += 1
        return self.data[at : at + 1]

    # Values

    def value(self) -> Value:
        if self.depth >= DEPTH_LIMIT:
            raise LimitError(f"a value nested more than {DEPTH_LIMIT} deep")
        self.depth += 1
        tag = self.tag()
        while tag == b"?":  # a count of objects, for checks
            self.number()
            tag = self.tag()
        read = _TAGS.get(tag)
        if read is not None:
            value = read(self)
        elif self.version < _HOST_TAG_SINCE:
            value = self.host(tag)
        else:
            raise ParseError(f"a value with the tag {tag.hex()}")
        if isinstance(value, bytes) and self.peek() == b"V":
            self.at = self.data.index(b"V", self.at) + 1
            value = self.view(value)
        self.depth -= 1
        return value

    def begin(self) -> int:
        if len(self.objects) >= OBJECT_LIMIT:
            raise LimitError(f"more than {OBJECT_LIMIT} objects in a value")
        self.objects.append(_UNFINISHED)
        return len(self.objects) - 1

    def finish(self, number: int, value: Value) -> Value:
        self.objects[number] = value
        return value

    def single(self, value: Value) -> Value:
        return self.finish(self.begin(), value)

    def zigzag(self) -> int:
        value = self.number()
        return value >> 1 ^ -(value & 1)

    def big_integer(self) -> int:
        head = self.number()
        value = int.from_bytes(self.take(head >> 1), "little")
        return -value if head & 1 else value

    def utf8(self) -> str:
        return self.take(self.number()).decode("utf-8", "surrogateescape")

    def latin1(self) -> str:
        return self.take(self.number()).decode("latin-1")

    def utf16(self) -> str:
        data = self.take(self.number())
        if len(data) % 2:
            raise ParseError("a text of half a character")
        return data.decode("utf-16-le", "surrogatepass")

    def text(self) -> str:
        tag = self.tag()
        read = {b"S": self.utf8, b'"': self.latin1, b"c": self.utf16}.get(tag)
        if read is None:
            raise ParseError("something else where a text belongs")
        return read()

    def reference(self) -> Value:
        number = self.number()
        if number >= len(self.objects):
            raise ParseError("a reference to an object that is not there")
        found = self.objects[number]
        return None if isinstance(found, _Unfinished) else found

    def properties(self, into: dict[str, Value], end: bytes) -> None:
        """Read pairs of name and value up to their end, and their number behind it."""
        count = 0
        while self.peek() != end:
            name = self.value()
            if isinstance(name, float) and name.is_integer():
                name = int(name)
            if isinstance(name, bool) or not isinstance(name, str | int | float):
                raise ParseError("a property whose name is none")
            into[str(name)] = self.value()
            count += 1
        self.tag()
        if self.number() != count:
            raise ParseError("an object with another number of properties than it says")

    def plain_object(self) -> Value:
        number = self.begin()
        found: dict[str, Value] = {}
        self.properties(found, b"{")
        return self.finish(number, found)

    def dense_array(self) -> Value:
        number, length = self.begin(), self.number()
        if length > len(self.data) - self.at:
            raise ParseError("an array longer than its value")
        found = [self.value() for _ in range(length)]
        self.properties({}, b"$")
        self.number()
        return self.finish(number, found)

    def sparse_array(self) -> Value:
        number = self.begin()
        self.number()
        found: dict[str, Value] = {}
        self.properties(found, b"@")
        self.number()
        return self.finish(number, found)

    def collection(self, end: bytes, size: int) -> Value:
        number = self.begin()
        items: list[Value] = []
        while self.peek() != end:
            items.append(self.value())
        self.tag()
        if self.number() != len(items) or len(items) % size:
            raise ParseError("a collection with another number of members than it says")
        if size == _PAIR:
            items = [items[at : at + _PAIR] for at in range(0, len(items), _PAIR)]
        return self.finish(number, items)

    def regular_expression(self) -> Value:
        number, pattern = self.begin(), self.text()
        self.number()  # flags
        return self.finish(number, f"/{pattern}/")

    def buffer(self) -> Value:
        number = self.begin()
        return self.finish(number, self.take(self.number()))

    def resizable_buffer(self) -> Value:
        number, length, _ = self.begin(), self.number(), self.number()
        return self.finish(number, self.take(length))

    def view(self, buffer: bytes) -> Value:
        self.take(1)  # the type of its elements
        offset, length = self.number(), self.number()
        if self.version >= _FLAGS_SINCE:
            self.number()
        return self.single(buffer[offset : offset + length])

    def error(self) -> Value:
        number = self.begin()
        found: dict[str, Value] = {"name": "Error"}
        while (tag := self.tag()) != b".":
            if tag in _ERROR_NAMES:
                found["name"] = _ERROR_NAMES[tag]
            elif tag in _ERROR_TEXTS:
                found[_ERROR_TEXTS[tag]] = self.text()
            elif tag == b"c":
                found["cause"] = self.value()
            else:
                raise ParseError("an error with a part that is not known")
        return self.finish(number, found)

    # What Blink adds

    def host(self, tag: bytes) -> Value:
        number = self.begin()
        match tag:
            case b"i" | b"e":
                found: Value = BlobIndex(self.number())
            case b"L":
                length = self.number()
                if length > len(self.data) - self.at:
                    raise ParseError("a list of files longer than its value")
                found = [BlobIndex(self.number()) for _ in range(length)]
            case b"n" | b"N":  # a file or folder that the page may open
                found = self.utf8()
                self.number()
            case b"K":
                found = self.crypto_key()
            case b"x":
                name, message, stack = self.utf8(), self.utf8(), self.utf8()
                found = {"name": name, "message": message, "stack": stack}
            case b"#":
                found = self.image()
            case _ if tag in _GEOMETRY:
                found = [self.double() for _ in range(_GEOMETRY[tag])]
            case _:
                raise ParseError(f"an object of the browser with the tag {tag.hex()}")
        return self.finish(number, found)

    def crypto_key(self) -> CryptoKey:
        kind = self.take(1)[0]
        if kind not in _KEY_FIELDS:
            raise ParseError("a key of a kind that is not known")
        for _ in range(_KEY_FIELDS[kind]):
            self.number()
        if kind == _RSA:
            self.take(self.number())
            self.number()
        self.number()  # what it may be used for
        length = self.number()
        self.take(length)
        return CryptoKey(length)

    def image(self) -> Value:
        while self.number():  # pairs of a tag and a number, up to the tag 0
            self.number()
        width, height = self.number(), self.number()
        self.take(self.number())
        return {"width": width, "height": height}


_TAGS: Final[dict[bytes, Callable[[_Reader], Value]]] = {
    b"_": lambda _: None,
    b"-": lambda _: None,
    b"0": lambda _: None,
    b"T": lambda _: True,
    b"F": lambda _: False,
    b"I": _Reader.zigzag,
    b"U": _Reader.number,
    b"N": _Reader.double,
    b"Z": _Reader.big_integer,
    b"S": _Reader.utf8,
    b'"': _Reader.latin1,
    b"c": _Reader.utf16,
    b"^": _Reader.reference,
    b"o": _Reader.plain_object,
    b"A": _Reader.dense_array,
    b"a": _Reader.sparse_array,
    b"D": lambda reader: reader.single(Date(reader.double())),
    b"y": lambda reader: reader.single(True),
    b"x": lambda reader: reader.single(False),
    b"n": lambda reader: reader.single(reader.double()),
    b"z": lambda reader: reader.single(reader.big_integer()),
    b"s": lambda reader: reader.single(reader.text()),
    b"R": _Reader.regular_expression,
    b";": lambda reader: reader.collection(b":", _PAIR),
    b"'": lambda reader: reader.collection(b",", 1),
    b"B": _Reader.buffer,
    b"~": _Reader.resizable_buffer,
    b"r": _Reader.error,
    b"\\": lambda reader: reader.host(reader.take(1)),
}
