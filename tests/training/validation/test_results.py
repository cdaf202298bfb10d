from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from triage.errors import ParseError
from triage.report.validation import validation_page
from triage.training.truth import Data, Expect, Item, Place
from triage.training.validation.document import document
from triage.training.validation.images import Placed
from triage.training.validation.markdown import markdown
from triage.training.validation.measure import Measure
from triage.training.validation.results import (
    Cell,
    Falsehood,
    Limit,
    Measured,
    Validation,
    read,
)
from triage.training.validation.tables import tables

CELL = Cell(
    set="artifacts",
    data="self_made",
    kind="wallet.file",
    extractor="wallet.x",
    place="plain",
    filesystem="ext4",
    depth="deep",
    found=9,
    there=10,
)
VALIDATION = Validation(
    method={"version": "1", "digest": "d", "code": "c", "python": "3", "libraries": {"lib": "2"}},
    machine={"system": "Linux", "notes": "<b>"},
    begun="2026-01-02T03:04:05.0Z",
    ended="2026-01-02T03:05:05.0Z",
    sets=("artifacts", "foreign"),
    cells=(
        CELL,
        replace(CELL, place="slack", found=0, there=4),
        replace(CELL, set="foreign", data="foreign", found=1, there=1),
    ),
    falsehoods=(
        Falsehood(
            set="artifacts",
            data="self_made",
            filesystem="ext4",
            depth="deep",
            files=300,
            wrong=0,
            kinds={},
        ),
    ),
    measured=(
        Measured(
            name="i", sha256="a" * 64, depth="deep", exit_code=0, findings=3, seal_code="AAAA"
        ),
    ),
    limits=(Limit(what="shadow copies", why="cannot be made"),),
)


def test_results_read_back() -> None:
    assert read(VALIDATION.to_bytes()) == VALIDATION


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format":"other"}', b"[" * 99_999])
def test_what_are_no_results_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read(data)


def test_no_table_counts_two_sorts_of_data_together() -> None:
    wholes = {
        row: cell
        for table in tables(VALIDATION)
        for row, *cells in table.rows
        for cell in cells
        if cell in ("10/11", "10/15")
    }
    assert wholes == {}
    titles = [table.title for table in tables(VALIDATION)]
    assert {"Set artifacts: places", "Set foreign: places"} <= set(titles)


def test_a_place_without_a_finding_is_a_zero() -> None:
    page = markdown(VALIDATION).decode()
    assert "| plain | 9 of 10 (90 %), 59.5 % to 98.3 % |" in page
    assert "| slack | 0 of 4 (0 %), 0 % to 49 % |" in page
    assert "| shadow copies | cannot be made |" in page


def test_page_of_the_report() -> None:
    page = validation_page(document(VALIDATION, "5" * 64, None)).decode()
    assert "5" * 64 in page
    assert "unsigned" in page
    assert "&lt;b&gt;" in page
    assert "0 of 300 (0 %), 0 % to 1.3 %" in page


def record(number: int, volume: str, **more: Any) -> dict[str, Any]:
    source = {"volume": volume, "path": "/x", "within": None}
    return {
        "id": f"f-{number}",
        "kind": "wallet.file",
        "value": {"n": 1},
        "times": [],
        "source": source,
        "also_in": [],
        "extractor": {"name": "wallet.x"},
        **more,
    }


def placed(volume: str, hiding: str, **match: Any) -> Placed:
    item = Item(
        id=volume,
        expect=Expect.MUST,
        kind="wallet.file",
        image="i",
        volume=volume,
        path=None,
        place=Place.PLAIN,
        match={f"value.{name}": value for name, value in match.items()},
        partial={"path": 50},
        family="wallet",
        data=Data.SELF_MADE,
    )
    return Placed(item=item, hiding=hiding, filesystem="ext4", specimen="s")


def test_counting() -> None:
    measure = Measure()
    bundle: Any = SimpleNamespace(
        findings=lambda: iter(
            [
                record(1, "p1"),
                record(2, "p2/image/p1"),
                record(3, "p9"),
                record(
                    4,
                    "p9",
                    source={"volume": "p9", "path": "in", "within": record(3, "")["source"]},
                ),
            ]
        )
    )
    items = [
        placed("p1", "plain", n=1),
        placed("p2", "VHD on the disk", n=1),
        placed("p3", "deleted", n=1),  # what lies elsewhere does not count
        placed("p1", "renamed", n=2),  # half right is not found
    ]
    measure.count("artifacts", "deep", items, bundle)
    measure.count_noise("artifacts", "ext4", "deep", {"p9": 300}, bundle)
    found = {cell.place: (cell.extractor, cell.found, cell.there) for cell in measure.results()}
    assert found == {
        "plain": ("wallet.x", 1, 1),
        "VHD on the disk": ("wallet.x", 1, 1),
        "deleted": ("wallet.x", 0, 1),
        "renamed": ("wallet.x", 0, 1),
    }
    assert (measure.falsehoods[0].wrong, measure.falsehoods[0].kinds) == (1, {"wallet.file": 2})
