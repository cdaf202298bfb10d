from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triage.errors import EvidenceError, ImageError, UnsupportedImageError
from triage.evidence import archive, folder
from triage.evidence.index import Index, Named
from triage.evidence.logical import open_logical, recognise
from triage.evidence.members import LogicalSource
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import WalkProblem, walk
from triage.model import Container, EntryType

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


# What all three share


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "f" / name).write_bytes(data)
    return path / "f"


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path / "a.tar", "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path / "a.tar"


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archived:
        for name, data in files.items():
            archived.writestr(zipfile.ZipInfo(name), data, compress_type=zipfile.ZIP_DEFLATED)
    return path / "a.zip"


FILES = {
    "b/deep/er/file": b"deep",
    "b/empty": b"",
    "b.txt": bytes(range(256)) * 2000,
    "B/x": b"x",
    "a": b"first",
}
MAKERS = [make_folder, make_tar, make_zip]


@pytest.mark.parametrize("make", MAKERS)
def test_breadth_first_byte_sorted_with_ordinals(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    source = open_logical(make(tmp_path, FILES))
    found = list(entries(source))
    assert [path.decode() for path, _ in found] == [
        "/B",
        "/a",
        "/b",
        "/b.txt",
        "/B/x",
        "/b/deep",
        "/b/empty",
        "/b/deep/er",
        "/b/deep/er/file",
    ]
    assert [named.inode for _, named in found] == list(range(1, 10))
    assert source.root().inode == 0
    assert source.problems == []
    assert source.notes == []


@pytest.mark.parametrize("make", MAKERS)
def test_content_read_twice_is_the_same(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    path = make(tmp_path, FILES)
    source, again = open_logical(path), open_logical(path)
    for name, data in FILES.items():
        assert content(source, b"/" + name.encode()) == data
        assert content(source, b"/" + name.encode()) == data
        assert content(again, b"/" + name.encode()) == data
    reader = source.open("4")
    assert reader.size == 512_000
    assert reader.read_at(255, 2) == b"\xff\0"
    assert reader.read_at(511_999, 10) == b"\xff"
    assert reader.read_at(512_000, 10) == b""
    assert reader.read_at(10**15, 10) == b""


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("address", ["", "-1", "x", "1.0", "99999", "9" * 30, "0", "1"])
def test_wrong_addresses_are_evidence_errors(
    make: Callable[[Path, dict[str, bytes]], Path], address: str, tmp_path: Path
) -> None:
    source = open_logical(make(tmp_path, FILES))
    with pytest.raises(EvidenceError):
        source.open(address)
    with pytest.raises(EvidenceError):
        source.listing(Named(name=b"", type=EntryType.DIRECTORY, inode=99999))


@pytest.mark.parametrize(
    ("make", "container", "segments"),
    [
        (make_folder, Container.FOLDER, []),
        (make_tar, Container.TAR, ["a.tar"]),
        (make_zip, Container.ZIP, ["a.zip"]),
    ],
)
def test_info(
    make: Callable[[Path, dict[str, bytes]], Path],
    container: Container,
    segments: list[str],
    tmp_path: Path,
) -> None:
    path = make(tmp_path, FILES)
    source = open_logical(path)
    assert source.name == source.info.container == container
    assert source.info.media_size is None
    assert [segment.name for segment in source.info.segments] == segments
    assert all(segment.size == path.stat().st_size for segment in source.info.segments)


@pytest.mark.parametrize("make", MAKERS)
def test_the_walk_indexes_them(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    source = open_logical(make(tmp_path, FILES))
    walked = walk(source, PatternSet(["**/er/file"]), max_entries=100)
    index = Index(memoryview(walked.block), volume="whole")
    entry = index.entry(walked.matches[0].row)
    reader = source.open(entry.address)
    assert (entry.path, reader.read_at(0, 10)) == ("/b/deep/er/file", b"deep")
    assert walked.problems == ()


@pytest.mark.parametrize("make", MAKERS)
def test_closed_source_reads_nothing(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    source = open_logical(make(tmp_path, FILES))
    source.root()
    source.close()
    source.close()
    with pytest.raises(EvidenceError):
        source.open("2").read_at(0, 1)


@pytest.mark.parametrize("make", MAKERS)
def test_limits(
    make: Callable[[Path, dict[str, bytes]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = make(tmp_path, FILES)
    for module in (archive, folder):
        monkeypatch.setattr(module, "MAX_DEPTH", 2)
    source = open_logical(path)
    assert b"/b/deep/er/file" not in paths(source)
    assert {code for code, _ in problems(source)} == {"depth_limit"}
    for module in (archive, folder):
        monkeypatch.setattr(module, "MAX_DEPTH", 128)
        monkeypatch.setattr(module, "MAX_ENTRIES", 5)
    source = open_logical(path)
    assert len(paths(source)) <= 5
    assert "entry_limit" in {code for code, _ in problems(source)}


def test_what_is_neither(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b\x08" + bytes(1000))
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for name in ("x.tar.gz", "empty", "pipe"):
        with pytest.raises(UnsupportedImageError):
            open_logical(tmp_path / name)
    with pytest.raises(ImageError):
        open_logical(tmp_path / "missing")
    assert recognise(bytes(512)) is None
    assert recognise(b"") is None


# Folder


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_folder_links_are_recorded_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    root = make_folder(tmp_path, {"inside/file": b"1"})
    (root / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (root / "folder-link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    source = open_logical(root)
    kinds = {path: named.type for path, named in entries(source)}
    assert [path for path, kind in kinds.items() if kind is EntryType.LINK] == [
        b"/file-link",
        b"/folder-link",
        b"/loop",
    ]
    assert len(kinds) == 5
    with pytest.raises(EvidenceError):
        content(source, b"/file-link")


def test_folder_swapped_for_a_link_after_the_scan_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"secret")
    root = make_folder(tmp_path, {"inside/file": b"1", "file": b"2", "pipe": b"3"})
    source = open_logical(root)
    address = {path: str(named.inode) for path, named in entries(source)}
    (root / "inside" / "file").unlink()
    (root / "inside").rmdir()
    (root / "inside").symlink_to(tmp_path / "outside")
    (root / "file").unlink()
    (root / "file").symlink_to(tmp_path / "outside" / "file")
    (root / "pipe").unlink()
    os.mkfifo(root / "pipe")
    for path in (b"/inside/file", b"/file", b"/pipe"):
        with pytest.raises(EvidenceError):
            source.open(address[path])


def test_folder_special_files_and_odd_names(tmp_path: Path) -> None:
    root = make_folder(tmp_path, {"a": b"1"})
    os.mkfifo(root / "pipe")
    raw = os.fsencode(root) + b"/\xff\n"
    Path(os.fsdecode(raw)).write_bytes(b"odd")
    os.utime(raw, ns=(1, 1_600_000_000_123_456_789))
    source = open_logical(root)
    found = dict(entries(source))
    assert found[b"/pipe"].type is EntryType.OTHER
    assert found[b"/\xff\n"].times.modified == 1_600_000_000_123_456_789
    assert found[b"/\xff\n"].times.accessed is None
    assert found[b"/\xff\n"].times.zone == "utc"
    assert content(source, b"/\xff\n") == b"odd"


def test_folder_reading_leaves_access_times(tmp_path: Path) -> None:
    root = make_folder(tmp_path, {"a/b": b"1"})
    for path in (root / "a" / "b", root / "a", root):
        os.utime(path, (1000, 2000))
    source = open_logical(root)
    assert content(source, b"/a/b") == b"1"
    assert [p.stat().st_atime for p in (root, root / "a", root / "a" / "b")] == [1000] * 3


def test_folder_unreadable_directory_is_reported_by_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(tmp_path, {"closed/file": b"1", "open/file": b"2"})
    original = folder._open_at

    def refuse(name: bytes, flags: int, directory: int) -> int:
        if name == b"closed":
            raise PermissionError
        return original(name, flags, directory)

    monkeypatch.setattr(folder, "_open_at", refuse)
    walked = walk(open_logical(root), PatternSet(["x"]), max_entries=100)
    assert walked.problems == (WalkProblem(code="directory_unreadable", path="/closed/"),)
    assert walked.entries == 3


def test_folder_that_shrinks_is_an_error_not_a_short_read(tmp_path: Path) -> None:
    root = make_folder(tmp_path, {"a": bytes(1000)})
    reader = open_logical(root).open("1")
    os.truncate(root / "a", 10)
    with pytest.raises(EvidenceError, match="ends early at 10"):
        reader.read_at(0, 1000)


def test_folder_opens_one_descriptor_a_reader_and_gives_it_back(tmp_path: Path) -> None:
    root = make_folder(tmp_path, FILES)
    source = open_logical(root)
    source.root()
    before = descriptors()
    reader = source.open("2")
    assert descriptors() == before + 1
    del reader
    assert descriptors() == before


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")
@pytest.mark.parametrize("make", MAKERS)
def test_a_locked_worker_reads_a_source_opened_before(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    code = f"""
import json
from pathlib import Path
from triage.engine.sandbox import lock
from triage.evidence.logical import open_logical
source = open_logical(Path({str(make(tmp_path, FILES))!r}))
lock(memory_bytes=1 << 30, read_beneath=source.read_beneath)
names = [named.name.decode() for named in source.listing(source.root())]
print(json.dumps([names, source.open("2").read_at(0, 100).decode()]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == [["B", "a", "b", "b.txt"], "first"]
