"""The guide's example is a real package: it installs, is listed, and runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Triage, lines

EXAMPLE = ROOT / "docs" / "example-plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the example where only these tests see it."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--no-build-isolation", "--target", str(target), str(EXAMPLE)),
        ],
        check=True,
        capture_output=True,
    )
    return {"PYTHONPATH": f"{ROOT}:{target}"}


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    urls = tmp_path / "evidence" / "home" / "alice" / ".newsboat" / "urls"
    urls.parent.mkdir(parents=True)
    urls.write_text('# mine\nhttps://feeds.example/a "tag"\n\nhttp:///x\n"query:all:x"\n')
    return tmp_path / "evidence"


def test_it_is_listed_with_its_origin(triage: Triage, installed: dict[str, str]) -> None:
    ran = triage("plugins", "--plugins", "installed", "--format", "json", env=installed)
    found = {entry["name"]: entry["origin"] for entry in ran.json()}
    origin = found["web.newsboat.feeds"]
    assert (origin["source"], origin["distribution"], origin["version"]) == (
        "package",
        "triage-plugin-example",
        "1.0",
    )
    assert len(origin["sha256"]) == 64


def test_it_is_off_unless_asked_for(triage: Triage, installed: dict[str, str]) -> None:
    ran = triage("plugins", "--format", "json", env=installed)
    assert "web.newsboat.feeds" not in {entry["name"] for entry in ran.json()}


def test_it_runs(triage: Triage, installed: dict[str, str], evidence: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    ran = triage("run", evidence, "-o", bundle, "--plugins", "installed", env=installed)
    assert ran.code == 0, ran.err
    (record,) = lines(bundle / "data" / "findings.jsonl")
    assert record["value"]["host"] == "feeds.example"
    assert record["account"]["name"] == "alice"
    (problem,) = lines(bundle / "data" / "problems.jsonl")
    assert problem["locator"] == "line 4"
    extractors = json.loads((bundle / "data" / "run.json").read_text())["extractors"]
    assert "triage-plugin-example" in {extractor["distribution"] for extractor in extractors}


def test_the_guides_eight_lines_run(triage: Triage, evidence: Path, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "add-an-extractor.md").read_text(encoding="utf-8")
    code = guide.split("```python\n")[1].split("```")[0]
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "feeds.py").write_text(code)
    ran = triage(
        "run",
        evidence,
        "-o",
        tmp_path / "b",
        "--plugins",
        tmp_path / "plugins",
        "--only",
        "web.newsboat.*",
    )
    assert ran.code == 0, ran.err
    assert lines(tmp_path / "b" / "data" / "findings.jsonl")


def test_a_broken_plugin_is_said_and_counts(triage: Triage, evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("import nonsense_that_is_not_there\n")
    ran = triage("run", evidence, "-o", tmp_path / "b", "--plugins", tmp_path / "plugins")
    assert ran.code == 3
    codes = {problem["code"] for problem in lines(tmp_path / "b" / "data" / "problems.jsonl")}
    assert codes == {"plugin_not_loaded"}
