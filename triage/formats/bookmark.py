"""Bookmarks of macOS (10.6 and later): the path that they were made for and its volume.

`book`, length, version, length of the head (each u32); what follows counts offsets from the end of
the head: there stands the offset of a table of keys, each with the place of an item. Items are a
length, a type and so many bytes.

Source: the notes of mac_alias, https://github.com/dmgbuild/mac_alias/blob/main/doc/bookmark_fmt.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.errors import ParseError

SIZE_LIMIT: Final = 1 << 20  # bytes
_HEAD = struct.Struct("<4sIII")
_TABLE = struct.Struct("<IIIII")
_ENTRY = struct.Struct("<III")
_ITEM = struct.Struct("<II")
_TEXT, _ARRAY = 0x0101, 0x0601
_PATH, _VOLUME_PATH, _VOLUME_NAME = 0x1004, 0x2002, 0x2010
_MOST_TABLES, _MOST_KEYS, _MOST_PARTS = 8, 200, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Where a file lay when the bookmark was made."""

    path: str
    volume_path: str | None  # `/` or `/Volumes/STICK`
    volume_name: str | None


def parse(data: bytes) -> Bookmark:
    """Read a bookmark. Raises ParseError."""
    if len(data) > SIZE_LIMIT or len(data) < _HEAD.size:
        raise ParseError("not a bookmark")
    magic, _, _, head = _HEAD.unpack_from(data)
    if magic != b"book" or not _HEAD.size <= head <= len(data) - 4:
        raise ParseError("not a bookmark")
    body = data[head:]
    keys: dict[int, int] = {}
    for key, place in _keys(body):
        keys.setdefault(key, place)
    parts = [_text(body, place) for place in _array(body, keys.get(_PATH))]
    if not parts or None in parts:
        raise ParseError("a bookmark without a path")
    return Bookmark(
        path="/" + "/".join(filter(None, parts)),
        volume_path=_text(body, keys.get(_VOLUME_PATH)),
        volume_name=_text(body, keys.get(_VOLUME_NAME)),
    )


def _keys(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield the keys of all tables and the places of their items."""
    at = int.from_bytes(body[:4], "little")
    for _ in range(_MOST_TABLES):
        if not 0 < at <= len(body) - _TABLE.size:
            return
        _, _, _, following, count = _TABLE.unpack_from(body, at)
        start = at + _TABLE.size
        most = min(count, _MOST_KEYS, (len(body) - start) // _ENTRY.size)
        for number in range(most):
            key, place, _ = _ENTRY.unpack_from(body, start + number * _ENTRY.size)
            yield key, place
        at = following


def _item(body: bytes, place: int | None, kind: int) -> bytes | None:
    if place is None or place > len(body) - _ITEM.size:
        return None
    length, found = _ITEM.unpack_from(body, place)
    return body[place + _ITEM.size :][:length] if found == kind else None


def _text(body: bytes, place: int | None) -> str | None:
    raw = _item(body, place, _TEXT)
    return None if raw is None else raw.decode("utf-8", "replace")


def _array(body: bytes, place: int | None) -> list[int]:
    raw = _item(body, place, _ARRAY) or b""
    return [each for (each,) in struct.iter_unpack("<I", raw[: len(raw) & ~3])][:_MOST_PARTS]
