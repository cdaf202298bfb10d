from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from triage import profile
from triage.errors import ProfileError
from triage.guidance import CASES, Guidance, load, parse


def shipped() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(asdict(load()[0])))
    return value


def test_what_a_run_records_reads_back() -> None:
    for guidance in load():
        value = json.loads(json.dumps(asdict(guidance)))
        assert parse(value, where="x") == guidance


@pytest.mark.parametrize("guidance", load(), ids=lambda guidance: guidance.name)
def test_every_step_that_forbids_or_orders_names_what_it_rests_on(guidance: Guidance) -> None:
    assert tuple(guidance.cases) == CASES[guidance.name]
    assert all(step.sources for step in guidance.always)
    for case in guidance.cases.values():
        assert case.steps[0].sources, case.title
    cited = {key for case in guidance.cases.values() for step in case.steps for key in step.sources}
    cited |= {key for step in guidance.always for key in step.sources}
    assert cited == set(guidance.sources), "a source that nothing rests on"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": "other"}, "x.name"),
        ({"name": None}, "x.name"),
        ({"colour": "red"}, "x.colour"),
        ({"always": [{"text": ""}]}, "x.always[0].text"),
        ({"always": [{"text": "a" * 601}]}, "x.always[0].text"),
        ({"always": [{"text": "a", "sources": ["nobody"]}]}, "x.always[0].sources"),
        ({"always": [{"text": "a", "sources": 5}]}, "x.always[0].sources"),
        ({"always": [{"text": "a"}] * 51}, "x.always"),
        ({"cases": {}}, "x.cases.secret-in-clear.urgent"),
        ({"sources": {"a": {"title": "t"}}}, "x.sources.a.date"),
        ({"sources": [1]}, "x.sources"),
    ],
)
def test_an_error_points_at_the_key(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(shipped() | change, where="x")
    assert caught.value.where == where


def test_an_unknown_case_is_an_error() -> None:
    value = shipped()
    value["cases"]["other"] = value["cases"]["software-only"]
    with pytest.raises(ProfileError, match="unknown key"):
        parse(value, where="x")


def test_an_agency_replaces_it_beside_its_profile(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    value = shipped()
    value["always"] = [{"text": "Call the duty officer.", "sources": []}]
    (folder / "crypto.yaml").write_text(json.dumps(value), encoding="utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\nguidance: ours\n", encoding="utf-8")
    loaded = profile.load(["quick", str(mine)])
    assert loaded.guidance[0].always[0].text == "Call the duty officer."
    assert loaded.guidance[1:] == load()[1:]
    assert profile.load(["quick"]).guidance == load()


def test_a_folder_without_guidance_is_an_error(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\nguidance: nowhere\n", encoding="utf-8")
    with pytest.raises(ProfileError, match=r"crypto\.yaml"):
        profile.load([str(mine)])
