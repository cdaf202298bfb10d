"""Write EWF-E01 images for tests: EnCase-6-like, deterministic, split where asked, breakable.

Each segment is a list of sections that a test may change before it is assembled, so that damage
can be put anywhere with checksums that fit again, or do not.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 64 * 512
HEADER = "1\nmain\na\tc\tn\te\tt\tav\tov\tm\tu\tp\n{}\n\n"
VALUES = "a disk\tcase 7\titem 3\tE. Xaminer\tno notes\t6.19\tLinux\t1700000000\t1700000000\t0"


def adler(data: bytes) -> bytes:
    return struct.pack("<I", zlib.adler32(data))


@dataclass
class Section:
    """A section; `following` and `size` are only set to lie."""

    type: str
    body: bytes = b""
    following: int | None = None
    size: int | None = None
    bad_checksum: bool = False


@dataclass
class Segment:
    number: int
    sections: list[Section] = field(default_factory=list)

    def find(self, kind: str) -> Section:
        return next(section for section in self.sections if section.type == kind)

    def assembled(self) -> bytes:
        data = bytearray(b"EVF\x09\x0d\x0a\xff\x00\x01" + struct.pack("<HH", self.number, 0))
        for section in self.sections:
            start, length = len(data), 76 + len(section.body)
            last = section.type in {"next", "done"}
            following = start if last else start + length
            following = section.following if section.following is not None else following
            size = section.size if section.size is not None else 0 if last else length
            head = struct.pack("<16sQQ40x", section.type.encode(), following, size)
            data += head + (bytes(4) if section.bad_checksum else adler(head)) + section.body
        return bytes(data)


def segments(
    media: bytes,
    *,
    per_segment: int = 10**6,
    compress: bool = True,
    errors: tuple[tuple[int, int], ...] = (),
    values: str = VALUES,
) -> list[Segment]:
    """Return the segments of an image of `media`, of `per_segment` chunks each."""
    chunks = [media[at : at + CHUNK] for at in range(0, len(media), CHUNK)]
    guid = hashlib.md5(media, usedforsecurity=False).digest()
    volume = struct.pack("<B3xIIIQ", 1, len(chunks), 64, 512, len(media) // 512)
    volume = volume.ljust(64, b"\x00") + guid + bytes(1048 - 80)
    volume += adler(volume)
    groups = [chunks[at : at + per_segment] for at in range(0, len(chunks), per_segment)]
    made = []
    for number, group in enumerate(groups, start=1):
        segment = Segment(number)
        if number == 1:
            text = HEADER.format(values)
            wide = zlib.compress(b"\xff\xfe" + text.encode("utf-16-le"))
            narrow = zlib.compress(text.replace("\n", "\r\n").encode())
            segment.sections += [Section("header2", wide), Section("header", narrow)]
            segment.sections.append(Section("volume", volume))
        else:
            segment.sections.append(Section("data", volume))
        segment.sections += _chunks(segment, group, compress=compress)
        made.append(segment)
        segment.sections += [Section("next")] if number < len(groups) else _ending(media, errors)
    return made


def _chunks(segment: Segment, group: list[bytes], *, compress: bool) -> Iterator[Section]:
    """Yield sectors, table and table2, with offsets from the start of the sectors section."""
    base = len(segment.assembled())
    stored, entries = bytearray(), []
    for chunk in group:
        packed = zlib.compress(chunk, 6)
        flag = 0
        if compress and len(packed) < len(chunk):
            flag = 1 << 31
        else:
            packed = chunk + adler(chunk)
        entries.append(76 + len(stored) | flag)
        stored += packed
    yield Section("sectors", bytes(stored))
    body = table(base, entries)
    yield Section("table", body)
    yield Section("table2", body)


def table(base: int, entries: list[int]) -> bytes:
    head = struct.pack("<I4xQ4x", len(entries), base)
    offsets = struct.pack(f"<{len(entries)}I", *entries)
    return head + adler(head) + offsets + adler(offsets)


def _ending(media: bytes, errors: tuple[tuple[int, int], ...]) -> Iterator[Section]:
    if errors:
        head = struct.pack("<I512x", len(errors))
        ranges = b"".join(struct.pack("<II", *item) for item in errors)
        yield Section("error2", head + adler(head) + ranges + adler(ranges))
    md5 = hashlib.md5(media, usedforsecurity=False).digest()
    digest = md5 + hashlib.sha1(media, usedforsecurity=False).digest() + bytes(40)
    yield Section("digest", digest + adler(digest))
    yield Section("hash", md5 + bytes(16) + adler(md5 + bytes(16)))
    yield Section("done")


def write(folder: Path, made: list[Segment], stem: str = "disk") -> Path:
    """Write the segments as STEM.E01, .E02, … and return the path of the first."""
    for segment in made:
        (folder / f"{stem}.E{segment.number:02}").write_bytes(segment.assembled())
    return folder / f"{stem}.E01"
