"""The sections of one EWF-E01 segment file: what they are, and whether they are whole.

Sources of the layout: libewf's "Expert Witness Compression Format (EWF)" document, and files made
by ewfacquire in each of its formats. All integers are little-endian. A descriptor is 76 bytes:
type (16), offset of the next section (8), size (8), padding (40), Adler-32 of those 72 bytes (4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from isal import isal_zlib
from isal.igzip_lib import IsalError

from triage.errors import DamagedImageError
from triage.evidence.segments import SegmentFile
from triage.evidence.signature import EWF

FILE_HEADER = 13
_DESCRIPTOR = struct.Struct("<16sQQ40xI")
_TABLE = struct.Struct("<I4xQ4xI")  # entries, base offset, Adler-32 of the first 20 bytes
_VOLUME = struct.Struct("<4xIIIQ")  # chunks, sectors a chunk, bytes a sector, sectors
_SMART_VOLUME = struct.Struct("<4xIIII")
_SMART_VOLUME_SIZE = 94
_VOLUME_SIZE = 1052
_SET_ID = slice(64, 80)
_ERROR2_HEADER = 520

_MAX_SECTIONS = 200_000  # a terabyte in one file has some 10,000
_MAX_ENTRIES = 1 << 24  # of one table; EnCase writes 16,375, others 65,534
_MAX_TEXT = 1 << 20  # of a header, inflated
_MAX_ERRORS = 1 << 16
_MAX_CHUNK = 32 << 20  # bytes; EnCase allows 16 MiB

_HEADER_NAMES = {
    "a": "description",
    "c": "case_number",
    "n": "evidence_number",
    "e": "examiner_name",
    "t": "notes",
    "md": "model",
    "sn": "serial_number",
    "l": "device_label",
    "av": "acquiry_software_version",
    "ov": "acquiry_operating_system",
    "m": "acquiry_date",
    "u": "system_date",
    "p": "password",
    "pid": "process_identifier",
    "r": "compression_level",
    "ext": "extents",
}
_DATES = frozenset({"m", "u"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """What the volume section says about the media. Untrusted."""

    chunks: int
    chunk_size: int  # bytes
    sector_size: int  # bytes
    media_size: int  # bytes
    set_id: bytes  # 16 bytes, zeros when there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where the offsets of consecutive chunks lie, and the bytes that hold those chunks."""

    file: SegmentFile
    entries_at: int  # file offset
    count: int
    base: int  # added to every offset
    data_start: int  # file offsets between which all chunks lie
    data_end: int


@dataclass(slots=True, kw_only=True)
class SegmentContent:
    """What one segment holds; filled as far as the segment could be followed."""

    number: int
    ending: str | None = None  # "next", "done"; None: it breaks off
    geometry: Geometry | None = None
    tables: list[Table] = field(default_factory=list)
    hashes: list[tuple[str, str]] = field(default_factory=list)  # algorithm, hex
    header: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[int, int]] = field(default_factory=list)  # sectors: first, count
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    type: str
    start: int  # of its content
    end: int


def segment_number(file: SegmentFile) -> int:
    """Return the number in the file header. Raises DamagedImageError when it has none."""
    data = file.read_at(0, FILE_HEADER)
    if len(data) < FILE_HEADER or not data.startswith(EWF):
        raise DamagedImageError("is not an EWF segment", where=file.name)
    return int.from_bytes(data[9:11], "little")


def read_segment(file: SegmentFile, content: SegmentContent) -> None:
    """Follow the sections of `file` up to `next` or `done` and fill `content`.

    Raises DamagedImageError naming the file at the first section that is not what it should be;
    what was read before it stands in `content`.
    """
    parser = _Parser(file, content)
    for section in _sections(file):
        parser.take(section)
    content.ending = parser.last


def _sections(file: SegmentFile) -> Iterator[_Section]:
    at = FILE_HEADER
    for _ in range(_MAX_SECTIONS):
        data = file.read_at(at, _DESCRIPTOR.size)
        if len(data) < _DESCRIPTOR.size:
            raise DamagedImageError(f"is cut short: no section at {at}", where=file.name)
        kind, following, size, checksum = _DESCRIPTOR.unpack(data)
        if isal_zlib.adler32(data[:-4]) != checksum:
            raise DamagedImageError(f"section at {at} has a wrong checksum", where=file.name)
        name = kind.rstrip(b"\x00").decode("ascii", "replace")
        if name in {"next", "done"}:
            yield _Section(type=name, start=at + _DESCRIPTOR.size, end=at + _DESCRIPTOR.size)
            return
        if following < at + _DESCRIPTOR.size:
            raise DamagedImageError(f"section at {at} points back to {following}", where=file.name)
        # A size that disagrees is how one file can show two images (libewf, "dual image").
        # Expert Witness 1.35 writes no size.
        if size not in {0, following - at}:
            raise DamagedImageError(
                f"section at {at} ends in two places, {at + size} and {following}", where=file.name
            )
        if following > file.size:
            raise DamagedImageError(
                f"is cut short: section at {at} ends at {following} of {file.size}", where=file.name
            )
        yield _Section(type=name, start=at + _DESCRIPTOR.size, end=following)
        at = following
    raise DamagedImageError(f"has more than {_MAX_SECTIONS} sections", where=file.name)


class _Parser:
    def __init__(self, file: SegmentFile, content: SegmentContent) -> None:
        self._file = file
        self._content = content
        self._sectors: _Section | None = None
        self._primary: tuple[int, int] | None = None  # of the last good table, for its mirror
        self._pending: DamagedImageError | None = None  # of the last bad one, until its mirror
        self.last: str | None = None

    def take(self, section: _Section) -> None:
        if self._pending is not None and section.type != "table2":
            raise self._pending
        take = {
            "volume": self._volume,
            "disk": self._volume,
            "data": self._data,
            "sectors": self._chunks,
            "table": self._first_table,
            "table2": self._second_table,
            "header": self._header,
            "header2": self._header,
            "hash": self._hash,
            "digest": self._digest,
            "error2": self._errors,
            "incomplete": self._incomplete,
            "ltree": self._logical,
            "ltypes": self._logical,
            "next": self._end,
            "done": self._end,
        }.get(section.type)
        if take is not None:  # else session, xheader, xhash, or what we do not know
            take(section)

    def _damaged(self, message: str) -> DamagedImageError:
        return DamagedImageError(message, where=self._file.name)

    def _read(self, section: _Section, length: int) -> bytes:
        data = self._file.read_at(section.start, min(length, section.end - section.start))
        if len(data) < length:
            raise self._damaged(f"{section.type} section at {section.start} is too short")
        return data

    def _checked(self, section: _Section, length: int) -> bytes:
        """Return content whose last four bytes are the Adler-32 of the rest."""
        data = self._read(section, length)
        if isal_zlib.adler32(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise self._damaged(f"{section.type} section at {section.start} has a wrong checksum")
        return data

    def _end(self, section: _Section) -> None:
        self.last = section.type

    def _chunks(self, section: _Section) -> None:
        self._sectors = section

    def _incomplete(self, section: _Section) -> None:
        self._content.notes.append(f"{self._file.name}: marked {section.type} by the imager")

    def _logical(self, section: _Section) -> None:
        raise self._damaged(f"holds logical evidence ({section.type}) but is signed as an image")

    def _geometry(self, section: _Section) -> Geometry:
        smart = section.end - section.start < _VOLUME_SIZE
        data = self._checked(section, _SMART_VOLUME_SIZE if smart else _VOLUME_SIZE)
        chunks, per_chunk, sector_size, sectors = (_SMART_VOLUME if smart else _VOLUME).unpack_from(
            data
        )
        chunk_size = per_chunk * sector_size
        if not 0 < chunk_size <= _MAX_CHUNK or sectors == 0:
            raise self._damaged(
                f"impossible geometry: {sectors} sectors of {sector_size} bytes,"
                f" {per_chunk} to a chunk"
            )
        return Geometry(
            chunks=chunks,
            chunk_size=chunk_size,
            sector_size=sector_size,
            media_size=sectors * sector_size,
            set_id=bytes(16) if smart else data[_SET_ID],
        )

    def _volume(self, section: _Section) -> None:
        if self._content.geometry is not None:
            raise self._damaged("has two volume sections")
        self._content.geometry = self._geometry(section)

    def _data(self, section: _Section) -> None:
        """Take the copy of the volume section that tells which set a later segment is of."""
        try:
            geometry = self._geometry(section)
        except DamagedImageError:  # some imagers write a wrong one, and nothing depends on it
            self._content.notes.append(f"{self._file.name}: data section is not valid")
            return
        if self._content.geometry is None:
            self._content.geometry = geometry

    def _first_table(self, section: _Section) -> None:
        try:
            table, self._primary = self._table(section)
        except DamagedImageError as error:
            self._pending = error
        else:
            self._content.tables.append(table)

    def _second_table(self, section: _Section) -> None:
        """Compare the mirror with the table before it, or use it in its place."""
        primary, self._primary = self._primary, None
        try:
            table, mirror = self._table(section)
        except DamagedImageError as error:
            if primary is None:
                raise
            self._content.notes.append(f"{error}; its first copy is used")
            return
        if primary is None:
            self._content.tables.append(table)
        elif mirror != primary:
            self._content.notes.append(f"{self._file.name}: table and table2 differ")
        if self._pending is not None:
            self._content.notes.append(f"{self._pending}; its second copy is used")
            self._pending = None

    def _table(self, section: _Section) -> tuple[Table, tuple[int, int]]:
        """Return the table and what identifies its content: base and Adler-32 of the entries.

        The chunks lie in the sectors section before it or, in the oldest formats, in the table
        section itself; then SMART has no checksum after the entries and EnCase 1 has.
        """
        header = self._read(section, _TABLE.size)
        count, base, checksum = _TABLE.unpack(header)
        entries_at = section.start + _TABLE.size
        entries_end = entries_at + 4 * count
        if isal_zlib.adler32(header[:20]) != checksum:
            raise self._damaged(f"{section.type} at {section.start} has a wrong checksum")
        if not 0 < count <= _MAX_ENTRIES or entries_end > section.end:
            raise self._damaged(f"{section.type} at {section.start} cannot hold {count} chunks")
        data = self._file.read_at(entries_at, 4 * count + 4)
        entries, footer = data[: 4 * count], data[4 * count :]
        first = (int.from_bytes(entries[:4], "little") & 0x7FFFFFFF) + base
        sectors = self._sectors
        if sectors is not None and sectors.start <= first < sectors.end:
            data_start, data_end = sectors.start, sectors.end
        elif entries_end <= first < section.end:
            data_start, data_end = entries_end, section.end
        else:
            raise self._damaged(f"{section.type} at {section.start} points outside its chunks")
        adler = isal_zlib.adler32(entries)
        if first != entries_end and adler != int.from_bytes(footer, "little"):
            raise self._damaged(
                f"entries of {section.type} at {section.start} have a wrong checksum"
            )
        table = Table(
            file=self._file,
            entries_at=entries_at,
            count=count,
            base=base,
            data_start=data_start,
            data_end=data_end,
        )
        return table, (base, adler)

    def _header(self, section: _Section) -> None:
        """Take the first header of each kind; header2 knows more than header and comes first."""
        raw = self._file.read_at(section.start, min(section.end - section.start, _MAX_TEXT))
        try:
            text = isal_zlib.decompressobj().decompress(raw, _MAX_TEXT)
        except IsalError:  # type: ignore[misc]  # the stub calls the class an instance
            self._content.notes.append(f"{self._file.name}: {section.type} cannot be inflated")
            return
        for name, value in header_values(text).items():
            self._content.header.setdefault(name, value)

    def _hash(self, section: _Section) -> None:
        self._add_hashes(self._checked(section, 36), (("md5", 0, 16),))

    def _digest(self, section: _Section) -> None:
        self._add_hashes(self._checked(section, 80), (("md5", 0, 16), ("sha1", 16, 36)))

    def _add_hashes(self, data: bytes, fields: tuple[tuple[str, int, int], ...]) -> None:
        for name, start, end in fields:
            if any(data[start:end]):  # zeros: the imager computed none
                self._content.hashes.append((name, data[start:end].hex()))

    def _errors(self, section: _Section) -> None:
        header = self._checked(section, _ERROR2_HEADER)
        count = int.from_bytes(header[:4], "little")
        if count > _MAX_ERRORS:
            raise self._damaged(f"lists {count} unreadable ranges")
        body = _Section(type=section.type, start=section.start + len(header), end=section.end)
        entries = self._checked(body, 8 * count + 4)[:-4]
        self._content.unreadable.extend(struct.iter_unpack("<II", entries))


def header_values(data: bytes) -> dict[str, str]:
    """Return the acquisition values of an inflated header or header2 section as text.

    Lines: number of categories, `main`, tab-separated names, tab-separated values. Dates become
    ISO 8601, with `Z` where the header has seconds since 1970 and without a zone where it has
    the imager's wall clock. Of a password hash only the fact is kept: it is a secret.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = data.decode("utf-16", "replace")
    else:
        text = data.decode("utf-8", "surrogateescape")
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    at = lines.index("main") if "main" in lines else len(lines)
    if at + 2 >= len(lines):
        return {}
    values = {}
    for key, value in zip(lines[at + 1].split("\t"), lines[at + 2].split("\t"), strict=False):
        if not value or key not in _HEADER_NAMES or (key == "p" and value == "0"):
            continue
        if key == "p":
            value = "set"  # noqa: PLW2901 - replaced at once, before anybody can see it
        values[_HEADER_NAMES[key]] = _date(value) if key in _DATES else value
    return values


def _date(value: str) -> str:
    numbers = value.split(" ")
    try:
        if len(numbers) == 1:
            return datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        year, month, day, hour, minute, second = (int(number) for number in numbers)
        return datetime(year, month, day, hour, minute, second).isoformat()  # noqa: DTZ001
    except (ValueError, OverflowError, OSError):
        return value
