"""A walk goes round a directory at which workers die or hang, and says so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import lines
from tests.engine.runs import At, go, options, partial, records, requests
from triage import profile
from triage.engine import messages as m
from triage.engine import nursery
from triage.engine.place import AT_ONCE, NOWHERE, MarkedTree, Place, look, new_page
from triage.errors import EvidenceError, ExitCode, InterruptedRunError
from triage.evidence.index import Named
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import Listed, walk
from triage.model import ByteRun, EntryType, Reader

HOSTILE_WORKER = """
import ctypes, os, time
from triage.engine import nursery, source

class Hostile:
    def __init__(self, tree): self.tree, self.name = tree, tree.name
    def __getattr__(self, name): return getattr(self.tree, name)
    def listing(self, directory):
        if directory.name == b"crash": ctypes.string_at(0)
        if directory.name == b"hang": time.sleep(3600)
        if directory.name == b"eat": raise MemoryError
        return self.tree.listing(directory)
    def root(self):
        if {at_root!r}: ctypes.string_at(0)
        return self.tree.root()

honest = source.FilesSource.tree
source.FilesSource.tree = lambda self, volume: Hostile(honest(self, volume))
nursery.main()
"""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Have every worker read a file system that crashes or hangs at certain directories."""

    def use(at_root: bool = False) -> None:
        code = HOSTILE_WORKER.format(at_root=at_root)
        monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", code))

    return use


def evidence(folder: Path, *directories: str) -> Path:
    for name in ("a", *directories, "z"):
        (folder / name).mkdir(parents=True)
        (folder / name / "fine.txt").write_text(name)
    return folder


def unlisted(bundle: Path) -> dict[str, tuple[str, bool]]:
    """Return path → reason and whether it counts, of every directory not examined."""
    return {
        line["path"]: (line["reason"], line["counts"])
        for line in lines(bundle / "data" / "coverage.jsonl")
        if line["step"] == "directory"
    }


def hosts(bundle: Path) -> set[str]:
    return {
        record["value"]["host"]
        for record in lines(bundle / "data" / "findings.jsonl")
        if record["kind"] == "web.site"
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_directory_that_kills_workers_is_left_out(
    hostile: Callable[[], None], tmp_path: Path, jobs: int
) -> None:
    hostile()
    image = evidence(tmp_path / "evidence", "crash", "more/crash")
    result = go(options(image, tmp_path / "b", jobs=jobs, only=("bad.*",)))
    assert hosts(tmp_path / "b") == {"a", "z"}
    assert unlisted(tmp_path / "b") == {
        "/crash/": ("worker_died", True),
        "/more/crash/": ("worker_died", True),
    }
    problems = lines(tmp_path / "b" / "data" / "problems.jsonl")
    assert {problem["path"] for problem in problems} == {"/crash/", "/more/crash/"}
    assert result.exit_code == ExitCode.INCOMPLETE
    assert json.loads((tmp_path / "b" / "data" / "run.json").read_text())["repeatable"]


def test_a_directory_at_which_workers_hang_is_left_out(
    hostile: Callable[[], None], tmp_path: Path
) -> None:
    hostile()
    standard = profile.load([])
    quick = replace(standard, limits=replace(standard.limits, silent_seconds=1))
    image = evidence(tmp_path / "evidence", "hang")
    result = go(options(image, tmp_path / "b", only=("bad.*",), profile=quick))
    assert hosts(tmp_path / "b") == {"a", "z"}
    assert unlisted(tmp_path / "b") == {"/hang/": ("worker_hung", True)}
    assert result.exit_code == ExitCode.INCOMPLETE
    assert not json.loads((tmp_path / "b" / "data" / "run.json").read_text())["repeatable"]


def test_what_was_left_out_is_left_out_again_at_once(
    hostile: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile()
    image = evidence(tmp_path / "evidence", "crash")
    chosen = options(image, tmp_path / "b", only=("bad.*",))
    with pytest.raises(InterruptedRunError):
        go(chosen, At("context"))
    with requests(monkeypatch) as seen:
        go(replace(chosen, resume=True))
    assert len([request for request in seen if isinstance(request, m.WalkVolume)]) == 1
    go(replace(chosen, output=tmp_path / "whole"))
    assert records(tmp_path / "b") == records(tmp_path / "whole")
    assert not partial(tmp_path / "b").exists()


def test_out_of_memory_costs_the_volume_not_the_run(
    hostile: Callable[[], None], tmp_path: Path
) -> None:
    hostile()
    image = evidence(tmp_path / "evidence", "eat")
    result = go(options(image, tmp_path / "b", only=("bad.*",)))
    coverage = lines(tmp_path / "b" / "data" / "coverage.jsonl")
    assert [line["reason"] for line in coverage if line["step"] == "volume"] == ["out_of_memory"]
    assert result.exit_code == ExitCode.INCOMPLETE
    assert not json.loads((tmp_path / "b" / "data" / "run.json").read_text())["repeatable"]


def test_a_file_system_that_kills_workers_before_its_first_directory_costs_the_volume(
    hostile: Callable[[bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile(True)
    with requests(monkeypatch) as seen:
        result = go(options(evidence(tmp_path / "evidence"), tmp_path / "b", only=("bad.*",)))
    assert len(seen) == 2
    coverage = lines(tmp_path / "b" / "data" / "coverage.jsonl")
    assert [line["reason"] for line in coverage if line["step"] == "volume"] == ["worker_died"]
    assert result.exit_code == ExitCode.INCOMPLETE


class Tree:
    """Three directories; the second cannot be listed."""

    name = "test"

    def root(self) -> Named:
        return Named(name=b"", type=EntryType.DIRECTORY, inode=5, descend=True)

    def listing(self, directory: Named) -> list[Named]:
        if directory.inode == 7:
            raise EvidenceError("unreadable")
        if directory.inode != 5:
            return []
        return [
            Named(name=bytes([48 + number]), type=EntryType.DIRECTORY, inode=number, descend=True)
            for number in (6, 7, 8)
        ]

    def open(self, address: str) -> Reader:
        raise EvidenceError(address)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        del address
        return ()


class AtOnce(Tree):
    """The same, and a reader that lists everything at once."""

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        progress(max_entries)
        return None


def walked(tree: Any) -> list[str]:
    found = walk(tree, PatternSet(["**/x"]), max_entries=100)
    return [problem.path for problem in found.problems]


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no memory files")
def test_the_page_names_the_last_directory() -> None:
    page = new_page()
    assert page is not None
    try:
        assert look(page) == (0, None)
        place = Place(page)
        place.mark(NOWHERE)
        assert look(page) == (1, NOWHERE)
        tree = MarkedTree(Tree(), place, {})
        assert walked(tree) == ["/7/"]
        assert look(page) == (5, 8)
        assert tree.unlisted == [None]
        os.ftruncate(page, 0)  # what a taken-over worker could do
        assert look(page) == (0, None)
    finally:
        os.close(page)
    assert look(None) == (0, None)


def test_reasons_stand_in_the_order_of_the_directories() -> None:
    tree = MarkedTree(Tree(), Place(None), {6: "worker_died", 8: "worker_hung"})
    assert walked(tree) == ["/6/", "/7/", "/8/"]
    assert tree.unlisted == ["worker_died", None, "worker_hung"]


def test_listing_at_once_is_marked_and_avoided() -> None:
    page = new_page()
    marked = MarkedTree(AtOnce(), Place(page), {})
    assert marked.list_all(1, lambda _: None) is None
    if page is not None:
        assert look(page) == (1, AT_ONCE)
        os.close(page)
    avoiding = MarkedTree(AtOnce(), Place(None), {AT_ONCE: "worker_died"})
    assert walked(avoiding) == ["/7/"]
