"""Event logs of Windows: read like libevtx reads them; damaged ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.plugins.conftest import Memory
from triage.errors import ParseError
from triage.formats.event_log import CHUNK, EventLog

LOGS = (
    Path(__file__).parents[2] / "fixtures/program/windows/traces/tree/Windows/System32/winevt/Logs"
)
SECURITY = (LOGS / "Security.evtx").read_bytes()
ALL = frozenset(range(10_000))


def test_events_have_their_values() -> None:
    log = EventLog(Memory(SECURITY))
    events = list(log.events(ALL))
    assert (len(events), log.records, log.damaged) == (7, 7, 0)
    first = events[0]
    assert (first.event_id, first.record, first.text("TargetUserName")) == (4624, 1, "alice")
    assert first.text("TargetUserSid").startswith("S-1-5-21-")
    assert first.text("IpAddress") == ""
    assert first.values["System/Channel"] == "Security"
    assert [e.event_id for e in EventLog(Memory(SECURITY)).events(frozenset({4688}))] == [4688] * 2


def test_as_libevtx_reads_them(tmp_path: Path) -> None:
    pyevtx = pytest.importorskip("pyevtx")  # another program's opinion, where it is installed
    path = tmp_path / "log.evtx"
    path.write_bytes(SECURITY)
    log = pyevtx.open(str(path))
    for record, event in zip(log.records, EventLog(Memory(SECURITY)).events(ALL), strict=True):
        assert (record.event_identifier, record.identifier) == (event.event_id, event.record)
        assert event.text("TargetUserName") in record.xml_string
    log.close()


@pytest.mark.parametrize("data", [b"", b"ElfFile", b"ElfChnk\0" * 100])
def test_none(data: bytes) -> None:
    with pytest.raises(ParseError):
        EventLog(Memory(data))


def test_damage_is_counted_and_ends() -> None:
    choose = random.Random(5)  # noqa: S311 - to repeat it
    used = 4096 + int.from_bytes(SECURITY[4096 + 48 : 4096 + 52], "little")
    for _ in range(150):
        data = bytearray(SECURITY)
        for _ in range(4):
            data[choose.randrange(4096, used)] = choose.randrange(256)
        log = EventLog(Memory(bytes(data)))
        assert len(list(log.events(ALL))) + log.damaged <= 20
    for cut in range(4096, used, 97):
        list(EventLog(Memory(SECURITY[:cut])).events(ALL))


def test_a_damaged_chunk_is_passed_over() -> None:
    chunk = SECURITY[4096:]
    log = EventLog(Memory(SECURITY[:4096] + b"x" * CHUNK + chunk))
    assert len(list(log.events(ALL))) == 7
    assert log.damaged == 1
