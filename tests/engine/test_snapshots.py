"""A run over a volume with snapshots: nothing twice, and nothing that only a snapshot has lost."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import lines
from tests.engine.runs import go, options
from triage import profile
from triage.engine.coverage import Outcome
from triage.engine.results import Results
from triage.engine.walk import left_out
from triage.model import Volume, VolumeState
from triage.profile import Limits
from triage.registry import NONE

IMAGE = Path(__file__).parents[2] / "fixtures" / "images" / "shadow.raw.gz"
VOLUME = Volume(
    name="p2",
    offset=0,
    length=1,
    table="none",
    description="",
    label=None,
    state=VolumeState.FILESYSTEM,
    filesystem="ntfs",
    scheme=None,
    details={},
    problem=None,
)
ONLY = ("tor.data-directory.state", "chat.signal-desktop.*")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshots")
    image = folder / "image.raw"
    image.write_bytes(gzip.decompress(IMAGE.read_bytes()))
    chosen = replace(profile.load([]), decrypt="found")
    go(options(image, folder / "b", profile=chosen, only=ONLY, plugins=NONE))
    return folder / "b" / "data"


def test_what_two_snapshots_share_is_told_once(data: Path) -> None:
    states = [r for r in lines(data / "findings.jsonl") if r["kind"] == "tor.client"]
    told = {r["source"]["volume"]: [also["volume"] for also in r["also_in"]] for r in states}
    assert told == {"whole": [], "whole/vss-2": ["whole/vss-1"]}
    dates = {r["source"]["volume"]: r["times"][0]["raw"][:10] for r in states}
    assert dates["whole"] != dates["whole/vss-2"]  # with the same times and size of the file


def test_a_key_that_only_a_snapshot_has_is_found(data: Path) -> None:
    keys = [r for r in lines(data / "findings.jsonl") if r["kind"] == "chat.profile"]
    assert [r["source"]["volume"] for r in keys] == ["whole/vss-1"]


def test_a_store_is_opened_with_the_key_of_a_snapshot(data: Path) -> None:
    findings = lines(data / "findings.jsonl")
    messages = [r for r in findings if r["extractor"]["name"] == "chat.signal-desktop.messages"]
    assert {r["source"]["volume"] for r in messages} == {"whole/vss-1"}
    assert "chat.message" in {r["kind"] for r in messages}
    # That it stayed closed in the live volume is still said, and only there.
    coverage = lines(data / "coverage.jsonl")
    closed = {line["volume"] for line in coverage if line["reason"] == "not_parsed"}
    assert closed == {"whole"}


def test_what_did_not_change_is_counted(data: Path) -> None:
    steps = {
        line["volume"]: line["unchanged"]
        for line in lines(data / "coverage.jsonl")
        if line.get("name") == "snapshots"
    }
    assert steps == {"whole/vss-1": 1, "whole/vss-2": 2}


@pytest.mark.parametrize(
    ("snapshots", "most", "outcome", "left"),
    [
        ("none", 9, Outcome.NOT_SELECTED, ["p2/vss-1", "p2/vss-2", "p2/vss-3"]),
        ("changed", 2, Outcome.NOT_EXAMINED, ["p2/vss-1"]),
        ("changed", 3, None, []),
    ],
)
def test_what_is_left_out_is_said(
    snapshots: str, most: int, outcome: Outcome | None, left: list[str]
) -> None:
    chosen = replace(profile.load([]), snapshots=snapshots, limits=Limits(snapshots=most))
    names = ("p2", "p2/vss-1", "p2/vss-2", "p2/vss-3")
    volumes = tuple(replace(VOLUME, name=n, snapshot_of="p2" if n > "p2" else None) for n in names)
    results = Results(volumes=volumes)
    out = left_out(volumes, chosen, results)
    assert [names[number] for number in sorted(out)] == left
    coverage = list(results.coverage.lines())
    assert [line["volume"] for line in coverage] == left
    assert all(line["outcome"] == outcome for line in coverage)
    assert all(line["counts"] == (outcome is Outcome.NOT_EXAMINED) for line in coverage)
