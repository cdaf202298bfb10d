"""The practice image has known answers: what must be found is, and no decoy is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import triage
from tests.conftest import ROOT, lines
from triage import profile
from triage.engine.options import Options

TRAINING = ROOT / "triage" / "training"
KEY = json.loads((TRAINING / "practice.json").read_text(encoding="utf-8"))
ITEMS = {item["id"]: item for item in KEY["items"]}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path: Path = tmp_path_factory.mktemp("practice") / "b"
    result = triage.run(
        Options(image=TRAINING / "practice.E01", output=path, profile=profile.load(()))
    )
    assert int(result.exit_code) == KEY["exit_code"]
    return lines(path / "data" / "findings.jsonl")


def answers(item: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether a record says what an item of the key asks for."""
    source, times = record["source"], {(t["event"], t["utc"]) for t in record["times"]}
    return (
        record["kind"] == item["kind"]
        and source["volume"] == item["volume"]
        and source["path"] == item["path"]
        and all(record["value"].get(name) == value for name, value in item["value"].items())
        and all(time in times for time in item.get("times", {}).items())
        and ("account" not in item or record["account"]["name"] == item["account"])
        and ("row" not in item or source["row"] == item["row"])
    )


@pytest.mark.parametrize(
    "number", [n for n, item in ITEMS.items() if item["expected"] == "must_find"]
)
def test_found(findings: list[dict[str, Any]], number: str) -> None:
    assert any(answers(ITEMS[number], record) for record in findings), ITEMS[number]


@pytest.mark.parametrize(
    "number", [n for n, item in ITEMS.items() if item["expected"] == "must_not_find"]
)
def test_decoy_is_not_found(findings: list[dict[str, Any]], number: str) -> None:
    item = ITEMS[number]
    places = {(record["kind"], record["source"]["path"]) for record in findings}
    assert (item["kind"], item["path"]) not in places


def test_the_deleted_wallet_is_found_and_marked(findings: list[dict[str, Any]]) -> None:
    (record,) = [
        r
        for r in findings
        if r["source"]["path"]
        and "old_wallet" in r["source"]["path"]
        and r["kind"] == "wallet.file"
    ]
    assert record["source"]["allocation"] == {
        "metadata": "deleted",
        "name": "deleted",
        "reused": False,
    }
