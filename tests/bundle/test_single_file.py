"""The verifier for people without us says what ours says, of every bundle that ours refuses."""

from __future__ import annotations

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.bundle.test_verify import (
    ALTERATIONS,
    CONTENT,
    MANIFEST_LINES,
    PREDICATE,
    Alter,
    edit,
    failed,
    resealed_manifest,
)
from triage import verifier
from triage.bundle import SealResult, Signer, add_signature, append_event, verify
from triage.bundle.handout import verifier_source
from triage.engine import records
from triage.findings import KINDS

__all__ = ["resealed_manifest"]  # a fixture

Build: TypeAlias = Callable[..., SealResult]
Forge: TypeAlias = Callable[..., None]
Identify: TypeAlias = Callable[[dict[str, Any]], str]

NOT_THERE = {"signed"}  # a check that the single file does not know


@pytest.fixture(autouse=True)
def _recipe(monkeypatch: pytest.MonkeyPatch, finding_id: Identify) -> None:
    monkeypatch.setattr(verifier, "finding_id", finding_id)


def refused(path: Path, **given: str | None) -> set[str]:
    done = verifier.Verifier(verifier.bundle_root(path), **given)
    code = done.run()
    found = {name for name, outcome, _ in done.results if outcome == "FAIL"}
    assert (code == 4) == bool(found)
    assert all(detail.isprintable() for _, _, detail in done.results)
    return found


def test_a_good_bundle_passes_the_same_checks(
    good: tuple[Path, SealResult], finding_id: Identify
) -> None:
    single = verifier.Verifier(good[0])
    assert single.run() == 0
    ours = {
        check.name: check.outcome.value for check in verify(good[0], finding_id=finding_id).checks
    }
    told = {name: outcome.replace(" ", "-") for name, outcome, _ in single.results}
    assert told == {name: outcome for name, outcome in ours.items() if name not in NOT_THERE}


@pytest.mark.parametrize(("alter", "check"), ALTERATIONS.values(), ids=ALTERATIONS)
def test_it_refuses_what_ours_refuses(
    sealed: Path, finding_id: Identify, alter: Alter, check: str
) -> None:
    alter(sealed)
    found = refused(sealed)
    assert check in found
    assert found == failed(verify(sealed, finding_id=finding_id))


@pytest.mark.parametrize(("alter", "check"), CONTENT.values(), ids=CONTENT)
def test_it_checks_content_even_when_sealed_anew(
    sealed: Path, forge: Forge, alter: Alter, check: str
) -> None:
    alter(sealed)
    forge(sealed)
    assert refused(sealed) == {check}


@pytest.mark.parametrize(("changes", "check"), PREDICATE.values(), ids=PREDICATE)
def test_it_holds_the_seal_to_what_is_there(
    sealed: Path, forge: Forge, changes: dict[str, Any], check: str
) -> None:
    forge(sealed, **changes)
    assert refused(sealed) == failed(verify(sealed))
    assert check in refused(sealed)


@pytest.mark.parametrize("line", MANIFEST_LINES.values(), ids=MANIFEST_LINES)
def test_it_refuses_hostile_manifests(
    sealed: Path, forge: Forge, resealed_manifest: Callable[[Path, bytes], None], line: bytes
) -> None:
    forge(sealed)
    resealed_manifest(sealed, line)
    assert "manifest" in refused(sealed)


def drop_first(path: Path) -> None:
    for name in ("0001.jsonl", "0001.seal.json"):
        (path / "custody" / name).unlink()


LATER: dict[str, Alter] = {
    "edited": edit("custody/0001.jsonl", lambda data: data.replace(b"court", b"press")),
    "log removed": lambda path: (path / "custody/0001.jsonl").unlink(),
    "first dropped": drop_first,
    "seal of another": edit("custody/0002.seal.json", lambda data: data.replace(b"e", b"f", 1)),
}


@pytest.mark.parametrize("alter", LATER.values(), ids=LATER)
def test_it_checks_the_events_after_the_seal(
    sealed: Path, signer: Signer, finding_id: Identify, alter: Alter
) -> None:
    append_event(sealed, "handed-over", {"to": "court"}, signer=signer)
    append_event(sealed, "note")
    assert refused(sealed) == set()
    alter(sealed)
    assert refused(sealed) == failed(verify(sealed, finding_id=finding_id)) == {"later-custody"}


def test_it_knows_seal_codes_keys_and_further_signatures(
    sealed: Path, signer: Signer, stranger: Signer, good: tuple[Path, SealResult]
) -> None:
    later = append_event(sealed, "note")
    for code in (good[1].seal_code, later.code):
        typed = verifier.normal_code(code.lower().replace("-", " ").replace("o", "0"))
        assert refused(sealed, code=typed) == set()
    assert refused(sealed, code=later.code[::-1]) == {"seal-code"}
    assert refused(sealed, key=signer.key_id) == set()
    assert refused(sealed, key=stranger.key_id) == {"trust"}
    add_signature(sealed, stranger)
    assert refused(sealed, key=stranger.key_id) == set()


def test_a_signature_that_nobody_checked_is_no_signature(
    sealed: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "Ed25519PublicKey", None)
    single = verifier.Verifier(sealed)
    assert single.run() == 0
    assert ("signature", "not done") in [result[:2] for result in single.results]
    assert refused(sealed, key=signer.key_id) == {"trust"}


def test_an_incomplete_run_and_what_is_no_bundle(build: Build, tmp_path: Path) -> None:
    assert verifier.Verifier(build(tmp_path / "b", incomplete=True).path).run() == 3
    for path in (tmp_path, (tmp_path / "b").rename(tmp_path / "b.partial")):
        with pytest.raises(verifier.NotABundle):
            verifier.bundle_root(path)


def test_it_needs_nothing_but_python() -> None:
    needed = set()
    source = Path(verifier.__file__).read_text("utf-8")
    for node in ast.walk(ast.parse(source, feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            needed.add(str(node.module))
    foreign = {name for name in needed if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign == {
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
    }


def test_what_is_handed_out_knows_the_ids_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_bytes(verifier_source())
    program = runpy.run_path(str(tmp_path / "verify.py"))
    assert set(program["IDENTITY"]) == set(KINDS)
    value = {"onion": "a.onion", "entries": 2}
    source = {"volume": "p1", "within": None, "path": "/a", "address": "4", "locator": None}
    record = {"kind": "indicator.onion", "value": value, "source": source}
    assert program["finding_id"](record) == records.finding_id(record)
    with pytest.raises(program["NotDone"]):
        program["finding_id"]({**record, "kind": "of another version"})


def test_it_runs_as_a_program(sealed: Path, good: tuple[Path, SealResult]) -> None:
    program = [sys.executable, "-I", str(verifier.__file__), str(sealed)]
    code = ["--seal-code", good[1].seal_code]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    right = subprocess.run(
        [*program, *code], check=False, capture_output=True, text=True, env=environment
    )
    assert (right.returncode, right.stderr) == (0, "")
    assert good[1].seal_code in right.stdout
    (sealed / "data/run.json").unlink()
    wrong = subprocess.run(program, check=False, capture_output=True, text=True, env=environment)
    assert wrong.returncode == 4
    assert "ALTERED" in wrong.stdout
