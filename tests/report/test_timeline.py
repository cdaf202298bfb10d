from __future__ import annotations

import csv
import io

import pytest

from tests.report.conftest import ALICE, Make, time
from triage.report.timeline import COLUMNS, timeline


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_events_are_sorted_by_utc_then_id_and_those_without_stand_last(make: Make) -> None:
    rows = read(
        timeline(
            [
                make(1, times=[time(None, zone="local"), time("2025-01-02T00:00:00.5Z")]),
                make(2, times=[time("2025-01-02T00:00:00Z"), time("2024-01-02T00:00:00Z")]),
                make(3, times=[time("2025-01-02T00:00:00Z")], account=ALICE),
            ]
        )
    )
    assert rows[0] == list(COLUMNS)
    assert [(row[0], row[-1][-1]) for row in rows[1:]] == [
        ("2024-01-02T00:00:00Z", "2"),
        ("2025-01-02T00:00:00Z", "2"),
        ("2025-01-02T00:00:00Z", "3"),
        ("2025-01-02T00:00:00.5Z", "1"),
        ("", "1"),
    ]
    assert rows[-1][1:5] == ["last_written", "1700000000", "s_unix", "local"]
    assert rows[3][5:] == [
        "tor.client",
        "finding 3",
        "alice (p2)",
        "p2",
        "/home/alice/state",
        "line 3",
        "tor.test",
        f"f-{3:032x}",
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" \"'=1", "' \"'=1"),
        ("\t=1", "'\\u{9}=1"),
        ("\r=1", "'\\u{d}=1"),
        ("\0=1", "'\\u{0}=1"),
        ("\uff1d1", "'\uff1d1"),
        ('a";=1', "a\";'=1"),
        ("a; +1", "a; '+1"),
        ("a=1", "a=1"),
        ("two\nlines", "two\\u{a}lines"),
        ("\u202eexe.pdf", "\\u{202e}exe.pdf"),
        ("\ud800", "\\u{d800}"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str, make: Make) -> None:
    data = timeline([make(1, summary=text, times=[time("2025-01-02T00:00:00Z")])])
    assert read(data)[1][6] == cell
    assert data.count(b"\r\n") == 2
    assert data.count(b"\n") == 2


def test_every_cell_is_quoted_and_long_ones_are_cut(make: Make) -> None:
    data = timeline([make(1, summary="x" * 2**20, times=[time("2025-01-02T00:00:00Z")])])
    assert len(data) < 10_000
    assert "[cut here: 1,048,576 characters]" in read(data)[1][6]
    for line in data.decode().splitlines():
        assert line.startswith('"')
        assert line.endswith('"')
        assert line.count('","') == len(COLUMNS) - 1


def test_nothing_dated_gives_the_header_alone(make: Make) -> None:
    assert read(timeline([make(1)])) == [list(COLUMNS)]
