"""Forms for paper: filled from the bundle, replaceable by an agency, inert whatever is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.export.conftest import Make, findings, made, make, record
from triage.bundle import Bundle, append_event
from triage.cli.command import cli
from triage.errors import UsageError
from triage.report.forms import forms, shipped

__all__ = ["made", "make"]  # fixtures

NAMES = (
    "certificate-acpo.html",
    "certificate-fre-902.html",
    "cryptocurrency-seizure.html",
    "custody.html",
    "handling.html",
)


def text(bundle: Bundle, name: str, templates: Path | None = None) -> str:
    return dict(forms(bundle, templates))[name].decode()


@pytest.mark.parametrize("name", NAMES)
def test_each_form_is_filled_and_says_what_it_is(made: Bundle, name: str) -> None:
    page = text(made, name)
    assert made.seal.code in page
    assert "C-1" in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<a |src=|href=", page)
    if name.startswith("certificate"):
        assert "DRAFT FOR A LAWYER" in page


def test_the_forms_are_the_same_for_the_same_bundle(made: Bundle) -> None:
    assert list(forms(made)) == list(forms(Bundle.open(made.root)))


def test_a_hand_over_stands_on_the_custody_form_with_its_code(made: Bundle) -> None:
    seal = append_event(made.root, "handed-over", {"by": "P. Muster", "note": "to court"})
    page = text(Bundle.open(made.root), "custody.html")
    assert seal.code in page
    assert "P. Muster: to court" in page


def test_the_seizure_form_names_the_places(made: Bundle) -> None:
    page = text(made, "cryptocurrency-seizure.html")
    assert "p1:/Users/alice/a.db" in page
    assert "names no wallet" not in page


def test_without_wallets_it_says_what_that_does_not_show(make: Make) -> None:
    page = text(make([]), "cryptocurrency-seizure.html")
    assert "That does not show that there is none" in page


def test_forms_of_a_practice_image_say_so(made: Bundle) -> None:
    image = {**made.run["image"], "training": {"scenario": "One", "notice": "Made up."}}
    made.run["image"] = image
    for _, content in forms(made):
        assert content.decode().count("Training, not evidence") == 2


def test_hostile_text_is_inert(make: Make) -> None:
    hostile = "<script>alert(1)</script>\u202e{{ 7*7 }}\x1b[31m"
    bundle = make(
        [record("wallet.address", {"coin": "BTC", "crypto_address": hostile}, summary=hostile)],
        case=hostile,
        exhibit=hostile,
        examiner=hostile,
    )
    for _, content in forms(bundle):
        page = content.decode()
        assert "<script" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert "{{ 7*7 }}" in page


def test_an_agency_replaces_a_form_adds_one_and_puts_its_letterhead(
    made: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "custody.html").write_text("<p>ours: {{ seal_code }}, {{ case.case }}</p>")
    (tmp_path / "receipt.html").write_text("<p>{{ counts.findings }}</p>")
    base = shipped()["base.html"]
    (tmp_path / "base.html").write_text(base.replace("<h1>", "<p>Police of X</p><h1>"))
    made_forms = {name: content.decode() for name, content in forms(made, tmp_path)}
    assert made_forms["custody.html"] == f"<p>ours: {made.seal.code}, C-1</p>"
    assert made_forms["receipt.html"] == f"<p>{len(findings())}</p>"
    assert "Police of X" in made_forms["handling.html"]
    assert "base.html" not in made_forms


@pytest.mark.parametrize(
    "template",
    ["{{ nothing.there }}", "{% if %}", "{{ ''.__class__.__mro__ }}", "{% include '../x' %}"],
)
def test_a_template_that_does_not_work_is_said(made: Bundle, tmp_path: Path, template: str) -> None:
    (tmp_path / "wrong.html").write_text(template)
    with pytest.raises(UsageError):
        list(forms(made, tmp_path))


def test_the_command_writes_a_new_folder_and_the_templates(made: Bundle, tmp_path: Path) -> None:
    runner = CliRunner()
    out = tmp_path / "forms"
    assert runner.invoke(cli, ["forms", str(made.root), "-o", str(out)]).exception is None
    assert sorted(path.name for path in out.iterdir()) == list(NAMES)
    again = runner.invoke(cli, ["forms", str(made.root), "-o", str(out)])
    assert isinstance(again.exception, UsageError)
    copies = tmp_path / "copies"
    assert runner.invoke(cli, ["forms", "--copy-templates", "-o", str(copies)]).exception is None
    assert {path.name for path in copies.iterdir()} == {*NAMES, "base.html", "form.css"}
