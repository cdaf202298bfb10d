from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from triage import canonical
from triage.bundle import Bundle, SealResult, compare
from triage.errors import BundleError

Build: TypeAlias = Callable[..., SealResult]


def rewrite(path: Path, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    file = path / "data" / name
    records = change([canonical.decode(line) for line in file.read_bytes().splitlines()])
    file.unlink()
    file.write_bytes(b"".join(map(canonical.line, records)))


def test_two_runs_that_gave_the_same_do_not_differ(build: Build, tmp_path: Path) -> None:
    a, b = (Bundle.open(build(tmp_path / name).path) for name in ("a", "b"))
    diff = compare(a, b)
    assert not diff
    assert (diff.findings.added, diff.files.changed, diff.coverage.removed) == ((), (), ())


def test_differences_are_told_apart(build: Build, tmp_path: Path) -> None:
    first, second = build(tmp_path / "a").path, build(tmp_path / "b", extra=1).path
    a, b = Bundle.open(first), Bundle.open(second)
    (new,) = {r["id"] for r in b.findings()} - {r["id"] for r in a.findings()}
    rewrite(first, "files.jsonl", lambda r: [{**r[0], "size": 1, "gone": None}, *r[1:]])
    rewrite(second, "files.jsonl", lambda r: [{**r[0], "size": 2}, r[1], {"key": "c"}])
    rewrite(second, "coverage.jsonl", lambda r: [{**r[0], "outcome": "found"}])
    diff = compare(a, b)
    assert [record["id"] for record in diff.findings.added] == [new]
    assert (diff.findings.removed, diff.findings.changed) == ((), ())
    (change,) = diff.files.changed
    assert (change.key, change.fields) == ("a", ("gone", "size"))
    assert (change.before["size"], change.after["size"]) == (1, 2)
    assert [record["key"] for record in diff.files.added] == ["c"]
    assert [record["outcome"] for record in diff.coverage.added] == ["found"]
    assert [record["outcome"] for record in diff.coverage.removed] == ["absent"]
    back = compare(b, a)
    assert [record["id"] for record in back.findings.removed] == [new]


@pytest.mark.parametrize(
    "lines",
    [b'{"id":"b"}\n{"id":"a"}\n', b'{"id":1}\n', b"{}\n", b'{"id":"\\ud800"}\n'],
    ids=["unsorted", "number", "no id", "surrogate"],
)
def test_records_without_order_are_refused(
    good: tuple[Path, SealResult], sealed: Path, lines: bytes
) -> None:
    file = sealed / "data/findings.jsonl"
    file.unlink()
    file.write_bytes(lines)
    with pytest.raises(BundleError):
        compare(Bundle.open(good[0]), Bundle.open(sealed))
