from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.evidence.memory_tree import MemoryTree, file, folder
from triage.evidence.index import MAX_DEPTH, Index, IndexBuilder
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import BulkTree, Listed, Walk, WalkProblem, walk
from triage.model import Allocation

NONE = PatternSet([])
DELETED = Allocation(name=False, metadata=False)


def paths(found: Walk) -> list[str]:
    index = Index(memoryview(found.block), volume="w")
    return [index.path(row) for row in range(1, len(index))]


def problems(found: Walk) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in found.problems]


def test_rows_stand_breadth_first_and_sorted() -> None:
    tree = MemoryTree(
        {
            1: [folder("b", 3), folder("a", 2), file("c", 4)],
            2: [file("z", 5), folder("y", 6)],
            3: [file("x", 7)],
            6: [file("w", 8)],
        }
    )
    found = walk(tree, PatternSet(["**/w"]), max_entries=100)
    assert paths(found) == ["/a", "/b", "/c", "/a/y", "/a/z", "/b/x", "/a/y/w"]
    assert found.entries == 7
    assert [(match.row, match.patterns) for match in found.matches] == [(7, (0,))]
    assert problems(found) == []


def test_a_loop_is_said_and_entered_once() -> None:
    tree = MemoryTree({1: [folder("a", 2)], 2: [folder("up", 1), folder("self", 2), file("f", 3)]})
    found = walk(tree, NONE, max_entries=100)
    assert problems(found) == [("directory_loop", "/a/self/"), ("directory_loop", "/a/up/")]
    assert tree.asked == [1, 2]
    assert "/a/f" in paths(found)


def test_a_directory_with_two_names_is_entered_under_the_first() -> None:
    tree = MemoryTree({1: [folder("b", 2), folder("a", 2)], 2: [file("f", 3)]})
    found = walk(tree, NONE, max_entries=100)
    assert paths(found) == ["/a", "/b", "/a/f"]
    assert problems(found) == [("directory_loop", "/b/")]


def test_a_deleted_name_of_a_living_directory_is_no_loop() -> None:
    old = folder("old", 2)._replace(allocation=DELETED)
    tree = MemoryTree({1: [folder("new", 2), old], 2: []})
    assert problems(walk(tree, NONE, max_entries=100)) == []


def test_an_unreadable_directory_is_said_and_the_others_are_listed() -> None:
    tree = MemoryTree({1: [folder("bad", 2), folder("good", 3)], 3: [file("f", 4)]})
    found = walk(tree, NONE, max_entries=100)
    assert problems(found) == [("directory_unreadable", "/bad/")]
    assert paths(found) == ["/bad", "/good", "/good/f"]


def test_an_unreadable_root_is_said() -> None:
    found = walk(MemoryTree({}), NONE, max_entries=100)
    assert (problems(found), found.entries) == ([("directory_unreadable", "/")], 0)


@pytest.mark.parametrize(("limit", "entries"), [(6, 5), (5, 2), (3, 2), (2, 0)])
def test_the_limit_stops_before_the_directory_that_passes_it(limit: int, entries: int) -> None:
    tree = MemoryTree({1: [folder("a", 2), folder("b", 3)], 2: [file(c, 9) for c in "xyz"], 3: []})
    found = walk(tree, NONE, max_entries=limit)
    where = {5: "/b/", 2: "/a/", 0: "/"}[entries]
    assert found.entries == entries
    assert problems(found) == ([] if limit == 6 else [("entry_limit", where)])


def test_a_tree_without_end_is_cut() -> None:
    tree = MemoryTree({inode: [folder("d", inode + 1)] for inode in range(1, 1000)})
    found = walk(tree, NONE, max_entries=10_000)
    assert found.entries == MAX_DEPTH
    assert len(tree.asked) == MAX_DEPTH
    deepest = "/" + "d/" * MAX_DEPTH
    assert problems(found) == [("depth_limit", deepest)]


def test_names_that_are_not_text_are_in_the_paths_of_problems() -> None:
    tree = MemoryTree({1: [folder(b"\xff", 2)], 2: [folder(b"\xfe", 3)]})
    assert problems(walk(tree, NONE, max_entries=9)) == [
        ("directory_unreadable", "/\udcff/\udcfe/")
    ]


def test_progress_counts_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.evidence.tree._REPORT_EVERY", 2)
    seen: list[int] = []
    tree = MemoryTree({1: [folder("a", 2), folder("b", 3)], 2: [file("f", 4)], 3: []})
    walk(tree, NONE, max_entries=100, progress=seen.append)
    assert seen == [4]


class Bulk(MemoryTree):
    """A tree that knows everything at once, or says that it does not."""

    answer: Listed | None = None

    def list_all(self, max_entries: int, progress: Callable[[int], None]) -> Listed | None:
        progress(max_entries)
        return self.answer


def test_a_bulk_tree_is_believed() -> None:
    builder = IndexBuilder()
    builder.add(0, [file("bulk", 2)])
    tree = Bulk({1: [file("single", 2)]})
    assert isinstance(tree, BulkTree)
    assert not isinstance(MemoryTree({}), BulkTree)
    problem = WalkProblem(code="directory_loop", path="/x/")
    tree.answer = Listed(block=builder.freeze(), problems=(problem,))
    seen: list[int] = []
    found = walk(tree, PatternSet(["bulk"]), max_entries=7, progress=seen.append)
    assert (paths(found), found.problems, seen) == (["/bulk"], (problem,), [7])
    assert [match.row for match in found.matches] == [1]
    assert tree.asked == []


def test_a_bulk_tree_that_declines_is_walked() -> None:
    found = walk(Bulk({1: [file("single", 2)]}), PatternSet(["single"]), max_entries=7)
    assert paths(found) == ["/single"]
    assert len(found.matches) == 1
