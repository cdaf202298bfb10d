"""Each row of docs/damage.md: what damage, what the command says, which exit code."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Triage
from tests.evidence.ewf_writer import CHUNK, Segment, adler, segments, write
from tests.hostile.conftest import PLUGINS, Command, Outcome
from tests.hostile.damage import (
    ALL,
    HOPELESS,
    KIB64,
    MEDIA,
    REFUSED,
    WHOLE_AFTER_ALL,
    Damage,
    Do,
    damaged,
    file,
    lose,
    raw,
)
from tests.hostile.fat import SECTOR
from tests.hostile.tables import START, placed, record
from triage.errors import ExitCode

RUN = ("--plugins", PLUGINS, "--only", "hostile.test.known", "--jobs", "1")


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


def test_info_names_the_missing_range(command_line: Command, tmp_path: Path) -> None:
    ran = command_line("info", damaged(tmp_path, lose(3)), "--allow-incomplete")
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
    "VMDK": (b"KDMV", "a VMDK disk"),
    "VMDK descriptor": (b"# Disk DescriptorFile", "a VMDK disk"),
    "VHD": (b"conectix", "a VHD disk"),
    "VHDX": (b"vhdxfile", "a VHDX disk"),
    "QCOW2": (b"QFI\xfb\0\0\0\3", "a QCOW2 disk"),
    "VDI": (bytes(64) + b"\x7f\x10\xda\xbe", "a VDI disk"),
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


VOLUME = len(MEDIA) // SECTOR
BEHIND = START + VOLUME


def disk(second: tuple[int, int, int], more: bytes = b"") -> bytes:
    """Return a disk with the media as p1, something behind it, and what the table calls p2."""
    return placed({0: record([(1, START, VOLUME), second]), START: MEDIA, BEHIND: more})


TABLES = {
    "a partition past the end of the image": (
        disk((7, 1 << 31, 4096)),
        ("p2", 1 << 40, "holds no byte of the image"),
    ),
    "a partition that reaches past the end of the image": (
        disk((7, BEHIND, 1 << 24), b"\x5a" * 4096),
        ("p2", BEHIND * SECTOR, "bytes past the image"),
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
