"""Hostile partition tables from the image to the bundle: what is there is found, the rest said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hostile.conftest import KNOWN, Examine, Outcome
from tests.hostile.fat import Fat
from tests.hostile.tables import SECTOR, START, gpt, placed, record


def fat(text: bytes) -> bytes:
    volume = Fat(sectors=128)
    return volume.image([volume.file("known.txt", text)])


KEPT, OTHER = fat(b"kept"), fat(b"other")
SIZE = len(KEPT) // SECTOR
BEYOND = 0xFFFFFFFF


def texts(outcome: Outcome) -> str:
    return "; ".join(problem["text"] for problem in outcome.lines("problems"))


def logical(*records: tuple[int, bytes], first: int = 256) -> bytes:
    """Return a disk with a sound partition, and an extended one at sector 256."""
    head = record([(0x01, START, SIZE), (0x05, first, 600)])
    return placed({0: head, START: KEPT, **dict(records)}, sectors=1024)


def link(volume: int, following: int) -> bytes:
    """Return an extended boot record; the next one counts from sector 256, the volume from here."""
    return record([(0x01, volume, SIZE), (0x05, following, 1)])


CHAINS = {
    "to itself": (logical((256, link(1, 0)), (257, OTHER)), "runs in a circle"),
    "back and forth": (
        logical((256, link(1, 300)), (257, OTHER), (556, link(1, 0)), (557, fat(b"third"))),
        "runs in a circle",
    ),
    "to nowhere": (logical((256, link(1, 400)), (257, OTHER)), "breaks off"),
    "past the end": (logical((256, link(1, BEYOND)), (257, OTHER)), "breaks off"),
}


@pytest.mark.parametrize(("image", "words"), CHAINS.values(), ids=CHAINS)
def test_chain_of_logical_partitions(examine: Examine, image: bytes, words: str) -> None:
    outcome = examine(image, only=KNOWN)
    assert {"kept", "other"} <= outcome.known
    assert outcome.code == 3  # there may be more, and nobody can say
    assert words in texts(outcome)


def test_extended_partition_onto_the_table_itself(examine: Examine) -> None:
    outcome = examine(logical(first=0), only=KNOWN)
    assert (outcome.code, outcome.known) == (3, {"kept"})


def test_endless_chain(examine: Examine) -> None:
    records = {256 + 2 * n: record([(0x83, 1, 1), (0x05, 2 * (n + 1), 2)]) for n in range(300)}
    outcome = examine(logical(*records.items()), only=KNOWN)
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert "more than 256" in texts(outcome)


def test_extended_partition_without_any_other_is_no_damage(examine: Examine) -> None:
    outcome = examine(logical(), only=KNOWN)
    assert (outcome.code, outcome.known) == (0, {"kept"})


ROWS = {
    "the same twice": ([(1, START, SIZE), (1, START, SIZE)], "begins where p1 begins"),
    "one within the other": ([(1, START, SIZE), (7, START + 9, 9)], "overlaps p1"),
    "over the table": ([(1, START, SIZE), (7, 0, 4)], ""),
    "over everything": ([(1, START, SIZE), (7, 0, BEYOND)], "bytes past the image"),
    "past the end": ([(1, START, SIZE), (7, BEYOND, BEYOND)], "holds no byte of the image"),
    "of no length": ([(7, 300, 0), (1, START, SIZE), (7, START, 0)], ""),
}


@pytest.mark.parametrize(("rows", "words"), ROWS.values(), ids=ROWS)
def test_partitions_that_cannot_be(
    examine: Examine, rows: list[tuple[int, int, int]], words: str
) -> None:
    image = placed({0: record(rows), START: KEPT}, sectors=400)
    outcome = examine(image, only=KNOWN)
    assert outcome.known == {"kept"}
    assert len([line for line in outcome.lines("findings") if line["kind"] == "web.site"]) == 1
    listed = (outcome.bundle / "data" / "run.json").read_text()
    assert words in listed


GOOD = (START, START + SIZE - 1)
GPT = {
    "2^32 - 1 entries": {"count": 0xFFFFFFFF},
    "entries of 4 KiB, 4096 of them": {"count": 4096, "size": 4096},
    "entries of 4 GiB": {"count": 4, "size": 0xFFFFFFFF},
    "entries of no length": {"size": 0},
    "no entries": {"count": 0},
    "entries that are the header": {"at": 1},
    "entries past the end": {"at": 1 << 60},
}


@pytest.mark.parametrize("lie", GPT.values(), ids=GPT)
def test_gpt_that_lies_about_its_entries(examine: Examine, lie: dict[str, Any]) -> None:
    outcome = examine(gpt(KEPT, [GOOD], **lie), only=KNOWN)
    assert outcome.code == 3
    assert "GPT" in texts(outcome)
    if lie.get("count", 0) >= 4096:
        assert outcome.known == {"kept"}  # the first entries are where they should be


def test_gpt_entries_that_cannot_be(examine: Examine) -> None:
    rows = [GOOD, (500, 100), (1 << 63, (1 << 64) - 1), (0, (1 << 64) - 1), (START, START), GOOD]
    outcome = examine(gpt(KEPT, rows), only=KNOWN)
    assert (outcome.code, outcome.known) == (3, {"kept"})
    walked = [
        line["volume"]
        for line in outcome.lines("coverage")
        if line["step"] == "volume" and line["outcome"] == "found"
    ]
    assert walked == ["p1"]  # one of those that begin there
