"""The same identifier in several bundles.

The bundles are read twice: first for a short digest of every identifier and whether a second
drive has it, then for the places of those that are shared. Memory grows with the number of
different identifiers, some hundred bytes each, and not with that of the findings.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from triage.batch.identifiers import OWN, TYPES, Identifier, identifiers, well_known
from triage.bundle import Bundle
from triage.console.headlines import account_name
from triage.errors import BundleError, TriageError

MANY = 10
"""Bundles from which on frequency says what is common."""

_EMPTY_FILES = 64  # bytes: smaller files are alike by chance
_PAIRED = 20  # drives with an identifier up to which it counts for pairs
_UNREADABLE = (TriageError, LookupError, TypeError, AttributeError, ValueError)
_ROLES = ("own", "other", "message", "cited")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One bundle; `drive` numbers the media, so that two runs of one image are one drive."""

    bundle: str
    drive: int
    case: str | None
    exhibit: str | None
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an identifier stands: in which bundle (number in `Links.sources`), how often, as what.

    `finding` is the id of the first finding with it, empty where only a volume itself has it.
    """

    source: int
    findings: int
    finding: str
    roles: tuple[str, ...]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An identifier on more than one drive."""

    type: str
    value: str
    drives: int
    cases: tuple[str, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What the bundles have in common, and what of it was left out as common to many.

    `suppressed` counts identifiers by the reason: a dated list, or `frequency`. `percent` is the
    share of drives above which an identifier is common; None: there were too few drives to say.
    """

    sources: tuple[Source, ...]
    unread: tuple[tuple[str, str], ...]  # path, why
    links: tuple[Link, ...]
    percent: int | None
    suppressed: dict[str, int]

    @property
    def drives(self) -> int:
        """How many different drives."""
        return len({source.drive for source in self.sources})

    def pairs(self) -> list[tuple[int, int, Counter[str]]]:
        """Return pairs of drives with how many identifiers of each type, the most first.

        Drives are named by `Source.drive`. An identifier on more than 20 drives does not count.
        """
        found: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        for link in self.links:
            drives = sorted({self.sources[place.source].drive for place in link.places})
            if len(drives) <= _PAIRED:
                for pair in combinations(drives, 2):
                    found[pair][link.type] += 1
        ordered = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
        return [(one, two, types) for (one, two), types in ordered]


@dataclass(slots=True)
class _Gathering:
    """Places of one identifier while they are collected."""

    findings: int = 0
    finding: str = ""
    roles: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)

    def place(self, source: int) -> Place:
        return Place(
            source=source,
            findings=self.findings,
            finding=self.finding,
            roles=tuple(sorted(self.roles, key=_ROLES.index)),
            accounts=tuple(sorted(self.accounts)),
        )


def find_links(
    paths: Sequence[Path], *, percent: int = 50, progress: Callable[[int], None] = lambda _: None
) -> Links:
    """Compare bundles. `progress` hears how many of twice the bundles are read.

    A bundle that cannot be read is left out and named in `unread`. Raises BundleError when there
    is none that can. Bundles are read, not verified.
    """
    sources, unread = _open(paths)
    drive_of: dict[int, int] = {}  # digest → the last drive that has it
    count: Counter[int] = Counter()  # digest → drives beyond the first
    whole: list[int] = []
    for number, source in enumerate(sources):
        try:
            digests = {_digest(one) for one, _, _ in _said(Bundle.open(Path(source.bundle)))}
        except _UNREADABLE as error:
            unread.append((source.bundle, _why(error)))
        else:
            whole.append(number)
            for digest in digests:
                # Bundles come drive by drive: two of one drive are neighbours.
                if drive_of.setdefault(digest, source.drive) != source.drive:
                    drive_of[digest] = source.drive
                    count[digest] += 1
        progress(number + 1)
    del drive_of
    drives = len({sources[number].drive for number in whole})
    common = [
        digest
        for digest, more in count.items()
        if drives >= MANY and 100 * (more + 1) > percent * drives
    ]
    for digest in common:
        del count[digest]
    places: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for step, number in enumerate(whole, 1):
        bundle = Bundle.open(Path(sources[number].bundle))
        for key, gathered in _gather(bundle, count).items():
            places[key].append(gathered.place(number))
        progress(len(sources) + step)
    links, suppressed = _telling_ones(places, sources)
    if common:
        suppressed["frequency"] = len(common)
    return Links(
        sources=tuple(sources),
        unread=tuple(unread),
        links=links,
        percent=percent if drives >= MANY else None,
        suppressed=dict(sorted(suppressed.items())),
    )


def _open(paths: Sequence[Path]) -> tuple[list[Source], list[tuple[str, str]]]:
    """Return what each bundle is of, drive by drive, and which cannot be read."""
    found: list[tuple[str, Source]] = []
    unread: list[tuple[str, str]] = []
    for path in paths:
        try:
            identity, source = _source(path)
        except _UNREADABLE as error:
            unread.append((str(path), _why(error)))
        else:
            found.append((identity, source))
    if not found:
        why = f"; {unread[0][0]}: {unread[0][1]}" if unread else ""
        raise BundleError(f"none of these can be read as a bundle{why}")
    numbers: dict[str, int] = {}
    for identity, _ in found:
        numbers.setdefault(identity, len(numbers))
    found.sort(key=lambda item: numbers[item[0]])
    return [replace(source, drive=numbers[identity]) for identity, source in found], unread


def _source(path: Path) -> tuple[str, Source]:
    run = Bundle.open(path).run
    case, image = run["case"], run["image"]
    names = [str(segment["name"]) for segment in image["segments"][:1]]
    return str(image["hashes"].get("sha256") or path.resolve()), Source(
        bundle=str(path),
        drive=0,
        case=case["case"],
        exhibit=case["exhibit"],
        image=names[0] if names else str(image["container"]),
    )


def _why(error: Exception) -> str:
    return error.message if isinstance(error, TriageError) else "not of the format of bundles"


def _said(bundle: Bundle) -> Iterator[tuple[Identifier, str, str]]:
    """Yield every identifier of a bundle with the finding and the account."""
    for volume in bundle.run.get("volumes", ()):
        if serial := volume.get("details", {}).get("serial"):
            yield Identifier("volume", serial, OWN), "", "–"
    cited: dict[str, tuple[str, str]] = {}
    for record in bundle.findings():
        account, finding = account_name(record), record["id"]
        for one in identifiers(record):
            yield one, finding, account
        key = record["source"]["file"]
        if key is not None:
            cited.setdefault(key, (finding, account))
    for file in bundle.files():
        if file["key"] in cited and file["read"] == "complete" and file["size"] >= _EMPTY_FILES:
            digest = (file.get("hashes") or {}).get("sha256")
            if digest:
                yield Identifier("file", digest, "cited"), *cited[file["key"]]


def _digest(one: Identifier) -> int:
    data = f"{one.type}\0{one.value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=12).digest(), "big")


def _gather(bundle: Bundle, shared: Counter[int]) -> dict[tuple[str, str], _Gathering]:
    found: dict[tuple[str, str], _Gathering] = defaultdict(_Gathering)
    for one, finding, account in _said(bundle):
        if _digest(one) not in shared:
            continue
        gathered = found[one.type, one.value]
        gathered.findings += 1
        gathered.finding = gathered.finding or finding
        gathered.roles.add(one.role)
        if account != "–":
            gathered.accounts.add(account)
    return found


def _telling_ones(
    places: dict[tuple[str, str], list[Place]], sources: Sequence[Source]
) -> tuple[tuple[Link, ...], Counter[str]]:
    """Return the links in their order, and how many are common by which list."""
    suppressed: Counter[str] = Counter()
    links = []
    for (type_, value), found in places.items():
        roles = {role for place in found for role in place.roles}
        if type_ == "pgp-key-id" and "message" not in roles:
            continue  # the key itself is a link already
        listed = well_known(Identifier(type_, value, ""))
        if listed is not None:
            suppressed[listed] += 1
            continue
        cases = {str(sources[place.source].case) for place in found if sources[place.source].case}
        links.append(
            Link(
                type=type_,
                value=value,
                drives=len({sources[place.source].drive for place in found}),
                cases=tuple(sorted(cases)),
                places=tuple(found),
            )
        )
    return tuple(sorted(links, key=_telling)), suppressed


_RANK = {type_: number for number, type_ in enumerate(TYPES)}


def _telling(link: Link) -> tuple[bool, bool, int, int, str]:
    """Sort key: across cases first, then what is somebody's own, then by type and spread."""
    own = any("own" in place.roles for place in link.places)
    return len(link.cases) < 2, not own, _RANK[link.type], -link.drives, link.value  # noqa: PLR2004


def bundles_in(paths: Iterable[Path]) -> list[Path]:
    """Return the bundles named, and those that lie in the folders named.

    A quick bundle is left out where the full one of the same name is there too: it says the same.
    """
    found: dict[Path, None] = {}
    for path in paths:
        inner = sorted(path.glob("*.bundle")) if path.is_dir() else []
        for bundle in inner if inner and not (path / "bagit.txt").exists() else [path]:
            found[bundle] = None
    return [
        path
        for path in found
        if not path.name.endswith(".quick.bundle")
        or path.with_name(f"{path.name.removesuffix('.quick.bundle')}.bundle") not in found
    ]
