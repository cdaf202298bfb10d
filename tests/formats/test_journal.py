"""Journals of systemd: one that systemd wrote, one of ours in the other form, damaged ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.plugins.conftest import Memory
from triage.errors import ParseError
from triage.formats import times
from triage.formats.journal import FieldValue, Journal

HERE = Path(__file__).parent
FIXTURE = HERE.parents[1] / "fixtures/program/linux/traces/tree/var/log/journal"
NAMES = frozenset({"SYSLOG_IDENTIFIER"})


def values(data: bytes) -> dict[str, FieldValue]:
    return {found.value: found for found in Journal(Memory(data)).values(NAMES)}


def test_of_systemd() -> None:
    data = gzip.decompress((HERE / "data/journal/system.journal.gz").read_bytes())
    found = values(data)
    assert {name: value.entries for name, value in found.items()} == {
        "tor": 20,
        "sshd": 20,
        "wg-quick": 20,
    }
    assert times.utc(found["tor"].first, "us_unix") == "2024-05-05T09:06:40Z"
    assert times.utc(found["tor"].last, "us_unix") == "2024-05-07T18:06:40Z"


def test_cut_short() -> None:
    data = gzip.decompress((HERE / "data/journal/system.journal.gz").read_bytes())
    file = Journal(Memory(data[:3_735_000]))
    assert [value.value for value in file.values(NAMES)] == ["tor"]
    assert file.truncated


@pytest.mark.parametrize("data", [b"", b"LPKSHHRH", b"LPKSHHRH" + b"\xff" * 400, bytes(500)])
def test_none(data: bytes) -> None:
    with pytest.raises(ParseError):
        Journal(Memory(data))


def test_damage_ends() -> None:
    (path,) = FIXTURE.glob("*/system.journal")
    data = path.read_bytes()
    assert values(data)["wg-quick"].entries == 2
    for at in range(256, len(data), 8):
        for change in (bytes(8), b"\xff" * 8, (at - 8).to_bytes(8, "little")):
            for value in values(data[:at] + change + data[at + 8 :]).values():
                assert value.first >= 0
