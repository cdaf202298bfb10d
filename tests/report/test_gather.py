"""What the report keeps of many findings: the same as of all at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from triage.report import gather as module
from triage.report.gather import gather
from triage.report.machines import machines


def message(number: int, chat: int) -> dict[str, Any]:
    utc = f"2024-01-01T00:{number % 3600 // 60:02}:{number % 60:02}Z"
    return {
        "id": f"f-{number:032x}",
        "kind": "chat.message",
        "value": {"service": "kik", "own_account": None, "conversation": f"c{chat}"},
        "times": [{"event": "sent", "utc": utc, "unit": "s_unix"}],
        "source": {"path": "/a", "locator": f"row {number}"},
        "account": None,
    }


@pytest.mark.parametrize("chats", [1, 7, 60, 900])
def test_many_messages_leave_what_all_of_them_would(
    monkeypatch: pytest.MonkeyPatch, chats: int
) -> None:
    monkeypatch.setattr(module, "MESSAGES_SHOWN", 50)
    messages = [message(n * 7919 % 2003, n * n % chats) for n in range(2003)]
    found = gather(messages)
    whole: dict[str, list[str]] = {}
    for each in module.newest_first(messages):
        whole.setdefault(each["value"]["conversation"], []).append(each["id"])
    counts = Counter({name: len(ids) for name, ids in whole.items()})
    groups = found.of("chat.message")
    assert {group.thread[2]: group.count for group in groups if group.thread} == counts
    assert sum(len(group.kept) for group in groups) == 50
    if chats <= 50:
        for group in groups:
            assert group.thread
            kept = [record["id"] for record in group.kept]
            assert kept == whole[group.thread[2]][: len(kept)]


def test_what_is_kept_on_the_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES_SHOWN", 50)
    most = 0

    def share(groups: Any, *args: Any, **more: Any) -> int:
        nonlocal most
        most = max(most, sum(len(group.kept) for group in groups))
        return original(groups, *args, **more)

    original = module._share
    monkeypatch.setattr(module, "_share", share)
    gather(message(n, n % 20) for n in range(3000))
    assert most <= 4 * 50 + 1


def test_a_stick_is_met_again_as_a_volume_of_the_image() -> None:
    volume = {
        "name": "p1",
        "offset": 0,
        "length": 1,
        "filesystem": "fat32",
        "scheme": None,
        "state": "filesystem",
        "label": None,
        "description": "FAT32",
        "problem": None,
        "details": {"serial": "5EED-0001"},
    }
    record: dict[str, Any] = {
        "id": "f-1",
        "kind": "system.usb",
        "summary": "storage Example Stick",
        "value": {"volume_serial": "5EED-0001", "device": "Example Stick"},
        "shows": "used",
        "times": [],
        "source": {
            "volume": "p2",
            "path": "/a",
            "locator": None,
            "row": None,
            "allocation": None,
            "byte_runs": [],
        },
        "account": None,
        "confidence": "probable",
        "checks": [],
        "protection": None,
        "sensitivity": "personal",
        "also_in": [],
    }
    found = gather([record])
    stick, other = machines([volume, volume | {"details": {}}], [], {}, found.named)
    assert [one.summary for one in stick.named_by] == ["storage Example Stick"]
    assert stick.label == "FAT32, serial number 5EED-0001"
    assert other.named_by == ()
