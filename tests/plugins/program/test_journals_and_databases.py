"""The change journal, shell bags, databases of usage: real ones with known counts, hostile ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.program import _known, change_journal, macos, shell_bags, user_databases
from tests.plugins.conftest import Memory
from triage.api import (
    ParseError,
    ProgramExecuted,
    ProgramPresent,
    ProgramRemoved,
    ProgramTraces,
    SystemClockChange,
)
from triage.formats import fs_events, usn_journal
from triage.formats.indicators import parse

Extract = Callable[..., Any]
JOURNAL = "/$Extend/$UsnJrnl:$J"
ACTIVITIES = "/Users/a/AppData/Local/ConnectedDevicesPlatform/L.a/ActivitiesCache.db"
KNOWLEDGE = "/private/var/db/CoreDuet/Knowledge/knowledgeC.db"
QUARANTINE = "/Users/a/Library/Preferences/com.apple.LaunchServices.QuarantineEventsV2"
FIXTURE = Path(__file__).parents[3] / "fixtures/program/windows/traces/tree"
HOUR = 36_000_000_000

EVERYTHING = """
name: everything
version: 1
date: 2024-01-01
categories: {any: Any program}
groups:
  - category: any
    source: this test
    entries: {"path:*[!~]text*.txt": text, "app:com.apple.terminal": terminal}
"""


def test_journal_of_windows(extract: Extract, samples: Path) -> None:
    data = (samples / "os/windows/UsnJrnl.raw").read_bytes()
    found = list(usn_journal.records(Memory(data)))
    assert (len(found), found[0].name) == (19, "Nieuw - Tekstdocument.txt")
    assert found[0].reason == usn_journal.CREATE
    (count,) = extract(change_journal.change_journal, {JOURNAL: data}).of(ProgramTraces)
    assert (count.entries, count.times[0].utc) == (19, "2015-11-30T21:15:27.203125Z")


def record(name: str, when: int, reason: int = usn_journal.CREATE, version: int = 2) -> bytes:
    raw = name.encode("utf-16-le")
    head = 60 if version == 2 else 76
    size = (head + len(raw) + 7) & ~7
    references = struct.pack(
        "<QQ" if version == 2 else "<16s16s", *(2 * ([5] if version == 2 else [b"5"]))
    )
    fixed = struct.pack("<QQIIIIHH", 0, when, reason, 0, 0, 0x20, len(raw), head)
    return (struct.pack("<IHH", size, version, 0) + references + fixed + raw).ljust(size, b"\0")


def test_what_is_cut_off_at_the_beginning_is_not_read() -> None:
    class Sparse:
        size = (1 << 36) + 4096
        asked = 0

        def read_at(self, offset: int, length: int) -> bytes:
            self.asked += length
            data = record("tor.exe", HOUR).ljust(4096, b"\0")
            return data[:length] if offset == self.size - 4096 else bytes(min(length, 1 << 20))

    reader = Sparse()
    (found,) = usn_journal.records(reader)
    assert (found.name, found.offset) == ("tor.exe", 1 << 36)
    assert reader.asked < 1 << 20


def test_deletion_and_steps_of_the_clock(extract: Extract) -> None:
    data = b"".join(
        (
            record("tor.exe", 10 * HOUR),
            record("x", 11 * HOUR, version=3),
            record("tor.exe", 9 * HOUR, usn_journal.DELETE),
            record("y", 9 * HOUR - 10_000_000),  # a second: writers overtake each other
        )
    )
    found = extract(change_journal.change_journal, {JOURNAL: data})
    (gone,) = found.of(ProgramRemoved)
    assert gone.times[0].raw == str(9 * HOUR)
    (step,) = found.of(SystemClockChange)
    assert step.seconds == -7200


def test_damage_in_the_journal_costs_a_page() -> None:
    page = (record("tor.exe", HOUR) * 40)[:4000].ljust(4096, b"\0")
    bad = b"\xff" * 64 + page[64:]
    found = list(usn_journal.records(Memory(page + bad + page)))
    assert len({each.offset // 4096 for each in found}) == 2
    for cut in range(0, 4096, 61):
        list(usn_journal.records(Memory(page[:cut])))
        list(usn_journal.records(Memory(page[:cut] + b"\x50\x00\x00\x00\x02" + page[cut + 5 :])))


def test_bags_in_a_circle_or_too_deep_end(extract: Extract) -> None:
    path = "/Users/a/AppData/Local/Microsoft/Windows/UsrClass.dat"
    data = (FIXTURE / "Users/alice/AppData/Local/Microsoft/Windows/UsrClass.dat").read_bytes()
    found = extract(shell_bags.shell_bags, {path: data})
    assert [bag.program_path for bag in found.of(ProgramPresent)] == [r"E:\Tor Browser"]


def test_bags_of_windows(extract: Extract, samples: Path) -> None:
    path = "/Users/a/AppData/Local/Microsoft/Windows/UsrClass.dat"
    found = extract(
        shell_bags.shell_bags, {path: (samples / "os/windows/UsrClass.dat").read_bytes()}
    )
    (count,) = found.of(ProgramTraces)
    assert count.entries == 6


@pytest.mark.parametrize(
    ("extractor", "path", "sample"),
    [
        (user_databases.activities, ACTIVITIES, ("os/windows/ActivitiesCache.db", 112)),
        (macos.knowledge, KNOWLEDGE, ("os/macos/knowledgec-10.14.db", 63)),
        (macos.quarantine, QUARANTINE, ("os/macos/quarantine.db", 14)),
    ],
)
def test_databases_hold_as_many_rows_as_sqlite_counts(
    extract: Extract, samples: Path, extractor: Any, path: str, sample: tuple[str, int]
) -> None:
    name, entries = sample
    (count,) = extract(extractor, {path: (samples / name).read_bytes()}).of(ProgramTraces)
    assert count.entries == entries


def test_seconds_in_front(extract: Extract, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_known, "PROGRAMS", parse(EVERYTHING, name="everything"))
    data = (samples / "os/macos/knowledgec-10.14.db").read_bytes()
    (used,) = extract(macos.knowledge, {KNOWLEDGE: data}).of(ProgramExecuted)
    assert used.run_count
    assert used.times[0].utc < used.times[1].utc


def test_file_events_of_macos(samples: Path) -> None:
    data = (samples / "os/macos/fsevents-0000000002d89b58").read_bytes()
    found = list(fs_events.parse(data))
    assert (len(found), found[1].path, found[1].identifier) == (12, ".DS_Store", 47748956)
    with pytest.raises(ParseError):
        list(fs_events.parse(data[:20] + b"\xff\xff" + data[22:]))


@pytest.mark.parametrize("data", [b"1SLD", b"2SLD" + b"\xff" * 60, b"3SLD" + bytes(60)])
def test_events_that_end_early(data: bytes) -> None:
    assert all(len(event.path) < 60 for event in fs_events.parse(data))
