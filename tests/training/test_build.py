"""An exercise from a seed: the same bytes each time, other answers for another seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Triage
from tests.training.test_scenario import SMALL
from triage.errors import UsageError
from triage.training import scenario
from triage.training.build import Built, build
from triage.training.publish import media_sha256, publish
from triage.training.truth import Expect, load


@pytest.fixture(scope="module")
def built() -> Built:
    return build(scenario.parse(SMALL, name="small"), "a")


@pytest.fixture(scope="module")
def folder(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exercise") / "small"
    publish(built, path, format_="raw", answers=True, passphrase=None)
    return path


def test_the_same_seed_gives_the_same(built: Built) -> None:
    again = build(scenario.parse(SMALL, name="small"), "a")
    assert again == built
    assert media_sha256(again.disks["stick"]) == media_sha256(built.disks["stick"])


def test_another_seed_gives_other_answers_as_many(built: Built) -> None:
    other = build(scenario.parse(SMALL, name="small"), "b")
    assert len(other.items) == len(built.items)
    assert other.words["owner"] != built.words["owner"]
    for mine, theirs in zip(built.items, other.items, strict=True):
        assert (mine.kind, mine.place, mine.points) == (theirs.kind, theirs.place, theirs.points)
        if mine.expect is Expect.MUST:
            assert mine.match != theirs.match


def test_every_volume_is_marked(built: Built) -> None:
    (volume,) = built.disks["stick"].volumes
    assert volume.entries[0].path == "/DISK-TRIAGE-TRAINING.small.txt"


def test_what_is_published(built: Built, folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"stick.raw", "exercise.html", "answers.csv", "truth.json", "solution.html"}
    truth = load(folder / "truth.json")
    assert truth.images[0].sha256 == media_sha256(built.disks["stick"])
    sheet = (folder / "exercise.html").read_text()
    assert built.words["shop"] not in sheet
    assert "TRAINING" in sheet
    assert built.words["shop"] in (folder / "solution.html").read_text()
    assert (folder / "answers.csv").read_text().splitlines()[1] == "shop,,"


def test_an_existing_folder_is_refused(built: Built, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists"):
        publish(built, tmp_path, format_="raw", answers=True, passphrase=None)


def test_without_answers_no_file_holds_them(built: Built, tmp_path: Path) -> None:
    made = publish(built, tmp_path / "x", format_="raw", answers=False, passphrase=None)
    assert {path.suffix for path in made.files} == {".raw", ".html", ".csv"}
    assert made.commitment in (tmp_path / "x" / "exercise.html").read_text()


def test_built_run_and_graded(triage: Triage, folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "small.bundle"
    done = triage("run", folder / "stick.raw", "-o", bundle, "--profile", "deep", "--jobs", "1")
    assert done.code == 0, done.err
    run = json.loads((bundle / "data" / "run.json").read_text())
    assert run["image"]["training"]["scenario"] == "small"
    assert "TRAINING, NOT EVIDENCE" in done.out + done.err
    graded = triage("train", "grade", bundle, "--key", folder / "truth.json", "--format", "json")
    (grade,) = graded.json()["grades"]
    assert (grade["missed"], grade["wrong"], grade["decoys"]) == ([], [], [])
    assert grade["points"] == grade["of"]


def test_the_command(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    command = ("train", "build", tmp_path / "small.yaml", "--seed", "a", "--image", "raw")
    made = triage(*command, "-o", tmp_path / "out", "--format", "json")
    assert made.code == 0
    assert "stick.raw" in made.json()["files"]
    assert triage(*command, "-o", tmp_path / "out").code == 2
    assert triage("train", "build", "first-hour").code == 2
    assert "first-hour" in triage("train", "build", "--list").out
