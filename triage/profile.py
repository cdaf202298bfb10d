"""Profiles: what to look for, how deep, within which limits and which borders.

A profile is YAML, read strictly: an unknown or mistyped key is an error that names it. One profile
of depth (`quick`, `standard`, `deep`) and any number of topics are combined into one: the depth
gives limits and steps, the topics narrow the extractors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from triage.errors import ProfileError, UsageError
from triage.evidence.patterns import PatternSet
from triage.guidance import Guidance
from triage.guidance import load as load_guidance
from triage.strict import Reader, from_yaml

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
    snapshots: int = 32  # of one volume that are walked, the newest first
    disk_files: int = 32  # disks of virtual machines and raw images in files that are opened
    artifact_bytes: int = 1024 * _MIB  # read from one artifact
    findings_per_artifact: int = 250_000
    hashed_file_bytes: int = 4096 * _MIB  # one evidence file that was read
    passwords: int = 100  # given ones that are tried for one key of an artifact
    password_cost: int = 60_000_000  # of all tries of one artifact: about microseconds
    scanned_file_bytes: int = 1 << 40  # of one file, by the content scan
    scan_hits_per_file: int = 1000  # different things in one part of a file that are listed
    archive_bytes: int = 1024 * _MIB  # out of one archive or compressed file, all depths
    yara_file_bytes: int = 64 * _MIB  # first bytes of a file that rules are asked about
    exported_file_bytes: int = 256 * _MIB
    exported_total_bytes: int = 4096 * _MIB
    worker_memory_bytes: int = 2048 * _MIB
    unlock_memory_bytes: int = 2048 * _MIB  # more, for one worker that tries keys of volumes
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
    scan: str = "none"  # none, files, everything: what the content scan reads
    snapshots: str = "none"  # none, changed: what differs from the live volume
    disk_files: str = "none"  # none, named, recognised: disks in files that are opened
    limits: Limits = field(default_factory=Limits)
    scope: Scope = field(default_factory=Scope)
    guidance: tuple[Guidance, ...] = ()  # what the report tells people to do

    def selects(self, extractor: str) -> bool:
        """Whether the profile asks for an extractor."""
        return any(fnmatchcase(extractor, glob) for glob in self.extractors)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One profile file, before it is combined with others."""

    name: str
    description: str
    depth: str | None  # None: a topic
    extractors: tuple[str, ...]
    decrypt: str | None
    export: str | None
    scan: str | None
    snapshots: str | None
    disk_files: str | None
    limits: dict[str, int]
    scope: Scope
    guidance: Path | None  # folder


def _limits(reader: Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in (f.name for f in fields(Limits)):
        value = reader.take(name, int, None)
        if value is not None:
            if value <= 0:
                raise ProfileError("must be more than 0", where=reader.place(name))
            found[name] = value
    reader.done()
    return found


def _scope(reader: Reader, where: str) -> Scope:
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
    reader = Reader(from_yaml(text, name), name)
    folder = reader.take("guidance", str, None)
    part = _Part(
        name=reader.take("name", str, name),
        description=reader.take("description", str, ""),
        depth=reader.choice("depth", DEPTHS, None),
        extractors=reader.strings("extractors", ("*",)),
        decrypt=reader.choice("decrypt", ("never", "given", "found"), None),
        export=reader.choice("export", ("none", "cited", "all"), None),
        scan=reader.choice("scan", ("none", "files", "everything"), None),
        snapshots=reader.choice("snapshots", ("none", "changed"), None),
        disk_files=reader.choice("disk_files", ("none", "named", "recognised"), None),
        limits=_limits(reader.mapping("limits")),
        scope=_scope(reader.mapping("scope"), name),
        guidance=Path(name).parent / folder if folder else None,
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
    joined; limits, guidance, export and decrypt rules of a later profile win. A folder of guidance
    is sought beside the profile's file.
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
            scan=part.scan or profile.scan,
            snapshots=part.snapshots or profile.snapshots,
            disk_files=part.disk_files or profile.disk_files,
        )
    folders = [part.guidance for part in parts if part.guidance]
    return replace(
        profile, limits=Limits(**limits), guidance=load_guidance(folders[-1] if folders else None)
    )
