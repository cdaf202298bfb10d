"""Deleted rows of a database reach the bundle marked, beside the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

from tests.conftest import lines
from tests.engine.runs import go, options
from triage.engine.deleted import all_findings
from triage.engine.view import Task
from triage.findings import Confidence, Finding, RowState, Shows, WebSite


def history(path: Path) -> None:
    path.parent.mkdir(parents=True)
    connection = apsw.Connection(str(path))
    connection.pragma("page_size", 512)
    connection.pragma("secure_delete", 0)
    with connection:
        connection.execute(
            "CREATE TABLE urls (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR,"
            " visit_count INTEGER NOT NULL, last_visit_time INTEGER NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER NOT NULL,"
            " visit_time INTEGER NOT NULL, from_visit INTEGER, external_referrer_url TEXT,"
            " transition INTEGER NOT NULL)"
        )
        for number in range(1, 201):
            page = (number, f"https://example.org/{number}", f"Page {number}", 1, 0)
            connection.execute("INSERT INTO urls VALUES (?, ?, ?, ?, ?)", page)
            visit = (number, number, 13_300_000_000_000_000 + number, 0, "", 1)
            connection.execute("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?)", visit)
    connection.execute("DELETE FROM visits WHERE id <= 150")
    connection.execute("DELETE FROM urls WHERE id <= 150")
    connection.close()


def test_deleted_visits_are_told_and_marked(tmp_path: Path) -> None:
    profile = tmp_path / "image" / "home" / "alice" / ".config" / "chromium" / "Default"
    history(profile / "History")
    given = {"plugins": "none", "only": ("web.chromium.history",)}
    go(options(tmp_path / "image", tmp_path / "b", **given))
    data = tmp_path / "b" / "data"
    visits = [line for line in lines(data / "findings.jsonl") if line["kind"] == "web.visit"]
    rows: dict[str, set[str]] = {"live": set(), "freelist": set()}
    for visit in visits:
        rows[visit["source"]["row"]].add(visit["value"]["url"])
        number = visit["value"]["url"].rpartition("/")[2]
        mark = ", deleted" if visit["source"]["row"] == "freelist" else ""
        assert visit["source"]["locator"] == f"visits id {number}{mark}"
    assert rows["live"] == {f"https://example.org/{n}" for n in range(151, 201)}
    gone = {int(url.rpartition("/")[2]) for url in rows["freelist"]}
    assert gone <= set(range(1, 151))
    assert len(gone) > 60
    assert lines(data / "problems.jsonl") == []


def site(host: str, row: RowState | None) -> Finding:
    return WebSite(
        host=host,
        trace="test",
        shows=Shows.PRESENT,
        confidence=Confidence.POSSIBLE,
        locator=host if row else None,
        row=row,
    )


@pytest.mark.parametrize("fails", [False, True])
def test_only_what_rests_on_a_deleted_row_is_kept_of_the_second_time(*, fails: bool) -> None:
    index: Any = SimpleNamespace(entry=lambda _: None)
    task = Task(tree=SimpleNamespace(), index=index, budget=0, facts=())
    task.deleted = {1: []}
    seen: list[bool] = []

    def run(artifact: Any) -> Iterator[Finding]:
        again = artifact._task.putting_back
        seen.append(again)
        yield site("whole", None)
        yield site("live", RowState.LIVE)
        if again:
            artifact.problem("told the first time")
            yield site("gone", RowState.FREELIST)
            if fails:
                raise ValueError
            yield site("also gone", RowState.FREELIST)

    extractor: Any = SimpleNamespace(run=run)
    found = [(finding.locator, finding.row) for finding in all_findings(extractor, task, 1)]
    first = [(None, None), ("live", RowState.LIVE), ("gone, deleted", RowState.FREELIST)]
    assert found == first + [("also gone, deleted", RowState.FREELIST)] * (not fails)
    assert seen == [False, True]
    assert len(task.troubles) == fails
