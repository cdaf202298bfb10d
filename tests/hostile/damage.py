"""Images with one kind of damage each: the rows of docs/damage.md."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.evidence.ewf_writer import CHUNK, Segment, adler, segments, write
from tests.hostile.fat import SECTOR, Fat

KIB64 = 2 * CHUNK  # what each segment of the images here holds


def media() -> bytes:
    """A FAT volume in eight chunks, with a known file in the first, the fifth and the last."""
    volume = Fat(sectors=8 * CHUNK // SECTOR)

    def cluster(chunk: int) -> int:
        return (chunk * CHUNK + 1024 - volume.first_data) // SECTOR + 2

    return volume.image(
        [
            volume.file("known-f.txt", b"front"),
            volume.file("known-m.txt", b"middle", at=cluster(4)),
            volume.file("known-b.txt", b"back", at=cluster(7)),
        ]
    )


MEDIA = media()
Do = Callable[[Path, list[Segment]], Path | None]


def lose(*numbers: int) -> Do:
    def do(folder: Path, _: list[Segment]) -> None:
        for number in numbers:
            (folder / f"disk.E{number:02}").unlink()

    return do


def cut(number: int) -> Do:
    def do(folder: Path, _: list[Segment]) -> None:
        path = folder / f"disk.E{number:02}"
        os.truncate(path, path.stat().st_size // 2)

    return do


def double(folder: Path, _: list[Segment]) -> None:
    (folder / "disk.E02").write_bytes((folder / "disk.E01").read_bytes())


def misnumber(folder: Path, made: list[Segment]) -> None:
    made[1].number = 7
    (folder / "disk.E02").write_bytes(made[1].assembled())


def swap(folder: Path, made: list[Segment]) -> None:
    (folder / "disk.E02").write_bytes(made[2].assembled())
    (folder / "disk.E03").write_bytes(made[1].assembled())


def rename(folder: Path, _: list[Segment]) -> None:
    (folder / "disk.E04").rename(folder / "disk.E05")


def change(number: int, kind: str, **changes: object) -> Do:
    def do(folder: Path, made: list[Segment]) -> None:
        section = made[number - 1].find(kind)
        for name, value in changes.items():
            setattr(section, name, value)
        write(folder, made)

    return do


def onto_itself(folder: Path, made: list[Segment]) -> None:
    data, sectors = made[1].sections[:2]
    sectors.following = 13 + 76 + len(data.body)
    write(folder, made)


def geometry(*, chunks: int = 8, per_chunk: int = 64, sector: int = 512, sectors: int = 512) -> Do:
    """Let every copy of the volume section say so, with checksums that fit."""

    def do(folder: Path, made: list[Segment]) -> None:
        for segment in made:
            for section in segment.sections:
                if section.type in {"volume", "data"}:
                    body = bytearray(section.body[:-4])
                    struct.pack_into("<IIIQ", body, 4, chunks, per_chunk, sector, sectors)
                    section.body = bytes(body) + adler(bytes(body))
        write(folder, made)

    return do


def raw(*sizes: int, lost: int = -1) -> Do:
    """Split the media after so many bytes; the last piece takes the rest."""

    def do(folder: Path, _: list[Segment]) -> Path:
        at = 0
        for number, size in enumerate(sizes):
            if number != lost:
                piece = MEDIA[at : at + size].ljust(size, b"\xee")
                (folder / f"disk.{number + 1:03}").write_bytes(piece)
            at += KIB64
        return folder / "disk.001"

    return do


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Damage that is refused, and what remains of it when the examiner insists."""

    do: Do
    says: str
    missing: tuple[tuple[int, int], ...] = ()
    known: frozenset[str] = frozenset({"front", "middle", "back"})


NOT_BACK, NOT_MIDDLE = frozenset({"front", "middle"}), frozenset({"front", "back"})
ALL = frozenset({"front", "middle", "back"})
SECOND, THIRD, FOURTH = (KIB64, KIB64), (2 * KIB64, KIB64), (3 * KIB64, KIB64)

REFUSED = {
    "E01: last segment missing": Damage(
        do=lose(4), says="disk.E04: this segment is missing", missing=(FOURTH,), known=NOT_BACK
    ),
    "E01: middle segment missing": Damage(
        do=lose(3), says="disk.E03: this segment is missing", missing=(THIRD,), known=NOT_MIDDLE
    ),
    "E01: two segments missing": Damage(
        do=lose(2, 4),
        says="disk.E02: this segment is missing",
        missing=((KIB64, 3 * KIB64),),
        known=frozenset({"front"}),
    ),
    "E01: last segment renamed": Damage(
        do=rename, says="disk.E04: this segment is missing", missing=(FOURTH,), known=NOT_BACK
    ),
    "E01: last segment cut short": Damage(
        do=cut(4), says="disk.E04: is cut short", missing=(FOURTH,), known=NOT_BACK
    ),
    "E01: middle segment cut short": Damage(
        do=cut(3), says="disk.E03: is cut short", missing=(THIRD,), known=NOT_MIDDLE
    ),
    "E01: a segment twice": Damage(
        do=double, says="disk.E02: is number 1 inside, not 2", missing=(SECOND,)
    ),
    "E01: segment number changed": Damage(
        do=misnumber, says="disk.E02: is number 7 inside, not 2", missing=(SECOND,)
    ),
    "E01: two segments swapped": Damage(
        do=swap,
        says="disk.E02: is number 3 inside, not 2",
        missing=((KIB64, 2 * KIB64),),
        known=NOT_MIDDLE,
    ),
    "E01: sections in a loop": Damage(
        do=change(2, "sectors", following=13),
        says="points back to 13",
        missing=(SECOND,),
    ),
    "E01: a section that follows itself": Damage(
        do=onto_itself,
        says="disk.E02: section at 1141 points back to 1141",
        missing=(SECOND,),
    ),
    "E01: a section with two ends": Damage(
        do=change(2, "sectors", size=500),
        says="ends in two places",
        missing=(SECOND,),
    ),
    "E01: a section descriptor changed": Damage(
        do=change(2, "table", bad_checksum=True),
        says="has a wrong checksum",
        missing=(SECOND,),
    ),
    "split raw: a gap": Damage(
        do=raw(KIB64, KIB64, KIB64, KIB64, lost=2),
        says="segment disk.003 is missing",
        missing=(THIRD,),
        known=NOT_MIDDLE,
    ),
    "split raw: a middle segment shorter": Damage(
        do=raw(KIB64, KIB64, 1000, KIB64),
        says="segment disk.003 has 1000 bytes",
        missing=((2 * KIB64 + 1000, KIB64 - 1000),),
        known=NOT_MIDDLE,
    ),
    "split raw: a middle segment empty": Damage(
        do=raw(KIB64, KIB64, 0, KIB64),
        says="segment disk.003 has 0 bytes",
        missing=(THIRD,),
        known=NOT_MIDDLE,
    ),
}

# With --allow-incomplete all their chunks are there; what was wrong is said all the same.
WHOLE_AFTER_ALL = {
    "E01: stored hash changed, its checksum not": Damage(
        do=change(4, "hash", body=b"\x11" * 32 + bytes(4)),
        says="disk.E04: hash section at 1790 has a wrong checksum",
    ),
    "E01: one chunk more than is there": Damage(
        do=geometry(chunks=9, sectors=576), says="holds 8 of the 9 chunks"
    ),
    "E01: 2^54 sectors": Damage(
        do=geometry(sectors=1 << 54), says="holds 8 of the 281474976710656 chunks"
    ),
    "E01: 2^64 - 1 sectors": Damage(
        do=geometry(sectors=(1 << 64) - 1), says="holds 8 of the 288230376151711744 chunks"
    ),
    "E01: 2^32 chunks": Damage(
        do=geometry(chunks=(1 << 32) - 1, sectors=((1 << 32) - 1) * 64),
        says="holds 8 of the 4294967295 chunks",
    ),
    "split raw: a middle segment longer": Damage(
        do=raw(KIB64, KIB64, KIB64 + 512, KIB64), says="segment disk.003 has 66048 bytes"
    ),
}

# Nothing can be opened, whatever the examiner says.
HOPELESS = {
    "E01: first segment missing": (
        lambda folder, made: lose(1)(folder, made) or folder / "disk.E02",
        "is segment 2 of an EWF image; give the first one, disk.E01",
    ),
    "E01: chunks of 2^40 bytes": (geometry(per_chunk=1 << 31), "impossible geometry"),
    "E01: sectors of 0 bytes": (geometry(sector=0), "impossible geometry"),
    "E01: no sectors": (geometry(sectors=0), "impossible geometry"),
    "split raw: a later segment alone": (
        lambda folder, _: raw(KIB64, KIB64)(folder, _) and folder / "disk.002",
        "is a later segment of a split image; give the first one, disk.001",
    ),
    "an empty file": (lambda folder, _: file(folder, b""), "is empty"),
    "less than a sector": (lambda folder, _: file(folder, b"MZ"), "less than a sector"),
    "no such file": (lambda folder, _: folder / "nothing", "No such file"),
}


def file(folder: Path, data: bytes) -> Path:
    (folder / "file").write_bytes(data)
    return folder / "file"


def damaged(folder: Path, do: Do) -> Path:
    made = segments(MEDIA, per_segment=2)
    first = write(folder, made)
    return do(folder, made) or first
