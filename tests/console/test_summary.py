from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from triage.console.headlines import IMPORTANCE, headlines, marks
from triage.console.summary import print_summary, summary_text

Record = dict[str, Any]
ONION = "abcdefghij" * 5 + "klmnop.onion"


def finding(
    number: int, kind: str = "tor.client", summary: str = "tor data directory", **more: Any
) -> Record:
    source = {"volume": "p1", "allocation": None, "row": None, **more.pop("source", {})}
    return {
        "id": f"f-{number}",
        "kind": kind,
        "summary": summary,
        "value": {},
        "shows": "used",
        "times": [],
        "source": source,
        "account": None,
        "confidence": "confirmed",
        "protection": None,
        **more,
    }


def account(name: str) -> Record:
    return {"name": name, "volume": "p1"}


def utc(*times: str) -> list[Record]:
    return [{"utc": time} for time in times]


def gap(**more: Any) -> Record:
    return {"step": "volume", "outcome": "not_examined", "counts": True, "reason": "x", **more}


def on_terminal(width: int, findings: list[Record], coverage: list[Record]) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, width=width, color_system=None, highlight=False
    )
    print_summary(console, findings, coverage, [])
    return stream.getvalue()


FINDINGS = [
    finding(
        1,
        "system.os",
        "operating system Windows 10, host name PC",
        value={},
    ),
    finding(2, "system.timezone", value={"zone_name": "Europe/Vienna"}),
    finding(3, "system.account", value={"name": "bob", "for_software": False}),
    finding(4, "system.account", value={"name": "alice", "for_software": False}),
    finding(5, "system.account", value={"name": "daemon", "for_software": True}),
    finding(
        6,
        summary=f"tor data directory /Users/alice/{'Tor Browser/' * 12}, {ONION}",
        account=account("alice"),
        times=utc("2024-01-01T00:00:00Z", "2025-03-05T19:42:11Z", ""),
    ),
    finding(
        7,
        "wallet.secret",
        "electrum-seed in clear",
        account=account("alice"),
        shows="credential",
        protection="plain",
        source={"allocation": {"name": "deleted", "metadata": "deleted", "reused": False}},
    ),
    finding(8, "wallet.address", "not a headline"),
]
COVERAGE = [
    gap(step="artifact", reason="not_parsed", volume="p1", path="/x"),
    gap(reason="locked:luks2", volume="p3", length=327680),
    {"step": "pattern", "outcome": "absent", "counts": False, "reason": None}
    | {"extractor": "chat.pidgin.logs", "volume": "p1"},
]


@pytest.mark.parametrize("width", [60, 80, 100, 119, 120, 140, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = on_terminal(width, FINDINGS, COVERAGE).splitlines()
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 140])
def test_the_order_is_machines_gaps_findings(width: int) -> None:
    text = " ".join(on_terminal(width, FINDINGS, COVERAGE).split())
    order = [
        text.index(words)
        for words in (
            "p1 operating system Windows 10",
            "time zone Europe/Vienna",
            "accounts alice, bob",
            "NOT EXAMINED p3 luks2, locked",
            "p1:/x not in the format",
            "electrum-seed in clear [deleted]",
            "tor data directory /Users/alice",
            "ALL FINDINGS",
            "Looked for and not found by these checks: chat.pidgin",
        )
    ]
    assert order == sorted(order)
    assert "daemon" not in text
    assert "abcdefghij…klmnop.onion" in text.replace(" ", "").replace("\n", "")


def test_a_narrow_terminal_says_all_of_it_on_two_lines() -> None:
    text = on_terminal(80, FINDINGS, [])
    assert "    alice (p1) · 2024-01-01 to 2025-03-05 · confirmed · used\n" in text
    assert "    alice (p1) · no date · confirmed · credential, plain\n" in text


def test_text_is_whole_and_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    text = summary_text(FINDINGS, COVERAGE, [{"code": "noted"}])
    assert ONION in text
    assert "Tor Browser/" * 12 in text
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert summary_text(FINDINGS, COVERAGE, [{"code": "noted"}]) == text
    assert "\x1b" not in text
    assert "Problems: 1 × noted" in text


def test_hostile_text_stays_text() -> None:
    hostile = "[red]x[/] \x1b]0;title\x07 \u202e \ud800 " + "y" * 2**20
    findings = [finding(1, summary=hostile, account=account(hostile))]
    for text in (summary_text(findings, [], []), on_terminal(80, findings, [])):
        assert all(char.isprintable() or char == "\n" for char in text)
        assert "[red]x[/]" in text
        assert "(cut: 1,048,6" in " ".join(text.split())


def test_nothing_found_is_no_clean_bill() -> None:
    assert "not a clean bill of health" in summary_text([], [], [])


@pytest.mark.parametrize(
    ("step", "outcome", "said"),
    [
        ("pattern", "found", False),
        ("content", "found", False),  # a renamed file
        ("content", "not_examined", False),  # the pass was cut short
        ("content", "absent", True),
    ],
)
def test_not_found_is_only_what_was_looked_for_to_the_end(
    step: str, outcome: str, said: bool
) -> None:
    by_path = {"step": "pattern", "outcome": "absent", "counts": False, "reason": None}
    lines = [by_path, {**by_path, "step": step, "outcome": outcome}]
    coverage = [{**line, "extractor": "wallet.some.file", "volume": "p1"} for line in lines]
    assert ("wallet.some" in summary_text([], coverage, [])) is said


def test_many_gaps_and_headlines_are_counted() -> None:
    gaps = [gap(volume=f"p{number}", reason="damaged") for number in range(30)]
    found = [finding(number, summary=f"wallet {number}", kind="wallet.file") for number in range(9)]
    text = summary_text(found, gaps, [])
    assert "… and 18 more: see the report" in text
    assert "… and 3 more under “Wallet files”: see the report" in text


def test_traces_of_one_program_are_one_headline() -> None:
    ran: dict[str, Any] = {"value": {"software": "Tor Browser"}, "shows": "executed"}
    alice = account("alice")
    lines = headlines(
        [
            finding(1, "program.executed", "Tor Browser ran, 7 times (prefetch)", **ran),
            finding(2, "program.executed", "Tor Browser ran (bam)", account=alice, **ran),
            finding(3, "program.executed", "Tor Browser ran (userassist)", account=alice, **ran),
        ]
    )
    assert [(line.what, line.account, len(line.ids)) for line in lines] == [
        ("Tor Browser ran", "–", 1),
        ("Tor Browser ran", "alice (p1)", 2),
    ]


def test_headlines_are_merged_and_ordered() -> None:
    found = [
        finding(1, "chat.account", "xmpp a@b", times=utc("2024-01-01T00:00:00Z")),
        finding(2, "chat.account", "xmpp a@b", shows="credential", confidence="probable"),
        finding(3, "chat.account", "xmpp c@d", times=utc("2025-01-01T00:00:00Z")),
        finding(4, "wallet.secret", "seed"),
        finding(5, "web.visit", "never"),
    ]
    lines = headlines(found)
    assert [line.what for line in lines] == ["seed", "xmpp a@b", "xmpp c@d"]
    merged = lines[1]
    assert (merged.shows, merged.confidence, merged.since) == (
        "credential",
        "probable",
        "2024-01-01",
    )
    assert merged.ids == ("f-1", "f-2")
    assert lines == headlines(found)
    assert len(set(IMPORTANCE)) == len(IMPORTANCE)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, ()),
        ({"allocation": {"name": "allocated", "metadata": "allocated", "reused": False}}, ()),
        (
            {"allocation": {"name": "deleted", "metadata": "allocated", "reused": True}},
            ("deleted", "metadata reused"),
        ),
        ({"allocation": "slack", "row": "live"}, ("slack",)),
        ({"row": "superseded"}, ("row superseded",)),
    ],
)
def test_what_is_not_live_is_marked(source: Record, expected: tuple[str, ...]) -> None:
    assert marks(finding(1, source=source)) == expected


def test_the_date_of_an_indicator_list_is_told() -> None:
    text = summary_text([finding(1, value={"indicator_list": "web 2026-11-25"})], [], [])
    assert "Known services by the lists web of 2026-11-25" in text


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ((-60,), "p1  -60, 2025-03-06: times around it are uncertain"),
        (
            (-60, 7200),
            "p1  the clock was moved 2 times, furthest: 7200, 2025-03-06; times",
        ),
    ],
)
def test_steps_of_a_clock_stand_with_the_machine(steps: tuple[int, ...], line: str) -> None:
    found = [
        finding(
            number,
            "system.clock-change",
            str(seconds),
            value={"seconds": seconds},
            times=utc("2025-03-06T07:00:00Z"),
        )
        for number, seconds in enumerate(steps)
    ]
    assert line in summary_text(found, [], [])
