from __future__ import annotations

from typing import Any

from rich.console import Console

from triage.console.drives import DriveTable


def shown(table: DriveTable) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table.renderable())
    return captured.get()


def ended(bundle: str, event: str = "finished", **more: Any) -> dict[str, Any]:
    return {"event": event, "bundle": bundle, "exit_code": 0, **more}


def test_what_runs_and_what_ended() -> None:
    now = 100.0
    table = DriveTable(clock=lambda: now)
    for name in "abcd":
        table({"event": "planned", "bundle": name})
    table({"event": "skipped", "bundle": None, "image": "x", "counts": True})
    for name in "abc":
        table({"event": "started", "bundle": name})
    table(ended("a", findings=12, not_examined=1, milliseconds=3_725_000, exit_code=3))
    table(ended("b", "failed", reason="no"))
    table({"event": "skipped", "bundle": "d", "counts": False})
    now = 161.5
    text = shown(table)
    assert text.startswith("3 of 4 runs, 1 failed, 1 running\n")
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["c", "running", "1:01"] in cells
    assert ["a", "done, exit 3", "1:02:05", "12", "1"] in cells
    assert ["b", "FAILED"] in cells
    assert ["d", "done before"] in cells


def test_only_the_last_that_ended_are_shown_and_names_are_inert() -> None:
    table = DriveTable(clock=lambda: 0.0)
    for number in range(300):
        table(ended(f"\x1b]0;{number}\x07"))
    text = shown(table)
    assert "\x1b" not in text
    assert "300 of 300" in text
    assert len(text.splitlines()) == 14
    assert "\\u{1b}]0;299" in text.splitlines()[2]
