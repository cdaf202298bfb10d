"""Postbox, the store of Telegram for macOS and iOS: a SQLite database of numbered tables.

Each table `tN` has a key and a value. `t2` has peers, `t7` messages, `t0` the account's state. A
value is a run of fields: a length (u8) and a name, a type (u8), the value, little-endian; an object
begins with the hash of its type and its length. A message has a layout of its own, with optional
parts told by flags. Its key is peer (i64), namespace (i32), seconds since 1970 UTC (i32), number
(i32), big-endian. On macOS the database is SQLCipher 4 whose first 32 bytes stand in clear; its raw
key and salt lie in `.tempkeyEncrypted`, AES-256-CBC under the SHA-512 of the passcode, with a
MurmurHash3 of both. Where no passcode is set it is `no-matter-key`.

Sources: TelegramMessenger/Telegram-iOS, `submodules/Postbox/Sources` (`Coding.swift`,
`MessageHistoryTable.swift`), `TelegramCore`; facts of soakes/telegram-message-exporter.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from triage.errors import ParseError
from triage.formats import aes

NO_PASSCODE: Final = b"no-matter-key"
CLEAR_BYTES: Final = 32
"""Bytes of the database that stand in clear."""

Value: TypeAlias = "int | bool | float | str | bytes | list[Value] | dict[str, Value] | None"

_TEMPKEY: Final = 64
_KEY_AND_SALT: Final = 48
_SEED: Final = 0xF7CA7FD2
_DEPTH: Final = 16
_MESSAGE_KEY = struct.Struct(">qiii")
_INCOMING: Final = 4
_USER, _GROUP, _CHANNEL, _SECRET = range(4)


def key_of(tempkey: bytes, passcode: bytes) -> bytes | None:
    """Return the raw key and salt (48 bytes) of the database; None when the passcode is another.

    Raises ParseError when `tempkey` is none.
    """
    if len(tempkey) != _TEMPKEY:
        raise ParseError("not a .tempkeyEncrypted")
    digest = hashlib.sha512(passcode).digest()
    plain = aes.cbc(digest[:32], digest[-16:], tempkey)
    found = plain[:_KEY_AND_SALT]
    check = int.from_bytes(plain[_KEY_AND_SALT : _KEY_AND_SALT + 4], "little")
    return found if murmur3(found) == check else None


def murmur3(data: bytes, seed: int = _SEED) -> int:
    """Return MurmurHash3 (x86, 32 bits) of whole words, unsigned."""
    found = seed
    for (word,) in struct.iter_unpack("<I", data):
        word = _rotated(word * 0xCC9E2D51, 15) * 0x1B873593  # noqa: PLW2901 - mixed
        found = (_rotated(found ^ word & 0xFFFFFFFF, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    found ^= len(data)
    found = (found ^ found >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    found = (found ^ found >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return found ^ found >> 16


def _rotated(word: int, bits: int) -> int:
    word &= 0xFFFFFFFF
    return (word << bits | word >> 32 - bits) & 0xFFFFFFFF


class _Cursor:
    """Reads one value after another. Raises ParseError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, length: int) -> bytes:
        if not 0 <= length <= self.left:
            raise ParseError("a value of Postbox is cut short")
        found = self._data[self._at : self._at + length]
        self._at += length
        return found

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little", signed=True)

    def data(self) -> bytes:
        return self.take(self.number(4))

    def text(self) -> str:
        return self.data().decode("utf-8", "surrogateescape")


def decode(data: bytes) -> dict[str, Value]:
    """Return the fields of a value that holds one object. Raises ParseError."""
    root = _fields(_Cursor(data), 0).get("_")
    if not isinstance(root, dict):
        raise ParseError("not an object of Postbox")
    return root


def _fields(cursor: _Cursor, depth: int) -> dict[str, Value]:
    if depth > _DEPTH:
        raise ParseError(f"a value of Postbox nested deeper than {_DEPTH}")
    found: dict[str, Value] = {}
    while cursor.left:
        name = cursor.take(cursor.take(1)[0]).decode("utf-8", "surrogateescape")
        found[name] = _value(cursor, cursor.take(1)[0], depth)
    return found


def _value(cursor: _Cursor, kind: int, depth: int) -> Value:
    if single := _SINGLE.get(kind):
        return single(cursor, depth)
    element = _ELEMENTS.get(kind)
    if element is None:
        raise ParseError(f"a field of Postbox of type {kind}, which is not known")
    return [element(cursor, depth) for _ in range(_count(cursor))]


def _object(cursor: _Cursor, depth: int) -> Value:
    cursor.number(4)  # hash of the type's name
    return _fields(_Cursor(cursor.data()), depth + 1)


def _count(cursor: _Cursor) -> int:
    """Return the length of a list whose elements are at least a byte each."""
    count = cursor.number(4)
    if not 0 <= count <= cursor.left:
        raise ParseError("a list of Postbox longer than its value")
    return count


_Read: TypeAlias = "Callable[[_Cursor, int], Value]"
_SINGLE: Final[dict[int, _Read]] = {
    0: lambda cursor, _: cursor.number(4),
    1: lambda cursor, _: cursor.number(8),
    2: lambda cursor, _: cursor.take(1) != b"\0",
    3: lambda cursor, _: float(struct.unpack("<d", cursor.take(8))[0]),
    4: lambda cursor, _: cursor.text(),
    5: _object,
    10: lambda cursor, _: cursor.data(),
    11: lambda _, __: None,
}
_ELEMENTS: Final[dict[int, _Read]] = {
    6: _SINGLE[0],
    7: _SINGLE[1],
    8: _object,
    9: lambda cursor, depth: [_object(cursor, depth), _object(cursor, depth)],  # key, value
    12: _SINGLE[4],
    13: _SINGLE[10],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, without what was attached."""

    peer: int
    seconds: int  # since 1970 UTC
    number: int
    incoming: bool
    author: int | None
    text: str
    media: int


def message(key: bytes, value: bytes) -> Message | None:
    """Read a row of `t7`; None when it is no message but a hole. Raises ParseError."""
    if len(key) != _MESSAGE_KEY.size:
        raise ParseError("not the key of a message")
    peer, _, seconds, number = _MESSAGE_KEY.unpack(key)
    cursor = _Cursor(value)
    if cursor.number(1):
        return None
    cursor.take(8)  # stable id and version
    _skip(cursor, (8, 4, 8, 4, 4, 8))  # unique id, tags, grouping, group, local tags, thread
    flags = cursor.number(4)
    cursor.take(4)  # tags
    _forwarded(cursor)
    author = cursor.number(8) if cursor.number(1) == 1 else None
    text = cursor.text()
    for _ in range(_count(cursor)):  # attributes
        cursor.data()
    media = _count(cursor)
    for _ in range(media):
        cursor.data()
    return Message(
        peer=peer,
        seconds=seconds,
        number=number,
        incoming=bool(flags & _INCOMING),
        author=author,
        text=text,
        media=media + (_count(cursor) if cursor.left else 0),
    )


def _skip(cursor: _Cursor, lengths: tuple[int, ...]) -> None:
    flags = cursor.take(1)[0]
    for bit, length in enumerate(lengths):
        if flags >> bit & 1:
            cursor.take(length)


def _forwarded(cursor: _Cursor) -> None:
    flags = cursor.take(1)[0]
    if not flags:
        return
    cursor.take(12)  # author, date
    for bit, length in ((1, 8), (2, 16)):  # source; its message
        if flags >> bit & 1:
            cursor.take(length)
    for bit in (3, 4):  # signature; kind of announcement
        if flags >> bit & 1:
            cursor.data()
    if flags >> 5 & 1:
        cursor.take(4)


def dialog(peer: int) -> str:
    """Return a peer as other programs of Telegram name it: groups negative, channels from -100."""
    namespace = peer >> 32 & 7
    low, high = peer & 0xFFFFFFFF, (peer >> 35 & 0xFFFFFFFF) << 32
    number = high | low
    prefix = {_USER: "", _GROUP: "-", _CHANNEL: "-100", _SECRET: "secret "}.get(namespace)
    return str(peer) if prefix is None else f"{prefix}{number}"


def is_group(peer: int) -> bool:
    """Whether a peer is a group or a channel."""
    return peer >> 32 & 7 in (_GROUP, _CHANNEL)


def text(fields: dict[str, Any], name: str) -> str | None:
    """Return a text that is set, None for anything else."""
    value = fields.get(name)
    return value.strip() or None if isinstance(value, str) else None
