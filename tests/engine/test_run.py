"""One run, whatever the evidence or an extractor does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import triage
from tests.conftest import lines
from triage import profile
from triage.bundle import Bundle, verify
from triage.engine import nursery
from triage.engine.options import CaseInfo, Options, RunResult, Silent
from triage.engine.records import finding_id
from triage.engine.start import run as engine_run
from triage.errors import ExitCode, TriageError, WorkerError

BAD = Path(__file__).parent / "hostile_plugins"
# A test vector of BIP-39.
SEED = "scheme spot photo card baby mountain device kick cradle pact join borrow"

Run = Callable[..., tuple[RunResult, Path]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run over a folder of small files with the hostile extractors."""

    def go(files: dict[str, str], *, limits: str = "", jobs: int = 1, **more: Any) -> Any:
        evidence, bundle = tmp_path / "evidence", tmp_path / "bundle"
        for name, text in files.items():
            path = evidence / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "p.yaml").write_text(
            f"name: p\ndepth: quick\nextractors: ['*']\nlimits: {{ {limits} }}\n"
            f"{more.pop('extra', '')}",
            encoding="utf-8",
        )
        options = Options(
            image=evidence,
            output=bundle,
            profile=profile.load([str(tmp_path / "p.yaml")]),
            plugins=str(BAD),
            only=("bad.*",),
            jobs=jobs,
            **more,
        )
        return triage.run(options), bundle / "data"

    return go


def hosts(data: Path) -> set[str]:
    return {record["value"]["host"] for record in lines(data / "findings.jsonl")}


def codes(data: Path) -> dict[str, str]:
    return {problem["extractor"]: problem["code"] for problem in lines(data / "problems.jsonl")}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_crash_costs_one_artifact(run: Run, jobs: int) -> None:
    result, data = run({"a/fine.txt": "a", "crash.txt": "", "z/fine.txt": "z"}, jobs=jobs)
    # What it said before it died stands: it is as true as the rest.
    assert hosts(data) == {"a", "/crash.txt", "z"}
    assert codes(data) == {"bad.test.crash": "worker_died"}
    assert result.exit_code == ExitCode.INCOMPLETE
    counted = [line for line in lines(data / "coverage.jsonl") if line["counts"]]
    assert [(line["path"], line["reason"]) for line in counted] == [("/crash.txt", "worker_died")]


def test_a_hang_costs_one_artifact(run: Run) -> None:
    result, data = run({"fine.txt": "a", "hang.txt": ""}, limits="silent_seconds: 1")
    assert hosts(data) == {"a", "/hang.txt"}
    assert codes(data) == {"bad.test.hang": "worker_hung"}
    assert result.exit_code == ExitCode.INCOMPLETE
    assert json.loads((data / "run.json").read_text())["repeatable"] is False


def test_eating_memory_costs_one_artifact(run: Run) -> None:
    result, data = run({"fine.txt": "a", "eat.txt": ""}, limits=f"worker_memory_bytes: {600 << 20}")
    assert "a" in hosts(data)
    assert codes(data)["bad.test.eat"] in ("out_of_memory", "worker_died")
    assert result.exit_code == ExitCode.INCOMPLETE


def test_a_kind_that_was_not_declared_is_refused(run: Run) -> None:
    _, data = run({"fine.txt": "a", "lie.txt": "", "type.txt": ""})
    assert {record["kind"] for record in lines(data / "findings.jsonl")} == {"web.site"}
    assert codes(data) == {"bad.test.lie": "extractor_error", "bad.test.type": "extractor_lied"}


def test_findings_without_end_meet_the_limit(run: Run) -> None:
    result, data = run({"many.txt": ""}, limits="findings_per_artifact: 50")
    assert len(hosts(data)) == 50
    assert codes(data) == {"bad.test.many": "limit"}
    assert result.exit_code == ExitCode.INCOMPLETE


@pytest.mark.parametrize("jobs", [1, 2])
def test_texts_without_measure_cost_one_artifact(run: Run, jobs: int) -> None:
    files = dict.fromkeys(("fine.txt", "huge.txt", "loud.txt", "z/fine.txt"), "a")
    result, data = run(files, jobs=jobs)
    assert hosts(data) == {"a", "/huge.txt", "/loud.txt"}
    said = [(p["extractor"], p["code"], p["text"]) for p in lines(data / "problems.jsonl")]
    assert sorted(said) == [
        ("bad.test.huge", "limit", "findings longer than a bundle takes"),
        ("bad.test.loud", "not_parsed", "a text of 100000000 characters"),
        ("bad.test.loud", "noted", "a text of 100000000 characters"),
    ]
    assert result.exit_code == ExitCode.INCOMPLETE
    custody = [line["event"] for line in lines(data / "custody.jsonl")]
    assert "workers.replaced" not in custody


def test_an_incomplete_sandbox_is_refused_before_anything_is_parsed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
from triage.engine import nursery, sandbox, worker
worker.lock = lambda **_: sandbox.SandboxLevel(rlimits=True)
worker.open_source = lambda *_, **__: type("S", (), {
    "read_beneath": (), "info": None, "missing": (), "unreadable": (),
    "volumes": property(lambda self: 1 / 0)})()
nursery.main()
"""
    monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", code))
    with pytest.raises(WorkerError, match=r"sandbox is not complete on this system: rlimits$"):
        run({"fine.txt": "a"}, require_sandbox=True)
    with pytest.raises(TriageError, match="ZeroDivisionError"):
        run({"fine.txt": "a"})


def test_the_sandbox_is_complete_where_it_is_demanded(run: Run) -> None:
    try:
        result, data = run({"fine.txt": "a"}, require_sandbox=True)
    except WorkerError as error:
        pytest.skip(str(error))
    assert result.exit_code == ExitCode.OK
    assert all(json.loads((data / "run.json").read_text())["sandbox"].values())


def test_no_path_of_the_host_can_be_opened(run: Run) -> None:
    _, data = run({"escape.txt": ""})
    record = json.loads((data / "run.json").read_text())
    if not record["sandbox"]["landlock"]:
        pytest.skip("this kernel has no Landlock")
    assert hosts(data) == set()


def test_printing_does_not_disturb_the_answers(run: Run) -> None:
    result, data = run({"speak.txt": ""})
    assert hosts(data) == {"speak.txt"}
    assert result.exit_code == ExitCode.OK


def test_a_seed_stands_nowhere_in_clear(run: Run) -> None:
    _, data = run({"secret.txt": SEED})
    for path in data.rglob("*"):
        if path.is_file():
            assert b"photo card" not in path.read_bytes(), path
    assert hosts(data) == {"[secret: bip39, 12 words]"}
    withheld = [
        line for line in lines(data / "coverage.jsonl") if line["outcome"] == "withheld_secret"
    ]
    assert [line["path"] for line in withheld] == ["/secret.txt"]


def test_a_name_that_is_a_seed_is_redacted_too(run: Run) -> None:
    _, data = run({f"{SEED}/fine.txt": "a"})
    for path in data.rglob("*.json*"):
        assert b"photo card" not in path.read_bytes(), path


def test_scope_leaves_other_accounts_unread(run: Run) -> None:
    result, data = run(
        {"home/alice/fine.txt": "alice", "home/bob/fine.txt": "bob", "fine.txt": "nobody"},
        extra="scope: {accounts: [alice]}\n",
    )
    assert hosts(data) == {"alice"}
    left = [line for line in lines(data / "coverage.jsonl") if line["outcome"] == "out_of_scope"]
    assert {line["path"] for line in left} == {"/home/bob/fine.txt", "/fine.txt"}
    assert {record["path"] for record in lines(data / "files.jsonl")} == {"/home/alice/fine.txt"}
    assert result.exit_code == ExitCode.OK


def test_excluded_paths_are_not_read(run: Run) -> None:
    _, data = run(
        {"privileged/fine.txt": "no", "fine.txt": "yes"},
        extra="scope: {exclude_paths: ['privileged/**/*']}\n",
    )
    assert hosts(data) == {"yes"}


def test_no_budget_is_an_honest_incomplete_bundle(run: Run) -> None:
    result, data = run({"fine.txt": "a"}, budget_seconds=0.0)
    assert hosts(data) == set()
    assert result.exit_code == ExitCode.INCOMPLETE
    assert json.loads((data / "run.json").read_text())["repeatable"] is False
    assert verify(data.parent, finding_id=finding_id).intact


def test_what_was_looked_for_and_not_there_is_said(run: Run) -> None:
    _, data = run({"other.txt": "a"})
    asked = [line for line in lines(data / "coverage.jsonl") if line["step"] == "pattern"]
    assert {line["outcome"] for line in asked if line["extractor"] == "bad.test.fine"} == {"absent"}


def test_case_data_is_in_the_bundle(run: Run) -> None:
    case = CaseInfo(case="C-1", exhibit="7\nX", examiner="E", authority="A", notes="N")
    _, data = run({"fine.txt": "a"}, case=case)
    assert json.loads((data / "run.json").read_text())["case"]["exhibit"] == "7\nX"
    assert "External-Identifier: 7 X" in (data.parent / "bag-info.txt").read_text()
    assert verify(data.parent, finding_id=finding_id).intact


def test_a_report_that_cannot_be_made_does_not_cost_the_seal(tmp_path: Path) -> None:
    def broken(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
        yield "report.html", b"begun"
        raise KeyError(bundle.root.name)

    (tmp_path / "evidence").mkdir()
    options = Options(
        image=tmp_path / "evidence", output=tmp_path / "b", profile=profile.load(["quick"])
    )
    result = engine_run(options, Silent(), broken)
    assert verify(tmp_path / "b", finding_id=finding_id).intact
    assert result.exit_code == ExitCode.OK
    events = [event["event"] for event in lines(tmp_path / "b" / "data" / "custody.jsonl")]
    assert "report.failed" in events


@pytest.mark.parametrize("coding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("before", [0, (9 << 20) + 70, (10 << 20) - 30])
def test_a_long_file_with_a_seed_is_not_exported_in_clear(
    tmp_path: Path, coding: str, before: int
) -> None:
    """In a small file, and in one read in blocks: within a block and across two."""
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "head.txt").write_bytes(b"\x01" * before + SEED.encode(coding) + b"\x01" * 999)
    options = Options(
        image=evidence,
        output=tmp_path / "b",
        profile=profile.load(["quick"]),
        plugins=str(BAD),
        only=("bad.test.head",),
    )
    triage.run(options)
    (record,) = lines(tmp_path / "b" / "data" / "files.jsonl")
    assert (record["read"], record["exported"]) == ("complete", None)
    outcomes = {line["outcome"] for line in lines(tmp_path / "b" / "data" / "coverage.jsonl")}
    assert "withheld_secret" in outcomes


@pytest.mark.parametrize(("size", "exported"), [(9 << 20, True), ((32 << 20) + 1, False)])
def test_a_file_too_long_to_look_through_counts_as_secret(
    tmp_path: Path, size: int, *, exported: bool
) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "head.txt").write_bytes(bytes(size))
    options = Options(
        image=evidence,
        output=tmp_path / "b",
        profile=profile.load(["quick"]),
        plugins=str(BAD),
        only=("bad.test.head",),
    )
    triage.run(options)
    (record,) = lines(tmp_path / "b" / "data" / "files.jsonl")
    assert (record["exported"] is not None) is exported
