r"""Windows: listed programs in the change journal of NTFS, and steps of the clock that it shows.

Written from Microsoft's description of USN records (versions 2 and 3); tested with a journal of
Windows from plaso's test data and with ones written by us. A record has a name and no path, so
folders named `Tor Browser` and files of the list are told by their names alone. Records stand in
the order in which things happened: a time before that of the record ahead of it is a step of the
clock. Not read: records in unallocated space.

Reference: https://learn.microsoft.com/windows/win32/api/winioctl/ns-winioctl-usn_record_v2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.api import (
    Artifact,
    Confidence,
    ProgramPresent,
    ProgramRemoved,
    ProgramTraces,
    Shows,
    SystemClockChange,
    Time,
    extractor,
)
from triage.formats import usn_journal
from triage.formats.indicators import Indicator
from triage.formats.stamps import stamp
from triage.formats.usn_journal import (
    CREATE,
    DELETE,
    IS_FOLDER,
    RENAME_NEW,
    RENAME_OLD,
    Record,
)

from . import _known

Found = ProgramPresent | ProgramRemoved | ProgramTraces | SystemClockChange

_REMEMBERED = 200_000  # names whose answer is kept; the set is emptied when it is full
_MOST = 20_000  # listed names of one journal
_STEP = 600_000_000  # FILETIME of a minute: writers on several cores overtake each other by less
_STEPS = 100


@dataclass(slots=True, kw_only=True)
class _Name:
    known: Indicator
    offset: int
    folder: bool
    count: int = 0
    first: int
    last: int = 0
    created: int = 0
    deleted: int = 0
    renamed: int = 0


@extractor(
    name="program.windows.change-journal",
    paths=(
        # NTFS of Windows Vista and later
        "$Extend/$UsnJrnl:$J",
        # the same as programs copy it out of NTFS
        "$Extend/$J",
    ),
    yields=(ProgramPresent, ProgramRemoved, ProgramTraces, SystemClockChange),
)
def change_journal(artifact: Artifact) -> Iterator[Found]:
    """Find names of listed programs in the change journal: made, renamed, deleted, and when."""
    names, clock = _Names(), _Clock()
    total = first = 0
    for record in usn_journal.records(artifact.open()):
        total += 1
        first = first or record.when
        if record.when < clock.latest - _STEP:
            yield from clock.step(record)
        clock.latest = max(clock.latest, record.when)
        if record.name not in names.ordinary:
            names.add(record)
    for name, seen in names.listed.items():
        yield from _named(name, seen)
    if clock.steps > _STEPS:
        artifact.problem(f"{clock.steps} steps of the clock, of which {_STEPS} are listed")
    yield _known.counted(
        "usn-journal",
        artifact.entry.name,
        entries=total,
        listed=sum(seen.count for seen in names.listed.values()),
        times=(*_time("first_entry", first), *_time("last_entry", clock.latest)),
    )


@dataclass(slots=True)
class _Names:
    """Listed names, and ordinary ones so that each is looked up once."""

    listed: dict[str, _Name] = field(default_factory=dict)
    ordinary: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Take in one record."""
        seen = self.listed.get(record.name)
        if seen is None:
            known = _known.PROGRAMS.path(f"/{record.name}")
            if known is None or len(self.listed) >= _MOST:
                if len(self.ordinary) >= _REMEMBERED:
                    self.ordinary.clear()
                self.ordinary.add(record.name)
                return
            folder = bool(record.attributes & IS_FOLDER)
            seen = _Name(known=known, offset=record.offset, folder=folder, first=record.when)
            self.listed[record.name] = seen
        seen.count += 1
        seen.last = record.when
        seen.created = record.when if record.reason & CREATE else seen.created
        seen.deleted = record.when if record.reason & DELETE else seen.deleted
        if record.reason & (RENAME_OLD | RENAME_NEW):
            seen.renamed = record.when


@dataclass(slots=True)
class _Clock:
    """The latest time so far, FILETIME, and how often it was stepped back."""

    latest: int = 0
    steps: int = 0

    def step(self, record: Record) -> Iterator[SystemClockChange]:
        """Note that the clock went back."""
        self.steps += 1
        if self.steps <= _STEPS:
            yield SystemClockChange(
                shows=Shows.PRESENT,
                confidence=Confidence.POSSIBLE,
                locator=f"record at {record.offset}",
                times=(*_time("clock_before", self.latest), *_time("clock_after", record.when)),
                trace="usn-journal",
                seconds=(record.when - self.latest) // 10_000_000,
            )
        self.latest = record.when


def _named(name: str, seen: _Name) -> Iterator[Found]:
    place = f"record at {seen.offset}"
    times = (
        *_time("created", seen.created),
        *_time("renamed", seen.renamed),
        *_time("first_changed", seen.first),
        *_time("last_changed", seen.last),
    )
    yield _known.present(
        seen.known,
        "usn-journal",
        name,
        locator=place,
        times=times,
        confidence=Confidence.POSSIBLE if seen.folder else Confidence.PROBABLE,
    )
    if seen.deleted:
        yield _known.removed(
            seen.known, "usn-journal", name, locator=place, times=_time("deleted", seen.deleted)
        )


def _time(event: str, raw: int) -> tuple[Time, ...]:
    return stamp(event, raw, "filetime")
