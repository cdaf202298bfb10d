"""What looking at the first bytes of every file costs, against our own walk in the same run.

    python benchmarks/heads.py IMAGE [--rounds 3] [--walker auto|tsk]

IMAGE is one that `benchmarks/walk.py --keep FOLDER` built, or any other. Its largest file system is
walked and then gone through as one worker does it, in this process, with the tests of all built-in
extractors. Wall clock and CPU seconds of the best round; only the ratio means something on another
machine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

os.environ["OPENBLAS_NUM_THREADS"] = "1"

from triage import registry
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.heads import Candidates, Heads
from triage.engine.place import Place
from triage.engine.recognition import Recognition
from triage.engine.source import Source, open_source
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import FileTree, Walk, walk
from triage.model import Walker

T = TypeVar("T")


def main() -> None:
    """Walk, look, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--walker", choices=list(Walker), default=Walker.AUTO)
    options = parser.parse_args()
    entries = registry.load("none").entries
    patterns = PatternSet([path for entry in entries for path in entry.extractor.paths])
    recognition = Recognition([test for entry in entries for test in entry.extractor.content])
    walks, looks = [], []
    for _ in range(options.rounds):
        source = open_source(
            options.image,
            allow_incomplete=False,
            allow_writable_device=False,
            walker=Walker(options.walker),
        )
        numbers = [n for n, volume in enumerate(source.volumes) if volume.filesystem]
        tree = source.tree(max(numbers, key=lambda n: source.volumes[n].length))
        found, cost = timed(lambda: walk(tree, patterns, max_entries=10**8))  # noqa: B023 - at once
        walks.append(cost)
        (examined, told), cost = timed(lambda: look(source, tree, found, recognition))  # noqa: B023
        looks.append(cost)
    wall, cpu = (min(number) for number in zip(*walks, strict=True))
    our_wall, our_cpu = (min(number) for number in zip(*looks, strict=True))
    print(f"{found.entries} names, {examined} files with content, {told} worth a word")
    print(f"walk {wall:.2f} s (CPU {cpu:.2f}), heads {our_wall:.2f} s (CPU {our_cpu:.2f})")
    print(f"ratio {our_wall / wall:.2f}x, CPU {our_cpu / cpu:.2f}x")


def look(source: Source, tree: FileTree, found: Walk, recognition: Recognition) -> tuple[int, int]:
    """Look at every file; return how many there were, and of how many there is something to say."""
    index = Index(memoryview(found.block), volume="")
    places = None if found.places is None else memoryview(found.places).cast("q")
    request = m.Recognise(volume=0, first=0, count=10**8)
    heads = Heads(
        source=source,
        tree=tree,
        index=index,
        recognition=recognition,
        candidates=Candidates.of(index, places, request, Accounts(())),
        place=Place(None),
    )
    told = sum(1 for _ in heads.look(request, lambda _: None))
    return heads.examined, told


def timed(action: Callable[[], T]) -> tuple[T, tuple[float, float]]:
    """Return what an action gives, and its wall clock and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
