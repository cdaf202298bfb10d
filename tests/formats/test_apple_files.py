"""Streams of Biome, bookmarks and keyed archives: made ones, hostile ones."""

from __future__ import annotations

import importlib.util
import plistlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import bookmark, plist, segb
from triage.formats.keyed_archive import unarchive

BUILD = Path(__file__).parents[2] / "fixtures/build/apple_files.py"


def _built() -> ModuleType:
    spec = importlib.util.spec_from_file_location("apple_files_for_tests", BUILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["apple_files_for_tests"] = module
    spec.loader.exec_module(module)
    return module


made = _built()
FIRST = made.segb1([(7.5, b"one"), (8.5, b"another")])
SECOND = made.segb2([(7.5, b"one"), (8.0, None), (8.5, b"another")])
MARK = made.bookmark("/Volumes/STICK/a b/c.txt", volume="STICK", mount="/Volumes/STICK")
ARCHIVE = made.archive({"items": [{"Name": "x", "Bookmark": b"y"}], "n": 3})


@pytest.mark.parametrize("data", [FIRST, SECOND])
def test_records_of_both_versions(data: bytes) -> None:
    kept = [record for record in segb.parse(data) if not record.deleted]
    assert [(one.written, one.data, one.sound) for one in kept] == [
        (7.5, b"one", True),
        (8.5, b"another", True),
    ]
    assert [data[one.place :][:3] for one in kept] == [b"one", b"ano"]


def test_a_changed_record_is_not_sound() -> None:
    assert [one.sound for one in segb.parse(FIRST.replace(b"one", b"two"))] == [False, True]


def test_a_deleted_record_is_said_to_be() -> None:
    assert [one.deleted for one in segb.parse(SECOND)] == [False, True, False]


def test_bookmark() -> None:
    found = bookmark.parse(MARK)
    assert (found.path, found.volume_path, found.volume_name) == (
        "/Volumes/STICK/a b/c.txt",
        "/Volumes/STICK",
        "STICK",
    )


def test_archive() -> None:
    value = unarchive(plist.parse(ARCHIVE))
    assert value == {"items": [{"Name": "x", "Bookmark": b"y"}], "n": 3}


def test_an_archive_in_itself_ends() -> None:
    looped = {
        "$top": {"root": plistlib.UID(1)},
        "$objects": ["$null", {"NS.objects": [plistlib.UID(1), plistlib.UID(1)]}],
    }
    with pytest.raises(LimitError):
        unarchive(looped)


@pytest.mark.parametrize("value", [None, [], {"$objects": [], "$top": []}, {"a": 1}])
def test_what_is_no_archive(value: object) -> None:
    with pytest.raises(ParseError):
        unarchive(value)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (lambda data: list(segb.parse(data)), FIRST),
        (lambda data: list(segb.parse(data)), SECOND),
        (bookmark.parse, MARK),
        (lambda data: unarchive(plist.parse(data)), ARCHIVE),
    ],
)
def test_damage_ends_in_our_own_words(read: Callable[[bytes], Any], data: bytes) -> None:
    chance = random.Random(7)  # noqa: S311 - the same damage every time
    for number in range(300):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 3, 9))):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(changed[: chance.randrange(len(data))] if number % 3 else changed))
        except (ParseError, LimitError):
            continue
