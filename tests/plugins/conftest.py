"""Run one extractor over a small tree of bytes, through the engine's own index and artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from triage.api import Credential, EntryType, Extractor, Fact, FileTimes, Finding
from triage.engine.view import EvidenceArtifact, Task
from triage.evidence.index import Index, Named
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.model import ByteRun, Reader

WRITTEN = FileTimes(modified=1_700_000_000_000_000_000)


@dataclass(frozen=True)
class Memory:
    """Some bytes as a reader."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class MemoryTree:
    """A file system made of a dict: path → content."""

    name = "folder"

    def __init__(self, files: dict[str, bytes]) -> None:
        self._content: list[bytes | None] = [None]
        self._children: list[dict[str, int]] = [{}]
        for path, content in files.items():
            at = 0
            *folders, name = path.strip("/").split("/")
            for folder in folders:
                at = self._children[at].setdefault(folder, self._new(None))
            self._children[at][name] = self._new(content)

    def _new(self, content: bytes | None) -> int:
        self._content.append(content)
        self._children.append({})
        return len(self._content) - 1

    def root(self) -> Named:
        return Named(name=b"", type=EntryType.DIRECTORY, inode=0, descend=True)

    def listing(self, directory: Named) -> list[Named]:
        return [self._named(name, at) for name, at in self._children[directory.inode].items()]

    def _named(self, name: str, at: int) -> Named:
        content = self._content[at]
        raw = name.encode("utf-8", "surrogateescape")
        if content is None:
            return Named(name=raw, type=EntryType.DIRECTORY, inode=at, descend=True, times=WRITTEN)
        return Named(name=raw, type=EntryType.FILE, inode=at, size=len(content), times=WRITTEN)

    def open(self, address: str) -> Reader:
        return Memory(self._content[int(address)] or b"")

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        del address
        return ()


@dataclass
class Extraction:
    """What came of it."""

    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)  # names of files

    def of(self, kind: type[Any]) -> list[Any]:
        return [finding for finding in self.findings if isinstance(finding, kind)]


Extract = Callable[..., Extraction]


@pytest.fixture
def extract() -> Extract:
    """Run an extractor over every file of a tree that its patterns match, in path order."""

    def run(
        extractor: Extractor,
        tree: dict[str, bytes],
        facts: tuple[Fact[Any], ...] = (),
        *,
        may_decrypt: bool = False,
        given: tuple[Credential, ...] = (),
        password_cost: int = 1 << 24,
    ) -> Extraction:
        result = Extraction()
        files = MemoryTree(tree)
        walked = walk(files, PatternSet(extractor.paths), max_entries=100_000)
        index = Index(memoryview(walked.block), volume="whole")
        for match in sorted(walked.matches, key=lambda match: index.path(match.row)):
            task = Task(
                tree=files,
                index=index,
                budget=1 << 30,
                facts=facts,
                may_decrypt=may_decrypt,
                given=lambda _: given,
                passwords=100,
                password_cost=password_cost,
            )
            result.findings += extractor.run(EvidenceArtifact(task, match.row))
            result.withheld += [
                access.entry.name for access in task.accesses.values() if access.withheld
            ]
            result.problems += [
                f"{locator}: {text}" if locator else text for text, locator in task.troubles
            ]
        return result

    return run
