"""Nothing that a reader sees claims more than bytes can show: about bytes, never about people.

Words of a claim may stand in a sentence that warns of them; such lines are listed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.findings import KINDS
from triage.guidance import load
from triage.texts import catalogue, shipped

ROOT = Path(__file__).parents[1]
CLAIMS = re.compile(
    r"\b(suspect|suspects|culprit|perpetrator|offender|defendant|guilty|guilt|criminals?"
    r"|beyond (any |reasonable )?doubt|undeniabl\w+|irrefutabl\w+|certainly|definitely|obviously"
    r"|forensically sound|court-proof|tamper-proof|unforgeable"
    r"|the user (has )?(visited|used|sent|opened|bought|wrote|knew|owns|wanted))\b",
    re.IGNORECASE,
)
WARNINGS = ('never "the suspect used Tor"',)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("profiles/*.md")])
TEMPLATES = sorted(ROOT.glob("triage/report/*templates/*.html"))


def claims(text: str) -> list[str]:
    for warning in WARNINGS:
        text = text.replace(warning, "")
    return [match[0] for match in CLAIMS.finditer(text)]


@pytest.mark.parametrize("page", PAGES + TEMPLATES, ids=lambda path: path.name)
def test_documents_and_templates_speak_about_bytes(page: Path) -> None:
    assert claims(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_what_a_kind_means_speaks_about_bytes(kind: type) -> None:
    told = KINDS[kind.kind].interpretation  # type: ignore[attr-defined]
    assert claims(KINDS[kind.kind].title) == []  # type: ignore[attr-defined]
    assert claims(told.means) == []
    assert claims(told.next_steps) == []
    # A kind that does not say what it does not mean claims by its silence.
    assert min(len(told.does_not_mean), len(told.other_explanations)) > 10


@pytest.mark.parametrize("language", shipped())
def test_the_texts_of_the_report_speak_about_bytes(language: str) -> None:
    for key, text in catalogue(language).texts.items():
        if not key.endswith((".does_not_mean", ".other_explanations")):  # these tell of people
            assert claims(str(text)) == [], key


def test_guidance_tells_what_to_do_and_accuses_nobody() -> None:
    for guidance in load():
        texts = [step.text for step in guidance.always]
        texts += [step.text for case in guidance.cases.values() for step in case.steps]
        assert [text for text in texts if claims(text)] == []


def summaries() -> Iterator[tuple[Path, str]]:
    for expected in sorted(ROOT.glob("fixtures/*/**/expected.jsonl")):
        for line in expected.read_bytes().splitlines():
            found = json.loads(line)
            yield expected, found.get("summary", "")


def test_every_summary_of_the_fixtures_speaks_about_bytes() -> None:
    seen = 0
    for path, summary in summaries():
        assert claims(summary) == [], path
        assert "\n" not in summary
        seen += 1
    assert seen > 500


@pytest.mark.parametrize(
    "text",
    ["The suspect used Tor.", "This proves beyond doubt …", "the user visited a market", "Guilty!"],
)
def test_the_check_knows_a_claim(text: str) -> None:
    assert claims(text)
