"""The commands, on the smallest images there are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.batch.made import crowd
from tests.conftest import IMAGES, Triage, lines
from triage.cli import batch, links  # noqa: F401 - for what they add to the group
from triage.cli.command import cli
from triage.errors import BundleError, ExitCode, TriageError


def command(*arguments: str | Path) -> object:
    """Run a command in this process; errors of ours are raised."""
    return cli.main([str(argument) for argument in arguments], standalone_mode=False)


def test_a_batch_and_its_resumption(triage: Triage, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(IMAGES / "single.E01", folder / f"{name}.E01")
    (folder / "cut.E01").write_bytes((IMAGES / "single.E01").read_bytes()[:300])
    sheet = tmp_path / "list.csv"
    sheet.write_text("image,case,exhibit\nin/a.E01,5,7/a\nin/b.E01,5,\nin/cut.E01,5,8\n")
    given = ("batch", sheet, "-o", out, "--jobs", "1", "--images", "3", "--format", "jsonl")

    ran = triage(*given)
    assert ran.code == 1, ran.err
    events = lines(out / "batch.jsonl")
    assert [json.loads(line) for line in ran.out.splitlines()] == events
    finished = {event["bundle"]: event for event in events if event["event"] == "finished"}
    assert set(finished) == {"7-a.bundle", "b.bundle"}
    assert finished["7-a.bundle"]["exit_code"] == 0
    assert finished["7-a.bundle"]["image_hash"] == "match"
    (failed,) = [event for event in events if event["event"] == "failed"]
    assert failed["bundle"] == "8.bundle"
    assert "cut short" in failed["reason"]
    run = json.loads((out / "7-a.bundle" / "data" / "run.json").read_text())
    assert (run["case"]["case"], run["case"]["exhibit"]) == ("5", "7/a")
    summary = json.loads((out / "summary.json").read_text())
    assert {drive["bundle"]: drive["outcome"] for drive in summary["drives"]} == {
        "7-a.bundle": "finished",
        "b.bundle": "finished",
        "8.bundle": "failed",
    }
    assert "7-a.bundle" in (out / "summary.html").read_text()

    target = out / "7-a.bundle" / "data" / "coverage.jsonl"
    target.chmod(0o600)
    target.write_bytes(target.read_bytes() + b"{}\n")
    assert triage(*given, "--resume").code == 1
    after = {event["bundle"]: event for event in lines(out / "batch.jsonl")[len(events) :]}
    assert after["b.bundle"]["reason"] == "finished before, and verified now"
    assert (after["7-a.bundle"]["event"], after["7-a.bundle"]["exit_code"]) == ("failed", 4)
    assert "ALTERED" in after["7-a.bundle"]["reason"]


def test_a_reader_that_leaves_does_not_stop_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    silenced: list[bool] = []

    def leave(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(batch, "write_jsonl", leave)
    monkeypatch.setattr(batch, "silence_stdout", lambda: silenced.append(True))
    batch._events({"event": "started"})
    assert silenced


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("in", "-o", "new", "--quick-first", "--profile", "quick"), "quick already"),
        (("in", "-o", "new", "--budget", "soon"), "--budget"),
        (("nowhere", "-o", "new"), "no such file"),
        (("in", "-o", "new"), "no image found"),
        (("in", "-o", "new", "--profile", "none"), "no profile"),
        (("in", "-o", "new", "--ranking", "none"), "none"),
    ],
)
def test_wrong_usage_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    with pytest.raises(TriageError, match=says) as caught:
        command("batch", *arguments)
    assert caught.value.exit_code is ExitCode.USAGE
    assert not Path("new").exists()


def test_links_are_written_in_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd(tmp_path / "many", 12, 3)
    names = ("l.html", "l.csv", "l.graphml", "l.json")
    outputs = [part for name in names for part in ("-o", tmp_path / name)]
    assert command("links", tmp_path / "many", *outputs, "--common", "90") == ExitCode.OK
    told = capsys.readouterr()
    assert told.out == ""
    assert "2 identifiers on more than one of 12 drives; 1 more" in told.err
    assert all((tmp_path / name).stat().st_size for name in names)
    command("links", tmp_path / "many")
    assert "bc1qshared1" in capsys.readouterr().out


def test_links_say_what_they_cannot_read_or_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = crowd(tmp_path / "many", 2, 3)
    shutil.rmtree(made[1] / "data")
    (made[1] / "bagit.txt").touch()
    assert command("links", tmp_path / "many") == ExitCode.INCOMPLETE
    assert "could not be read" in capsys.readouterr().err
    with pytest.raises(TriageError, match=r"must end in \.html"):
        command("links", tmp_path / "many", "-o", tmp_path / "l.pdf")
    with pytest.raises(BundleError):
        command("links", tmp_path / "none")
