"""LVM2: logical volumes put together from the physical ones that an image holds.

Source: LVM2 2.03 `lib/format_text/layout.h` and `import_vsn1.c`, `lib/label/label.h`; checked with
volumes of lvm2. Linear and striped segments are read. Thin, cached, mirrored and RAID volumes and
snapshots are named with what they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from triage.errors import ParseError
from triage.evidence.decrypted import Area, Areas
from triage.evidence.layers import Layer
from triage.model import Reader, Volume

SCHEME: Final = "lvm"

REST: Final = "rest"
"""Name of the layer that is what no logical volume takes."""

_SECTOR: Final = 512
_MAGIC: Final = b" LVM2 x[5A%r0N*>"
_IGNORED: Final = 1  # RAW_LOCN_IGNORED
_MOST_TEXT: Final = 16 << 20
_MOST_DEEP: Final = 16
_MOST_TOKENS: Final = 2_000_000
_MOST_VOLUMES: Final = 4096
_MOST_AREAS: Final = 1 << 20
_TOKEN: Final = re.compile(
    r'\s+|#[^\n]*|(?P<word>[A-Za-z0-9_.+-]+)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<sign>[{}=\[\],])'
)
_NAME: Final = re.compile(r"[A-Za-z0-9_.+-]{1,128}")

_Section: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalVolume:
    """One of the volumes that a group is made of, and what its copy of the metadata says."""

    identifier: str
    volume: Volume
    group: str
    sequence: int
    text: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A logical volume that is there and cannot be read. `length` in bytes."""

    name: str
    kind: str
    length: int
    problem: str


def read_physical(reader: Reader, volume: Volume) -> PhysicalVolume:
    """Read the label and the metadata of a physical volume. Raises ParseError, EvidenceError."""
    head = reader.read_at(volume.offset, 4 * _SECTOR)
    for start in range(0, len(head), _SECTOR):
        sector = head[start : start + _SECTOR]
        if sector[:8] == b"LABELONE" and sector[24:32] == b"LVM2 001":
            break
    else:
        raise ParseError("no label of LVM")
    at = start + int.from_bytes(sector[20:24], "little")
    identifier = head[at : at + 32].decode("ascii", "replace")
    pairs = list(struct.iter_unpack("<QQ", head[at + 40 : at + 40 + 32 * 16].ljust(512, b"\0")))
    first_end = pairs.index((0, 0)) if (0, 0) in pairs else len(pairs)
    best: tuple[int, str, _Section] | None = None
    for place, size in pairs[first_end + 1 :]:
        if (place, size) == (0, 0):
            break
        text = _metadata(reader, volume, place, size)
        if text is None:
            continue
        for name, section in _parsed(text).items():
            if isinstance(section, dict) and "physical_volumes" in section:
                sequence = _sequence(section)
                if best is None or sequence > best[0]:
                    best = (sequence, name, section)
    if best is None:
        return PhysicalVolume(identifier=identifier, volume=volume, group="", sequence=-1, text={})
    return PhysicalVolume(
        identifier=identifier, volume=volume, group=best[1], sequence=best[0], text=best[2]
    )


def _sequence(section: _Section) -> int:
    sequence = section.get("seqno", 0)
    if not isinstance(sequence, int):
        raise ParseError("metadata of LVM with an odd number")
    return sequence


def _metadata(reader: Reader, volume: Volume, place: int, size: int) -> str | None:
    """Return the text of one area, which is written round and round behind its first sector."""
    if place + _SECTOR > volume.length:
        raise ParseError("metadata of LVM outside of the volume")
    header = reader.read_at(volume.offset + place, _SECTOR)
    if header[4:20] != _MAGIC:
        return None
    start, length, _, flags = struct.unpack_from("<QQII", header, 40)
    size = min(size, int.from_bytes(header[32:40], "little"), volume.length - place)
    if not length or flags & _IGNORED:
        return None
    if not _SECTOR <= start < size or length > min(size - _SECTOR, _MOST_TEXT):
        raise ParseError("odd sizes in the metadata of LVM")
    data = reader.read_at(volume.offset + place + start, min(length, size - start))
    if len(data) < length:
        data += reader.read_at(volume.offset + place + _SECTOR, length - len(data))
    return data.split(b"\0")[0].decode("utf-8", "replace")


def _parsed(text: str) -> _Section:
    """Read sections, values and lists. Raises ParseError."""
    root: _Section = {}
    stack = [root]
    tokens = _tokens(text)
    for kind, token in tokens:
        if (kind, token) == ("sign", "}"):
            if len(stack) == 1:
                raise ParseError("metadata of LVM that does not add up")
            stack.pop()
            continue
        follows = next(tokens, ("", ""))
        if kind != "word" or follows not in {("sign", "{"), ("sign", "=")}:
            raise ParseError("metadata of LVM that does not add up")
        if follows[1] == "{":
            if len(stack) > _MOST_DEEP:
                raise ParseError("metadata of LVM that is too deep")
            below: _Section = {}
            stack[-1][token] = below
            stack.append(below)
        else:
            stack[-1][token] = _value(tokens)
    return root


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = count = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or count > _MOST_TOKENS:
            raise ParseError("metadata of LVM that cannot be read")
        at, count = found.end(), count + 1
        if found.lastgroup is not None:
            yield found.lastgroup, found[found.lastgroup]


def _value(tokens: Iterator[tuple[str, str]]) -> Any:
    kind, token = next(tokens, ("", ""))
    if (kind, token) != ("sign", "["):
        return _scalar(kind, token)
    values: list[int | str] = []
    for kind, token in tokens:
        if (kind, token) == ("sign", "]"):
            return values
        if (kind, token) != ("sign", ","):
            values.append(_scalar(kind, token))
    raise ParseError("metadata of LVM that ends early")


def _scalar(kind: str, token: str) -> int | str:
    if kind == "text":
        return token
    if kind == "word" and re.fullmatch(r"-?\d{1,19}", token, re.ASCII):
        return int(token)
    if kind == "word":
        return token
    raise ParseError("metadata of LVM that does not add up")


def logical_volumes(
    reader: Reader, members: Sequence[PhysicalVolume]
) -> tuple[list[Layer], list[Unread]]:
    """Return the volumes of a group, sorted by name, and those that cannot be read.

    `members` are the physical volumes of the group that there are. Raises ParseError.
    """
    newest = max(members, key=lambda member: member.sequence)
    group = newest.text
    try:
        extent = int(group["extent_size"]) * _SECTOR
        starts = _starts(group, members)
        listed: Mapping[str, _Section] = group.get("logical_volumes", {})
        found: list[Layer] = []
        unread: list[Unread] = []
        used: list[tuple[int, int]] = []
        for name in sorted(listed)[:_MOST_VOLUMES]:
            section = listed[name]
            if "VISIBLE" not in section["status"]:
                continue  # a part of another one
            shown = f"lv-{name}" if _NAME.fullmatch(name) else f"lv-{len(found) + len(unread)}"
            segments = _segments(section)
            length = sum(int(segment["extent_count"]) for segment in segments) * extent
            try:
                areas = list(_areas(segments, extent, starts, _MOST_AREAS - len(used)))
            except ParseError as error:
                kinds = sorted({str(segment["type"]) for segment in segments})
                kind = re.sub("[^a-z0-9-]", "", " ".join(kinds))[:32]
                problem = f"logical volume of LVM: {error.message}"
                unread.append(Unread(name=shown, kind=kind, length=length, problem=problem))
                continue
            details = {"uuid": str(section.get("id", "")), "volume_group": newest.group}
            used += [(area.below or 0, (area.below or 0) + area.length) for area in areas]
            found.append(
                Areas(
                    reader,
                    areas,
                    name=shown,
                    description="logical volume of LVM",
                    details={key: text[:128] for key, text in details.items() if text},
                )
            )
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ParseError("metadata of LVM that does not add up") from None
    return [*found, *_rest(reader, members, used)], unread


def _rest(
    reader: Reader, members: Sequence[PhysicalVolume], used: list[tuple[int, int]]
) -> Iterator[Layer]:
    """Yield what no volume that is read takes, as one layer: deleted volumes are in it."""
    free: list[Area] = []
    at = 0
    for volume in sorted((member.volume for member in members), key=lambda v: v.offset):
        place, last = volume.offset, volume.offset + volume.length
        inside = sorted(part for part in used if place <= part[0] < last)
        for start, end in [*inside, (last, last)]:
            if place < start:
                free.append(Area(at=at, length=start - place, below=place))
                at += start - place
            place = max(place, end)
    if free:
        yield Areas(reader, free, name=REST, description="in no logical volume", details={})


def _starts(group: _Section, members: Sequence[PhysicalVolume]) -> dict[str, tuple[int, int]]:
    """Return for each name of a physical volume where its extents begin and end in the image."""
    known = {member.identifier: member.volume for member in members}
    starts = {}
    for name, section in group["physical_volumes"].items():
        volume = known.get(str(section["id"]).replace("-", ""))
        if volume is not None:
            first = volume.offset + max(0, int(section["pe_start"])) * _SECTOR
            starts[name] = (first, volume.offset + volume.length)
    return starts


def _segments(section: _Section) -> list[_Section]:
    count = int(section["segment_count"])
    if not 0 < count <= _MOST_AREAS:
        raise ParseError("odd number of segments in LVM")
    segments = [section[f"segment{number + 1}"] for number in range(count)]
    return sorted(segments, key=lambda segment: int(segment["start_extent"]))


def _areas(
    segments: Sequence[_Section], extent: int, starts: Mapping[str, tuple[int, int]], most: int
) -> Iterator[Area]:
    at = made = 0
    for segment in segments:
        if segment["type"] != "striped":
            raise ParseError(f"of type {str(segment['type'])[:32]}, which is not read")
        length = int(segment["extent_count"]) * extent
        stripes = list(zip(segment["stripes"][::2], segment["stripes"][1::2], strict=True))
        if at != int(segment["start_extent"]) * extent or length <= 0 or not stripes:
            raise ParseError("its segments do not follow each other")
        missing = [name for name, _ in stripes if name not in starts]
        if missing:
            raise ParseError("a part of it lies on a disk that is not here")
        size = int(segment["stripe_size"]) * _SECTOR if len(stripes) > 1 else length
        if size <= 0 or length % (size * len(stripes)):
            raise ParseError("odd size of stripes")
        made += length // size
        if made > most:
            raise ParseError("more stripes than are read")
        for number in range(length // size):
            row, column = divmod(number, len(stripes))
            name, first = stripes[column]
            below = starts[name][0] + int(first) * extent + row * size
            if below < starts[name][0] or below + size > starts[name][1]:
                raise ParseError("a part of it lies outside of its physical volume")
            yield Area(at=at + number * size, length=size, below=below)
        at += length
