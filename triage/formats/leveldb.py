"""LevelDB: every version of every key that its files still hold.

A database is a folder: `*.log` with the latest writes, `*.ldb` (formerly `*.sst`) with sorted
tables, and a `MANIFEST` that says which of them are in force. What was overwritten or deleted stays
until its table is compacted, so each record says whether it is live. Of those whose checksum is
wrong, blocks and log records are skipped and noted.

Formats: https://github.com/google/leveldb/tree/main/doc (log_format, table_format) and, there,
`db/dbformat.h`, `db/write_batch.cc`, `db/version_edit.cc`, `util/crc32c.h`. Compression: none or
Snappy. Comparators do not matter here: order is that of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats import snappy
from triage.hashing import crc32c

if TYPE_CHECKING:
    from triage.model import Reader

FILE_LIMIT = 256 << 20  # bytes of one file
TOTAL_LIMIT = 256 << 20  # bytes of keys and values, unpacked
RECORD_LIMIT = 2_000_000

_NAME = re.compile(r"(?:([0-9]{1,19})\.(log|ldb|sst)|MANIFEST-[0-9]{1,19}|CURRENT)", re.IGNORECASE)
_LOG = re.compile(r"[0-9]{1,19}\.log", re.IGNORECASE)
_BLOCK = 32 << 10
_HEADER = 7  # checksum u32, length u16, type u8
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_TRAILER = 5  # kind of compression, checksum
_DELETION, _VALUE = 0, 1
_MASK_DELTA = 0xA282EAD8
_NOTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version of one key.

    `value` is None for a mark of deletion. `live`: the newest version, in a file in force; a
    record that is not live was overwritten, deleted or left over.
    """

    key: bytes
    value: bytes | None
    sequence: int  # counts writes, upwards
    live: bool
    file: str
    offset: int  # of the log record or table block in that file


@dataclass(slots=True)
class Contents:
    """Records sorted by key, newest first; and what could not be read, in our words."""

    records: list[Record] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a problem, up to a hundred."""
        if len(self.problems) < _NOTES:
            self.problems.append(text)


def is_part(name: str) -> bool:
    """Whether a file of this name belongs to a database."""
    return _NAME.fullmatch(name) is not None


def read(files: Mapping[str, Reader]) -> Contents:
    """Read a database from the files of its folder, by name; others are passed over.

    Raises LimitError beyond the limits above, EvidenceError when a file cannot be read.
    """
    contents = Contents()
    found: dict[tuple[bytes, int, bytes | None], Record] = {}
    total = 0
    in_force = _in_force(files, contents)
    for name in sorted(files):
        parts = _NAME.fullmatch(name)
        if parts is None or parts[1] is None:
            continue
        whole = log_records if parts[2].lower() == "log" else table_records
        current = in_force is None or int(parts[1]) in in_force
        for record in whole(files[name], name, contents):
            total += len(record.key) + len(record.value or b"")
            if total > TOTAL_LIMIT or len(found) >= RECORD_LIMIT:
                raise LimitError(
                    f"more than {TOTAL_LIMIT} bytes or {RECORD_LIMIT} records in a LevelDB"
                )
            identity = record.key, record.sequence, record.value
            known = found.get(identity)
            if known is None or (current and not known.live):
                found[identity] = replace(record, live=current)
    newest: bytes | None = None
    for record in sorted(found.values(), key=lambda r: (r.key, -r.sequence, not r.live)):
        live = record.live and record.key != newest
        if record.live:
            newest = record.key
        contents.records.append(replace(record, live=live))
    return contents


def log_records(reader: Reader, name: str, contents: Contents) -> Iterator[Record]:
    """Yield the records of one `.log` file as they stand, all live; notes go to `contents`."""
    for offset, batch in _log(reader, name, contents):
        sequence = int.from_bytes(batch[:8], "little")
        count = int.from_bytes(batch[8:12], "little")
        position = 12
        try:
            for number in range(min(count, len(batch))):
                kind = batch[position]
                key, position = _prefixed(batch, position + 1)
                value = None
                if kind == _VALUE:
                    value, position = _prefixed(batch, position)
                elif kind != _DELETION:
                    raise ParseError("a kind of record that is not known")  # noqa: TRY301 - as below
                yield Record(
                    key=key,
                    value=value,
                    sequence=sequence + number,
                    live=True,
                    file=name,
                    offset=offset,
                )
        except (ParseError, IndexError):
            contents.note(f"{name}: a damaged batch at byte {offset}")


def table_records(reader: Reader, name: str, contents: Contents) -> Iterator[Record]:
    """Yield the records of one `.ldb` or `.sst` file in its order, all live."""
    data = _whole(reader, name)
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        contents.note(f"{name}: not a table, or cut off")
        return
    try:
        _, _, position = _handle(data, len(data) - _FOOTER)
        offset, size, _ = _handle(data, position)
        index = list(_entries(_block(data, offset, size)))
    except ParseError as error:
        contents.note(f"{name}: no index: {error.message}")
        return
    seen: set[int] = set()
    for _, pointer in index:
        try:
            offset, size, _ = _handle(pointer, 0)
            if offset in seen:
                raise ParseError("a block that is listed twice")  # noqa: TRY301 - as below
            seen.add(offset)
            for key, value in _entries(_block(data, offset, size)):
                yield _internal(key, value, name, offset)
        except ParseError as error:
            contents.note(f"{name}: {error.message}")


def _internal(key: bytes, value: bytes, name: str, offset: int) -> Record:
    """Read an internal key: the key, then kind and sequence in 8 bytes."""
    if len(key) < 8 or key[-8] not in {_DELETION, _VALUE}:  # noqa: PLR2004 - the tag
        raise ParseError("a key without a known tag")
    return Record(
        key=key[:-8],
        value=value if key[-8] == _VALUE else None,
        sequence=int.from_bytes(key[-7:], "little"),
        live=True,
        file=name,
        offset=offset,
    )


def _log(reader: Reader, name: str, contents: Contents) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, content) of the logical records of a log file."""
    data = _whole(reader, name)
    parts: list[bytes] = []
    start = 0
    for block in range(0, len(data), _BLOCK):
        end = min(block + _BLOCK, len(data))
        position = block
        while end - position >= _HEADER:
            length = int.from_bytes(data[position + 4 : position + 6], "little")
            kind = data[position + 6]
            after = position + _HEADER + length
            if kind == 0 and length == 0:  # space that was set aside
                break
            checksum = int.from_bytes(data[position : position + 4], "little")
            if after > end or _masked(data[position + 6 : after]) != checksum:
                contents.note(f"{name}: a damaged record at byte {position}")
                parts = []
                break
            content = data[position + _HEADER : after]
            if kind in {_FULL, _FIRST}:
                parts, start = [], position
            if kind in {_FULL, _FIRST} or parts:
                parts.append(content)
            if kind in {_FULL, _LAST} and parts:
                yield start, b"".join(parts)
                parts = []
            position = after


_EDITS = {  # tag of a version edit → its fields: n number, t text with its length
    1: "t",  # comparator
    2: "n",  # oldest log in force
    3: "n",  # next file
    4: "n",  # last sequence
    5: "nt",  # compaction: level, key
    6: "nn",  # table gone: level, file
    7: "nnntt",  # new table: level, file, size, first and last key
    9: "n",  # log before the oldest, in old databases
}


def _in_force(files: Mapping[str, Reader], contents: Contents) -> set[int] | None:
    """Return the numbers of the files that the manifest names, None when that is not known."""
    name = _manifest(files)
    if name is None:
        return None
    tables: set[int] = set()
    oldest = previous = 0
    try:
        for _, edit in _log(files[name], name, contents):
            for tag, numbers in _edits(edit):
                match tag:
                    case 2:  # see `_EDITS`
                        oldest = numbers[0]
                    case 6:
                        tables.discard(numbers[1])
                    case 7:
                        tables.add(numbers[1])
                    case 9:
                        previous = numbers[0]
                    case _:
                        pass
    except ParseError:
        contents.note(f"{name}: damaged, so it is not known which files are in force")
        return None
    logs = (int(name.partition(".")[0]) for name in files if _LOG.fullmatch(name))
    return tables | {number for number in logs if number >= oldest or number == previous}


def _manifest(files: Mapping[str, Reader]) -> str | None:
    """Return the name of the manifest that CURRENT names, else of the last one."""
    names = sorted(name for name in files if name.upper().startswith("MANIFEST-"))
    current = next((name for name in files if name.upper() == "CURRENT"), None)
    if current is not None:
        wanted = files[current].read_at(0, 64).decode("latin-1").strip()
        names = [name for name in names if name == wanted] or names
    return names[-1] if names else None


def _edits(edit: bytes) -> Iterator[tuple[int, list[int]]]:
    position = 0
    while position < len(edit):
        tag, position = _varint(edit, position)
        numbers: list[int] = []
        if tag not in _EDITS:
            raise ParseError("an edit that is not known")
        for kind in _EDITS[tag]:
            if kind == "n":
                number, position = _varint(edit, position)
                numbers.append(number)
            else:
                _, position = _prefixed(edit, position)
        yield tag, numbers


def _block(data: bytes, offset: int, size: int) -> bytes:
    """Return the content of a table block, checked and unpacked."""
    end = offset + size
    if size > len(data) or end + _TRAILER > len(data):
        raise ParseError(f"a block outside the file, at byte {offset}")
    checksum = int.from_bytes(data[end + 1 : end + _TRAILER], "little")
    if _masked(data[offset : end + 1]) != checksum:
        raise ParseError(f"a damaged block at byte {offset}")
    content = data[offset:end]
    match data[end]:
        case 0:
            return content
        case 1:
            return snappy.decompress(content)
        case _:
            raise ParseError(f"a block compressed in a way that is not read, at byte {offset}")


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block; a key shares its beginning with the one before."""
    if len(block) < 4:  # noqa: PLR2004 - the number of restarts
        raise ParseError("a block without an end")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    if end < 0:
        raise ParseError("a block with more restarts than it can hold")
    key, position = b"", 0
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or own + length > end - position:
            raise ParseError("an entry that runs past its block")
        key = key[:shared] + block[position : position + own]
        position += own
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return offset, size, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[position : position + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            return value, position + shift // 7
    raise ParseError("a number without an end")


def _prefixed(data: bytes, position: int) -> tuple[bytes, int]:
    length, position = _varint(data, position)
    if length > len(data) - position:
        raise ParseError("a text that runs past its record")
    return data[position : position + length], position + length


def _whole(reader: Reader, name: str) -> bytes:
    if reader.size > FILE_LIMIT:
        raise LimitError(f"{name}: larger than {FILE_LIMIT} bytes")
    data = reader.read_at(0, reader.size)
    if len(data) < reader.size:
        raise EvidenceError(f"{name}: shorter than declared")
    return data


def _masked(data: bytes) -> int:
    """Return the CRC-32C as LevelDB stores it, so that a checksum of checksums stays one."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + _MASK_DELTA) & 0xFFFFFFFF
