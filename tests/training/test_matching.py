from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from triage.training.matching import best_answer
from triage.training.truth import Expect, Item, Place

RECORD: dict[str, Any] = {
    "id": "f-1",
    "kind": "wallet.file",
    "value": {
        "software": "electrum",
        "ports": ["1", "2"],
        "locked": True,
        "big": str(2**60),
        "n": 1,
    },
    "times": [{"event": "last_written", "utc": None, "raw": "123"}],
    "account": {"name": "alice"},
    "source": {
        "volume": "p1/vm/p2",
        "path": "inner/wallet",
        "row": None,
        "within": {"volume": "p1", "path": "/Docs/a.zip", "within": None},
    },
    "also_in": [{"volume": "p1/vss-1", "path": "/old/a"}],
}
ITEM = Item(
    id="i",
    expect=Expect.MUST,
    kind="wallet.file",
    image="d",
    volume="p1",
    path="/docs/A.zip",
    place=Place.ARCHIVE,
    family="wallet",
)


@pytest.mark.parametrize(
    ("change", "percent", "wrong"),
    [
        ({}, 100, ()),
        ({"path": "inner/wallet", "volume": "p1/vm/p2"}, 100, ()),
        ({"path": "/old/a", "volume": "p1/vss-1"}, 100, ()),
        ({"path": None, "volume": None}, 100, ()),
        ({"kind": "wallet.*", "path": "/docs/"}, 100, ()),
        ({"kind": "wallet.address"}, 0, ()),
        ({"path": "/docs/a"}, 0, ()),
        ({"volume": "p2"}, 0, ()),
        ({"volume": "p2", "partial": {"volume": 60, "path": 40}}, 40, ("volume",)),
        ({"match": {"value.software": "electrum", "account.name": "alice"}}, 100, ()),
        ({"match": {"value.software": "Electrum"}}, 0, ()),
        ({"match": {"value.ports": ("2",), "value.locked": True}}, 100, ()),
        ({"match": {"value.ports": ("3",)}}, 0, ()),
        ({"match": {"value.locked": 1}}, 0, ()),  # true is no number
        ({"match": {"value.n": True}}, 0, ()),
        ({"match": {"value.big": 2**60}}, 100, ()),
        ({"match": {"times.last_written": "123"}}, 100, ()),
        ({"match": {"source.row": None, "value.none": None}}, 100, ()),
        ({"match": {"value.software.deep": "x"}}, 0, ()),
        (
            {
                "match": {"value.n": 1, "value.software": "x"},
                "partial": {"value.n": 30, "path": 20},
            },
            50,
            ("value.software",),
        ),
    ],
)
def test_how_much_a_finding_says(
    change: dict[str, Any], percent: int, wrong: tuple[str, ...]
) -> None:
    answer = best_answer(replace(ITEM, **change), [RECORD])
    assert (answer.percent, answer.wrong) == (percent, wrong)


def test_the_best_finding_counts() -> None:
    item = replace(ITEM, match={"value.n": 2, "value.locked": True}, partial={"value.locked": 10})
    better = {**RECORD, "id": "f-2", "value": {"n": 2, "locked": True}}
    assert best_answer(item, [RECORD, better]).finding == "f-2"
    assert best_answer(item, [RECORD]).percent == 10
    assert best_answer(item, []).finding is None
