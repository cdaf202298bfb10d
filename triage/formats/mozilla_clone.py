"""Values as Firefox's IndexedDB stores them, structured clones, and the keys beside them.

Words of eight bytes, little-endian: a tag in the upper four, its data in the lower; anything below
the first tag is a double. Source: mozilla-central `js/src/vm/StructuredClone.cpp` and
`dom/indexedDB/Key.cpp`. Since Firefox 46 the whole is one Snappy block. Files, images and other
objects of the browser are not read: reading ends there with ParseError.
"""

from __future__ import annotations

import struct
from typing import Any

from triage.errors import LimitError, ParseError

NODE_LIMIT = 1_000_000
_DEPTH_LIMIT = 100
_NAME_LIMIT = 10_000  # characters

_FLOAT_MAX = 0xFFF00000
_HEADER = 0xFFF10000
_NULL, _UNDEFINED, _BOOLEAN, _INT32, _STRING, _DATE, _REGEXP = range(0xFFFF0000, 0xFFFF0007)
_NULL, _UNDEFINED, _BOOLEAN, _INT32, _STRING, _DATE = range(0xFFFF0000, 0xFFFF0006)
_ARRAY, _OBJECT = 0xFFFF0007, 0xFFFF0008
_BOOLEAN_OBJECT, _STRING_OBJECT, _NUMBER_OBJECT, _BACK = range(0xFFFF000A, 0xFFFF000E)
_PLAIN = frozenset({_NULL, _UNDEFINED, _BOOLEAN, _INT32, _STRING})
_BOXED = frozenset({_DATE, _BOOLEAN_OBJECT, _STRING_OBJECT, _NUMBER_OBJECT})
_MAP, _SET, _END = 0xFFFF0011, 0xFFFF0012, 0xFFFF0013
_LATIN1 = 1 << 31
_PAIR = struct.Struct("<II")
_DOUBLE = struct.Struct("<d")


def parse(data: bytes) -> Any:
    """Return the value: objects as dicts with text keys, arrays as lists, dates as numbers (ms).

    Raises ParseError when it is damaged or holds an object of the browser, LimitError when it is
    too deep or has more than a million nodes.
    """
    return _Reader(data).value()


def key_text(raw: bytes) -> str | None:
    """Return a key that is a text, None for another kind.

    A text is 0x30, then each UTF-16 unit: plus one in one byte; from 0x7f in two, the first from
    0x80; beyond 0x407e in three, the first from 0xc0. See `Key::EncodeAsString`.
    """
    if not raw or raw[0] != 0x30:  # noqa: PLR2004 - eString
        return None
    units: list[int] = []
    position = 1
    while position < len(raw) and raw[position]:
        first = raw[position]
        if first < 0x80:  # noqa: PLR2004 - one byte
            units.append(first - 1)
            position += 1
        elif first < 0xC0:  # noqa: PLR2004 - two bytes, ten bits and more
            units.append((int.from_bytes(raw[position : position + 2], "big") & 0x3FFF) + 0x7F)
            position += 2
        else:
            word = int.from_bytes(raw[position : position + 3].ljust(3, b"\0"), "big")
            units.append(word >> 6 & 0xFFFF)
            position += 3
    return struct.pack(f"<{len(units)}H", *(unit & 0xFFFF for unit in units)).decode(
        "utf-16-le", "replace"
    )


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._nodes = 0
        self._objects: list[Any] = []  # those that a back reference may name, in order
        if len(data) >= _PAIR.size and _PAIR.unpack_from(data)[1] == _HEADER:
            self._at = _PAIR.size

    def _pair(self) -> tuple[int, int]:
        """Return data and tag of the next word."""
        if self._at + _PAIR.size > len(self._data):
            raise ParseError("a structured clone that ends too early")
        data, tag = _PAIR.unpack_from(self._data, self._at)
        self._at += _PAIR.size
        return data, tag

    def _text(self, told: int) -> str:
        length = told & ~_LATIN1
        size = length if told & _LATIN1 else 2 * length
        raw = self._data[self._at : self._at + size]
        if len(raw) < size:
            raise ParseError("a text that runs past its structured clone")
        self._at += -(-size // 8) * 8
        return raw.decode("latin-1") if told & _LATIN1 else raw.decode("utf-16-le", "replace")

    def _double(self) -> float:
        if self._at + _DOUBLE.size > len(self._data):
            raise ParseError("a structured clone that ends too early")
        (number,) = _DOUBLE.unpack_from(self._data, self._at)
        self._at += _DOUBLE.size
        return float(number)

    def value(self, depth: int = 0) -> Any:
        """Read the value that begins here."""
        self._nodes += 1
        if depth > _DEPTH_LIMIT or self._nodes > NODE_LIMIT:
            raise LimitError("a structured clone that is too deep or too large")
        data, tag = self._pair()
        if tag <= _FLOAT_MAX:
            self._at -= _PAIR.size
            return self._double()
        if tag in _PLAIN:
            return self._plain(data, tag)
        if tag in _BOXED:
            return self._boxed(data, tag)
        if tag in {_ARRAY, _OBJECT}:
            return self._object(tag, depth)
        if tag in {_MAP, _SET}:
            return self._collection(tag, depth)
        if tag != _BACK or data >= len(self._objects):
            raise ParseError(f"an object that is not read, tag {tag:#x}")
        return self._objects[data]

    def _plain(self, data: int, tag: int) -> Any:
        if tag == _STRING:
            return self._text(data)
        if tag == _INT32:
            return data - (1 << 32) if data >> 31 else data
        return bool(data) if tag == _BOOLEAN else None

    def _boxed(self, data: int, tag: int) -> Any:
        boxed: Any
        if tag == _BOOLEAN_OBJECT:
            boxed = bool(data)
        elif tag == _STRING_OBJECT:
            boxed = self._text(data)
        else:
            boxed = self._double()
        self._objects.append(boxed)
        return boxed

    def _object(self, tag: int, depth: int) -> Any:
        """Read names and values; the indexes of an array are int32 names."""
        fields: dict[str, Any] = {}
        listed: list[Any] = []
        self._objects.append(listed if tag == _ARRAY else fields)
        while self._peek()[1] != _END:
            name = self.value(depth + 1)
            inner = self.value(depth + 1)
            if tag == _ARRAY:
                listed.append(inner)
            else:
                fields[str(name)[:_NAME_LIMIT]] = inner
        self._at += _PAIR.size
        return listed if tag == _ARRAY else fields

    def _collection(self, tag: int, depth: int) -> Any:
        pairs: dict[str, Any] = {}
        members: list[Any] = []
        self._objects.append(pairs if tag == _MAP else members)
        while self._peek()[1] != _END:
            key = self.value(depth + 1)
            if tag == _MAP:
                pairs[str(key)[:_NAME_LIMIT]] = self.value(depth + 1)
            else:
                members.append(key)
        self._at += _PAIR.size
        return pairs if tag == _MAP else members

    def _peek(self) -> tuple[int, int]:
        at = self._at
        pair = self._pair()
        self._at = at
        return pair
