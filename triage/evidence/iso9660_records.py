"""The records of ISO 9660: volume descriptors, directory records, and Rock Ridge behind them.

Nothing in them is trusted: what does not fit its record is left out and said by `BrokenFieldError`.
Sources: ECMA-119 sections 8.4 (descriptors) and 9.1 (records), SUSP 1.12, RRIP 1.12.
"""

from __future__ import annotations

import codecs
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from triage.errors import EvidenceError, ParseError
from triage.model import Reader

codecs.lookup("utf-16-be")  # loaded now, for a locked worker can open no module

SECTOR = 2048
FOLDER, MORE, INTERLEAVED = 0x02, 0x80, 0x100
"""Flags of a record; the last is ours."""

_FIRST_DESCRIPTOR, _MOST_DESCRIPTORS = 16, 64  # sectors
_PRIMARY, _SUPPLEMENTARY, _END = 1, 2, 255
_JOLIET = (b"%/@", b"%/C", b"%/E")
_BLOCKS = (512, 1024, 2048)
_RECORD = struct.Struct("<BBI4xI4x7sBBBHHB")  # 33 bytes; both byte orders stand side by side
_SHORTEST = _RECORD.size
_MOST_CONTINUED = 64  # continuation areas of one record
_DOTS = (b"\x00", b"\x01")


class BrokenFieldError(ParseError):
    """A field does not fit where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One of the trees that a disc can have: its names differ, its files are mostly the same."""

    kind: str  # rock-ridge, joliet, plain
    block: int  # bytes
    root: int  # byte at which the content of the root begins
    size: int
    skip: int = 0  # bytes of each system use area that are not Rock Ridge's


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A directory record. Bytes count from the start of the volume, times are ns, wall clock."""

    at: int
    length: int
    name: bytes  # UTF-8 for Joliet, else as it stands
    flags: int
    start: int  # byte at which the content begins
    size: int
    recorded: int | None
    modified: int | None = None
    accessed: int | None = None
    target: bytes | None = None  # of a symbolic link
    moved: bool = False  # shown elsewhere, through a record that points here


def trees(volume: Reader) -> list[Tree]:
    """Return the trees of a disc, the one with the best names first. Raises EvidenceError."""
    found: list[Tree] = []
    for sector in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _MOST_DESCRIPTORS):
        head = volume.read_at(sector * SECTOR, SECTOR)
        if len(head) < SECTOR or head[1:6] != b"CD001" or head[0] == _END:
            break
        if head[0] not in {_PRIMARY, _SUPPLEMENTARY}:
            continue
        (block,) = struct.unpack_from("<H", head, 128)
        if block not in _BLOCKS:
            continue
        _, extended, extent, size, *_ = _RECORD.unpack_from(head, 156)
        joliet = head[0] == _SUPPLEMENTARY and head[88:91] in _JOLIET
        kind = "joliet" if joliet else "plain"
        tree = Tree(kind=kind, block=block, root=(extent + extended) * block, size=size)
        found.append(tree if joliet else _with_rock_ridge(volume, tree))
    order = ("rock-ridge", "joliet", "plain")
    return sorted(found, key=lambda tree: order.index(tree.kind))


def _with_rock_ridge(volume: Reader, tree: Tree) -> Tree:
    """Look for the fields that say so in the first record of the root."""
    data = volume.read_at(tree.root, SECTOR)
    if len(data) < SECTOR or not _SHORTEST < data[0] <= len(data):
        return tree
    area = data[_SHORTEST + 1 : data[0]]
    if area[:2] != b"SP" or area[4:6] != b"\xbe\xef":
        return tree
    try:
        names = {
            name if name != b"ER" or b"RRIP" in body or b"IEEE" in body else b"other"
            for name, body in _fields(volume, tree.block, area)
        }
    except BrokenFieldError:
        names = {b"RR"}
    if names.isdisjoint({b"RR", b"PX", b"ER"}):
        return tree
    return replace(tree, kind="rock-ridge", skip=area[6])


def records(volume: Reader, tree: Tree, start: int, size: int) -> Iterator[Record | None]:
    """Yield the records of a directory but for itself and its parent, None for a broken one.

    Raises EvidenceError when a sector of it cannot be read.
    """
    for sector in range(start, start + size, SECTOR):
        length = min(SECTOR, start + size - sector)
        data = volume.read_at(sector, length)
        if len(data) < length:
            raise EvidenceError("directory is cut")
        at = 0
        while at < length and data[at]:  # no record crosses into the next sector
            record = data[at : at + data[at]]
            if len(record) <= _SHORTEST or len(record) < data[at]:
                yield None
                break
            if record[32] != 1 or record[_SHORTEST : _SHORTEST + 1] not in _DOTS:
                yield from _parsed(volume, tree, sector + at, record)
            at += len(record)


def record_at(volume: Reader, tree: Tree, at: int) -> Record:
    """Return the record at a byte of the volume. Raises EvidenceError."""
    data = volume.read_at(at, 255)
    if not data or not _SHORTEST < data[0] <= len(data):
        raise EvidenceError("no directory record there")
    for record in _parsed(volume, tree, at, data[: data[0]]):
        if record is not None:
            return record
    raise EvidenceError("no directory record there")


def _parsed(volume: Reader, tree: Tree, at: int, data: bytes) -> Iterator[Record | None]:
    """Yield a record, and None behind it when not all of it can be read."""
    length, extended, extent, size, stamp, flags, unit, gap, *_, named = _RECORD.unpack_from(data)
    raw = data[_SHORTEST : _SHORTEST + named]
    record = Record(
        at=at,
        length=length,
        name=_plain(raw, tree.kind),
        flags=flags & (FOLDER | MORE) | (INTERLEAVED if unit or gap else 0),
        start=(extent + extended) * tree.block,
        size=size,
        recorded=_short_time(stamp),
    )
    area = data[_SHORTEST + named + (named + 1) % 2 :]
    try:
        yield _extended(volume, tree, record, area) if tree.kind == "rock-ridge" else record
    except BrokenFieldError:
        yield record
        yield None
    if _SHORTEST + named > length:
        yield None


def _plain(name: bytes, kind: str) -> bytes:
    """Return a name without its version and without a dot that ends it."""
    if kind == "joliet":
        text = name[: len(name) // 2 * 2].decode("utf-16-be", "surrogatepass")
        name = text.encode("utf-8", "surrogatepass")
    name = name.partition(b";")[0]
    return name.removesuffix(b".") or name


def _extended(volume: Reader, tree: Tree, record: Record, area: bytes) -> Record:
    """Return the record with what Rock Ridge says. Raises BrokenFieldError."""
    name, target, start, moved = b"", b"", record.start, False
    mode, times, flags = 0, {}, record.flags
    for field, body in _fields(volume, tree.block, area[tree.skip :]):
        match field:
            case b"NM" if body:
                name += body[1:]
            case b"PX" if len(body) >= 4:  # noqa: PLR2004
                mode = int.from_bytes(body[:4], "little")
            case b"SL" if body:
                target += _link(body[1:])
            case b"TF" if body:
                times = _times(body)
            case b"CL" if len(body) >= 4:  # noqa: PLR2004
                start, flags = int.from_bytes(body[:4], "little") * tree.block, flags | FOLDER
            case b"RE":
                moved = True
            case _:
                pass
    link = stat.S_ISLNK(mode)
    return replace(
        record,
        name=name or record.name,
        flags=flags,
        start=start,
        modified=times.get("modified"),
        accessed=times.get("accessed"),
        target=target.rstrip(b"/") or target if link else None,
        moved=moved,
    )


def _fields(volume: Reader, block: int, area: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each field, continuation areas too. Raises BrokenFieldError."""
    for _ in range(_MOST_CONTINUED):
        further: tuple[int, int, int] | None = None
        while len(area) >= 4 and area[0]:  # noqa: PLR2004 - name, length, version
            length = area[2]
            if not 4 <= length <= len(area):  # noqa: PLR2004
                raise BrokenFieldError("a field of Rock Ridge is longer than its record")
            name, body, area = area[:2], area[4:length], area[length:]
            if name == b"ST":
                break
            if name == b"CE" and len(body) >= 24:  # noqa: PLR2004
                further = struct.unpack("<I4xI4xI4x", body[:24])
            yield name, body
        if further is None:
            return
        number, offset, length = further
        try:
            area = volume.read_at(number * block + offset, min(length, SECTOR))
        except EvidenceError:
            area = b""
        if not area:
            raise BrokenFieldError("Rock Ridge goes on where nothing is")
    raise BrokenFieldError("Rock Ridge goes on without end")


_CURRENT, _PARENT, _ROOT = 2, 4, 8


def _link(components: bytes) -> bytes:
    """Return a piece of a link's target, each part followed by `/` unless it goes on."""
    parts = b""
    while len(components) >= 2:  # noqa: PLR2004 - flags and length
        flags, length = components[0], components[1]
        content, components = components[2 : 2 + length], components[2 + length :]
        if flags & _ROOT:
            parts += b"/"
            continue
        parts += {_CURRENT: b".", _PARENT: b".."}.get(flags & (_CURRENT | _PARENT), content)
        parts += b"" if flags & 1 else b"/"
    return parts


def _times(body: bytes) -> dict[str, int | None]:
    """Return modified and accessed of a TF field; which times it has say its flags, in order."""
    flags, at = body[0], 1
    size = 17 if flags & 0x80 else 7
    times: dict[str, int | None] = {}
    for bit, name in enumerate(("created", "modified", "accessed", "changed")):
        if flags & 1 << bit:
            stamp = body[at : at + size]
            times[name] = _long_time(stamp) if size == 17 else _short_time(stamp)  # noqa: PLR2004
            at += size
    return times


def _short_time(stamp: bytes) -> int | None:
    if len(stamp) < 6:  # noqa: PLR2004 - the seventh is the zone
        return None
    year, month, day, hour, minute, second = stamp[:6]
    return _ns(1900 + year, month, day, hour, minute, second)


def _long_time(stamp: bytes) -> int | None:
    if len(stamp) < 16 or not stamp[:16].isdigit():  # noqa: PLR2004
        return None
    parts = (
        int(stamp[at:end]) for at, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    return _ns(*parts)


def _ns(*parts: int) -> int | None:
    year, month, day, hour, minute, second = parts
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 10**9
