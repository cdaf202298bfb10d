from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.errors import EvidenceError, LimitError
from triage.evidence import zip as zip_module
from triage.evidence.index import Named
from triage.evidence.logical import open_logical
from triage.evidence.members import LogicalSource
from triage.model import Storage

NS = 1_000_000_000
WHEN = 1_700_000_000


def entries(source: LogicalSource) -> Iterator[tuple[bytes, Named]]:
    """Yield path and name of every member, breadth first."""
    pending = [(b"", source.root())]
    for path, directory in pending:
        try:
            found = source.listing(directory)
        except EvidenceError:
            continue
        for named in found:
            yield path + b"/" + named.name, named
            if named.descend:
                pending.append((path + b"/" + named.name, named))


def paths(source: LogicalSource) -> list[bytes]:
    return [path for path, _ in entries(source)]


def content(source: LogicalSource, path: bytes) -> bytes:
    """Return the content a path leads to; of several equal names the first is meant."""
    address = next(str(named.inode) for found, named in entries(source) if found == path)
    reader = source.open(address)
    data = reader.read_at(0, reader.size)
    assert reader.read_at(0, reader.size + 1) == data
    return data


def problems(source: LogicalSource) -> list[tuple[str, str]]:
    source.root()
    return [(problem.code, problem.path) for problem in source.problems]


def opened(tmp_path: Path, data: bytes) -> LogicalSource:
    (tmp_path / "evidence").write_bytes(data)
    return open_logical(tmp_path / "evidence")


def zip_bytes(
    *items: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_STORED
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archived:
        for name, data in items:
            archived.writestr(name, data)
    return out.getvalue()


def test_zip_stored_members_are_read_in_place(tmp_path: Path) -> None:
    data = zip_bytes(("x", b"find me"))
    source = opened(tmp_path, data)
    assert content(source, b"/x") == b"find me"
    (run,) = source.runs("1")
    assert data[run.image_offset : (run.image_offset or 0) + run.length] == b"find me"
    deflated = opened(tmp_path, zip_bytes(("x", b"x" * 1000), method=zipfile.ZIP_DEFLATED))
    assert [run.storage for run in deflated.runs("1")] == [Storage.COMPRESSED]


def test_zip_dos_times_are_local(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("x", (2024, 2, 29, 23, 59, 58))
    times = dict(entries(opened(tmp_path, zip_bytes((member, b"")))))[b"/x"].times
    assert (times.modified, times.zone) == (1_709_251_198 * NS, "local")


@pytest.mark.parametrize(
    ("extra", "modified"),
    [
        (struct.pack("<HHBi", 0x5455, 5, 1, WHEN), WHEN * NS),
        (struct.pack("<HHBi", 0x5455, 5, 1, -5), -5 * NS),
        (
            struct.pack("<HHIHH3Q", 0x000A, 32, 0, 1, 24, 133444736001234567, 0, 0),
            1_699_999_999 * NS + NS + 123_456_700,
        ),
    ],
)
def test_zip_extra_fields_have_utc_times(extra: bytes, modified: int, tmp_path: Path) -> None:
    member = zipfile.ZipInfo("x")
    member.extra = extra
    times = dict(entries(opened(tmp_path, zip_bytes((member, b"")))))[b"/x"].times
    assert (times.modified, times.zone) == (modified, "utc")


def test_zip_impossible_times_are_none(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(("x", b"")))
    at = data.index(b"PK\x01\x02")
    data[at + 12 : at + 16] = b"\xff" * 4
    times = dict(entries(opened(tmp_path, bytes(data))))[b"/x"].times
    assert (times.modified, times.zone) == (None, "local")


def test_zip_kinds(tmp_path: Path) -> None:
    link, pipe, plain = (zipfile.ZipInfo(name) for name in ("link", "pipe", "plain"))
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    pipe.external_attr = (stat.S_IFIFO | 0o600) << 16
    plain.external_attr = (stat.S_IFREG | 0o600) << 16
    items = ((link, b"/etc/passwd"), (pipe, b""), (plain, b"p"), ("d/", b""))
    source = opened(tmp_path, zip_bytes(*items))
    assert {path: named.type.value for path, named in entries(source)} == {
        b"/d": "directory",
        b"/link": "link",
        b"/pipe": "other",
        b"/plain": "file",
    }


def test_zip_names(tmp_path: Path) -> None:
    data = zip_bytes(
        ("../up", b"1"), ("/abs", b"2"), ("\u00fcml", b"3"), ("twice", b"4"), ("QQ\\win", b"6")
    )
    data = data.replace(b"\xc3\xbcml", b"\xff\xbcml")  # flagged as UTF-8, and is not
    windows = bytearray(data)
    at = windows.rindex(b"QQ\\win") - 46
    windows[at + 5] = 0  # made by a FAT host
    source = opened(tmp_path, bytes(windows))
    assert paths(source) == [b"/QQ", b"/abs", b"/twice", b"/up", b"/\xff\xbcml", b"/QQ/win"]
    assert content(source, b"/\xff\xbcml") == b"3"
    assert [(note.path, note.stored) for note in source.notes] == [
        ("/up", "../up"),
        ("/abs", "/abs"),
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_duplicates(tmp_path: Path) -> None:
    source = opened(tmp_path, zip_bytes(("x", b"old"), ("x", b"new")))
    assert content(source, b"/x") == b"new"
    assert len(paths(source)) == 2
    assert [note.code for note in source.notes] == ["duplicate_path"]


def test_zip64_comment_and_data_in_front(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archived:
        with archived.open("wide", "w", force_zip64=True) as member:
            member.write(b"wide content")
        archived.writestr("other", b"o")
        archived.comment = b"PK\x05\x06 is only a comment" + bytes(20)
    plain = out.getvalue()
    source = opened(tmp_path, plain)
    assert content(source, b"/wide") == b"wide content"
    shifted = opened(tmp_path, b"PK\x03\x04 a stub in front" + plain)
    assert content(shifted, b"/other") == b"o"

    size, offset = struct.unpack_from("<2I", plain, plain.index(b"PK\x05\x06") + 12)
    head, tail = plain[: offset + size], plain[offset + size :]
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(head), 1)
    tail = tail[:8] + b"\xff" * 12 + tail[20:]
    assert paths(opened(tmp_path, head + record + locator + tail)) == [b"/other", b"/wide"]
    stub = b"PK\x03\x04" + bytes(50)
    wide = opened(tmp_path, stub + head + record + locator + tail)
    assert content(wide, b"/wide") == b"wide content"


def test_zip_lists_more_than_the_stated_count(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(("a", b"1"), ("b", b"2")))
    at = data.rindex(b"PK\x05\x06")
    data[at + 8 : at + 12] = bytes(4)
    assert paths(opened(tmp_path, bytes(data))) == [b"/a", b"/b"]


def test_zip_encrypted_members_are_listed_and_refused(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(("locked", b"secret"), ("open", b"o")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    source = opened(tmp_path, bytes(data))
    assert content(source, b"/open") == b"o"
    with pytest.raises(EvidenceError, match="encrypted member"):
        content(source, b"/locked")
    assert problems(source) == [("encrypted_member", "/locked")]
    assert source.runs("1") == ()


def test_zip_overlapping_members_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(("a", b"1" * 100), ("b", b"2"), ("c", b"3")))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = bytes(4)  # the second member is where the first one is
    source = opened(tmp_path, bytes(data))
    assert problems(source) == [("member_overlap", "/b")]
    assert content(source, b"/a") == b"1" * 100
    assert content(source, b"/c") == b"3"
    with pytest.raises(EvidenceError, match="overlaps"):
        content(source, b"/b")


def patched(data: bytes, offset: int, value: int) -> bytes:
    """Set a 32-bit field of the first central directory entry."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


@pytest.mark.parametrize(
    ("offset", "value", "text"),
    [
        (16, 1, "checksum"),
        (20, 3, "size"),  # packed
        (20, 2**31, "cut short"),
        (24, 999, "size"),
        (24, 1001, "size"),
        (24, 200_000_000, "cannot have"),
        (42, 10, "header"),
        (42, 2**31, "header"),
    ],
)
def test_zip_lying_entries(offset: int, value: int, text: str, tmp_path: Path) -> None:
    data = zip_bytes(("x", bytes(1000)), method=zipfile.ZIP_DEFLATED)
    source = opened(tmp_path, patched(data, offset, value))
    with pytest.raises(EvidenceError, match=text):
        content(source, b"/x")


def test_zip_stored_member_with_two_sizes(tmp_path: Path) -> None:
    source = opened(tmp_path, patched(zip_bytes(("x", b"12345")), 24, 4))
    with pytest.raises(EvidenceError, match="two sizes"):
        content(source, b"/x")


def test_zip_damaged_deflate(tmp_path: Path) -> None:
    data = zip_bytes(("x", bytes(1000)), method=zipfile.ZIP_DEFLATED)
    source = opened(tmp_path, data[:31] + b"\xff" * 4 + data[35:])
    with pytest.raises(EvidenceError, match="damaged"):
        content(source, b"/x")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_other_methods_are_refused_by_number(method: int, tmp_path: Path) -> None:
    source = opened(tmp_path, zip_bytes(("x", b"1"), method=method))
    with pytest.raises(EvidenceError, match=f"method {method}"):
        content(source, b"/x")
    assert source.runs("1") == ()


def test_zip_bombs_pass_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_bytes(("a", bytes(500_000)), ("b", bytes(500_000)), method=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zip_module, "MAX_INFLATED", 499_999)
    with pytest.raises(LimitError, match="larger than"):
        content(opened(tmp_path, data), b"/a")
    monkeypatch.undo()
    monkeypatch.setattr(zip_module, "_FREE_EXPANSION", 500_000)
    source = opened(tmp_path, data)
    assert content(source, b"/a") == bytes(500_000)
    with pytest.raises(LimitError, match="expands"):
        content(source, b"/b")
    assert problems(source) == [("expansion_limit", "/b")]


def test_zip_large_member_inflates_in_windows(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    plain = chance.randbytes(1_500_000) + bytes(4_000_000) + chance.randbytes(1000)
    source = opened(tmp_path, zip_bytes(("x", plain), method=zipfile.ZIP_DEFLATED))
    assert zlib.crc32(content(source, b"/x")) == zlib.crc32(plain)


def test_zip_split_is_a_problem(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(("x", b"1")))
    data[data.rindex(b"PK\x05\x06") + 4] = 1
    assert problems(opened(tmp_path, bytes(data))) == [("damaged_directory", "/")]


def read_all(source: LogicalSource) -> None:
    for _, named in entries(source):
        try:
            reader = source.open(str(named.inode))
            source.runs(str(named.inode))
            reader.read_at(0, min(reader.size, 1 << 20))
        except EvidenceError:
            continue


SAMPLE = zip_bytes(("d/a", b"1" * 300), ("b", b"2"), method=zipfile.ZIP_DEFLATED)


def test_truncated_zips_are_problems(tmp_path: Path) -> None:
    for length in range(4, len(SAMPLE), 7):
        source = opened(tmp_path, SAMPLE[:length])
        read_all(source)
        assert problems(source) == [("damaged_directory", "/")]


def test_garbled_zips_raise_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    for _ in range(500):
        data = bytearray(SAMPLE)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(4, len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        read_all(opened(tmp_path, bytes(data)))
