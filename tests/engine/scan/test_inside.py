"""Archives and compressed files: what is inside is found, and nothing fills the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

from tests.engine.scan.test_scan import coverage, findings, onion, run, tar
from triage.engine.scan.inside import Opening, is_archive
from triage.evidence.archive import Memory


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def opened(data: bytes, left: int = 1 << 24) -> tuple[dict[tuple[str, ...], bytes], Opening]:
    opening = Opening(left=left)
    found = {
        member.names: member.reader.read_at(0, member.reader.size)
        for member in opening.members(Memory(data=bytearray(data)))
    }
    return found, opening


TEXT = b"some text " * 300


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_streams(pack: object) -> None:
    assert callable(pack)
    data = pack(TEXT) + pack(b"the end")
    assert is_archive(data[:6])
    found, opening = opened(data)
    assert found == {("/decoded",): TEXT + b"the end"}
    assert (opening.unread, opening.cut) == (0, False)
    torn, opening = opened(data[: len(pack(TEXT)) - 9])
    assert all(TEXT.startswith(part) for part in torn.values())
    assert opening.unread == 1


def test_streams_of_zstd() -> None:
    frames = zstandard.compress(TEXT) + zstandard.compress(b"the end")
    assert is_archive(frames[:6])
    found, opening = opened(frames)
    assert found == {("/decoded",): TEXT + b"the end"}
    assert (opening.unread, opening.cut) == (0, False)
    _, opening = opened(frames[:20] + b"\xff" * 20)
    assert opening.unread == 1
    bomb = zstandard.compress(bytes(1 << 26))
    found, _ = opened(bomb)
    assert sum(map(len, found.values())) <= 1100 * len(bomb)
    wide = zstandard.ZstdCompressionParameters(window_log=28)
    far = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    _, opening = opened(far.compress(TEXT) + far.flush())
    assert opening.unread == 1


@pytest.mark.parametrize("mark", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\x00"])
def test_archives_that_are_not_opened_are_counted(mark: bytes) -> None:
    assert is_archive(mark[:6])
    found, opening = opened(packed({"a": mark + bytes(100)}))
    assert (len(found), opening.unread) == (1, 1)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips_in_zips(method: int) -> None:
    inner = packed({"word/document.xml": TEXT}, method)
    found, opening = opened(packed({"a.docx": inner, "b/c.txt.gz": gzip.compress(TEXT)}, method))
    assert found[("/a.docx", "/word/document.xml")] == TEXT
    assert found[("/b/c.txt.gz", "/decoded")] == TEXT
    assert (opening.unread, opening.cut) == (0, False)


def test_limits_are_said() -> None:
    deep = TEXT
    for _ in range(5):
        deep = packed({"in.zip": deep})
    found, opening = opened(deep)
    assert max(map(len, found)) == 3
    assert opening.cut
    found, opening = opened(packed({"small": b"x", "large": bytes(5000)}), left=1000)
    assert (set(found), opening.cut) == ({("/small",)}, True)
    found, opening = opened(gzip.compress(bytes(1 << 22)), left=1 << 16)
    assert len(found[("/decoded",)]) == 1 << 16
    assert opening.cut
    bomb = bz2.compress(bytes(1 << 26))
    assert len(bomb) < 200
    found, opening = opened(bomb)  # 64 MiB of 100 bytes: more than any ratio that is believed
    assert sum(map(len, found.values())) <= 1100 * len(bomb)


def test_what_cannot_be_read_is_counted() -> None:
    data = bytearray(packed({"secret": TEXT, "plain": TEXT}))
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1  # encrypted, says the central directory
    found, opening = opened(bytes(data))
    assert found == {("/plain",): TEXT}
    assert opening.unread >= 1


@pytest.mark.parametrize("seed", range(4))
def test_damage_costs_members_and_no_more(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    good = packed({"a.txt": TEXT, "b.zip": packed({"c": TEXT}), "d.gz": gzip.compress(TEXT)})
    for _ in range(40):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        found, _ = opened(bytes(data[: chance.randrange(len(data) // 2, len(data))]))
        assert sum(map(len, found.values())) <= 1 << 24


def test_a_run_tells_what_stands_in_a_document(tmp_path: Path) -> None:
    document = packed({"word/document.xml": f"<w:t>{onion(1)}</w:t>".encode()})
    nested = packed({"old/letter.docx": document, "note.txt.gz": gzip.compress(onion(2).encode())})
    image = tar(tmp_path / "image.tar", {"letter.docx": document, "backup.zip": nested})
    told = {
        (r["value"]["onion"], r["source"]["path"], r["source"]["within"]["path"]): r["source"]
        for r in findings(run(image, tmp_path / "b"))
    }
    assert set(told) == {
        (onion(1), "/word/document.xml", "/letter.docx"),
        (onion(1), "/word/document.xml", "/old/letter.docx"),
        (onion(2), "/decoded", "/note.txt.gz"),
    }
    source = told[onion(1), "/word/document.xml", "/old/letter.docx"]
    assert source["within"]["within"]["path"] == "/backup.zip"
    assert source["within"]["within"]["within"] is None
    assert source["address"] is None
    assert source["locator"] == "byte 5"
    assert [run["storage"] for run in source["byte_runs"]] == ["nested"]
    (line,) = coverage(tmp_path / "b", "archives")
    assert (line["outcome"], line["count"], line["members"]) == ("found", 2, 5)
