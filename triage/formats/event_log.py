"""Event logs of Windows Vista and later (`.evtx`): records by their fields, without the XML.

A record is a template and values. Of a template only the places of its values are read, once for
each of its GUIDs, so an event costs what its values cost, and one that nobody asks for little. A
damaged chunk is passed over; chunks and records are bounded by the file.

Format: https://github.com/libyal/libevtx/blob/main/documentation (Windows XML Event Log format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from triage.errors import ParseError
from triage.model import Reader

MAGIC = b"ElfFile\0"
CHUNK = 1 << 16
"""Bytes of a chunk, which holds all that its records refer to."""

_FIRST = 4096  # bytes of the file's header
_RECORDS_AT = 512  # in a chunk
_RECORD = struct.Struct("<IIQQ")
_RECORD_MAGIC = 0x2A2A
_CHUNK_LIMIT = 65_536
_DEPTH = 16
_TOKENS = 5_000  # of one template
_VALUES = 1_000
_TEMPLATES = 4_096
_TEXT = 8_192  # characters of one value

Field = tuple[str, int | str]  # `EventData/TargetUserName` → number of the value, or its text


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record. `written` is FILETIME; values are texts and numbers as the record has them."""

    record: int
    written: int
    event_id: int
    provider: str
    values: dict[str, str | int]

    def text(self, name: str) -> str:
        """Return a value as text, empty when there is none or it is `-`."""
        value = str(self.values.get(name, ""))
        return "" if value == "-" else value


@dataclass(slots=True)
class _Layout:
    """Where a template has its values."""

    fields: list[Field] = field(default_factory=list)
    tokens: int = 0
    unnamed: int = 0


class EventLog:
    """The records of a log. Raises ParseError; `damaged` counts chunks and records passed over."""

    def __init__(self, reader: Reader) -> None:
        if reader.read_at(0, len(MAGIC)) != MAGIC:
            raise ParseError("not an event log")
        self._reader = reader
        self._layouts: dict[tuple[bytes, int], _Layout] = {}
        self.damaged = 0
        self.records = 0

    def events(self, wanted: frozenset[int]) -> Iterator[Event]:
        """Yield the events with these ids, in the order of the file."""
        for number in range(_CHUNK_LIMIT):
            at = _FIRST + number * CHUNK
            if at + _RECORDS_AT > self._reader.size:
                return
            chunk = self._reader.read_at(at, CHUNK)
            if chunk[:8] == b"ElfChnk\0":
                yield from self._of_chunk(chunk, wanted)
            elif any(chunk[:8]):
                self.damaged += 1

    def _of_chunk(self, chunk: bytes, wanted: frozenset[int]) -> Iterator[Event]:
        end = min(int.from_bytes(chunk[48:52], "little"), len(chunk))
        at = _RECORDS_AT
        while at + _RECORD.size <= end:
            magic, size, number, written = _RECORD.unpack_from(chunk, at)
            if magic != _RECORD_MAGIC or size < _RECORD.size or at + size > len(chunk):
                self.damaged += 1
                return
            self.records += 1
            try:
                event = self._event(chunk, at + _RECORD.size, number, written, wanted)
            except (struct.error, IndexError, ParseError):
                self.damaged += 1
                event = None
            if event is not None:
                yield event
            at += size

    def _event(
        self, chunk: bytes, at: int, number: int, written: int, wanted: frozenset[int]
    ) -> Event | None:
        found: dict[str, tuple[int, int, int] | str] = {}
        self._fragment(chunk, at, "", found, 0)
        raw = _value(chunk, found.get("Event/System/EventID", ""))
        told = str(raw)
        event_id = int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else -1  # noqa: PLR2004 - u16
        if event_id not in wanted:
            return None
        values: dict[str, str | int] = {}
        for name, place in found.items():
            short = name.removeprefix("Event/").removeprefix("EventData/")
            values[short] = _value(chunk, place)
        return Event(
            record=number,
            written=written,
            event_id=event_id,
            provider=str(values.get("System/Provider@Name", "")),
            values=values,
        )

    def _fragment(
        self,
        chunk: bytes,
        at: int,
        prefix: str,
        found: dict[str, tuple[int, int, int] | str],
        depth: int,
    ) -> None:
        """Read a fragment that is an instance of a template, and those inside it."""
        if depth > _DEPTH or chunk[at] != 0x0F or chunk[at + 4] != 0x0C:  # noqa: PLR2004 - tokens
            return
        at += 4
        (definition,) = struct.unpack_from("<I", chunk, at + 6)
        layout = self._layout(chunk, definition)
        if definition > at:  # the template stands here, its instance behind it
            (length,) = struct.unpack_from("<I", chunk, definition + 20)
            place = definition + 24 + length
        else:
            place = at + 10
        (count,) = struct.unpack_from("<I", chunk, place)
        if count > _VALUES:
            raise ParseError("an event with too many values")
        data = place + 4 + 4 * count
        places = []
        for index in range(count):
            size, kind = struct.unpack_from("<HB", chunk, place + 4 + 4 * index)
            places.append((data, size, kind))
            data += size
        for name, where in layout.fields:
            full = f"{prefix}{name}"
            if isinstance(where, str):
                found[full] = where
            elif where < len(places):
                start, size, kind = places[where]
                if kind == 0x21 and size > 10:  # noqa: PLR2004 - a fragment inside
                    above = full.rpartition("/")[0]
                    self._fragment(chunk, start, f"{above}/" if above else "", found, depth + 1)
                elif size:
                    found[full] = (start, size, kind)

    def _layout(self, chunk: bytes, definition: int) -> _Layout:
        """Return where a template has its values, from its first appearance on."""
        guid = chunk[definition + 4 : definition + 20]
        (length,) = struct.unpack_from("<I", chunk, definition + 20)
        known = self._layouts.get((guid, length))
        if known is None:
            known = _Layout()
            _element(chunk, definition + 28, known, "", 0)
            if len(self._layouts) < _TEMPLATES:
                self._layouts[guid, length] = known
        return known


def _element(chunk: bytes, at: int, layout: _Layout, path: str, depth: int) -> int:
    """Read one element of a template; return the place behind it."""
    if depth > _DEPTH or chunk[at] & 0xBF != 0x01:
        raise ParseError("an event whose template is damaged")
    name, place = _name(chunk, at + 7, at + 11)
    attributes: dict[str, int | str] = {}
    if chunk[at] & 0x40:
        attributes, place = _attributes(chunk, place + 4)
    label = attributes.get("Name")
    here = f"{path}/{name}" if path else name
    if name == "Data" and isinstance(label, str):
        here = f"{path}/{label}"
    elif name == "Data":  # older programs give their texts no names
        layout.unnamed += 1
        here = f"{path}/Data{layout.unnamed}"
    layout.fields += [(f"{here}@{key}", value) for key, value in attributes.items()]
    if chunk[place] == 0x03:  # noqa: PLR2004 - an empty element
        return place + 1
    if chunk[place] != 0x02:  # noqa: PLR2004 - its content follows
        raise ParseError("an event whose template is damaged")
    place += 1
    while chunk[place] != 0x04:  # noqa: PLR2004 - its end
        layout.tokens += 1
        if layout.tokens > _TOKENS:
            raise ParseError("an event whose template is too long")
        if chunk[place] & 0xBF == 0x01:
            place = _element(chunk, place, layout, here, depth + 1)
        else:
            value, place = _content(chunk, place)
            layout.fields.append((here, value))
    return place + 1


def _attributes(chunk: bytes, at: int) -> tuple[dict[str, int | str], int]:
    """Return attributes by name, and the place behind them."""
    found: dict[str, int | str] = {}
    while chunk[at] & 0xBF == 0x06 and len(found) < _VALUES:  # noqa: PLR2004 - an attribute
        key, at = _name(chunk, at + 1, at + 5)
        found[key], at = _content(chunk, at)
    return found, at


def _content(chunk: bytes, at: int) -> tuple[int | str, int]:
    """Return a text or the number of a value, and the place behind it."""
    token = chunk[at] & 0xBF
    if token == 0x05:  # noqa: PLR2004 - text
        (count,) = struct.unpack_from("<H", chunk, at + 2)
        raw = chunk[at + 4 : at + 4 + 2 * count]
        return raw.decode("utf-16-le", "replace"), at + 4 + 2 * count
    if token in (0x0D, 0x0E):  # a value
        (number,) = struct.unpack_from("<H", chunk, at + 1)
        return number, at + 4
    if token == 0x08:  # noqa: PLR2004 - a character
        return chr(int.from_bytes(chunk[at + 1 : at + 3], "little")), at + 3
    if token == 0x09:  # noqa: PLR2004 - an entity
        name, place = _name(chunk, at + 1, at + 5)
        return name, place
    raise ParseError("an event whose template has an unknown part")


def _name(chunk: bytes, reference: int, behind: int) -> tuple[str, int]:
    """Return a name and the place behind it, or behind the reference if it stands elsewhere."""
    (offset,) = struct.unpack_from("<I", chunk, reference)
    (count,) = struct.unpack_from("<H", chunk, offset + 6)
    name = chunk[offset + 8 : offset + 8 + 2 * count].decode("utf-16-le", "replace")
    return name, behind + 10 + 2 * count if offset == behind else behind


_INTEGERS = {3: True, 4: False, 5: True, 6: False, 7: True, 8: False, 9: True, 10: False}


def _value(chunk: bytes, place: tuple[int, int, int] | str) -> str | int:
    """Return a value as text or number: SID and GUID as text, FILETIME as the number."""
    if isinstance(place, str):
        return place
    start, size, kind = place
    raw = chunk[start : start + size]
    if kind == 0x81:  # noqa: PLR2004 - several texts
        return raw[: 2 * _TEXT].decode("utf-16-le", "replace").rstrip("\0").replace("\0", " | ")
    if kind == 0x01:
        return raw[: 2 * _TEXT].decode("utf-16-le", "replace").rstrip("\0")
    if kind == 0x02:  # noqa: PLR2004 - text of one byte a character
        return raw[:_TEXT].decode("cp1252", "replace").rstrip("\0")
    if kind in _INTEGERS:
        return int.from_bytes(raw[:8], "little", signed=_INTEGERS[kind])
    if kind in (0x0D, 0x10, 0x11, 0x14, 0x15):
        return int.from_bytes(raw[:8], "little")
    if kind == 0x0F and size == 16:  # noqa: PLR2004 - a GUID
        return str(UUID(bytes_le=raw))
    if kind == 0x13 and size >= 8:  # noqa: PLR2004 - a SID
        parts = struct.unpack_from(f"<{(size - 8) // 4}I", raw, 8)
        return "-".join(("S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)))
    return raw[:64].hex()
