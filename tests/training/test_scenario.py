"""Scenarios: what is wrong is named by its key; those that ship are whole."""

from __future__ import annotations

import re

import pytest

from triage.errors import ProfileError, UsageError
from triage.training import scenario
from triage.training.build import build
from triage.training.truth import Expect

SMALL = """
format: disk-triage-scenario/1
title: Small
summary: One stick.
story: "{owner} had a stick."
task: Look.
instructor: Nothing.
people: {owner: whose it is}
values: {shop: onion, coin: bitcoin, words: phrase}
images:
  - name: stick
    title: a stick
    volumes: [{filesystem: fat16, size: 8 MiB, label: SMALL}]
timeline:
  - {id: list, at: day 1 10:00, who: owner, disk: stick, make: darknet.links,
     question: shop, with: {onions: ["{shop}"]}}
  - {id: payout, at: day 2 11:00, who: owner, disk: stick, make: notes.addresses, hide: slack,
     as: shopping.txt, question: coin, with: {lines: ["pay | {coin}"]}}
  - {id: sugar, at: day 3 11:00, who: owner, disk: stick, make: notes.text, expect: must_not,
     kinds: ["indicator.*"], with: {name: shop.txt, text: see shop.onion}}
questions:
  - {id: shop, text: Which address, answer: "{shop} in {list.path}"}
  - {id: coin, text: Where to, answer: "{coin}"}
"""

SUGAR = SMALL[SMALL.index("make: notes.text") : SMALL.index("\nquestions")]


def test_a_scenario_is_read() -> None:
    read = scenario.parse(SMALL, name="small")
    assert [step.id for step in read.steps] == ["list", "payout", "sugar"]
    assert read.steps[1].minute == 2 * 1440 + 11 * 60
    assert read.images[0].volumes[0].size == 8 << 20


@pytest.mark.parametrize(
    ("was", "becomes", "where"),
    [
        ("scenario/1", "scenario/2", "small.format"),
        ("at: day 1 10:00", "at: day 1 24:00", "small.timeline[0].at"),
        ("at: day 1 10:00", "at: tomorrow", "small.timeline[0].at"),
        ("who: owner, disk: stick, make: darknet", "who: x, disk: stick, make: darknet", "[0].who"),
        ("disk: stick, make: darknet", "disk: drive, make: darknet", "small.timeline[0].disk"),
        ("make: darknet.links", "make: darknet.map", "small.timeline[0].make"),
        ("question: shop", "question: none", "small.timeline[0].question"),
        ("     as: shopping.txt, question", "     question", "small.timeline[1].as"),
        ("hide: slack", "hide: attic", "small.timeline[1].hide"),
        ('kinds: ["indicator.*"], ', "", "small.timeline[2].kinds"),
        ("shop: onion", "shop: garlic", "small.values.shop"),
        ("size: 8 MiB", "size: 9 TiB", "size"),
        ("fat16", "btrfs", "filesystem"),
        ("title: Small\n", "title: Small\nlevle: beginner\n", "small.levle"),
        ("id: payout", "id: list", "small.timeline"),
        ("title: a stick", "title: 7", "small.images[0].title"),
    ],
)
def test_errors_point_at_the_key(was: str, becomes: str, where: str) -> None:
    assert was in SMALL
    with pytest.raises(ProfileError) as caught:
        scenario.parse(SMALL.replace(was, becomes), name="small")
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("was", "becomes", "text"),
    [
        ('onions: ["{shop}"]', 'onions: ["{ship}"]', "{ship} names nothing"),
        ('answer: "{coin}"', 'answer: "{list.paths}"', "{list.paths} names nothing"),
        ('{onions: ["{shop}"]}', '{onions: ["{shop}"], onion: x}', "unknown key"),
        (SUGAR, "make: wallets.monero, hide: slack, as: x}", "takes one file"),
        (SUGAR, "make: wallets.geth, hide: slack, as: x}", "nothing of wallets.geth is left"),
        ("make: darknet.links,", "make: darknet.links, hide: deleted,", "loses its first letter"),
        (SUGAR, "make: darknet.links, with: {name: links.txt}}", "is there already"),
    ],
)
def test_what_cannot_be_built_is_said(was: str, becomes: str, text: str) -> None:
    assert was in SMALL
    with pytest.raises(ProfileError, match=re.escape(text)):
        build(scenario.parse(SMALL.replace(was, becomes), name="small"), "a")


@pytest.mark.parametrize("text", ["", "[]", "format: [", "a: {b: &x [*x]}", "[" * 400])
def test_what_is_no_scenario(text: str) -> None:
    with pytest.raises(ProfileError):
        scenario.parse(text, name="small")


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="first-hour"):
        scenario.load("no-such")


@pytest.mark.parametrize("name", scenario.shipped())
def test_what_ships_is_whole(name: str) -> None:
    read = scenario.load(name)
    built = build(read, "a")
    asked = {item.question for item in built.items if item.expect is Expect.MUST}
    assert {question.id for question in built.questions} <= asked
    assert all(question.hints for question in built.questions)
    assert any(item.expect is Expect.MUST_NOT for item in built.items)
    assert len({item.kind for item in built.items}) >= 5
    told = " ".join([read.story, read.task, read.notes, *read.objectives])
    assert "suspect" not in told


def test_drives_share_what_the_story_says_and_no_file() -> None:
    built = build(scenario.load("three-drives"), "a")
    seen: dict[bytes, str] = {}
    for name, disk in built.disks.items():
        for entry in disk.volumes[0].entries:
            shared = seen.setdefault(entry.content or b"", name) != name
            ordinary = entry.path.startswith("/DISK-TRIAGE") or not entry.content
            assert not shared or ordinary, entry.path
