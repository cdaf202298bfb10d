"""Run one extractor over a small tree of bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from triage.api import (
    Allocation,
    Entry,
    EntryType,
    EvidencePath,
    Extractor,
    Fact,
    FileTimes,
    Finding,
    LimitError,
)
from triage.evidence.patterns import PatternSet


@dataclass
class Memory:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


@dataclass
class TreeArtifact:
    tree: dict[str, bytes]
    path: EvidencePath
    problems: list[str]
    known: tuple[Fact[Any], ...] = ()

    @property
    def entry(self) -> Entry:
        return Entry(
            volume="whole",
            path=self.path,
            address=str(sorted(self.tree).index(self.path)),
            type=EntryType.FILE,
            size=len(self.tree[self.path]),
            times=FileTimes(modified=1_700_000_000_000_000_000),
            allocation=Allocation(name=True, metadata=True),
        )

    def open(self) -> Memory:
        return Memory(self.tree[self.path])

    def read(self, limit: int = 64 << 20) -> bytes:
        if len(self.tree[self.path]) > limit:
            raise LimitError("too long")
        return self.tree[self.path]

    def head(self, length: int) -> bytes:
        return self.tree[self.path][:length]

    def text(self, limit: int = 64 << 20, encoding: str = "utf-8") -> str:
        data = self.read(limit)
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16", "replace")
        return data.removeprefix(b"\xef\xbb\xbf").decode(encoding, "surrogateescape")

    @contextlib.contextmanager
    def sqlite(self, *, key: bytes | None = None) -> Iterator[Any]:
        from triage.formats.sqlite import open_database

        def beside(suffix: str) -> Memory | None:
            found = self.sibling(self.path.rpartition("/")[2] + suffix)
            return found.open() if found else None

        extra = {"sqlcipher_key": key} if key else {}
        with open_database(
            self.open(), wal=beside("-wal"), journal=beside("-journal"), **extra
        ) as db:
            yield db

    def _at(self, path: str) -> TreeArtifact | None:
        for known in self.tree:
            if known.casefold() == path.casefold():
                return TreeArtifact(self.tree, EvidencePath(known), self.problems, self.known)
        return None

    def sibling(self, name: str) -> TreeArtifact | None:
        return self._at(f"{self.path.rpartition('/')[0]}/{name}")

    def directory(self) -> Iterator[TreeArtifact]:
        folder = self.path.rpartition("/")[0]
        for path in sorted(self.tree):
            if path.rpartition("/")[0] == folder and (found := self._at(path)):
                yield found

    def folder(self, name: str) -> bool:
        prefix = f"{self.path.rpartition('/')[0]}/{name}/".casefold()
        return any(path.casefold().startswith(prefix) for path in self.tree)

    def resolve(self, path: str) -> TreeArtifact | None:
        text = path.replace("\\", "/")
        if text[1:2] == ":":
            text = text[2:]
        parts = [] if text.startswith("/") else self.path.split("/")[:-1]
        for part in text.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in ("", "."):
                parts.append(part)
        return self._at("/" + "/".join(part for part in parts if part))

    def find(self, pattern: str) -> Iterator[TreeArtifact]:
        folder = self.path.rpartition("/")[0] + "/"
        wanted = PatternSet([pattern])
        for path in sorted(self.tree):
            if path.startswith(folder) and wanted.matches(path.removeprefix(folder)):
                found = self._at(path)
                if found:
                    yield found

    def facts(self, kind: type[Any]) -> tuple[Fact[Any], ...]:
        return tuple(fact for fact in self.known if isinstance(fact.finding, kind))

    def problem(self, text: str, *, locator: str | None = None) -> None:
        self.problems.append(f"{locator}: {text}" if locator else text)


@dataclass
class Extraction:
    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        return [finding for finding in self.findings if isinstance(finding, kind)]


Extract = Callable[..., Extraction]


@pytest.fixture
def extract() -> Extract:
    """Run an extractor over every file of a tree that its patterns match, in path order."""

    def run(
        extractor: Extractor, tree: dict[str, bytes], facts: tuple[Fact[Any], ...] = ()
    ) -> Extraction:
        result = Extraction()
        patterns = PatternSet(extractor.paths)
        for path in sorted(tree):
            if patterns.matches(path):
                artifact = TreeArtifact(tree, EvidencePath(path), result.problems, facts)
                result.findings += extractor.run(artifact)
        return result

    return run
