"""Each row of docs/damage.md: what damage, what the command says, which exit code."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Triage
from tests.evidence.ewf_writer import CHUNK, Segment, adler, segments, write
from tests.hostile.conftest import PLUGINS, Command, Outcome
from tests.hostile.fat import SECTOR, Fat
from triage.errors import ExitCode

KIB64 = 2 * CHUNK  # what each segment of the images here holds
RUN = ("--plugins", PLUGINS, "--only", "hostile.test.known", "--jobs", "1")


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

# Opened with --allow-incomplete all their chunks are there, and the run ends with 0.
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


def rows(table: dict[str, Any]) -> Any:
    return [pytest.param(value, id=name) for name, value in table.items()]


def image_of(outcome: Outcome) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((outcome.bundle / "data" / "run.json").read_text())["image"]
    return value


@pytest.mark.parametrize("damage", rows(REFUSED | WHOLE_AFTER_ALL))
def test_damage_is_refused_by_name(command_line: Command, tmp_path: Path, damage: Damage) -> None:
    path = damaged(tmp_path, damage.do)
    for arguments in (("info", path), ("run", path, "-o", tmp_path / "bundle", *RUN)):
        ran = command_line(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert damage.says in ran.err
        assert len(ran.err.splitlines()) == 1
    assert not list(tmp_path.glob("bundle*"))


@pytest.mark.parametrize(("do", "says"), [pytest.param(*v, id=k) for k, v in HOPELESS.items()])
@pytest.mark.parametrize("insist", [False, True], ids=["", "allow-incomplete"])
def test_what_cannot_be_opened_is_refused(
    command_line: Command, tmp_path: Path, do: Do, says: str, insist: bool
) -> None:
    path = damaged(tmp_path, do)
    option = ["--allow-incomplete"] if insist else []
    ran = command_line("run", path, "-o", tmp_path / "bundle", *RUN, *option)
    assert ran.code == 1
    assert says in ran.err


def insisted(command_line: Command, folder: Path, damage: Damage) -> Outcome:
    bundle = folder / "bundle"
    path = damaged(folder, damage.do)
    ran = command_line("run", path, "-o", bundle, *RUN, "--allow-incomplete")
    outcome = Outcome(code=ExitCode(ran.code), bundle=bundle)
    assert any(damage.says in note for note in image_of(outcome)["notes"])
    assert outcome.known == damage.known
    return outcome


@pytest.mark.parametrize("damage", rows(REFUSED))
def test_what_is_left_is_examined_and_the_rest_is_said(
    command_line: Command, tmp_path: Path, damage: Damage
) -> None:
    outcome = insisted(command_line, tmp_path, damage)
    assert outcome.code == 3
    counted = [line for line in outcome.lines("coverage") if line["counts"]]
    ranges = [(line["offset"], line["length"]) for line in counted if line["step"] == "media"]
    assert tuple(ranges) == damage.missing
    lost = {"/KNOWN-F.TXT", "/KNOWN-M.TXT", "/KNOWN-B.TXT"}
    lost -= {f"/KNOWN-{name[0].upper()}.TXT" for name in damage.known}
    assert {line["path"] for line in counted if line["step"] == "artifact"} == lost
    assert ("not_finished", None) in outcome.unexamined  # the hash of what is not there
    assert image_of(outcome)["hash_verdict"] == "not finished"


@pytest.mark.parametrize("damage", rows(WHOLE_AFTER_ALL))
def test_a_damaged_container_never_ends_with_0(
    command_line: Command, tmp_path: Path, damage: Damage
) -> None:
    assert insisted(command_line, tmp_path, damage).code in {3, 4}


def test_the_real_command_refuses_and_insists(triage: Triage, tmp_path: Path) -> None:
    path = damaged(tmp_path, lose(3))
    ran = triage("run", path, "-o", tmp_path / "bundle", *RUN)
    assert (ran.code, ran.err) == (1, "triage: disk.E03: this segment is missing\n")
    ran = triage("run", path, "-o", tmp_path / "bundle", *RUN, "--allow-incomplete")
    assert ran.code == 3
    assert "a segment of the image is missing, 65,536 bytes" in ran.out
    ran = triage("info", path, "--allow-incomplete")
    assert ran.code == 3
    assert "missing: 65,536 bytes at 131,072" in ran.err


@pytest.mark.parametrize("at", [0, 512, KIB64 - 512])
def test_a_hole_behind_its_first_sector_does_not_hide_a_file_system(
    command_line: Command, tmp_path: Path, at: int
) -> None:
    (tmp_path / "disk.001").write_bytes(MEDIA[:KIB64])
    (tmp_path / "disk.002").write_bytes(MEDIA[KIB64 : KIB64 + at])
    (tmp_path / "disk.003").write_bytes(MEDIA[2 * KIB64 : 3 * KIB64])
    first = tmp_path / "disk.001"
    ran = command_line("info", first, "--allow-incomplete", "--format", "json")
    assert json.loads(ran.out)["volumes"][0]["filesystem"] == "fat12"


# --- bytes and hashes ---------------------------------------------------------------------------


def flipped(folder: Path) -> Path:
    made = segments(MEDIA, per_segment=2)
    body = bytearray(made[2].find("sectors").body)
    body[5] ^= 0x40
    made[2].find("sectors").body = bytes(body)
    return write(folder, made)


def test_a_flipped_byte_is_said_with_its_range(command_line: Command, tmp_path: Path) -> None:
    """E01: a byte of a chunk changed."""
    path = flipped(tmp_path)
    ran = command_line("run", path, "-o", tmp_path / "bundle", *RUN)
    assert ran.code == 4
    assert "the image hash is NOT the acquisition hash" in ran.err
    outcome = Outcome(code=ExitCode.MISMATCH, bundle=tmp_path / "bundle")
    media = [line for line in outcome.lines("coverage") if line["step"] == "media"]
    assert [(m["reason"], m["offset"], m["length"]) for m in media] == [
        ("bad_chunk", 4 * CHUNK, CHUNK)
    ]
    assert {"front", "back"} <= outcome.known
    read = {file["path"]: file["read"] for file in outcome.lines("files")}
    assert read == {
        "/KNOWN-F.TXT": "complete",
        "/KNOWN-M.TXT": "bad_chunk",
        "/KNOWN-B.TXT": "complete",
    }
    assert ("content_bad_chunk", "/KNOWN-M.TXT") in outcome.noted


def test_a_flipped_byte_counts_without_the_image_hash(
    command_line: Command, tmp_path: Path
) -> None:
    """E01: a byte of a chunk changed, --no-hash."""
    ran = command_line("run", flipped(tmp_path), "-o", tmp_path / "bundle", *RUN, "--no-hash")
    assert ran.code == 3


GOOD = {name: hashlib.new(name, MEDIA).hexdigest() for name in ("md5", "sha1", "sha256")}
BAD = {name: digest[::-1] for name, digest in GOOD.items()}


def stored(*, md5: str | None, digest: tuple[str, str] | None) -> Do:
    """Replace the stored hashes, with checksums that fit; None: leave the section out."""

    def do(folder: Path, made: list[Segment]) -> None:
        last = made[-1]
        for kind, parts in (("hash", md5 and (md5,)), ("digest", digest)):
            section = last.find(kind)
            if not parts:
                last.sections.remove(section)
                continue
            body = b"".join(map(bytes.fromhex, parts)).ljust(len(section.body) - 4, b"\0")
            section.body = body + adler(body)
        write(folder, made)

    return do


HASHES = {
    "E01: both stored hashes match": (
        stored(md5=GOOD["md5"], digest=(GOOD["md5"], GOOD["sha1"])),
        0,
        "match",
        {"md5": "match", "sha1": "match"},
    ),
    "E01: only an MD5 is stored": (
        stored(md5=GOOD["md5"], digest=None),
        0,
        "match",
        {"md5": "match"},
    ),
    "E01: only a SHA-1 is stored": (
        stored(md5=None, digest=("00" * 16, GOOD["sha1"])),
        0,
        "match",
        {"sha1": "match"},
    ),
    "E01: no hash is stored": (stored(md5=None, digest=None), 0, "no stored hash", {}),
    "E01: stored MD5 forged, checksum too": (
        stored(md5=BAD["md5"], digest=None),
        4,
        "mismatch",
        {"md5": "mismatch"},
    ),
    "E01: stored SHA-1 forged, checksum too": (
        stored(md5=GOOD["md5"], digest=(GOOD["md5"], BAD["sha1"])),
        4,
        "mismatch",
        {"md5": "match", "sha1": "mismatch"},
    ),
}


@pytest.mark.parametrize("row", rows(HASHES))
def test_stored_hashes_have_three_states(
    command_line: Command, tmp_path: Path, row: tuple[Do, int, str, dict[str, str]]
) -> None:
    do, code, verdict, checks = row
    ran = command_line("run", damaged(tmp_path, do), "-o", tmp_path / "bundle", *RUN)
    assert ran.code == code
    assert verdict in ran.out
    image = image_of(Outcome(code=ExitCode(code), bundle=tmp_path / "bundle"))
    assert image["hash_verdict"] == verdict
    assert {check["algorithm"]: check["result"] for check in image["hash_checks"]} == checks
    assert image["hashes"] == GOOD


def test_two_stored_md5_that_differ_are_told(command_line: Command, tmp_path: Path) -> None:
    """E01: the two stored MD5 differ."""
    do = stored(md5=BAD["md5"], digest=(GOOD["md5"], GOOD["sha1"]))
    ran = command_line("run", damaged(tmp_path, do), "-o", tmp_path / "bundle", *RUN)
    image = image_of(Outcome(code=ExitCode(ran.code), bundle=tmp_path / "bundle"))
    assert "two different md5 hashes are stored" in image["notes"]


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("kind", ["E01", "split raw"])
def test_an_expected_hash_is_compared(
    command_line: Command, tmp_path: Path, name: str, kind: str
) -> None:
    """--expect gives the hash that it is; --expect gives another hash."""
    path = damaged(tmp_path, raw(*(KIB64,) * 4) if kind == "split raw" else lambda *_: None)
    for number, (digest, code) in enumerate(((GOOD[name].upper(), 0), (BAD[name], 4))):
        bundle = tmp_path / f"bundle{number}"
        ran = command_line("run", path, "-o", bundle, *RUN, "--expect", f"{name}:{digest}")
        assert ran.code == code
        checks = image_of(Outcome(code=ExitCode(code), bundle=bundle))["hash_checks"]
        assert [check["result"] for check in checks if check["source"] == "expected"] == [
            "mismatch" if code else "match"
        ]


# --- other containers ---------------------------------------------------------------------------


def aff4() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("container.description", "aff4://1234")
    return buffer.getvalue()


CONTAINERS = {
    "Ex01": (b"EVF2\x0d\x0a\x81\x00", "an EnCase 7 Ex01 image"),
    "L01": (b"LVF\x09\x0d\x0a\xff\x00", "an EnCase L01 logical evidence file"),
    "Lx01": (b"LEF2\x0d\x0a\x81\x00", "an EnCase 7 Lx01 logical evidence file"),
    "AD1": (b"ADSEGMENTEDFILE\x00", "an AccessData AD1 logical image"),
    "AFF 3": (b"AFF10\r\n\x00", "an AFF version 3 image"),
    "AFF4": (aff4(), "an AFF4 image"),
    "VMDK": (b"KDMV", "a VMware VMDK disk"),
    "VMDK descriptor": (b"# Disk DescriptorFile", "a VMware VMDK descriptor"),
    "VHD": (b"conectix", "a VHD disk"),
    "VHDX": (b"vhdxfile", "a VHDX disk"),
    "QCOW2": (b"QFI\xfb", "a QEMU QCOW disk"),
    "VDI": (bytes(64) + b"\x7f\x10\xda\xbe", "a VirtualBox VDI disk"),
    "DMG": (bytes(1024) + b"koly\0\0\0\x04\0\0\x02\0" + bytes(500), "an Apple disk image (DMG)"),
    "gzip": (b"\x1f\x8b\x08", "compressed with gzip"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
}


@pytest.mark.parametrize(("data", "words"), [pytest.param(*v, id=k) for k, v in CONTAINERS.items()])
def test_another_container_is_refused_by_name(
    command_line: Command, tmp_path: Path, data: bytes, words: str
) -> None:
    padded = data if len(data) > 64 and data[:2] != b"\0\0" else data.ljust(1024, b"\0")
    path = file(tmp_path, padded)
    for option in ((), ("--allow-incomplete",)):
        ran = command_line("run", path, "-o", tmp_path / "bundle", *RUN, *option)
        assert ran.code == 1
        assert f"is {words}" in ran.err
        assert "which is not read" in ran.err


# --- partition tables ---------------------------------------------------------------------------


def disk(*entries: tuple[int, int, int], body: bytes = MEDIA) -> bytes:
    """Return an MBR with these entries (type, first sector, sectors) and a volume at sector 64."""
    table = b"".join(struct.pack("<4xB3xII", *entry) for entry in entries).ljust(64, b"\0")
    return (bytes(446) + table + b"\x55\xaa").ljust(64 * SECTOR, b"\0") + body


VOLUME = len(MEDIA) // SECTOR
TABLES = {
    "a partition past the end of the image": (
        disk((1, 64, VOLUME), (7, 1 << 31, 4096)),
        ("p2", 1 << 40, "holds no byte of the image"),
    ),
    "a partition that reaches past the end of the image": (
        disk((1, 64, VOLUME), (7, 64 + VOLUME, 1 << 24), body=MEDIA + b"\x5a" * 4096),
        ("p2", 64 * SECTOR + len(MEDIA), "bytes past the image"),
    ),
}


@pytest.mark.parametrize(("image", "lost"), [pytest.param(*v, id=k) for k, v in TABLES.items()])
def test_a_partition_past_the_image_is_said(
    command_line: Command, tmp_path: Path, image: bytes, lost: tuple[str, int, str]
) -> None:
    path = file(tmp_path, image)
    ran = command_line("run", path, "-o", tmp_path / "bundle", *RUN)
    assert ran.code == 3
    outcome = Outcome(code=ExitCode(ran.code), bundle=tmp_path / "bundle")
    assert outcome.known == ALL
    counted = [line for line in outcome.lines("coverage") if line["counts"]]
    assert [(line["volume"], line["offset"]) for line in counted] == [lost[:2]]
    assert any(lost[2] in problem["text"] for problem in outcome.lines("problems"))


def test_every_row_of_the_documentation_has_its_test() -> None:
    text = (ROOT / "docs" / "damage.md").read_text(encoding="utf-8")
    written = {row.strip() for row in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)}
    written -= {"damage", "container", "---"}
    tables = (REFUSED, WHOLE_AFTER_ALL, HOPELESS, HASHES, CONTAINERS, TABLES)
    named = {name for table in tables for name in table}
    alone = (
        test_a_flipped_byte_is_said_with_its_range,
        test_a_flipped_byte_counts_without_the_image_hash,
        test_two_stored_md5_that_differ_are_told,
        test_an_expected_hash_is_compared,
    )
    named |= {part.strip(" .") for test in alone for part in (test.__doc__ or "").split(";")}
    assert written == named
