"""IndexedDB of Chromium: databases, object stores and their records, old versions included.

One LevelDB a site holds them. A key begins with three numbers: database, object store, index. With
0 for the latter two come the names; index 1 holds records, index 3 the files that lie outside
LevelDB, in `<site>.indexeddb.blob/<database>/<xx>/<number>`, all hexadecimal. Other indexes repeat
what records hold, and are passed over. What was deleted keeps its name as long as any version of
the name is left.

Chromium writes a record as a number that counts changes and a value (`structured_clone`), which
may be packed with Snappy or lie in a file of its own. Sources: Chromium's
`content/browser/indexed_db/indexed_db_leveldb_coding.cc` and `docs/leveldb_coding_scheme.md`;
Blink's `modules/indexeddb/idb_value_wrapping.cc`. Tested with what Chromium 156 wrote. Not read:
the SQLite files that newer versions may use instead.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats import snappy, structured_clone
from triage.formats.leveldb import Contents
from triage.formats.leveldb import Record as Stored
from triage.formats.structured_clone import Value, varint

Key: TypeAlias = "str | float | bytes | structured_clone.Date | list[Key] | None"
"""A key; one that is not known is None."""

FILES_LIMIT: Final = 1000
"""Files of one record that are taken."""

_DEPTH_LIMIT: Final = 20
_DATABASE_NAME: Final = 201
_STORE_META, _STORE_NAME = 50, 0
_DATA, _FILES = 1, 3
_OUTSIDE, _PACKED = b"\xff\x11\x01", b"\xff\x11\x02"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a record; `path` lies below `<site>.indexeddb.blob`."""

    path: str
    media_type: str
    size: int  # bytes
    name: str | None  # None: it had none, a Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version of one record; None in `database` or `store` when its name is gone.

    `live`: the record as it is now. Call `value()` for its content.
    """

    database: str | None
    store: str | None
    key: Key
    live: bool
    sequence: int
    file: str  # of LevelDB, and where in it
    offset: int
    files: tuple[File, ...]
    _raw: bytes = field(repr=False)
    _outside: Callable[[str], bytes | None] = field(repr=False)

    def value(self) -> Value:
        """Decode the content. Raises ParseError when damaged, LimitError when too large."""
        _, at = varint(self._raw, 0)
        data = self._raw[at:]
        if data.startswith(_OUTSIDE):
            _, at = varint(data, len(_OUTSIDE))
            number, _ = varint(data, at)
            if number >= len(self.files):
                raise ParseError("a value in a file that is not listed")
            found = self._outside(self.files[number].path)
            if found is None:
                raise ParseError("a value in a file that is not there")
            data = found
        if data.startswith(_PACKED):
            data = snappy.decompress(data[len(_PACKED) :])
        return structured_clone.parse(data)


@dataclass(frozen=True, slots=True)
class _Place:
    """The beginning of a key: three numbers, and where what follows them begins."""

    database: int
    store: int
    index: int
    at: int


def records(
    contents: Contents,
    *,
    outside: Callable[[str], bytes | None] = lambda _path: None,
    wanted: Callable[[str | None, str | None], bool] = lambda _database, _store: True,
) -> Iterator[Record]:
    """Yield the records of the stores that are `wanted` (database, store), sorted by key.

    `outside` returns the file at a path below `<site>.indexeddb.blob`. Keys that are damaged are
    noted in `contents`.
    """
    databases, stores = _names(contents)
    files = _files(contents)
    for stored in contents.records:
        if stored.value is None:
            continue
        try:
            place = _place(stored.key)
            if place.index != _DATA or not place.store:
                continue
            database = databases.get(place.database)
            store = stores.get((place.database, place.store))
            if not wanted(database, store):
                continue
            key, _ = _key(stored.key, place.at)
        except (ParseError, LimitError) as error:
            contents.note(f"{stored.file}: {error.message}")
            continue
        yield Record(
            database=database,
            store=store,
            key=key,
            live=stored.live,
            sequence=stored.sequence,
            file=stored.file,
            offset=stored.offset,
            files=_listed(stored, place, files, contents),
            _raw=stored.value,
            _outside=outside,
        )


def _names(contents: Contents) -> tuple[dict[int, str], dict[tuple[int, int], str]]:
    """Return the names of databases and stores, the newest one of each number."""
    databases: dict[int, str] = {}
    stores: dict[tuple[int, int], str] = {}
    latest: dict[object, int] = {}
    for stored in contents.records:
        if stored.value is None:
            continue
        try:
            place = _place(stored.key)
            if place.store or place.index:
                continue
            kind = stored.key[place.at : place.at + 1]
            if not place.database and kind == bytes([_DATABASE_NAME]):
                _, at = _text(stored.key, place.at + 1)  # the site
                name, _ = _text(stored.key, at)
                number, _ = varint(stored.value, 0)
                if stored.sequence >= latest.get(number, 0):
                    latest[number] = stored.sequence
                    databases[number] = name
            elif place.database and kind == bytes([_STORE_META]):
                store, at = varint(stored.key, place.at + 1)
                where = (place.database, store)
                if stored.key[at] == _STORE_NAME and stored.sequence >= latest.get(where, 0):
                    latest[where] = stored.sequence
                    stores[where] = stored.value.decode("utf-16-be", "replace")
        except (ParseError, IndexError):
            contents.note(f"{stored.file}: a damaged name at byte {stored.offset}")
    return databases, stores


_FileIndex: TypeAlias = dict[tuple[int, int, bytes], list[Stored]]


def _files(contents: Contents) -> _FileIndex:
    """Return what lists files, by database, store and encoded key; newest first."""
    found: _FileIndex = {}
    for stored in contents.records:
        if stored.value is None:
            continue
        try:
            place = _place(stored.key)
        except ParseError:
            continue
        if place.index == _FILES and place.store:
            where = place.database, place.store, stored.key[place.at :]
            found.setdefault(where, []).append(stored)
    return found


def _listed(
    stored: Stored, place: _Place, files: _FileIndex, contents: Contents
) -> tuple[File, ...]:
    """Return the files of one version of a record: they were listed soon after it was written."""
    listed = files.get((place.database, place.store, stored.key[place.at :]), [])
    later = [each for each in listed if each.sequence > stored.sequence]
    if not later:
        return ()
    try:
        return tuple(_file_list(later[-1].value or b"", place.database))
    except (ParseError, UnicodeError, EvidenceError):
        contents.note(f"{stored.file}: a damaged list of files at byte {later[-1].offset}")
        return ()


def _file_list(data: bytes, database: int) -> Iterator[File]:
    at = count = 0
    while at < len(data):
        count += 1
        if count > FILES_LIMIT:
            raise LimitError(f"more than {FILES_LIMIT} files of one record")
        kind = data[at]
        if kind > 1:
            raise ParseError("a file of a kind that is not read")
        number, at = varint(data, at + 1)
        media_type, at = _text(data, at)
        size, at = varint(data, at)
        name: str | None = None
        if kind == 1:
            name, at = _text(data, at)
            _, at = varint(data, at)  # when it was last changed
        yield File(
            path=f"{database:x}/{number >> 8 & 0xFF:02x}/{number:x}",
            media_type=media_type,
            size=size,
            name=name,
        )


def _place(key: bytes) -> _Place:
    """Read the numbers at the beginning of a key; their lengths stand in its first byte."""
    if not key:
        raise ParseError("a key without a beginning")
    head = key[0]
    lengths = (head >> 5 & 7) + 1, (head >> 2 & 7) + 1, (head & 3) + 1
    at, numbers = 1, []
    for length in lengths:
        if at + length > len(key):
            raise ParseError("a key that ends too early")
        numbers.append(int.from_bytes(key[at : at + length], "little"))
        at += length
    database, store, index = numbers
    return _Place(database, store, index, at)


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, at = varint(data, at)
    end = at + 2 * length
    if end > len(data):
        raise ParseError("a text that runs past its key")
    return data[at:end].decode("utf-16-be", "replace"), end


def _key(data: bytes, at: int, depth: int = 0) -> tuple[Key, int]:
    """Read a key of a record, and where it ends."""
    kind, at = data[at : at + 1], at + 1
    match kind:
        case b"\0":  # null
            return None, at
        case b"\1":
            return _text(data, at)
        case b"\2" | b"\3":
            (number,) = struct.unpack("<d", _slice(data, at, 8))
            return structured_clone.Date(number) if kind == b"\2" else float(number), at + 8
        case b"\4":
            return _array(data, at, depth)
        case b"\6":
            length, at = varint(data, at)
            return _slice(data, at, length), at + length
        case _:
            raise ParseError("a key of a kind that is not known")


def _array(data: bytes, at: int, depth: int) -> tuple[Key, int]:
    length, at = varint(data, at)
    if length > len(data) - at or depth >= _DEPTH_LIMIT:
        raise ParseError("an array that a key cannot hold")
    parts: list[Key] = []
    for _ in range(length):
        part, at = _key(data, at, depth + 1)
        parts.append(part)
    return parts, at


def _slice(data: bytes, at: int, length: int) -> bytes:
    if length > len(data) - at:
        raise ParseError("a key that ends too early")
    return data[at : at + length]
