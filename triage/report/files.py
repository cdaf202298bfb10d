"""Evidence files that were read, and what went wrong, as a reader sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from triage.console.words import size
from triage.formats.times import rfc3339
from triage.report.gather import Record
from triage.report.view import Place, place_of
from triage.texts import say, word

_FILES_SHOWN = 1000
_PROBLEMS_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One evidence file. `hashes`: algorithm, hex; `times`: which, UTC or local text."""

    key: str
    place: Place
    size: str
    type: str | None
    read: str
    whole: bool
    hashes: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str], ...]
    exported: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files shown, those that findings rest on first, and how many there are."""

    shown: tuple[ReadFile, ...]
    count: int
    sha256: dict[str, str]  # of the files that findings shown rest on, by key

    @property
    def left_out(self) -> int:
        """Files that are not shown."""
        return self.count - len(self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """What went wrong: how often each code, and the first of them."""

    codes: tuple[tuple[str, int], ...]
    shown: tuple[Record, ...]
    count: int


def files(records: Iterable[Record], cited: Collection[str]) -> Files:
    """Read the files once. `cited`: keys that findings in the report name."""
    first: list[Record] = []
    others: list[Record] = []
    count = 0
    for record in records:
        count += 1
        if record["key"] in cited:
            first.append(record)
        elif len(others) < _FILES_SHOWN:
            others.append(record)
    chosen = sorted(
        (*first, *others[: max(_FILES_SHOWN - len(first), 0)][:_FILES_SHOWN]),
        key=lambda r: (r["volume"], r["path"] or "", r["key"]),
    )
    return Files(
        shown=tuple(_file(record) for record in chosen),
        count=count,
        sha256={r["key"]: r["hashes"]["sha256"] for r in first if "sha256" in r["hashes"]},
    )


def problems(records: Iterable[Record]) -> Problems:
    """Read the problems once."""
    codes: dict[str, int] = {}
    shown: list[Record] = []
    for record in records:
        codes[record["code"]] = codes.get(record["code"], 0) + 1
        if len(shown) < _PROBLEMS_SHOWN:
            shown.append(record)
    return Problems(
        codes=tuple(sorted(codes.items())), shown=tuple(shown), count=sum(codes.values())
    )


def _file(record: Record) -> ReadFile:
    zone = "files.utc" if record["times"]["zone"] == "utc" else "files.local"
    return ReadFile(
        key=record["key"],
        place=place_of({"source": {"filesystem": None, "file": record["key"], **record}}),
        size=size(int(record["size"])),
        type=record.get("type"),
        read=word("read", record["read"]),
        whole=record["read"] == "complete",
        hashes=tuple(
            (name.upper().replace("SHA", "SHA-"), digest)
            for name, digest in sorted(record["hashes"].items(), reverse=True)
        ),
        times=tuple(
            (word("file_time", name), say(zone, time=_time(int(value))))
            for name, value in record["times"].items()
            if name != "zone" and value is not None
        ),
        exported=record["exported"],
    )


def _time(nanoseconds: int) -> str:
    text = rfc3339(nanoseconds)
    return str(nanoseconds) if text is None else text.replace("T", " ").removesuffix("Z")
