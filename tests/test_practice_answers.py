"""The practice image has known answers: what must be found is, and no decoy is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import triage
from tests.conftest import ROOT, lines
from triage import profile
from triage.bundle.seal import make_envelope, make_statement
from triage.engine.basis import VALIDATION
from triage.engine.method import this_method
from triage.engine.options import Options
from triage.errors import AlteredError, ExitCode
from triage.hashing import sha256
from triage.training.bundles import grade_bundles
from triage.training.feedback import place_of
from triage.training.grading import Grade
from triage.training.truth import load

TRAINING = ROOT / "triage" / "training"
KEY = load(TRAINING / "practice.json")


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `triage validate` would say about this very program."""
    path: Path = tmp_path_factory.mktemp("validation") / "x.statement.json"
    predicate = {
        "method": {"digest": this_method().digest},
        "sealed": "2026-01-02T03:04:05.000000Z",
        "sets": ["self-made"],
    }
    path.write_bytes(make_envelope(make_statement(VALIDATION, {}, predicate), None))
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, statement: Path) -> Path:
    path: Path = tmp_path_factory.mktemp("practice") / "b"
    result = triage.run(
        Options(
            image=TRAINING / "practice.E01",
            output=path,
            profile=profile.load(()),
            validation=statement,
        )
    )
    assert result.exit_code == ExitCode.INCOMPLETE  # one volume is locked
    return path


@pytest.fixture(scope="module")
def grade(bundle: Path) -> Grade:
    return grade_bundles("practice", [bundle], KEY)


@pytest.mark.parametrize("number", [item.id for item in KEY.items if item.expect == "must"])
def test_found(grade: Grade, number: str) -> None:
    missed = {one.item.id: (place_of(one), one.answer.wrong) for one in grade.missed}
    assert number not in missed, missed[number]


def test_no_decoy_is_taken_for_real(grade: Grade) -> None:
    assert [item.id for item in KEY.items if item.expect == "must_not"]
    assert [place_of(one) for one in grade.decoys] == []


def test_the_whole_key_gives_full_marks(grade: Grade) -> None:
    assert grade.earned == grade.possible > 0
    assert all(question.full for question in grade.questions)


def test_the_deleted_wallet_is_found_and_marked(bundle: Path) -> None:
    (record,) = [
        r
        for r in lines(bundle / "data" / "findings.jsonl")
        if r["source"]["path"]
        and "old_wallet" in r["source"]["path"]
        and r["kind"] == "wallet.file"
    ]
    assert record["source"]["allocation"] == {
        "metadata": "deleted",
        "name": "deleted",
        "reused": False,
    }


def test_the_bundle_names_the_validation_it_rests_on(bundle: Path, statement: Path) -> None:
    told = json.loads((bundle / "data" / "run.json").read_bytes())["validation"]
    assert told == {
        "statement": sha256(statement.read_bytes()),
        "why": None,
        "sealed": "2026-01-02T03:04:05.000000Z",
        "sets": ["self-made"],
        "signers": [],
    }
    report = (bundle / "data" / "report" / "report.html").read_text(encoding="utf-8")
    assert told["statement"] in report


def test_a_bundle_of_another_image_is_not_graded(bundle: Path) -> None:
    other = replace(KEY, images=(replace(KEY.images[0], sha256="0" * 64),))
    with pytest.raises(AlteredError, match="none of this scenario"):
        grade_bundles("x", [bundle], other)


def test_an_altered_bundle_is_not_graded(bundle: Path, tmp_path: Path) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(bundle, altered)
    findings = altered / "data" / "findings.jsonl"
    findings.chmod(0o600)
    findings.write_bytes(b"".join(findings.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(AlteredError, match="not what was sealed"):
        grade_bundles("x", [altered], KEY)


def test_an_image_without_a_bundle_is_missed(bundle: Path) -> None:
    two = replace(KEY, images=(*KEY.images, replace(KEY.images[0], name="b", sha256="0" * 64)))
    extra = replace(KEY.items[0], id="extra", image="b")
    grade = grade_bundles("x", [bundle], replace(two, items=(*KEY.items, extra)))
    assert [one.item.id for one in grade.missed] == ["extra"]
    assert grade.notes == ("b: no bundle",)
    with pytest.raises(AlteredError, match="second bundle"):
        grade_bundles("x", [bundle, bundle], KEY)
