from __future__ import annotations

import pytest

from triage.findings import Confidence, IndicatorI2p, IndicatorOnion
from triage.formats.darknet_names import DarknetNames
from triage.formats.onion import onion_address

ONION = onion_address(bytes(range(32)))
B32 = f"{'a2' * 26}.b32.i2p"


def test_each_address_is_counted_once_a_row_and_says_where() -> None:
    names = DarknetNames()
    names.add("visit", f"http://{ONION}/a", f"{ONION} twice")
    names.add("bookmark", f"https://{ONION}.ly/", None)
    names.add("mail", f"see http://{B32}/ and http://stats.i2p")
    onion, b32, name = sorted(names.findings(), key=lambda found: found.kind, reverse=True)
    assert isinstance(onion, IndicatorOnion)
    assert (onion.onion, onion.where, onion.entries) == (ONION, ("bookmark", "visit"), 2)
    assert onion.confidence is Confidence.CONFIRMED
    assert isinstance(b32, IndicatorI2p)
    assert isinstance(name, IndicatorI2p)
    assert [(b32.i2p, b32.i2p_form), (name.i2p, name.i2p_form)] == [
        (B32, "b32"),
        ("stats.i2p", "name"),
    ]
    assert (b32.checksum_ok, b32.confidence) == (False, Confidence.POSSIBLE)


@pytest.mark.parametrize(
    "text", ["", None, "x", ONION[:-7].replace("a", "b", 1) + "x.onion", f"{B32}x", "i2p", ".i2p"]
)
def test_near_misses(text: str | None) -> None:
    names = DarknetNames()
    names.add("visit", text)
    assert list(names.findings()) == []


def test_addresses_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.formats.darknet_names._MAX_NAMES", 2)
    names = DarknetNames()
    for number in range(4):
        names.add("visit", f"http://site{number}.i2p/")
    assert len(list(names.findings())) == 2
