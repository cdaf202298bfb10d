from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.errors import EvidenceError, UnsupportedImageError
from triage.evidence import members
from triage.evidence.index import Named
from triage.evidence.logical import open_logical
from triage.evidence.members import LogicalSource
from triage.model import EntryType, Storage

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


def tar_bytes(*infos: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, errors="surrogateescape") as tar:
        for item in infos:
            info, data = item if isinstance(item, tuple) else (item, b"")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def info(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mtime: float = 0
) -> tarfile.TarInfo:
    result = tarfile.TarInfo(name)
    result.type, result.linkname, result.mtime = kind, link, mtime
    return result


FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.mark.parametrize("form", FORMS)
def test_tar_kinds_times_and_names(form: int, tmp_path: Path) -> None:
    long = "/".join(["directory"] * 12) + "/name"
    source = opened(
        tmp_path,
        tar_bytes(
            info("d", tarfile.DIRTYPE, mtime=WHEN),
            (info("d/file", mtime=WHEN), b"content"),
            info("d/soft", tarfile.SYMTYPE, "/etc/passwd"),
            info("d/hard", tarfile.LNKTYPE, "d/file"),
            info("d/fifo", tarfile.FIFOTYPE),
            info("d/device", tarfile.CHRTYPE),
            (info(long), b"long"),
            (info("\udcff\udcfe"), b"raw"),
            form=form,
        ),
    )
    found = dict(entries(source))
    assert found[b"/d"].times.modified == WHEN * NS
    assert found[b"/d"].times.zone == "utc"
    assert {path: found[path].type.value for path in found if path.startswith(b"/d/")} == {
        b"/d/device": "other",
        b"/d/fifo": "other",
        b"/d/file": "file",
        b"/d/hard": "file",
        b"/d/soft": "link",
    }
    assert content(source, b"/d/file") == content(source, b"/d/hard") == b"content"
    assert content(source, b"/" + long.encode()) == b"long"
    assert content(source, b"/\xff\xfe") == b"raw"
    assert found[b"/d/hard"].size == 7
    assert (source.problems, source.notes) == ([], [])


def test_tar_pax_values(tmp_path: Path) -> None:
    member = info("x", mtime=WHEN)
    member.pax_headers = {
        "mtime": "1700000000.123456789123",
        "atime": "-1.5",
        "ctime": "garbage",
        "LIBARCHIVE.creationtime": "12",
        "comment": "x" * 5000,
    }
    source = opened(tmp_path, tar_bytes((member, b"data"), form=tarfile.PAX_FORMAT))
    times = dict(entries(source))[b"/x"].times
    assert times.modified == 1_700_000_000_123_456_789
    assert times.accessed == -1_500_000_000
    assert times.changed is None
    assert times.created == 12 * NS


def test_tar_hostile_names_stay_inside_with_their_stored_form(tmp_path: Path) -> None:
    source = opened(
        tmp_path,
        tar_bytes(
            (info("../../etc/passwd"), b"1"),
            (info("/absolute"), b"2"),
            (info("./plain"), b"3"),
            (info("a/./b/../c"), b"4"),
            info("..", tarfile.DIRTYPE),
            form=tarfile.GNU_FORMAT,
        ),
    )
    assert paths(source) == [b"/a", b"/absolute", b"/etc", b"/plain", b"/a/c", b"/etc/passwd"]
    assert [(note.code, note.path, note.stored) for note in source.notes] == [
        ("name_changed", "/etc/passwd", "../../etc/passwd"),
        ("name_changed", "/absolute", "/absolute"),
        ("name_changed", "/a/c", "a/./b/../c"),
    ]


def test_tar_duplicates_are_all_kept_and_the_last_is_meant(tmp_path: Path) -> None:
    source = opened(
        tmp_path,
        tar_bytes(
            (info("x"), b"old"),
            info("early", tarfile.LNKTYPE, "x"),
            (info("x"), b"new"),
            info("late", tarfile.LNKTYPE, "x"),
            (info("x/below"), b"below"),
            form=tarfile.GNU_FORMAT,
        ),
    )
    assert [(n.type.value, n.size) for path, n in entries(source) if path == b"/x"] == [
        ("directory", 0),
        ("file", 3),
        ("file", 3),
    ]
    new, old = (str(n.inode) for p, n in entries(source) if p == b"/x" and n.size)
    assert source.open(new).read_at(0, 9) == b"new"
    assert source.open(old).read_at(0, 9) == b"old"
    assert content(source, b"/early") == b"old"
    assert content(source, b"/late") == b"new"
    assert {(note.code, note.path) for note in source.notes} == {("duplicate_path", "/x")}


@pytest.mark.parametrize("target", ["missing", "d", "later", "self", "../..", "", "d/../nope/x"])
def test_tar_hard_links_to_nothing_are_problems(target: str, tmp_path: Path) -> None:
    source = opened(
        tmp_path,
        tar_bytes(
            info("d", tarfile.DIRTYPE),
            info("self", tarfile.LNKTYPE, target),
            (info("later"), b"1"),
            form=tarfile.GNU_FORMAT,
        ),
    )
    assert problems(source) == [("link_target_missing", "/self")]
    with pytest.raises(EvidenceError, match="hard link"):
        content(source, b"/self")


def test_tar_runs_point_into_the_archive(tmp_path: Path) -> None:
    data = tar_bytes((info("x"), b"find me"), form=tarfile.GNU_FORMAT)
    source = opened(tmp_path, data)
    (run,) = source.runs("1")
    assert data[run.image_offset : (run.image_offset or 0) + run.length] == b"find me"
    assert run.storage is Storage.PLAIN


def checksummed(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_tar_sparse_members_are_listed_and_refused(tmp_path: Path) -> None:
    old = bytearray(tar_bytes((info("old"), bytes(512)), form=tarfile.GNU_FORMAT)[:1024])
    old[156:157], old[482], old[483:495] = b"S", 1, b"%011o\0" % 9999
    more = bytes(504) + b"\1" + bytes(7) + bytes(512)  # two further blocks of the map
    new = info("GNUSparseFile.0/new")
    new.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.name": "new",
        "GNU.sparse.realsize": "5000",
    }
    behind = tar_bytes((new, bytes(512)), (info("z"), b"z"), form=tarfile.PAX_FORMAT)
    source = opened(tmp_path, checksummed(old[:512]) + more + bytes(old[512:]) + behind)
    assert {path: named.size for path, named in entries(source)} == {
        b"/new": 5000,
        b"/old": 9999,
        b"/z": 1,
    }
    assert problems(source) == [("sparse_member", "/old"), ("sparse_member", "/new")]
    with pytest.raises(EvidenceError, match="sparse"):
        content(source, b"/new")
    assert source.runs("1") == ()
    assert content(source, b"/z") == b"z"


def test_tar_before_posix(tmp_path: Path) -> None:
    def header(name: bytes, size: int) -> bytes:
        block = bytearray(512)
        block[:100] = name.ljust(100, b"\0")
        block[124:136] = b"%11o " % size
        block[136:148] = b"%11o " % WHEN
        return checksummed(block)

    source = opened(tmp_path, header(b"d/", 0) + header(b"d/f", 3) + b"abc".ljust(512, b"\0"))
    assert [(path, named.type.value) for path, named in entries(source)] == [
        (b"/d", "directory"),
        (b"/d/f", "file"),
    ]
    assert content(source, b"/d/f") == b"abc"


@pytest.mark.parametrize(
    "size",
    [
        b"\x80" + b"\xff" * 11,  # base 256, beyond any file
        b"\xff" * 12,  # negative
        b"77777777777\0",  # 8 GiB that are not there
        b"not octal\0\0\0",
    ],
)
def test_tar_lying_sizes(size: bytes, tmp_path: Path) -> None:
    data = bytearray(tar_bytes((info("x"), b"1"), (info("y"), b"2"), form=tarfile.GNU_FORMAT))
    data[1024 + 124 : 1024 + 136] = size
    data[1024:1536] = checksummed(data[1024:1536])
    source = opened(tmp_path, bytes(data))
    assert content(source, b"/x") == b"1"
    assert problems(source)[0] in [("damaged_header", "/x"), ("member_cut", "/y")]
    for path, named in entries(source):
        if path == b"/y":
            with pytest.raises(EvidenceError):
                source.open(str(named.inode)).read_at(0, named.size)


@pytest.mark.parametrize(
    "records",
    [
        b"9999999 path=x\n",
        b"0 path=x\n",
        b"x path=x\n",
        b"11 path=xyz",
        b"13 size=-5000\n",
        b"9 size=x\n",
    ],
)
def test_tar_bad_pax_records_end_the_listing(records: bytes, tmp_path: Path) -> None:
    first = tar_bytes((info("x"), b"1"), form=tarfile.GNU_FORMAT)[:1024]
    extension = info("pax", tarfile.XHDTYPE)
    behind = tar_bytes((extension, records), (info("y"), b"2"), form=tarfile.USTAR_FORMAT)
    source = opened(tmp_path, first + behind)
    assert paths(source) == [b"/x"]
    assert problems(source) == [("damaged_header", "/x")]


def test_tar_huge_extension_is_refused_unread(tmp_path: Path) -> None:
    block = bytearray(
        tar_bytes((info("x", tarfile.GNUTYPE_LONGNAME), b""), form=tarfile.GNU_FORMAT)
    )
    block[124:136] = b"%011o\0" % (1 << 31)
    source = opened(tmp_path, checksummed(block[:512]) + bytes(1024))
    assert problems(source) == [("damaged_header", "/")]


def test_tar_says_when_data_follows_the_end(tmp_path: Path) -> None:
    first = tar_bytes((info("x"), b"1"), form=tarfile.GNU_FORMAT)
    second = tar_bytes((info("hidden"), b"2"), form=tarfile.GNU_FORMAT)
    source = opened(tmp_path, first + second)
    assert paths(source) == [b"/x"]
    assert [note.code for note in source.notes] == ["data_after_end"]


def test_tar_long_names_are_bounded(tmp_path: Path) -> None:
    source = opened(
        tmp_path, tar_bytes((info("n" * 70_000), b"1"), (info("x"), b"2"), form=tarfile.PAX_FORMAT)
    )
    assert paths(source) == [b"/x"]
    assert [code for code, _ in problems(source)] == ["name_limit"]


@pytest.mark.parametrize("form", FORMS)
def test_tar_agrees_with_the_standard_library(form: int, tmp_path: Path) -> None:
    chance = random.Random(form)  # noqa: S311 - repeatable, not secret
    wanted = {}
    items = []
    for number in range(200):
        name = "/".join("n" * chance.randint(1, 60) for _ in range(chance.randint(1, 3)))
        name = f"{number}/{name}"[: 99 if form == tarfile.USTAR_FORMAT else None]
        data = chance.randbytes(chance.choice([0, 1, 511, 512, 513, 3000]))
        wanted[b"/" + name.encode()] = (data, WHEN + number)
        items.append((info(name, mtime=WHEN + number), data))
    source = opened(tmp_path, tar_bytes(*items, form=form))
    found = {p: n for p, n in entries(source) if n.type is EntryType.FILE}
    assert set(found) == set(wanted)
    for path, (data, mtime) in wanted.items():
        reader = source.open(str(found[path].inode))
        assert (reader.read_at(0, reader.size), found[path].times.modified) == (data, mtime * NS)


def read_all(source: LogicalSource) -> None:
    for _, named in entries(source):
        try:
            reader = source.open(str(named.inode))
            source.runs(str(named.inode))
            reader.read_at(0, min(reader.size, 1 << 20))
        except EvidenceError:
            continue


SAMPLES = {
    "tar": tar_bytes(
        (info("a" * 150), b"long"),
        (info("x", mtime=1.5), b"1" * 600),
        info("hard", tarfile.LNKTYPE, "x"),
        form=tarfile.PAX_FORMAT,
    ),
    "gnu": tar_bytes((info("a" * 150), b"long"), (info("x"), b"1"), form=tarfile.GNU_FORMAT),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_truncated_tars_raise_nothing_else(kind: str, tmp_path: Path) -> None:
    data = SAMPLES[kind]
    for length in range(512, len(data), 97):
        read_all(opened(tmp_path, data[:length]))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("sound", [True, False])
def test_garbled_tars_raise_nothing_else(kind: str, *, sound: bool, tmp_path: Path) -> None:
    chance = random.Random(kind)  # noqa: S311 - repeatable, not secret
    for _ in range(200):
        data = bytearray(SAMPLES[kind])
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        for start in range(0, len(data) - 511, 512):
            if sound and data[start + 257 : start + 262] == b"ustar":
                data[start : start + 512] = checksummed(data[start : start + 512])
        try:
            source = opened(tmp_path, bytes(data))
        except UnsupportedImageError:
            continue
        read_all(source)


def test_notes_and_problems_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_NOTES", 3)
    items = [(info(f"/{n}", tarfile.LNKTYPE, "none"), b"") for n in range(9)]
    source = opened(tmp_path, tar_bytes(*items, form=tarfile.GNU_FORMAT))
    source.root()
    assert [note.code for note in source.notes] == ["name_changed"] * 3 + ["notes_limit"]
    assert [code for code, _ in problems(source)][-1] == "problems_limit"
    assert len(source.problems) == 4
