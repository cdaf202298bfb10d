"""The pages on training are made from the scenarios, and the guide's example is a scenario."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from triage.training import scenario
from triage.training.artifacts import MAKERS, parameters
from triage.training.build import Built, build
from triage.training.exercise import page
from triage.training.paper import Bullets, Heading, Text, to_html, to_markdown
from triage.training.values import KINDS

DOCS = ROOT / "docs"
TRAINING = DOCS / "training"
GUIDE = (DOCS / "write-a-scenario.md").read_text(encoding="utf-8")


@cache
def documented(name: str) -> Built:
    return build(scenario.load(name), "documentation")


def artifacts_page() -> str:
    blocks: list[Heading | Text | Bullets] = [
        Heading("Artifacts", 1),
        Text(
            "Made from the program by `pytest tests/training/test_pages.py --update-expected`; do "
            "not edit. What `make` can name, and what it reads from `with`. `messages`, `visits` "
            "and the like are lists of texts. What it gives are words for questions, hints and "
            "answers: `{id.path}`."
        ),
    ]
    for name, maker in MAKERS.items():
        blocks.append(Heading(f"`{name}`"))
        told = parameters(maker)
        blocks.append(Text(told.summary))
        if told.parameters:
            blocks.append(Bullets(told.parameters))
        blocks.append(Text(f"Gives {', '.join(f'`{word}`' for word in (*told.gives, 'when'))}."))
    blocks.append(Heading("Kinds of values"))
    blocks.append(Bullets([f"`{name}`" for name in KINDS]))
    return to_markdown(blocks)


def pages() -> dict[Path, str]:
    made = {
        TRAINING / f"{name}.md": to_markdown(page(documented(name))) for name in scenario.shipped()
    }
    return {**made, TRAINING / "artifacts.md": artifacts_page()}


def test_pages_are_up_to_date(request: pytest.FixtureRequest) -> None:
    for path, text in pages().items():
        if request.config.getoption("--update-expected"):
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run with --update-expected"


def test_makers_give_the_words_that_they_say() -> None:
    for name in scenario.shipped():
        built = documented(name)
        for step in built.scenario.steps:
            told = [word.partition(".") for word in built.words]
            given = {word for one, _, word in told if one == step.id and word}
            assert given == {*parameters(MAKERS[step.make]).gives, "when"}, step.make


def test_the_guide_is_the_scenario() -> None:
    told = "".join(re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL))
    shipped = ROOT / "triage" / "training" / "scenarios" / "memory-card.yaml"
    assert told == shipped.read_text(encoding="utf-8")


def test_the_guide_names_every_way_to_hide() -> None:
    for place in scenario.Hide:
        assert f"`{place}`" in GUIDE


def test_the_index_names_every_scenario() -> None:
    index = (TRAINING / "README.md").read_text(encoding="utf-8")
    for name in scenario.shipped():
        assert f"({name}.md)" in index


def test_html_is_escaped_and_loads_nothing() -> None:
    text = to_html("<b>", "<i>", [Heading("<script>"), Text("a `<code>`\n\nb"), Bullets(["<li>"])])
    told = text.decode()
    assert "<script>" not in told
    assert "<code>&lt;code&gt;</code>" in told
    assert "default-src 'none'" in told
    assert "http" not in told.replace("http-equiv", "")
