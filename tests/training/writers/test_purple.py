"""OTR keys that are made for an account: whole, its own, and the same each time."""

from __future__ import annotations

import re

from triage.training.tree import Inventor
from triage.training.writers import purple


def test_a_key_is_one_and_each_account_has_its_own() -> None:
    one, other = (purple.otr_key(Inventor("a"), f"{name}@jabber.example") for name in "xy")
    assert one == purple.otr_key(Inventor("a"), "x@jabber.example")
    assert 'name "x@jabber.example/Home"' in one
    assert purple.fingerprint(one) != purple.fingerprint(other)
    assert len(purple.fingerprint(one)) == 40
    numbers = {name: int(value, 16) for name, value in re.findall(r"\((\w) #([0-9A-F]+)#", one)}
    assert pow(numbers["g"], numbers["x"], numbers["p"]) == numbers["y"]
    assert pow(numbers["y"], numbers["q"], numbers["p"]) == 1
