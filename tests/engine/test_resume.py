"""An interrupted run that is continued ends like one that was not, and does nothing twice."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

import triage
from tests.conftest import ROOT, lines
from tests.engine.runs import (
    HOSTILE,
    SEED,
    At,
    Fuse,
    events,
    exported,
    forked,
    go,
    options,
    partial,
    records,
    requests,
    small_image,
)
from triage import profile
from triage.bundle import Bundle, load_identities, verify
from triage.engine import messages as m
from triage.engine.options import CaseInfo, Options
from triage.engine.records import finding_id
from triage.errors import BundleError, InterruptedRunError

KILLS = 20
MOMENTS = 160  # writes and syncs of one run, about


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_image(tmp_path_factory.mktemp("image") / "image.tar")


@pytest.fixture(scope="module")
def whole(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a run that nothing disturbed."""
    path = tmp_path_factory.mktemp("whole") / "b"
    go(options(image, path))
    assert records(path)["findings"].count(b"\n") > 10
    assert len(exported(path)) > 5
    return path


@pytest.fixture(scope="module")
def stopped(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that was interrupted when it began to export."""
    path = tmp_path_factory.mktemp("stopped") / "b"
    interrupt(options(image, path, case=CaseInfo(case="C-1")), At("export"))
    return partial(path)


@pytest.fixture
def again(image: Path, stopped: Path, tmp_path: Path) -> Options:
    """Options to continue a copy of it."""
    shutil.copytree(stopped, tmp_path / "b.partial")
    return options(image, tmp_path / "b", case=CaseInfo(case="C-1"), resume=True)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A folder with a few small files."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    for number in range(4):
        (folder / str(number)).mkdir()
        (folder / str(number) / "fine.txt").write_text(f"host-{number}")
    return folder


def interrupt(chosen: Options, observer: At) -> Options:
    """Leave an interrupted run; return the options to continue it."""
    with pytest.raises(InterruptedRunError, match="--resume"):
        go(chosen, observer)
    assert partial(chosen.output).is_dir()
    return replace(chosen, resume=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_twenty_moments_it_ends_with_the_same_bytes(
    image: Path, whole: Path, tmp_path: Path
) -> None:
    moments = random.Random(1)  # noqa: S311 - the same moments every time
    kills = completed = 0
    while kills < KILLS or not completed:
        chosen = options(image, tmp_path / "b", jobs=1 + (kills % 4 == 3), resume=True)
        fuse = Fuse(moments.randrange(MOMENTS) if kills < KILLS else 1 << 30)

        def burn(fuse: Fuse = fuse, chosen: Options = chosen) -> None:
            fuse.arm()
            go(chosen)

        code = forked(burn)
        assert code in (0, -9)
        kills += code == -9
        if code == 0:
            completed += 1
            assert records(chosen.output) == records(whole)
            assert exported(chosen.output) == exported(whole)
            assert verify(chosen.output, finding_id=finding_id).intact
            assert [path.name for path in tmp_path.iterdir() if path.name[:2] == "b."] == []
            shutil.rmtree(chosen.output)
    assert kills == KILLS


@pytest.mark.parametrize(("phase", "steps"), [("extract", 3), ("export", 3), ("seal", 0)])
def test_nothing_is_done_twice(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, steps: int
) -> None:
    image = small_image(tmp_path / "image.tar")
    with requests(monkeypatch) as first:
        again = interrupt(options(image, tmp_path / "b"), At(phase, steps))
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.bin")}
    finished = {
        tuple(line["entry"]["artifact"])
        for line in lines(partial(again.output) / "journal.jsonl")
        if line["entry"]["type"] == "Finished"
    }
    with requests(monkeypatch) as second:
        go(again)
    asked = [
        {(r.extractor, r.volume, r.row) for r in seen if isinstance(r, m.Extract)}
        for seen in (first, second)
    ]
    assert finished
    assert not finished & asked[1]
    assert finished | asked[1] >= asked[0]
    assert bool(asked[1]) is (phase == "extract")
    if phase == "seal":
        # What lives in memory is made anew: the index, and which files first bytes name.
        assert [type(request) for request in second] == [m.WalkVolume, m.FindDisks, m.Recognise]
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.bin")}
    assert written.items() <= kept.items()
    assert records(again.output) == records(whole)


def test_custody_tells_it_and_its_chain_goes_on(again: Options) -> None:
    with (partial(again.output) / "journal.jsonl").open("ab") as file:
        file.write(b'{"type":"Fini')
    go(again)
    found = events(again.output)
    names = [event["event"] for event in found]
    assert names[:3] == ["bundle.created", "image.opened", "image.walked"]
    assert (names.count("bundle.created"), names.count("image.walked")) == (1, 2)
    resumed = found[names.index("run.resumed")]
    assert resumed["data"]["journal_bytes_dropped"] == 13
    assert resumed["data"]["artifacts_finished"] > 10
    assert len(resumed["data"]["journal_head"]) == 64
    assert verify(again.output, finding_id=finding_id).intact
    record = json.loads((again.output / "data" / "run.json").read_text())
    assert record["started"] < resumed["utc"]


@pytest.mark.parametrize("damage", ["cut", "zeros", "edited", "empty", "absent"])
def test_what_is_not_whole_in_the_journal_is_done_again(
    whole: Path, again: Options, damage: str
) -> None:
    path = partial(again.output) / "journal.jsonl"
    data = path.read_bytes()
    middle = len(data) // 2
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(
            {
                "cut": data[:middle],
                "zeros": data[:middle] + bytes(4096),
                "edited": data.replace(b"onion", b"0nion"),
                "empty": b"",
            }[damage]
        )
    go(again)
    assert records(again.output) == records(whole)


def edit(chosen: Options, _: pytest.MonkeyPatch) -> Options:
    plugin = Path(chosen.plugins) / "bad.py"
    plugin.write_text(plugin.read_text() + "\n# another version\n")
    return chosen


def grow(chosen: Options, _: pytest.MonkeyPatch) -> Options:
    with chosen.image.open("ab") as file:
        file.write(bytes(512))
    return chosen


def touch(chosen: Options, _: pytest.MonkeyPatch) -> Options:
    os.utime(chosen.image, ns=(0, 0))
    return chosen


Change = Callable[[Options, pytest.MonkeyPatch], Options]
CHANGES: dict[str, tuple[Change, str]] = {
    "only": (lambda o, _: replace(o, only=("*",)), "options.only was [], is ['*']"),
    "no hash": (lambda o, _: replace(o, hash_media=False), "options.hash_media"),
    "expected hash": (lambda o, _: replace(o, expect=(("md5", "0" * 32),)), "options.expect"),
    "case": (lambda o, _: replace(o, case=CaseInfo(case="C-2")), "case.case was 'C-1', is 'C-2'"),
    "profile": (lambda o, _: replace(o, profile=profile.load(["quick"])), "profile"),
    "a limit": (
        lambda o, _: replace(
            o, profile=replace(o.profile, limits=replace(o.profile.limits, entries=7))
        ),
        "profile.limits.entries was 5000000, is 7",
    ),
    "version": (
        lambda o, patch: (patch.setattr(triage, "__version__", "99.0"), o)[1],
        "is '99.0'",
    ),
    "an extractor": (edit, "extractors.bad.test.crash.sha256 was"),
    "longer": (grow, "image.segments[1].size was"),
    "written to": (touch, "image.modified[1] was"),
    "another image": (
        lambda o, _: replace(o, image=ROOT / "fixtures" / "images" / "single.E01"),
        "image",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_run_is_refused_and_says_what_differs(
    again: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    again = replace(
        again,
        plugins=str(shutil.copytree(HOSTILE, tmp_path / "plugins")),
        image=Path(shutil.copy2(again.image, tmp_path / "image.tar")),
    )
    left = partial(again.output)
    before = {path: path.read_bytes() for path in left.rglob("*") if path.is_file()}
    change, words = CHANGES[name]
    with pytest.raises(BundleError, match="another") as refused:
        go(change(again, monkeypatch))
    assert words in str(refused.value)
    assert {path: path.read_bytes() for path in before} == before


def test_another_place_of_image_and_bundle_is_not_another_run(
    again: Options, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "moved").mkdir()
    image = Path(shutil.copy2(again.image, tmp_path / "moved"))
    partial(again.output).rename(tmp_path / "moved" / "c.partial")
    go(replace(again, image=image, output=tmp_path / "moved" / "c", jobs=2, budget_seconds=999.0))
    assert records(tmp_path / "moved" / "c") == records(whole)


def test_a_folder_that_lists_other_names_is_refused(tmp_path: Path, evidence: Path) -> None:
    again = interrupt(options(evidence, tmp_path / "b", only=("bad.*",)), At("export"))
    (evidence / "new").write_text("new")
    with pytest.raises(BundleError, match="does not list what it listed"):
        go(again)


def test_without_anything_to_continue_it_begins(tmp_path: Path, evidence: Path) -> None:
    chosen = options(evidence, tmp_path / "b", resume=True, only=("bad.*",))
    go(chosen)
    with pytest.raises(BundleError, match="nothing to resume"):
        go(chosen)


def test_failures_are_remembered_like_findings(
    tmp_path: Path, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("crash", "lie", "many", "secret"):
        (evidence / f"{name}.txt").write_text(SEED if name == "secret" else "")
    standard = profile.load([])
    limits = replace(standard.limits, findings_per_artifact=50)
    chosen: dict[str, Any] = {"profile": replace(standard, limits=limits), "only": ("bad.*",)}
    go(options(evidence, tmp_path / "whole", **chosen))
    again = interrupt(options(evidence, tmp_path / "b", **chosen), At("export"))
    with requests(monkeypatch) as seen:
        go(again)
    assert not [request for request in seen if isinstance(request, m.Extract)]
    assert records(again.output) == records(tmp_path / "whole")
    codes = {problem["code"] for problem in lines(again.output / "data" / "problems.jsonl")}
    assert codes == {"worker_died", "extractor_error", "limit", "noted"}


def everything(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_seed_stands_nowhere_in_the_journal(tmp_path: Path, evidence: Path) -> None:
    (evidence / SEED).mkdir()
    (evidence / SEED / "secret.txt").write_text(SEED)
    interrupt(options(evidence, tmp_path / "b", only=("bad.*",)), At("seal"))
    journal = (tmp_path / "b.partial" / "journal.jsonl").read_bytes()
    assert b"[secret: bip39, 12 words]" in journal
    assert b"photo card" not in everything(tmp_path / "b.partial")


def test_secrets_for_a_recipient_are_found_again_instead(
    whole: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(str(identity))
    chosen = options(image, tmp_path / "b", secrets_recipient=str(identity.to_public()))
    again = interrupt(chosen, At("seal"))
    remains = everything(partial(tmp_path / "b"))
    sealed = {path.name: path.read_bytes() for path in tmp_path.rglob(f"{'?' * 64}.age")}
    with requests(monkeypatch) as seen:
        go(again)
    secrets = Bundle.open(tmp_path / "b").secrets(load_identities(tmp_path / "key"))
    assert secrets
    for item in secrets:
        assert item["secret"].encode() not in remains
    assert [request for request in seen if isinstance(request, m.Extract)]
    assert sealed
    assert not [request for request in seen if isinstance(request, m.Export)]
    for name, content in sealed.items():
        assert next((tmp_path / "b").rglob(name)).read_bytes() == content
    assert records(tmp_path / "b")["findings"] == records(whole)["findings"]
