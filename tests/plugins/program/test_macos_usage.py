"""Biome and recent items of macOS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.program import macos_usage
from triage.api import ParseError, ProgramExecuted, ProgramPresent

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/program/macos/traces/tree"
FOCUS = "private/var/db/biome/streams/restricted/App.InFocus/local/737000000000000"
LISTS = "Users/{}/Library/Application Support/com.apple.sharedfilelist/com.apple.LSSharedFileList"


def tree(*paths: str) -> dict[str, bytes]:
    return {path: (TREE / path).read_bytes() for path in paths}


def test_edges_of_the_front_are_a_session(extract: Extract) -> None:
    (tor,) = extract(macos_usage.biome, tree(FOCUS)).of(ProgramExecuted)
    assert (tor.run_count, tor.active_seconds, tor.checks) == (1, 90, ("crc32",))
    assert tor.times[1].utc == "2024-05-10T02:14:50.25Z"


def test_a_changed_record_is_less_sure(extract: Extract) -> None:
    data = (TREE / FOCUS).read_bytes().replace(b"\x18\x01", b"\x18\x02", 1)
    (tor,) = extract(macos_usage.biome, {FOCUS: data}).of(ProgramExecuted)
    assert (tor.checks, str(tor.confidence)) == ((), "probable")


def test_recent_items(extract: Extract) -> None:
    opened = f"{LISTS.format('alice')}.RecentApplications.sfl2"
    kept = f"{LISTS.format('bob')}.RecentDocuments.sfl3"
    found = extract(macos_usage.recent_items, tree(opened, kept))
    assert [one.program_path for one in found.of(ProgramExecuted)] == [
        "/Applications/Tor Browser.app"
    ]
    assert [one.stored_on for one in found.of(ProgramPresent)] == ["volume STICK"]


@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"SEGB" + b"\xff" * 60, b"bplist00" * 8])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (macos_usage.biome, FOCUS),
        (macos_usage.recent_items, f"{LISTS.format('a')}.RecentDocuments.sfl2"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    with pytest.raises(ParseError):
        extract(extractor, {path: content})
