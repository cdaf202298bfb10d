"""What the examiner brings to look for, as options of `run` and `batch`."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage import profile
from triage.batch.plan import Job
from triage.batch.settings import Settings
from triage.cli.terms import read_terms
from triage.errors import UsageError

JOB = Job(name="a", image=Path("a"), case=None, exhibit=None, segments=())


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words"
    path.write_text("needle\n", encoding="utf-8")
    return path


def test_a_batch_hands_them_on_and_its_log_knows_them(words: Path) -> None:
    deep = profile.load(["deep"])
    lists = {"keywords": words}
    settings = Settings(profiles=("deep",), lists=lists, terms=read_terms(lists, deep))
    options = settings.options(JOB, Path("b"), profile=deep, signer=None, resume=False)
    assert options.terms.keywords == ("needle",)
    assert f"--keywords={words}" in settings.arguments(JOB, Path("b"), resume=False)
    assert settings.record(JOB, deep)["terms"].keys() == {"keywords"}


def test_the_quick_pass_of_a_batch_has_none(words: Path) -> None:
    lists = {"keywords": words}
    deep = profile.load(["deep"])
    quick = Settings(profiles=("deep",), lists=lists, terms=read_terms(lists, deep)).quick()
    options = quick.options(JOB, Path("b"), profile=deep, signer=None, resume=False)
    assert not options.terms.any
    assert not any("keywords" in one for one in quick.arguments(JOB, Path("b"), resume=False))


def test_a_profile_that_does_not_scan_is_refused_before_anything_is_opened(words: Path) -> None:
    with pytest.raises(UsageError, match="need a profile that scans"):
        read_terms({"keywords": words}, profile.load(["standard"]))
