"""Files are known by their content, whatever they are called; and what that may cost."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.conftest import ROOT, lines
from tests.engine.runs import At, go, options, records
from tests.evidence.ewf_writer import CHUNK, segments, write
from tests.evidence.test_ntfs import media
from triage import profile
from triage.content import HEAD, Header, HeaderPattern, JsonObject, RandomBytes, SqliteSchema
from triage.engine import messages as m
from triage.engine import nursery, recogniser
from triage.engine.accounts import Accounts
from triage.engine.heads import Candidates, Heads
from triage.engine.journal import Journal
from triage.engine.options import Silent
from triage.engine.place import Place
from triage.engine.pool import Task
from triage.engine.recognition import Recognition
from triage.engine.results import Results
from triage.engine.source import open_source
from triage.errors import InterruptedRunError, RegistryError
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.extractor import extractor
from triage.findings import SystemAccount, WebSite
from triage.model import Volume, VolumeState
from triage.registry import load

PLUGINS = ROOT / "tests" / "engine" / "content_plugins"
MAGIC = b"MAGIC\0\1"
STANDARD = profile.load(["standard"])


def database(path: Path, *sql: str, wal: bool = False) -> None:
    """Write a database with SQLite; with `wal` the statements stand in the log alone."""
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    if wal:
        connection.execute("CREATE TABLE first (a); PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA wal_autocheckpoint=0")
    for statement in sql:
        connection.execute(statement)
    if wal:
        kept = [(Path(f"{path}{end}"), Path(f"{path}{end}").read_bytes()) for end in ("", "-wal")]
        connection.close()
        for name, data in kept:
            name.write_bytes(data)
    else:
        connection.close()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files under wrong names, and near misses."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("home/alice", "home/bob", "keep out"):
        (root / folder).mkdir(parents=True)
    alice, bob = root / "home" / "alice", root / "home" / "bob"
    (alice / "known.bin").write_bytes(MAGIC)  # by its path, and not twice
    (alice / "holiday.jpg").write_bytes(MAGIC + b"more")
    (alice / "offset").write_bytes(bytes(4092) + b"tail" + bytes(9))
    (alice / "late").write_bytes(bytes(4093) + b"tail")
    (alice / "version.txt").write_bytes(b"v12\nwhat follows")
    (alice / "not version.txt").write_bytes(b"v12 ")
    (alice / "near.jpg").write_bytes(MAGIC[:-1])
    (alice / "empty").write_bytes(b"")
    (alice / "object").write_bytes(b'\xef\xbb\xbf {"alpha": 1, "omega": [2]} {"more": 3}')
    (alice / "long object").write_bytes(b'{"alpha": "%s", "omega": 0}' % (b"x" * 9000))
    (alice / "inner object").write_bytes(b'{"alpha": {"omega": 1}}')
    (alice / "torn object").write_bytes(b'{"alpha": 1, "omega": ')
    (alice / "deep object").write_bytes(b'{"alpha": %s, "omega": 1' % (b"[" * 200_000))
    database(bob / "recipe.doc", "CREATE TABLE Notes (ID INTEGER, text TEXT, more)")
    database(bob / "only in the log", "CREATE TABLE notes (id, text)", wal=True)
    database(bob / "no text", "CREATE TABLE notes (id)")
    database(bob / "a view", "CREATE VIEW notes AS SELECT 1 AS id, 2 AS text")
    (bob / "torn").write_bytes(b"SQLite format 3\0" + bytes(50))
    (root / "keep out" / "secret").write_bytes(MAGIC)
    return root


RENAMED = {"holiday.jpg", "offset", "version.txt", "object", "long object", "secret"}
RENAMED |= {"recipe.doc", "only in the log"}


def run(image: Path, bundle: Path, **more: Any) -> Path:
    chosen = {"profile": STANDARD, "plugins": str(PLUGINS), "only": ("content.*",), **more}
    go(options(image, bundle, **chosen))
    return bundle


def found(bundle: Path) -> dict[str, str]:
    """Return name → by what it was found."""
    return {
        record["value"]["host"]: record["source"]["found_by"]
        for record in lines(bundle / "data" / "findings.jsonl")
        if record["kind"] == "web.site"
    }


def steps(bundle: Path) -> list[dict[str, Any]]:
    """Return the coverage of the step."""
    return [
        line
        for line in lines(bundle / "data" / "coverage.jsonl")
        if line["step"] == "step" and line["name"] == recogniser.STEP
    ]


def problems(bundle: Path) -> dict[str, str]:
    return {str(line["path"]): line["code"] for line in lines(bundle / "data" / "problems.jsonl")}


def in_zip(tree: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(tree.rglob("*")):
            archive.write(file, file.relative_to(tree))
    return path


@pytest.fixture(scope="module")
def bundle(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tree, tmp_path_factory.mktemp("bundle") / "b")


def test_renamed_files_are_found(bundle: Path) -> None:
    assert found(bundle) == {"known.bin": "path", **dict.fromkeys(RENAMED, "content")}
    assert problems(bundle) == {"/home/bob/torn": "not_parsed"}
    outcomes = {(line["outcome"], line["counts"], line["reason"]) for line in steps(bundle)}
    assert outcomes == {("found", False, None), ("not_examined", False, "not_parsed")}


def test_every_test_has_its_answer(bundle: Path) -> None:
    answers = {
        line["test"]: (line["outcome"], line["count"])
        for line in lines(bundle / "data" / "coverage.jsonl")
        if line["step"] == "content"
    }
    assert answers == {
        r"bytes 'MAGIC\x00\x01' at 0": ("found", 3),
        "bytes 'tail' at 4092": ("found", 1),
        r"pattern v[0-9]+\n": ("found", 1),
        "bytes 'nobody has this' at 0": ("absent", 0),
        "SQLite with notes(id, text)": ("found", 2),
        "JSON with alpha, omega": ("found", 2),
    }


def test_same_bytes_whatever_the_workers(
    tree: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recogniser, "_PART", 3)
    assert records(run(tree, tmp_path / "b", jobs=2)) == records(bundle)


def test_nothing_is_read_outside_the_scope(tree: Path, tmp_path: Path) -> None:
    scope = replace(STANDARD.scope, exclude_paths=("keep out/*", "**/*.jpg"), accounts=("alice",))
    chosen = replace(STANDARD, scope=scope)
    bundle = run(in_zip(tree, tmp_path / "x.zip"), tmp_path / "b", profile=chosen)
    assert set(found(bundle)) == {"known.bin", "offset", "version.txt", "object", "long object"}
    assert [line["count"] for line in steps(bundle) if line["outcome"] == "out_of_scope"] == [9]
    assert problems(bundle) == {}, "the torn database of another account was not even opened"


HOSTILE_WORKER = """
import ctypes
from triage.engine import nursery, recognition

honest = recognition.Recognition.possible

def possible(self, head, size):
    if head == b"crash": ctypes.string_at(0)
    return honest(self, head, size)

recognition.Recognition.possible = possible
nursery.main()
"""


def test_a_file_that_kills_workers_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", HOSTILE_WORKER))
    evidence = tmp_path / "e"
    evidence.mkdir()
    for number in range(4):
        (evidence / f"{number}").write_bytes(MAGIC)
    (evidence / "1 crash").write_bytes(b"crash")
    bundle = run(evidence, tmp_path / "b", jobs=2)
    assert found(bundle) == dict.fromkeys("0123", "content")
    [line] = [line for line in steps(bundle) if line["outcome"] == "not_examined"]
    assert (line["reason"], line["count"], line["counts"]) == ("worker_died", 1, True)
    codes = [line["code"] for line in lines(bundle / "data" / "problems.jsonl")]
    assert codes == ["worker_died"]


class Idle:
    """A pool in which time is up before the first task, or every task fails as told."""

    def __init__(self, failure: m.Failed | None = None) -> None:
        self._failure = failure

    def run(self, tasks: Iterable[Task], *, stop: Callable[[], bool]) -> Iterator[Task]:
        for task in tasks:
            task.tries = 0 if stop() else 1
            task.failure = self._failure
            yield task


VOLUME = Volume(
    name="p1",
    offset=0,
    length=0,
    table="dos",
    description="",
    label=None,
    state=VolumeState.FILESYSTEM,
    filesystem="ntfs",
    scheme=None,
    details={},
    problem=None,
)


def cut(
    folder: Path, depth: str = "standard", *, late: bool = False, failure: m.Failed | None = None
) -> Results:
    """Return what a pass over one volume leaves when nothing of it is done."""
    results = Results(volumes=(VOLUME,))
    nothing = recogniser.Recogniser(
        pool=Idle(failure),  # type: ignore[arg-type]
        volumes=(VOLUME,),
        entries={0: 10},
        selected=load(str(PLUGINS)).select(STANDARD, ("content.test.magic",)),
        profile=replace(STANDARD, depth=depth),
        results=results,
        journal=Journal(folder / "journal", identity={}, started=""),
        observer=Silent(),
        out_of_time=lambda: late,
    )
    assert nothing.recognise([]) == []
    return results


def test_quick_leaves_the_step_out(tmp_path: Path) -> None:
    [line] = cut(tmp_path, "quick").coverage.lines()
    assert (line["name"], line["outcome"]) == (recogniser.STEP, "not_selected")


@pytest.mark.parametrize(
    ("late", "failure", "reason"),
    [
        (True, None, "time budget used up"),
        (False, m.Failed(code="out_of_memory", text=""), "out_of_memory"),
    ],
)
def test_a_pass_that_is_cut_counts(
    tmp_path: Path, late: bool, failure: m.Failed | None, reason: str
) -> None:
    results = cut(tmp_path, late=late, failure=failure)
    assert results.coverage.incomplete
    assert [line["reason"] for line in results.coverage.lines() if line["counts"]] == [reason]
    assert results.not_repeatable == {f"p1: {recogniser.STEP}: {reason}"}
    # Neither a test nor the step may say "absent" of files that nobody looked at.
    told = {(line["step"], line["outcome"], line["reason"]) for line in results.coverage.lines()}
    assert told == {("content", "not_examined", reason), ("step", "not_examined", reason)}


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Header(b"abc"),
        lambda: Header(b"abcd", offset=4093),
        lambda: Header(b"abcd", offset=-1),
        lambda: HeaderPattern(rb"(", first=b"("),
        lambda: SqliteSchema({}),
        lambda: JsonObject(set()),
        lambda: extractor(name="a.b.c", content=(Header(b"abcd"),), yields=(SystemAccount,)),
        lambda: extractor(name="a.b.c", yields=(WebSite,)),
    ],
)
def test_a_test_that_cannot_be_is_refused(declare: Callable[[], object]) -> None:
    with pytest.raises(RegistryError):
        declare()


def heads_of(image: Path, *, placed: bool) -> Heads:
    """Return what looks at the files of an image, with or without their places."""
    source = open_source(image, allow_incomplete=False, allow_writable_device=False)
    tree = source.tree(0)
    found = walk(tree, PatternSet([]), max_entries=10**6)
    index = Index(memoryview(found.block), volume="w")
    places = memoryview(found.places or b"").cast("q") if placed else None
    return Heads(
        source=source,
        ground=source.ground(0),
        tree=tree,
        index=index,
        recognition=Recognition([Header(MAGIC)]),
        candidates=Candidates.of(index, places, ALL, Accounts(())),
        place=Place(None),
    )


ALL = m.Recognise(volume=0, first=0, count=10**6)


@pytest.mark.parametrize("placed", [True, False])
def test_the_list_of_bad_clusters_is_no_file_of_anybody(tmp_path: Path, placed: bool) -> None:
    image = tmp_path / "image.raw"
    image.write_bytes(media("ntfs"))
    heads = heads_of(image, placed=placed)
    assert list(heads.look(ALL, lambda _: None)) == []
    assert heads.examined > 15
    assert any(heads.index.path(row).endswith(":$Bad") for row in heads.candidates.rows)


@pytest.mark.parametrize("placed", [True, False])
def test_a_file_whose_first_bytes_are_not_sound_is_said(tmp_path: Path, placed: bool) -> None:
    base = media("ntfs")
    image = tmp_path / "image.raw"
    image.write_bytes(base)
    heads = heads_of(image, placed=True)
    last = len(heads.candidates.places) - 1  # of those that have a place
    offset, row = heads.candidates.places[last] >> 1, heads.candidates.rows[last]
    made = segments(base, compress=False)
    body = bytearray(made[0].find("sectors").body)
    body[offset // CHUNK * (CHUNK + 4) + offset % CHUNK] ^= 1
    made[0].find("sectors").body = bytes(body)
    heads = heads_of(write(tmp_path, made), placed=placed)
    said = [reply for reply in heads.look(ALL, lambda _: None) if isinstance(reply, m.Unread)]
    assert row in [reply.row for reply in said]
    assert {reply.code for reply in said} == {"bad_chunk"}


def test_a_pass_that_is_interrupted_is_done_again(
    tree: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recogniser, "_PART", 3)
    chosen = {"profile": STANDARD, "plugins": str(PLUGINS), "only": ("content.*",)}
    with pytest.raises(InterruptedRunError):
        go(options(tree, tmp_path / "b", **chosen), At("recognise", 6))
    assert records(run(tree, tmp_path / "b", resume=True)) == records(bundle)


NOISE = hashlib.shake_128(b"noise").digest(HEAD)


@pytest.mark.parametrize(
    ("head", "size", "passed"),
    [
        (NOISE, 292 << 10, (1,)),
        (NOISE, (292 << 10) + 1, ()),
        (NOISE, 128 << 10, ()),
        (NOISE[1:], 292 << 10, ()),
        (bytes(range(256)) * 16, 292 << 10, ()),  # too even to be chance
        (b"text " * 820, 292 << 10, ()),
        (MAGIC + NOISE[len(MAGIC) :], 292 << 10, (0, 1)),
    ],
)
def test_random_bytes(head: bytes, size: int, passed: tuple[int, ...]) -> None:
    recognition = Recognition([Header(MAGIC), RandomBytes()])
    assert recognition.possible(head[:HEAD], size) == bool(passed)
    assert recognition.tests(head[:HEAD], size, None) == passed  # type: ignore[arg-type]  # nothing is opened
