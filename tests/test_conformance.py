"""The style guide, held by every extractor and every kind."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import typing
from pathlib import Path

import pytest

from triage import profile
from triage.evidence.patterns import PatternSet
from triage.findings import KINDS, Finding
from triage.registry import Registered, load

ROOT = Path(__file__).parents[1]
REGISTRY = load()
ALL = [pytest.param(entry, id=entry.extractor.name) for entry in REGISTRY.entries]
# A finding says what bytes say; these words say more.
CLAIMS = re.compile(
    r"\b(all|every|proves?|proof|suspect|the user|criminal|illegal)\b", re.IGNORECASE
)


def test_there_are_extractors_and_none_failed_to_load() -> None:
    assert len(REGISTRY.entries) > 20
    assert REGISTRY.failures == ()


@pytest.mark.parametrize("entry", ALL)
def test_summary_is_one_short_line_without_claims(entry: Registered) -> None:
    summary = entry.extractor.summary
    assert 0 < len(summary) <= 90
    assert summary.endswith(".") or ":" in summary
    assert not CLAIMS.search(summary)


@pytest.mark.parametrize("entry", ALL)
def test_module_says_what_it_was_written_from(entry: Registered) -> None:
    text = (importlib.import_module(entry.extractor.module).__doc__ or "").casefold()
    assert "written from" in text or "tested" in text
    assert "reference" in text or "source" in text


@pytest.mark.parametrize("entry", ALL)
def test_it_lies_in_the_folder_of_its_family(entry: Registered) -> None:
    assert entry.extractor.module.startswith("triage.plugins.")
    assert entry.origin.source == "built-in"


@pytest.mark.parametrize("entry", ALL)
def test_yields_kinds_of_the_vocabulary(entry: Registered) -> None:
    for kind in entry.extractor.yields:
        assert KINDS.get(kind.kind) is kind


@pytest.mark.parametrize("entry", ALL)
def test_first_round_needs_nothing(entry: Registered) -> None:
    if entry.extractor.context:
        assert not entry.extractor.needs
    for kind in entry.extractor.needs:
        assert kind.context


@pytest.mark.parametrize("entry", ALL)
def test_patterns_do_not_ask_for_everything(entry: Registered) -> None:
    PatternSet(entry.extractor.paths)
    assert not {"**/*", "*", "**/*.*"} & set(entry.extractor.paths)


def test_every_extractor_is_in_a_topic_profile() -> None:
    topics = [
        profile.load([name])
        for name in profile.shipped()
        if profile.parse(profile.source(name), name=name).depth is None
    ]
    for entry in REGISTRY.entries:
        assert any(topic.selects(entry.extractor.name) for topic in topics), entry.extractor.name


def test_every_extractor_has_a_fixture() -> None:
    named = "\n".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("fixtures/*/*/*/expected.jsonl")
    )
    without = [e.extractor.name for e in REGISTRY.entries if f'"{e.extractor.name}"' not in named]
    assert without == []


@pytest.mark.parametrize("case", sorted(ROOT.glob("fixtures/*/*/*/ORIGIN.md")), ids=str)
def test_fixture_says_how_it_was_made(case: Path) -> None:
    assert len(case.read_text(encoding="utf-8")) > 80


# Apps whose fixtures cannot have two accounts, and why.
ONE_ACCOUNT = {
    "whatsapp_android": "a telephone has one",
    "signal_android": "a telephone has one; further users of it have numbers, not names",
    "threema_android": "a telephone has one; further users of it have numbers, not names",
    "wechat_android": "a telephone has one; further users of it have numbers, not names",
    "telegram_android": "a telephone has one; the program has two",
    "tails": "Tails has one, and its storage lies in a volume of its own",
    "memory": "a page file belongs to nobody",
    "hardware": "a device is plugged into a machine",
}


@pytest.mark.parametrize(
    "app",
    [path for path in sorted(ROOT.glob("fixtures/*/*")) if (path.is_dir() and any(path.iterdir()))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_fixtures_hold_two_accounts(app: Path) -> None:
    if app.parent.name in {"system", "build", "images"} or app.name in ONE_ACCOUNT:
        return  # an operating system is not about accounts
    names = {
        record["account"]
        for case in app.glob("*/expected.jsonl")
        for record in map(json.loads, case.read_text(encoding="utf-8").splitlines())
    }
    assert len(names - {None}) > 1 or not list(app.glob("*/expected.jsonl"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_kind_explains_itself(kind: type[Finding]) -> None:
    words = kind.interpretation
    for text in dataclasses.astuple(words):
        assert len(text) > 15
        assert not re.search(r"\b(suspect|criminal|guilty)\b", text, re.IGNORECASE)
    names = {field.name for field in dataclasses.fields(kind)}
    assert set(kind.identity) <= names
    assert kind.identity


def test_a_field_name_means_one_type() -> None:
    seen: dict[str, tuple[object, str]] = {}
    for kind in KINDS.values():
        hints = typing.get_type_hints(kind)
        for name in kind.value_fields():
            # One kind may not know what another must.
            plain = tuple(
                sorted(
                    str(t)
                    for t in typing.get_args(hints[name]) or (hints[name],)
                    if t is not type(None)
                )
            )
            known, where = seen.setdefault(name, (plain, kind.kind))
            assert known == plain, f"{kind.kind}.{name} is not what {where}.{name} is"
