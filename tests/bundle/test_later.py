from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from triage import canonical
from triage.bundle import (
    Bundle,
    Outcome,
    SealResult,
    Signer,
    TrustedKey,
    Verification,
    add_signature,
    append_event,
    verify,
)
from triage.bundle.output import NewFile
from triage.custody import Clock
from triage.errors import AlteredError, BundleError, ExitCode

Build: TypeAlias = Callable[..., SealResult]
Alter: TypeAlias = Callable[[Path], object]


def failed(result: Verification) -> set[str]:
    return {check.name for check in result.checks if check.outcome is Outcome.FAIL}


def write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def state(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_an_event_touches_nothing_that_was_sealed(
    sealed: Path, signer: Signer, clock: Clock
) -> None:
    before = state(sealed)
    first = append_event(sealed, "exhibit.sent", {"to": "court"}, clock=clock)
    second = append_event(sealed, "exhibit.received", signer=signer, clock=clock)
    after = state(sealed)
    assert {name: after[name] for name in before} == before
    assert sorted(after.keys() - before.keys()) == [
        "custody/0001.jsonl",
        "custody/0001.seal.json",
        "custody/0002.jsonl",
        "custody/0002.seal.json",
    ]
    assert first.predicate["previous"] == hashlib.sha256(before["signatures/seal.json"]).hexdigest()
    assert second.predicate["previous"] == first.sha256
    result = verify(sealed)
    assert (failed(result), result.exit_code) == (set(), ExitCode.OK)
    assert result.latest_seal_code == second.code
    assert [event["event"] for event in Bundle.open(sealed).custody()][-2:] == [
        "exhibit.sent",
        "exhibit.received",
    ]


def test_the_code_of_an_event_covers_all_before_it(
    sealed: Path, good: tuple[Path, SealResult]
) -> None:
    first = append_event(sealed, "one")
    second = append_event(sealed, "two")
    for code in (good[1].seal_code, first.code, second.code):
        assert verify(sealed, seal_code=code).exit_code is ExitCode.OK
    for name in ("0002.jsonl", "0002.seal.json"):
        (sealed / "custody" / name).unlink()
    assert verify(sealed).exit_code is ExitCode.OK  # nothing inside shows that the last one is gone
    assert failed(verify(sealed, seal_code=second.code)) == {"seal-code"}


def swap(path: Path) -> None:
    custody = path / "custody"
    for name in ("jsonl", "seal.json"):
        (custody / f"0001.{name}").rename(custody / f"x.{name}")
        (custody / f"0002.{name}").rename(custody / f"0001.{name}")
        (custody / f"x.{name}").rename(custody / f"0002.{name}")


def drop(*names: str) -> Alter:
    return lambda path: [(path / "custody" / name).unlink() for name in names]  # type: ignore[func-returns-value]


def edit(name: str, old: bytes, new: bytes) -> Alter:
    def alter(path: Path) -> None:
        data = (path / "custody" / name).read_bytes()
        assert old in data
        write(path / "custody" / name, data.replace(old, new))

    return alter


def strip_signature(path: Path) -> None:
    file = path / "custody/0002.seal.json"
    write(file, canonical.line(json.loads(file.read_bytes()) | {"signatures": []}))


LATER: dict[str, Alter] = {
    "event edited": edit("0001.jsonl", b"court", b"thief"),
    "event dropped in the middle": drop("0001.jsonl", "0001.seal.json"),
    "log without its seal": drop("0002.seal.json"),
    "seal without its log": drop("0002.jsonl"),
    "events swapped": swap,
    "line added": lambda path: write(
        path / "custody/0002.jsonl", (path / "custody/0002.jsonl").read_bytes() * 2
    ),
    "log emptied": lambda path: write(path / "custody/0002.jsonl", b""),
    "seal emptied": lambda path: write(path / "custody/0002.seal.json", b""),
    "signature stripped": strip_signature,
    "number zero": lambda path: write(path / "custody/0000.jsonl", b"{}\n"),
    "seal of the bundle as that of an event": lambda path: shutil.copy(
        path / "signatures/seal.json", path / "custody/0003.seal.json"
    ),
}


@pytest.mark.parametrize("alter", LATER.values(), ids=LATER)
def test_altered_events_are_refused(sealed: Path, signer: Signer, alter: Alter) -> None:
    append_event(sealed, "exhibit.sent", {"to": "court"})
    append_event(sealed, "exhibit.received", signer=signer)
    alter(sealed)
    result = verify(sealed)
    assert failed(result) & {"later-custody", "tree"}
    assert result.exit_code is ExitCode.MISMATCH
    with pytest.raises(AlteredError):
        append_event(sealed, "more")


def test_events_of_another_bundle_are_refused(sealed: Path, build: Build, tmp_path: Path) -> None:
    other = build(tmp_path / "other").path
    append_event(other, "note")
    shutil.copytree(other / "custody", sealed / "custody")
    assert failed(verify(sealed)) == {"later-custody"}


def test_an_event_that_cannot_be_sealed_leaves_nothing(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NewFile.write

    def fail(self: NewFile, data: bytes) -> int:
        if self.path.name.endswith(".seal.json"):
            raise OSError(errno.ENOSPC, "full")
        return real(self, data)

    monkeypatch.setattr(NewFile, "write", fail)
    with pytest.raises(BundleError, match="the disk is full"):
        append_event(sealed, "note")
    assert verify(sealed).exit_code is ExitCode.OK
    assert list((sealed / "custody").iterdir()) == []


def test_only_a_sealed_bundle_takes_events(sealed: Path, signer: Signer) -> None:
    (sealed / "signatures/seal.json").unlink()
    with pytest.raises(AlteredError, match="missing"):
        append_event(sealed, "note")
    with pytest.raises(AlteredError, match="missing"):
        add_signature(sealed, signer)
    partial = sealed.rename(sealed.with_name("b.partial"))
    with pytest.raises(BundleError, match="not finished"):
        append_event(partial, "note")


def test_an_event_without_canonical_form_is_refused(sealed: Path) -> None:
    with pytest.raises(BundleError, match="note"):
        append_event(sealed, "note", {"ratio": 0.5})


def test_a_second_person_signs_without_changing_the_seal(
    build: Build, tmp_path: Path, signer: Signer, stranger: Signer
) -> None:
    result = build(tmp_path / "b", signer=signer)
    trust = [TrustedKey(identity="second", fingerprint=stranger.key_id)]
    assert failed(verify(result.path, trust=trust)) == {"trust"}
    path = add_signature(result.path, stranger)
    verified = verify(result.path, trust=trust, seal_code=result.seal_code)
    assert (failed(verified), verified.exit_code) == (set(), ExitCode.OK)
    for again in (signer, stranger):
        with pytest.raises(BundleError):
            add_signature(result.path, again)
    write(path, path.read_bytes().replace(b'"sig":"', b'"sig":"A'))
    assert failed(verify(result.path)) == {"signature"}


def test_a_signature_of_another_bundle_is_refused(
    sealed: Path, build: Build, tmp_path: Path, stranger: Signer
) -> None:
    other = build(tmp_path / "other").path
    shutil.copy(add_signature(other, stranger), sealed / "signatures")
    assert failed(verify(sealed)) == {"signature"}


def test_a_time_stamp_that_cannot_be_read_is_left_to_other_tools(sealed: Path) -> None:
    (sealed / "signatures/seal.json.tsr").write_bytes(b"whatever")
    result = verify(sealed)
    assert result.exit_code is ExitCode.OK
    check = next(check for check in result.checks if check.name == "time-stamp")
    assert (check.outcome, "openssl ts" in check.detail) == (Outcome.NOT_DONE, True)
    assert "cannot show who made the bundle" in result.origin
