"""A zip as a logical source: indexed from its central directory, members stored or deflated.

Own reader: names stay bytes, one bad entry does not cost the others, and what a zip bomb relies on
(overlapping members, sizes that lie, endless output) is refused. Format: PKWARE APPNOTE.TXT 6.3;
time stamps in extra fields 0x5455 and 0x000a: Info-ZIP extrafld.txt.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.errors import EvidenceError, LimitError, ParseError
from triage.evidence.archive import ArchiveSource, Memory, Slice
from triage.evidence.members import NO_CONTENT, FileReader, Members, path_text
from triage.model import ByteRun, Container, EntryType, FileTimes, Reader, Storage

MAX_INFLATED = 256 << 20  # bytes of one deflated member, held in memory while it is read
MAX_EXPANSION = 200  # all members together against the archive, beyond the first GiB
_FREE_EXPANSION = 1 << 30
_MAX_DEFLATE_RATIO = 1032  # what the format can reach: one bit for 258 bytes, and a bit more

_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_CENTRAL = struct.Struct("<4s2B5H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_MAX_TAIL = _END.size + 0xFFFF
_WINDOW = 1 << 20  # of the central directory at once; an entry is at most 46 + 3 * 65535 bytes
_LARGEST_ENTRY = _CENTRAL.size + 3 * 0xFFFF

_HEAD = 1 << 12  # bytes beyond the length wanted: the tables of a deflated block come first
_IN_ZIP64 = 0xFFFFFFFF  # the value stands in the extra field 1
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8
_STORAGE = {_STORED: Storage.PLAIN, _DEFLATED: Storage.COMPRESSED}
_BACKSLASH_HOSTS = frozenset({0, 10, 11, 14})  # FAT, NTFS, MVS (used by some for NTFS), VFAT
_UNIX_HOSTS = frozenset({3, 19})  # Unix, macOS
_LINK, _DIRECTORY, _REGULAR = 0xA, 0x4, 0x8  # file types in a Unix mode, shifted by 12

_NTFS_EXTRA, _EXTENDED_EXTRA = 32, 5  # least lengths of the extra fields with times
_NS = 1_000_000_000
_FILETIME_EPOCH = 116_444_736_000_000_000  # 1970-01-01 in 100 ns since 1601-01-01


def is_zip(head: bytes) -> bool:
    """Whether a file that begins like this is a zip."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Central:
    """One entry of the central directory."""

    name: bytes
    kind: EntryType
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    times: FileTimes


class ZipSource(ArchiveSource):
    """A zip file.

    Problems: damaged_directory (nothing behind it is listed), member_overlap, expansion_limit,
    encrypted_member, depth_limit, entry_limit.
    """

    name = "zip"
    container = Container.ZIP

    def __init__(self, archive: FileReader | Reader, *, file_name: str) -> None:
        super().__init__(archive, file_name=file_name)
        self._offsets = array("q")  # of local headers, by content number
        self._packed = array("q")
        self._crcs = array("I")
        self._methods = array("H")
        self._flags = array("H")
        self._refused: dict[int, tuple[type[EvidenceError], str]] = {}

    def _scan(self) -> Members:
        members = Members()
        try:
            for entry in self._entries():
                self._add(members, entry)
        except (ParseError, EvidenceError):
            self._problem("damaged_directory", "/")
        order = self._arrange(members)
        self._refuse_bombs(members, order)
        return members

    def _add(self, members: Members, entry: _Central) -> None:
        content, size = NO_CONTENT, 0
        if entry.kind is EntryType.FILE:
            content, size = len(self._offsets), entry.size
        number = self._place(
            members, entry.name, entry.kind, size=size, times=entry.times, content=content
        )
        if number is None or content == NO_CONTENT:
            return
        self._offsets.append(entry.offset)
        self._packed.append(entry.packed)
        self._crcs.append(entry.crc)
        self._methods.append(entry.method)
        self._flags.append(entry.flags)

    def _entries(self) -> Iterator[_Central]:
        """Yield the central directory. Raises ParseError where it is damaged."""
        start, left, shift = self._directory_place()
        window, position = b"", 0
        # By length, not by the stated count: it wraps at 65536, and may hide entries.
        while left or position < len(window):
            if len(window) - position < _LARGEST_ENTRY and left:
                wanted = min(_WINDOW, left)
                more = self._archive.read_at(start, wanted)
                window, position = window[position:] + more, 0
                start, left = start + wanted, left - wanted
            if len(window) - position < _CENTRAL.size:
                raise ParseError("central directory cut short")
            entry, length = _central(window, position, shift)
            position += length
            yield entry

    def _directory_place(self) -> tuple[int, int, int]:
        """Return offset and length of the central directory, and what stated offsets lack."""
        tail_start = max(0, self._archive.size - _MAX_TAIL)
        tail = self._archive.read_at(tail_start, _MAX_TAIL)
        at = _end_record(tail)
        _, disk, first_disk, _, _, size, offset, _ = _END.unpack_from(tail, at)
        end = tail_start + at
        located = self._archive.read_at(max(0, end - _LOCATOR.size), _LOCATOR.size)
        if located[:4] == b"PK\x06\x07":
            end, disk, first_disk, size, offset = self._zip64(located, end)
        if disk or first_disk:
            raise ParseError("one part of a split zip")
        start = end - size  # the directory ends where its end record begins, whatever it says
        if start < 0 or offset > start:
            raise ParseError("central directory outside the file")
        return start, size, start - offset

    def _zip64(self, located: bytes, end: int) -> tuple[int, int, int, int, int]:
        _, _, stated, _ = _LOCATOR.unpack(located)
        for place in (stated, end - _LOCATOR.size - _END64.size):  # the second: data in front
            record = self._archive.read_at(place, _END64.size) if place >= 0 else b""
            if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
                disk, first_disk, _, _, size, offset = _END64.unpack(record)[4:]
                return place, disk, first_disk, size, offset
        raise ParseError("no zip64 end of central directory")

    def _refuse_bombs(self, members: Members, order: array[int]) -> None:
        """Decide once, for every process alike, which members are not decompressed.

        Overlapping members let a small file unpack to petabytes (Fifield 2019, "A better zip
        bomb"). The rest may not expand to more than 200 times the archive, in archive order.
        """
        ordinals = sorted(
            (ordinal for ordinal in range(len(members)) if members.contents[ordinal] >= 0),
            key=lambda ordinal: order[ordinal],
        )
        by_offset = sorted(ordinals, key=lambda ordinal: self._offsets[members.contents[ordinal]])
        reached = 0
        for ordinal in by_offset:
            number = members.contents[ordinal]
            if self._offsets[number] < reached:
                self._refuse(members, ordinal, "member_overlap", "overlaps another member")
            end = self._offsets[number] + _LOCAL.size + self._packed[number]
            reached = max(reached, end)
        allowed = max(_FREE_EXPANSION, self._archive.size * MAX_EXPANSION)
        for ordinal in ordinals:
            number = members.contents[ordinal]
            if self._flags[number] & _ENCRYPTED:
                self._refuse(members, ordinal, "encrypted_member", "encrypted member")
            if number in self._refused or self._methods[number] == _STORED:
                continue
            allowed -= members.sizes[ordinal]
            if allowed < 0:
                text = "archive expands too far"
                self._refuse(members, ordinal, "expansion_limit", text, LimitError)

    def _refuse(
        self,
        members: Members,
        ordinal: int,
        code: str,
        text: str,
        error: type[EvidenceError] = EvidenceError,
    ) -> None:
        self._refused[members.contents[ordinal]] = (error, text)
        self._problem(code, path_text(members.parts(ordinal)))

    def _content(self, ordinal: int) -> Reader:
        members = self._members
        number, size = members.contents[ordinal], members.sizes[ordinal]
        where = path_text(members.parts(ordinal))
        if number in self._refused:
            error, text = self._refused[number]
            raise error(text, where=where)
        packed, method = self._packed[number], self._methods[number]
        start = self._data_start(number, where)
        if method == _STORED:
            if packed != size:
                raise EvidenceError("stored member with two sizes", where=where)
            return Slice(whole=self._archive, start=start, size=size)
        if method != _DEFLATED:
            raise EvidenceError(f"zip compression method {method} is not supported", where=where)
        if size > MAX_INFLATED:
            raise LimitError(f"member is larger than {MAX_INFLATED} bytes", where=where)
        if size > _MAX_DEFLATE_RATIO * packed + _WINDOW:
            raise EvidenceError("member states a size it cannot have", where=where)
        data = self._inflate(start, packed, size, where)
        if zlib.crc32(data) != self._crcs[number]:
            raise EvidenceError("checksum of the member does not fit", where=where)
        return Memory(data=data)

    def head(self, address: str, length: int) -> bytes:
        """Return the first bytes of a member, its checksum unchecked. Raises EvidenceError."""
        ordinal = self._file(address)
        number = self._members.contents[ordinal]
        if number in self._refused or self._methods[number] != _DEFLATED:
            return self._content(ordinal).read_at(0, length)
        where = path_text(self._members.parts(ordinal))
        start = self._data_start(number, where)
        packed = self._archive.read_at(start, min(_HEAD + length, self._packed[number]))
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, length)
        except zlib.error:
            raise EvidenceError("deflated data is damaged", where=where) from None

    def _data_start(self, number: int, where: str) -> int:
        offset = self._offsets[number]
        header = self._archive.read_at(offset, _LOCAL.size)
        if len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise EvidenceError("member without a header", where=where)
        name_length, extra_length = _LOCAL.unpack(header)[-2:]
        start: int = offset + _LOCAL.size + name_length + extra_length
        if start + self._packed[number] > self._archive.size:
            raise EvidenceError("member cut short", where=where)
        return start

    def _inflate(self, start: int, packed: int, size: int, where: str) -> bytearray:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = bytearray()
        try:
            for position in range(0, packed, _WINDOW):
                chunk = self._archive.read_at(start + position, min(_WINDOW, packed - position))
                while not inflater.eof and len(data) <= size:
                    room = min(_WINDOW, size + 1 - len(data))  # one more shows a false size
                    piece = inflater.decompress(chunk, room)
                    data += piece
                    chunk = inflater.unconsumed_tail
                    if not chunk and len(piece) < room:
                        break
                if inflater.eof or len(data) > size:
                    break
        except zlib.error:
            raise EvidenceError("deflated data is damaged", where=where) from None
        if len(data) != size or not inflater.eof:
            raise EvidenceError("member has another size than stated", where=where)
        return data

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return the one run in the zip file; empty for what cannot be read."""
        ordinal = self._file(address)
        number, size = self._members.contents[ordinal], self._members.sizes[ordinal]
        method = self._methods[number]
        if number in self._refused or not size or method not in _STORAGE:
            return ()
        try:
            start = self._data_start(number, "")
        except EvidenceError:
            return ()
        run = ByteRun(file_offset=0, image_offset=start, length=size, storage=_STORAGE[method])
        return (run,)


def _end_record(tail: bytes) -> int:
    """Return where the end record is: the last whose comment ends the file, else the last."""
    candidates: list[int] = []
    at = tail.rfind(b"PK\x05\x06", 0, len(tail) - _END.size + 4)
    while at >= 0:
        (comment,) = struct.unpack_from("<H", tail, at + _END.size - 2)
        if at + _END.size + comment == len(tail):
            return at
        candidates.append(at)
        at = tail.rfind(b"PK\x05\x06", 0, at)
    if not candidates:
        raise ParseError("no end of central directory")
    return candidates[0]


def _central(window: bytes, position: int, shift: int) -> tuple[_Central, int]:
    """Return the entry at a position, and its length."""
    (
        signature, _, host, _, flags, method, clock, date, crc, packed, size,
        name_length, extra_length, comment_length, _, _, attributes, offset,
    ) = _CENTRAL.unpack_from(window, position)  # fmt: skip
    length = _CENTRAL.size + name_length + extra_length + comment_length
    if signature != b"PK\x01\x02" or position + length > len(window):
        raise ParseError("not a central directory entry")
    at = position + _CENTRAL.size
    name = window[at : at + name_length]
    extra = dict(_extra(window[at + name_length : at + name_length + extra_length]))
    wide = iter(struct.unpack_from(f"<{len(extra.get(1, b'')) // 8}Q", extra.get(1, b"")))
    try:
        size = next(wide) if size == _IN_ZIP64 else size
        packed = next(wide) if packed == _IN_ZIP64 else packed
        offset = next(wide) if offset == _IN_ZIP64 else offset
    except StopIteration:
        raise ParseError("zip64 sizes are missing") from None
    if max(size, packed, offset + shift) >= 2**63:
        raise ParseError("impossible size")
    if host in _BACKSLASH_HOSTS and b"/" not in name:
        name = name.replace(b"\\", b"/")
    entry = _Central(
        name=name,
        kind=_kind(name, attributes >> 28 if host in _UNIX_HOSTS else 0),
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        size=size,
        offset=offset + shift,
        times=_times(extra, date, clock),
    )
    return entry, length


def _kind(name: bytes, mode: int) -> EntryType:
    if name.endswith(b"/") or mode == _DIRECTORY:
        return EntryType.DIRECTORY
    if mode == _LINK:
        return EntryType.LINK
    return EntryType.FILE if mode in (0, _REGULAR) else EntryType.OTHER


def _extra(raw: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(raw):
        tag, length = struct.unpack_from("<HH", raw, position)
        yield tag, raw[position + 4 : position + 4 + length]
        position += 4 + length


def _times(extra: dict[int, bytes], date: int, clock: int) -> FileTimes:
    """Return UTC times where an extra field has them, else the DOS time, which is local."""
    ntfs = extra.get(0x000A, b"")
    if len(ntfs) >= _NTFS_EXTRA and ntfs[4:8] == b"\x01\x00\x18\x00":
        modified, accessed, created = (
            (value - _FILETIME_EPOCH) * 100 if value else None
            for value in struct.unpack_from("<3Q", ntfs, 8)
        )
        return FileTimes(modified=modified, accessed=accessed, created=created)
    extended = extra.get(0x5455, b"")
    if len(extended) >= _EXTENDED_EXTRA and extended[0] & 1:
        return FileTimes(modified=struct.unpack_from("<i", extended, 1)[0] * _NS)
    try:
        moment = datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            clock >> 11,
            clock >> 5 & 63,
            2 * (clock & 31),
            tzinfo=UTC,
        )
    except ValueError:
        return FileTimes(zone="local")
    return FileTimes(modified=int(moment.timestamp()) * _NS, zone="local")
