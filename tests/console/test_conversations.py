from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from triage.console.conversations import print_conversations


def said(
    number: int, name: str, when: str | None, text: str = "text", **more: Any
) -> dict[str, Any]:
    value = {"service": "xmpp", "own_account": "me@x", "conversation": name, "sender": "bob@x"}
    raw = when or "10:00"
    return {
        "id": f"f-{number:032x}",
        "kind": "chat.message",
        "value": value | {"text": text, "outgoing": None} | more,
        "times": [{"event": "sent", "utc": when, "raw": raw, "unit": "text", "zone": "utc"}],
        "source": {"allocation": None, "row": more.pop("row", "live")},
        "account": None,
    }


def shown(*records: dict[str, Any]) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=200, highlight=False, markup=False, emoji=False)
    print_conversations(console, records)
    return stream.getvalue().splitlines()


def test_the_largest_first_then_the_latest_and_in_them_by_time() -> None:
    lines = shown(
        said(1, "old", "2024-01-01T00:00:00Z"),
        said(2, "new", "2024-06-01T00:00:00Z"),
        said(3, "large", None, "undated"),
        said(4, "large", "2023-01-02T00:00:00Z", "second", outgoing=True),
        said(5, "large", "2023-01-01T00:00:00Z", "first", conversation_name="Garden"),
    )
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "Garden  3 messages · xmpp · large · account me@x",
        "new  1 message · xmpp · account me@x",
        "old  1 message · xmpp · account me@x",
    ]
    assert lines[1:4] == [
        "  f-000000000000  2023-01-01 00:00:00Z   bob@x: first",
        "  f-000000000000  2023-01-02 00:00:00Z → bob@x: second",
        "  f-000000000000  10:00 (zone not told)   bob@x: undated",
    ]


def test_lines_notes_and_controls() -> None:
    lines = shown(
        said(
            1,
            "a\x1b[2J",
            "2024-01-01T00:00:00Z",
            "one\ntwo \u202e",
            sender_name="Bob",
            attachments=2,
            message_type="call",
            outgoing=False,
            row="superseded",
        )
    )
    assert lines[0].startswith("a\\u{1b}[2J  1 message")
    assert lines[1].endswith("← Bob: one [call] [2 attachments] [row superseded]")
    assert lines[2] == "    two \\u{202e}"
