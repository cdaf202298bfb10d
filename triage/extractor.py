"""What an extractor is: one decorated generator, and the paths and content it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from triage.errors import RegistryError
from triage.evidence.patterns import expand

if TYPE_CHECKING:
    from triage.artifact import Artifact
    from triage.content import ContentTest
    from triage.findings import Finding

F = TypeVar("F", bound="Finding")

_NAME = re.compile(r"[a-z][a-z0-9]*(\.[a-z0-9][a-z0-9-]*){2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extractor:
    """One extractor: it reads one kind of artifact and yields typed findings."""

    name: str  # family.app.artifact
    paths: tuple[str, ...]
    content: tuple[ContentTest, ...]  # any one is enough, whatever the path
    yields: tuple[type[Finding], ...]
    needs: tuple[type[Finding], ...]  # kinds of facts it reads; makes it wait for the first round
    holds_secret: bool  # its artifacts hold secrets: exported only encrypted
    module: str
    doc: str
    run: Callable[[Artifact], Iterator[Finding]]

    @property
    def family(self) -> str:
        """The first part of the name."""
        return self.name.partition(".")[0]

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.strip().partition("\n")[0]

    @property
    def context(self) -> bool:
        """Whether it runs in the first round: its findings are what others build on."""
        return all(kind.context for kind in self.yields)


def extractor(
    *,
    name: str,
    paths: tuple[str, ...] = (),
    content: tuple[ContentTest, ...] = (),
    yields: tuple[type[Finding], ...],
    needs: tuple[type[Finding], ...] = (),
    holds_secret: bool = False,
) -> Callable[[Callable[[Artifact], Iterator[F]]], Extractor]:
    """Declare a generator as an extractor. Registers nothing: the registry collects the values.

    Raises RegistryError when the declaration contradicts itself, UsageError on unbalanced braces;
    the rest of a pattern is compiled when it is used, or when the registry takes in a stranger's.
    """
    if not _NAME.fullmatch(name):
        raise RegistryError("name must be family.app.artifact in lower kebab case", where=name)
    if not (paths or content) or len(set(paths)) != len(paths):
        raise RegistryError("paths or content must be given, each path once", where=name)
    if not yields:
        raise RegistryError("yields must name at least one kind", where=name)
    if content and all(kind.context for kind in yields):
        # Content is looked at within the borders of the scope, which the first round finds out.
        raise RegistryError("the first round knows files by their paths only", where=name)
    for path in paths:
        tuple(expand(path))

    def declare(run: Callable[[Artifact], Iterator[F]]) -> Extractor:
        if not run.__doc__:
            raise RegistryError("needs a docstring", where=name)
        return Extractor(
            name=name,
            paths=paths,
            content=content,
            yields=yields,
            needs=needs,
            holds_secret=holds_secret,
            module=run.__module__,
            doc=run.__doc__,
            run=run,
        )

    return declare
