"""What the run believes of what a worker says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.engine.runs import HOSTILE, SEED
from triage.canonical import encode
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.journal import Extraction, Journal
from triage.engine.results import Match, Results
from triage.engine.wire import to_text
from triage.model import (
    Allocation,
    ByteRun,
    Entry,
    EntryType,
    EvidencePath,
    FileTimes,
    Storage,
    Volume,
    VolumeState,
)
from triage.registry import load

VOLUME = Volume(
    name="p1",
    offset=0,
    length=1 << 20,
    table="dos",
    description="",
    label=None,
    state=VolumeState.FILESYSTEM,
    filesystem="ext4",
    scheme=None,
    details={},
    problem=None,
)
SITE: dict[str, Any] = {
    "host": "a.example",
    "trace": "test",
    "shows": "present",
    "confidence": "possible",
}


def entry(path: str = "/home/a/fine.txt", *, allocated: bool = True) -> Entry:
    return Entry(
        volume="p1",
        path=EvidencePath(path),
        address="12",
        type=EntryType.FILE,
        size=5,
        times=FileTimes(),
        allocation=Allocation(name=allocated, metadata=allocated),
    )


@pytest.fixture(scope="module")
def fine() -> Any:
    return load(str(HOSTILE))["bad.test.fine"]


@pytest.fixture
def results() -> Results:
    return Results(volumes=(VOLUME,))


def match(fine: Any, **about: Any) -> Match:
    return Match(registered=fine, volume=0, row=7, entry=entry(**about))


def read(row: int = 7, *, state: Any = "complete", allocated: bool = True) -> m.FileRead:
    return m.FileRead(
        row=row,
        entry=entry(allocated=allocated),
        hashes={"sha256": "0" * 64},
        runs=(ByteRun(file_offset=0, image_offset=512, length=5, storage=Storage.PLAIN),),
        read=state,
    )


def found(**changed: Any) -> m.Found:
    return m.Found(kind="web.site", finding={**SITE, **changed})


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (m.Found(kind="web.site", finding={"host": 5}), "extractor_lied"),
        (m.Found(kind="tor.client", finding=SITE), "extractor_lied"),
        (m.Found(kind="no.such", finding=SITE), "extractor_lied"),
        (found(confidence="certain"), "extractor_lied"),
        (found(times=[{"event": "x", "utc": 1.5}]), "extractor_lied"),
        (found(host="x" * (1 << 22)), "limit"),
        (m.Trouble(code="not_parsed", text="t"), "not_parsed"),
        (m.Trouble(code="Whatever\n", text="t"), None),
    ],
)
def test_what_does_not_fit_is_a_failure(
    results: Results, fine: Any, reply: Any, code: str | None
) -> None:
    results.take(match(fine), results.checked(match(fine), [reply], None))
    assert results.statements == []
    assert [problem["code"] for problem in results.problems.values()] == [code or "noted"]
    reasons = [line["reason"] for line in results.coverage.lines()]
    assert reasons == ([code] if code else [])


def test_everything_is_redacted_before_it_is_noted(results: Results, fine: Any) -> None:
    replies: list[m.AnyReply] = [
        found(host=SEED, secret="the clear value"),  # noqa: S106 - what must not be seen
        m.Trouble(code="noted", text=SEED, locator=SEED),
    ]
    failure = m.Failed(code="worker_died", text=SEED)
    done = results.checked(match(fine), replies, failure)
    assert done.carries_secret
    assert "photo card" not in repr(done)
    results.take(match(fine), done)
    records = list(results.records(Accounts(())))
    assert b"clear value" not in encode(records)
    assert [item["secret"] for item in results.secrets] == ["the clear value"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("image/png", "image/png"),
        (None, None),
        ("a b/c", None),
        ("x/" + "y" * 200, None),
        ("", None),
    ],
)
def test_a_type_has_the_form_of_one(
    results: Results, fine: Any, said: str | None, kept: str | None
) -> None:
    reply = msgspec.structs.replace(read(), mime=said)
    (file,) = results.checked(match(fine), [reply], None).files
    assert file.record["type"] == kept


@pytest.mark.parametrize(
    "hashes",
    [{"sha256": "../../etc"}, {"sha256": "0" * 63}, {"SHA256": "0" * 64}, {"sha256": "A" * 64}],
)
def test_a_digest_that_is_none_names_no_file(
    results: Results, fine: Any, hashes: dict[str, str]
) -> None:
    reply = m.FileRead(row=7, entry=entry(), hashes=hashes, runs=(), read="complete")
    done = results.checked(match(fine), [reply], None)
    assert done.files[0].record["hashes"] == {}


@pytest.mark.parametrize("allocated", [True, False])
@pytest.mark.parametrize("state", ["bad_chunk", "short"])
def test_content_that_is_not_sound_is_said(
    results: Results, fine: Any, state: str, *, allocated: bool
) -> None:
    replies: list[m.AnyReply] = [found(checks=("magic",)), read(state=state, allocated=allocated)]
    this = match(fine, allocated=allocated)
    results.take(this, results.checked(this, replies, None))
    (line,) = results.coverage.lines()
    assert (line["step"], line["reason"]) == ("file", f"content_{state}")
    assert line["counts"] is allocated
    assert results.coverage.incomplete is allocated
    (record,) = results.records(Accounts(()))
    assert record["checks"] == (["magic", "bad_chunk"] if state == "bad_chunk" else ["magic"])


def test_a_bad_chunk_beside_the_file_is_not_a_check_of_its_findings(
    results: Results, fine: Any
) -> None:
    done = results.checked(match(fine), [found(), read(state="bad_chunk", row=8)], None)
    results.take(match(fine), done)
    (record,) = results.records(Accounts(()))
    assert record["checks"] == []


HARD: dict[str, Any] = {"host": "\udcff\x7f\x00é", "locator": "\ud800", "checks": ("null", "7")}


def test_the_journal_gives_back_what_it_was_given(
    tmp_path: Path, results: Results, fine: Any
) -> None:
    replies: list[m.AnyReply] = [
        found(**HARD),
        m.Trouble(code="noted", text="\udcfe", locator=None),
        read(),
    ]
    failure = m.Failed(code="worker_hung", text="\udcfd")
    done = results.checked(match(fine), replies, failure)
    key = match(fine).key
    with Journal(tmp_path / "j", identity={}, started="now") as journal:
        journal.artifact(key, done)
        journal.artifact(("other", 0, 0), Extraction())
    with Journal(tmp_path / "j", identity={}, started="later") as journal:
        assert journal.extractions.pop(("other", 0, 0)) == Extraction()
        same = journal.extractions.pop(key)
        assert [to_text(reply) for reply in same.replies] == [
            to_text(reply) for reply in done.replies
        ]
        assert (same.files, same.failure) == (done.files, done.failure)
        assert (journal.started, journal.dropped) == ("now", 0)
    again = Results(volumes=(VOLUME,))
    results.take(match(fine), done)
    again.take(match(fine), same)
    assert encode(list(results.records(Accounts(())))) == encode(list(again.records(Accounts(()))))
