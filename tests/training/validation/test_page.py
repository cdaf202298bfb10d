"""The published figures are those of the committed results, and of nothing else."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from triage.training.validation.markdown import markdown
from triage.training.validation.results import read

PAGE = ROOT / "docs" / "validation.md"
RESULTS = read((ROOT / "docs" / "validation.json").read_bytes())


def test_page_is_made_from_the_results(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-expected"):
        PAGE.write_bytes(markdown(RESULTS))
    assert PAGE.read_bytes() == markdown(RESULTS)


def test_self_made_and_foreign_data_stand_apart() -> None:
    assert {(cell.set, cell.data) for cell in RESULTS.cells} <= {
        ("artifacts", "self_made"),
        ("scenarios", "self_made"),
        ("foreign", "foreign"),
    }
    assert all(cell.found <= cell.there for cell in RESULTS.cells)
