"""Ordinary files: letters, tables, pictures, documents, logs, in which nothing is to be found.

Words are made of syllables, so that no list of words fits them; compressed parts are stored as
they are, since no deflate gives the same bytes everywhere.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from triage.training.tree import Inventor

_SYLLABLES: Final = (
    *("ba", "do", "fe", "gi", "ka", "lo", "mu", "ne", "po", "ra", "si", "tu", "ve", "wo", "za"),
    *("bri", "cla", "dro", "fla", "gru", "pre", "sta"),
)
_TOPICS: Final = ("invoice", "minutes", "holiday", "garden", "insurance", "school", "car", "recipe")
_FOLDERS: Final = ("Documents", "Pictures", "Downloads", "Music", "Documents/letters", "Desktop")
_DAYS: Final = 300
_LINE: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """A file: its path without a leading slash."""

    path: str
    data: bytes
    modified: datetime


class _Dice:
    """Numbers that follow from a label."""

    def __init__(self, inventor: Inventor, label: str) -> None:
        self._inventor, self._label, self._rolls = inventor, label, 0

    def below(self, count: int) -> int:
        self._rolls += 1
        data = self._inventor.bytes(f"{self._label} {self._rolls}", 8)
        return int.from_bytes(data, "big") % count

    def bytes(self, length: int) -> bytes:
        return self._inventor.bytes(f"{self._label} bytes", length)


def noise(inventor: Inventor, count: int, *, home: str, before: datetime) -> Iterator[Ordinary]:
    """Yield `count` files below a home folder, last written in the months before a moment."""
    for number in range(count):
        dice = _Dice(inventor, f"noise {home} {number}")
        suffix, make = _KINDS[dice.below(len(_KINDS))]
        folder = _FOLDERS[dice.below(len(_FOLDERS))]
        name = f"{_TOPICS[dice.below(len(_TOPICS))]} {number:04}.{suffix}"
        modified = before - timedelta(days=dice.below(_DAYS), seconds=dice.below(86_400))
        path = f"{home}/{folder}/{name}".lstrip("/")
        yield Ordinary(path=path, data=make(dice), modified=modified)


def _word(number: int) -> str:
    count = len(_SYLLABLES)
    return _SYLLABLES[number % count] + _SYLLABLES[number // count % count]


def _prose(dice: _Dice) -> str:
    words = [_word(number) for number in dice.bytes(200 + dice.below(1500))]
    lines = (words[at : at + _LINE] for at in range(0, len(words), _LINE))
    return "\r\n".join(" ".join(line) for line in lines) + "\r\n"


def _text(dice: _Dice) -> bytes:
    return _prose(dice).encode()


def _table(dice: _Dice) -> bytes:
    lines = ["what;count;price"]
    for _ in range(10 + dice.below(40)):
        cents = dice.below(9000)
        lines.append(f"{_word(dice.below(400))};{dice.below(20)};{cents // 100},{cents % 100:02}")
    return "\r\n".join([*lines, ""]).encode()


def _log(dice: _Dice) -> bytes:
    minute = dice.below(1000)
    lines = [
        f"{(minute + n) // 60 % 24:02}:{(minute + n) % 60:02}:00 {_word(n)} started, took {n} ms"
        for n in range(30 + dice.below(200))
    ]
    return "\n".join([*lines, ""]).encode()


def _picture(dice: _Dice) -> bytes:
    """Return what a viewer takes for a damaged photograph: JFIF, and noise for the scan."""
    head = bytes.fromhex("ffd8ffe000104a46494600010101004800480000")
    return head + b"\xff\xda" + dice.bytes(4000 + dice.below(60_000)) + b"\xff\xd9"


def _chart(dice: _Dice) -> bytes:
    """Return a PNG of one grey level, its data stored."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    side = 16 + dice.below(48)
    rows = (b"\0" + bytes([dice.below(256)]) * side) * side
    packed = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    packed += struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    note = b"Comment\0" + dice.bytes(6).hex().encode()  # no two pictures are the same file
    chunks = chunk(b"IHDR", head) + chunk(b"tEXt", note) + chunk(b"IDAT", packed)
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def _document(dice: _Dice) -> bytes:
    packed = io.BytesIO()
    parts = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types/>',
        "word/document.xml": f"<document><body><p>{_prose(dice)}</p></body></document>",
    }
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            archive.writestr(info, text)
    return packed.getvalue()


_KINDS: Final[tuple[tuple[str, Callable[[_Dice], bytes]], ...]] = (
    ("txt", _text),
    ("csv", _table),
    ("log", _log),
    ("jpg", _picture),
    ("png", _chart),
    ("docx", _document),
)
