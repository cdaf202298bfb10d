"""SRUM: traffic by program and account, a database in use, damaged ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.program import srum
from triage.api import ParseError, ProgramExecuted, ProgramTraces

Extract = Callable[..., Any]
PATH = "/Windows/System32/sru/SRUDB.dat"
FIXTURE = Path(__file__).parents[3] / "fixtures/program/windows/traces/tree"


@pytest.fixture(scope="module")
def database() -> bytes:
    return (FIXTURE / PATH.lstrip("/")).read_bytes()


def test_bytes_are_those_of_one_program_and_one_account(extract: Extract, database: bytes) -> None:
    found = extract(srum.srum, {PATH: database})
    tor = [each for each in found.of(ProgramExecuted) if each.software == "Tor Browser"]
    assert [(each.bytes_sent, each.bytes_received) for each in tor] == [
        (2_000_000, 50_000_000),
        (70_000, 900_000),
    ]
    assert tor[0].belongs_to != tor[1].belongs_to
    assert [time.utc for time in tor[0].times] == ["2024-05-06T06:00:00Z", "2024-05-06T07:00:00Z"]
    assert {each.place: (each.entries, each.listed) for each in found.of(ProgramTraces)} == {
        "network usage": (4, 3),
        "application resource usage": (2, 1),
        "application timeline": (2, 2),
    }
    assert found.problems == []


def test_a_database_in_use_is_read_and_said_to_be(extract: Extract, database: bytes) -> None:
    data = bytearray(database)
    checksum = int.from_bytes(data[:4], "little") ^ 3 ^ 2
    data[:4] = checksum.to_bytes(4, "little")
    data[52] = 2
    found = extract(srum.srum, {PATH: bytes(data)})
    assert len(found.of(ProgramExecuted)) == 4
    assert found.problems == ["the database was in use: its newest rows may stand in logs only"]


@pytest.mark.parametrize("data", [b"", b"not a database", bytes(8192)])
def test_other_files_are_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(srum.srum, {PATH: data})
