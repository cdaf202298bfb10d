"""What is given is tried where it may be, within limits, and stands nowhere afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import lines
from tests.engine.runs import At, go, options, partial, records
from triage import profile
from triage.bundle import Bundle
from triage.credentials import Credential, parse
from triage.engine.options import Options
from triage.errors import BundleError, ExitCode, InterruptedRunError

GIVEN = """
- {password: word-of-alice, account: alice}
- password: word-of-anyone
- password: word-of-the-vault
- {key_hex: 6b65792d6f662d7468652d73746f7265, path: home/bob/*, extractor: bad.test.*}
- volume_password: word-of-a-volume
"""
VALUES = (b"word-of-", b"key-of-the-store", b"6b65792d6f662d7468652d73746f7265")


def given(text: str = GIVEN) -> tuple[Credential, ...]:
    return parse(text.encode(), name="c.yaml", folder=Path())


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    for path, text in {
        "home/alice/locked.txt": "word-of-alice",
        "home/bob/locked.txt": "word-of-alice",  # bound to alice: not tried here
        "home/carol/locked.txt": "word-of-anyone 1000",
        "vault/locked.txt": "word-of-the-vault 40000000",  # the second try is past the limit
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def chosen(evidence: Path, tmp_path: Path) -> Options:
    return options(evidence, tmp_path / "b", credentials=given(), hash_media=False)


def hosts(bundle: Path) -> dict[str, str]:
    return {
        record["source"]["path"]: record["value"]["host"] for record in Bundle(bundle).findings()
    }


def nowhere(folder: Path) -> None:
    """Look through everything that was written; the evidence itself is exported and left out."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".bin":
            data = path.read_bytes()
            assert not [value for value in VALUES if value in data], path


def test_each_is_tried_where_it_fits_and_within_the_limit(chosen: Options) -> None:
    result = go(chosen)
    assert hosts(chosen.output) == {
        "/home/alice/locked.txt": "entry 1 of the credentials file",
        "/home/bob/locked.txt": "key: entry 4 of the credentials file",
        "/home/carol/locked.txt": "entry 2 of the credentials file",
    }
    (left,) = [line for line in lines(chosen.output / "data" / "coverage.jsonl") if line["counts"]]
    assert (left["path"], left["reason"]) == ("/vault/locked.txt", "limit")
    assert result.exit_code is ExitCode.INCOMPLETE
    ran = Bundle(chosen.output).run
    assert ran["options"]["credentials"] == {"key": 1, "password": 3, "volume_password": 1}
    assert ran["repeatable"]
    nowhere(chosen.output)


def test_a_profile_may_forbid_them(chosen: Options) -> None:
    go(replace(chosen, profile=replace(profile.load([]), decrypt="never")))
    assert hosts(chosen.output) == {}


def test_only_the_same_credentials_continue_a_run(chosen: Options, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    go(replace(chosen, output=whole, jobs=2))
    with pytest.raises(InterruptedRunError):
        go(chosen, At("extract", 2))
    nowhere(partial(chosen.output))
    other = given(GIVEN.replace("word-of-anyone", "hunter2"))
    with pytest.raises(BundleError, match="credentials") as refused:
        go(replace(chosen, resume=True, credentials=other))
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BundleError, match="credentials"):
        go(replace(chosen, resume=True, credentials=()))
    go(replace(chosen, resume=True))
    assert records(chosen.output) == records(whole)
