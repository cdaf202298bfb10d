"""The place that a maker works in: whose machine, when, and what it leaves there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from triage.errors import ProfileError
from triage.strict import Reader
from triage.training.people import Person
from triage.training.tree import Inventor, Tree
from triage.training.truth import Wanted

Family = Literal["windows", "linux", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that files show to whoever reads them well.

    kind, match: as in the answer key; `path` from the root of the volume without a leading slash.
    main: what a student is asked for. The rest may be found as well, and earns nothing.
    """

    kind: str
    path: str
    match: Mapping[str, Wanted]
    main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Something that the bytes themselves show, without a file name: in slack, in an archive."""

    kind: str
    match: Mapping[str, Wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One artifact in the making. `home` and all paths have no leading slash; times are UTC."""

    id: str
    inventor: Inventor  # of the scenario: the same label gives the same value to all artifacts
    own: Inventor  # of this artifact alone
    volume: str  # `image/volume`
    family: Family
    owner: Person
    people: Mapping[str, Person]
    home: str  # "" on a volume without a system
    folder: str  # where the artifact is to lie; "" where its program would put it
    begin: datetime  # of the scenario
    when: datetime  # of the last use
    zone: timedelta  # of the machine's clock
    settings: Reader
    tree: Tree = field(default_factory=Tree)
    claims: list[Claim] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    def below(self, windows: str, linux: str, stick: str = "") -> str:
        """Return the folder of a program: below the home folder, or on a stick of its own."""
        if self.folder:
            return self.folder
        inside = {"windows": windows, "linux": linux, "none": stick}[self.family]
        return f"{self.home}/{inside}".strip("/")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a setting. Raises ProfileError when it is missing and has no default."""
        value: str | None = self.settings.take(key, str, default)
        if not value:
            raise ProfileError("is missing", where=self.settings.place(key))
        return value

    def number(self, key: str, default: int) -> int:
        """Return a number."""
        value: int = self.settings.take(key, int, default)
        return value

    def flag(self, key: str) -> bool:
        """Return whether a setting is true; false when it is not there."""
        value = self.settings.anything(key)
        if value not in (None, True, False):
            raise ProfileError("must be true or false", where=self.settings.place(key))
        return bool(value)

    def person(self, key: str) -> Person:
        """Return the person whose key a setting holds."""
        name = self.text(key)
        if name not in self.people:
            raise ProfileError("names nobody of `people`", where=self.settings.place(key))
        return self.people[name]

    def minutes(self, count: float) -> datetime:
        """Return a moment before the last use."""
        return self.when - timedelta(minutes=count)

    def file(self, path: str, data: bytes | str, modified: datetime | None = None) -> None:
        """Leave a file."""
        self.tree.file(path, data, modified or self.when)

    def shows(self, kind: str, path: str, *, main: bool = False, **fields: Wanted) -> None:
        """Say what a file shows: fields of the finding's value."""
        match = {f"value.{name}": value for name, value in fields.items()}
        self.claims.append(Claim(kind=kind, path=path, match=match, main=main))

    def trace(self, kind: str, **fields: Wanted) -> None:
        """Say what the bytes show wherever they lie."""
        match = {f"value.{name}": value for name, value in fields.items()}
        self.traces.append(Trace(kind=kind, match=match))

    def call(self, **words: str) -> None:
        """Give names to what questions and answers speak of."""
        self.words.update(words)
