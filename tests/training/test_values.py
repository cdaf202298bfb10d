"""Invented values are well formed by the checks of those who read them."""

from __future__ import annotations

import pytest

from triage.formats import mnemonic, onion
from triage.formats.addresses import classify
from triage.training import people, values
from triage.training.tree import Inventor


@pytest.mark.parametrize(
    ("kind", "coin"),
    [
        ("bitcoin", "bitcoin"),
        ("bitcoin-old", "bitcoin"),
        ("ethereum", "ethereum"),
        ("monero", "monero"),
    ],
)
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_addresses_pass_their_checksum(kind: str, coin: str, seed: str) -> None:
    known = classify(values.KINDS[kind](Inventor(seed), "x"))
    assert known is not None
    assert (known.coin, known.network) == (coin, "main")
    assert known.confirmed


@pytest.mark.parametrize("length", [12, 15, 18, 21, 24])
def test_phrases_pass_their_checksum(length: int) -> None:
    found = mnemonic.check(values.phrase(Inventor("a"), "x", length).split())
    assert found is not None


def test_onions_pass_their_checksum() -> None:
    assert onion.check(values.KINDS["onion"](Inventor("a"), "x")) is not None


def test_the_same_label_gives_the_same_and_another_another() -> None:
    for make in values.KINDS.values():
        assert make(Inventor("a"), "x") == make(Inventor("a"), "x")
        assert make(Inventor("a"), "x") != make(Inventor("a"), "y")
        assert make(Inventor("a"), "x") != make(Inventor("b"), "x")


def test_nobody_has_the_name_of_another() -> None:
    keys = tuple(f"k{number}" for number in range(30))
    drawn = people.draw(Inventor("a"), keys)
    assert len({person.account for person in drawn.values()}) == len(keys)
    assert all(person.mail.endswith(".example") for person in drawn.values())
    assert all(person.phone.startswith("1555010") for person in drawn.values())
