"""Profiles: what to look for, how deep, within which limits and which borders.

A profile is YAML, read strictly: an unknown or mistyped key is an error that names it. One profile
of depth (`quick`, `standard`, `deep`) and any number of topics are combined into one: the depth
gives limits and steps, the topics narrow the extractors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from triage.errors import ProfileError, UsageError
from triage.evidence.patterns import PatternSet

_MIB = 1 << 20
DEPTHS = ("quick", "standard", "deep")
DEFAULT = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one run.

    Those that shape results count bytes and entries; seconds only stop runaways, and make a run
    that meets them not repeatable.
    """

    entries: int = 5_000_000  # names in one file system
    artifact_bytes: int = 1024 * _MIB  # read from one artifact
    findings_per_artifact: int = 100_000
    hashed_file_bytes: int = 4096 * _MIB  # one evidence file that was read
    passwords: int = 100  # given ones that are tried for one key of an artifact
    password_cost: int = 60_000_000  # of all tries of one artifact: about microseconds
    exported_file_bytes: int = 256 * _MIB
    exported_total_bytes: int = 4096 * _MIB
    worker_memory_bytes: int = 2048 * _MIB
    silent_seconds: int = 300  # a worker that says nothing for so long is hanging


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a warrant allows; anything else is left out and said to be."""

    accounts: tuple[str, ...] = ()  # names or ids; empty = all
    not_before: str | None = None  # RFC 3339 UTC, inclusive
    not_after: str | None = None
    exclude_paths: tuple[str, ...] = ()  # patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one run does."""

    name: str
    description: str
    depth: str
    extractors: tuple[str, ...] = ("*",)  # globs over extractor names
    decrypt: str = "given"  # never, given, found
    export: str = "cited"  # none, cited, all
    limits: Limits = field(default_factory=Limits)
    scope: Scope = field(default_factory=Scope)

    def selects(self, extractor: str) -> bool:
        """Whether the profile asks for an extractor."""
        return any(fnmatchcase(extractor, glob) for glob in self.extractors)


class _Reader:
    """Reads one YAML mapping key by key, and complains about what is left over."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise ProfileError("must be a mapping", where=where)
        self._left = dict(value)
        self._where = where

    def place(self, key: str) -> str:
        return f"{self._where}.{key}"

    def take(self, key: str, kind: type[Any], default: Any) -> Any:
        value = self._left.pop(key, default)
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise ProfileError(f"must be {kind.__name__}", where=self.place(key))
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None) -> str | None:
        value: str | None = self.take(key, str, default)
        if value is not None and value not in choices:
            raise ProfileError(f"must be one of {', '.join(choices)}", where=self.place(key))
        return value

    def strings(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.take(key, list, None)
        if value is None:
            return default
        for number, item in enumerate(value):
            if not isinstance(item, str) or not item:
                raise ProfileError("must be text", where=f"{self.place(key)}[{number}]")
        return tuple(value)

    def day(self, key: str) -> str | None:
        value = self._left.pop(key, None)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise ProfileError("must be a date", where=self.place(key)) from None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            raise ProfileError("must be a date", where=self.place(key))
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def mapping(self, key: str) -> _Reader:
        return _Reader(self._left.pop(key, {}), self.place(key))

    def done(self) -> None:
        for key in self._left:
            raise ProfileError("unknown key", where=self.place(str(key)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One profile file, before it is combined with others."""

    name: str
    description: str
    depth: str | None  # None: a topic
    extractors: tuple[str, ...]
    decrypt: str | None
    export: str | None
    limits: dict[str, int]
    scope: Scope


def _limits(reader: _Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in (f.name for f in fields(Limits)):
        value = reader.take(name, int, None)
        if value is not None:
            if value <= 0:
                raise ProfileError("must be more than 0", where=reader.place(name))
            found[name] = value
    reader.done()
    return found


def _scope(reader: _Reader, where: str) -> Scope:
    scope = Scope(
        accounts=reader.strings("accounts", ()),
        not_before=reader.day("not_before"),
        not_after=reader.day("not_after"),
        exclude_paths=reader.strings("exclude_paths", ()),
    )
    try:
        PatternSet(scope.exclude_paths)
    except UsageError as error:
        raise ProfileError(error.message, where=f"{where}.scope.exclude_paths") from None
    reader.done()
    return scope


def parse(text: str, *, name: str) -> _Part:
    """Read one profile. Raises ProfileError naming the key."""
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        raise ProfileError(f"not YAML{at}", where=name) from None
    reader = _Reader(loaded, name)
    part = _Part(
        name=reader.take("name", str, name),
        description=reader.take("description", str, ""),
        depth=reader.choice("depth", DEPTHS, None),
        extractors=reader.strings("extractors", ("*",)),
        decrypt=reader.choice("decrypt", ("never", "given", "found"), None),
        export=reader.choice("export", ("none", "cited", "all"), None),
        limits=_limits(reader.mapping("limits")),
        scope=_scope(reader.mapping("scope"), name),
    )
    reader.done()
    return part


def shipped() -> tuple[str, ...]:
    """Return the names of the profiles that come with the program, sorted."""
    names = (item.name for item in files("triage.profiles").iterdir())
    return tuple(
        sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml") and n[0] != "_")
    )


def source(name: str) -> str:
    """Return the YAML text of a shipped profile or of a file. Raises UsageError."""
    if name in shipped():
        return files("triage.profiles").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"no profile {name!r}; shipped are {', '.join(shipped())}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"profile {name!r} cannot be read") from None


def load(names: Sequence[str]) -> Profile:
    """Combine profiles by name or file. Raises ProfileError or UsageError.

    At most one may set a depth (default `standard`) and one a scope; extractors of topics are
    joined; limits, export and decrypt rules of a later profile win.
    """
    parts = [parse(source(name), name=name) for name in names]
    depths = [part for part in parts if part.depth]
    if len(depths) > 1:
        raise UsageError(f"profiles {depths[0].name} and {depths[1].name} both set a depth")
    if not depths:
        depths = [parse(source(DEFAULT), name=DEFAULT)]
        parts.insert(0, depths[0])
    scopes = [part.scope for part in parts if part.scope != Scope()]
    if len(scopes) > 1:
        raise UsageError("only one profile may set a scope")
    topics = [part for part in parts if not part.depth]
    globs = tuple(dict.fromkeys(glob for part in topics or depths for glob in part.extractors))
    profile = Profile(
        name="+".join(part.name for part in parts),
        description=" ".join(part.description for part in parts if part.description),
        depth=depths[0].depth or DEFAULT,
        extractors=globs,
        scope=scopes[0] if scopes else Scope(),
    )
    limits: dict[str, int] = {}
    for part in parts:
        limits |= part.limits
        profile = replace(
            profile,
            decrypt=part.decrypt or profile.decrypt,
            export=part.export or profile.export,
        )
    return replace(profile, limits=Limits(**limits))
