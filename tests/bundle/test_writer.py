from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pyrage
import pytest

from triage import canonical
from triage.bundle import (
    Bundle,
    BundleWriter,
    SealResult,
    load_identities,
    parse_recipient,
    verify,
    writer,
)
from triage.bundle.output import NewFile
from triage.custody import Clock, check_chain
from triage.errors import AlteredError, BundleError, EvidenceError, ExitCode

Build: TypeAlias = Callable[..., SealResult]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def begun(tmp_path: Path, clock: Clock) -> Iterator[BundleWriter]:
    with BundleWriter.create(tmp_path / "b", case="C", exhibit="E", clock=clock) as bundle:
        yield bundle


def seal(bundle: BundleWriter, **predicate: Any) -> SealResult:
    return bundle.seal(signer=None, bag_info={}, predicate={"incomplete": False, **predicate})


def fill(bundle: BundleWriter) -> None:
    bundle.write_json("run.json", {})
    for name in ("findings", "files", "coverage", "problems"):
        bundle.write_lines(f"{name}.jsonl", [])


def test_a_sealed_bundle_has_its_name_and_nothing_partial(begun: BundleWriter) -> None:
    fill(begun)
    result = seal(begun)
    assert (result.path, begun.partial.exists()) == (begun.path, False)
    assert verify(begun.path).exit_code is ExitCode.OK
    assert stat.S_IMODE(begun.path.stat().st_mode) == 0o700
    files = [path for path in begun.path.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}


def test_custody_binds_case_exhibit_and_bundle(begun: BundleWriter) -> None:
    fill(begun)
    seal(begun)
    events = list(Bundle.open(begun.path).custody())
    assert events[0]["data"] == {"contract": 1, "case": "C", "exhibit": "E"}
    assert {event["bundle"] for event in events} == {begun.bundle_id}
    assert [event["event"] for event in events] == ["bundle.created", "bundle.sealed"]


def test_two_bundles_never_share_an_id(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        with BundleWriter.create(tmp_path / name) as bundle:
            ids.add(bundle.bundle_id)
    assert len(ids) == 2


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_that_exists_is_written_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "b"
    if kind == "file":
        path.write_bytes(b"mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "absent")
    for resume in (False, True):
        with pytest.raises(BundleError, match="already exists"):
            BundleWriter.create(path, resume=resume)
    assert not (tmp_path / "b.partial").exists()


def test_what_appears_at_the_path_meanwhile_stays(begun: BundleWriter) -> None:
    fill(begun)
    begun.path.mkdir()
    with pytest.raises(BundleError, match="already exists"):
        seal(begun)
    assert list(begun.path.iterdir()) == []
    assert begun.partial.is_dir()


def events(bundle: BundleWriter) -> list[tuple[str, Any]]:
    log = (bundle.partial / "data/custody.jsonl").read_bytes()
    check_chain(log)
    found: list[Any] = [canonical.decode(line) for line in log.splitlines()]
    return [(event["event"], event["data"]) for event in found]


def test_an_unfinished_run_is_continued_only_with_resume(tmp_path: Path) -> None:
    path = tmp_path / "b"
    with BundleWriter.create(path, case="first") as bundle:
        bundle.custody.append("image.opened")
        bundle.add_file(sha(b"kept"), [b"kept"])
        fill(bundle)
        bundle.journal.write_text("{}\n")
        first = bundle.bundle_id
    with pytest.raises(BundleError, match="--resume"):
        BundleWriter.create(path)
    with BundleWriter.create(path, resume=True) as bundle:
        assert (bundle.resuming, bundle.bundle_id) == (True, first)
        bundle.resume({"lines": 1})
        assert bundle.journal.read_text() == "{}\n"
        assert not (bundle.partial / "data/findings.jsonl").exists()
        assert [name for name, _ in events(bundle)][-1] == "run.resumed"

        def unread() -> Iterator[bytes]:
            raise AssertionError("read again")
            yield

        assert bundle.add_file(sha(b"kept"), unread())
        fill(bundle)
        seal(bundle)
    assert verify(path).exit_code is ExitCode.OK
    assert not list(path.glob("journal*"))
    assert [item.name for item in path.parent.iterdir()] == ["b"]


@pytest.mark.parametrize("left", [b"kep", b"Kept", b""])
def test_what_an_interrupted_run_exported_is_kept_only_when_it_is_right(
    tmp_path: Path, left: bytes
) -> None:
    with BundleWriter.create(tmp_path / "b") as bundle:
        bundle.add_file(sha(b"kept"), [b"kept"])
        bundle.add_file(sha(b"no longer wanted"), [b"no longer wanted"])
        stored = next(bundle.partial.rglob(f"{sha(b'kept')}.bin"))
        stored.chmod(0o600)
        stored.write_bytes(left)
    with BundleWriter.create(tmp_path / "b", resume=True) as bundle:
        bundle.resume({})
        bundle.add_file(sha(b"kept"), [b"kept"])
        fill(bundle)
        seal(bundle)
    assert [path.read_bytes() for path in (tmp_path / "b").rglob("*.bin")] == [b"kept"]
    assert verify(tmp_path / "b").exit_code is ExitCode.OK


@pytest.mark.parametrize("known", [True, False])
def test_an_encrypted_copy_is_kept_only_when_its_digest_was_noted(
    tmp_path: Path, *, known: bool
) -> None:
    content, to = sha(b"seed"), recipient()[0]
    with BundleWriter.create(tmp_path / "b") as bundle:
        bundle.add_file(content, [b"seed"])  # as if the run had died before it was removed
        bundle.add_sealed_file(content, [b"seed"], to)
        stored = bundle.where(content) or ""
        digest = bundle.sha256(stored)
        clear = (bundle.partial / stored).with_suffix(".bin")
        clear.write_bytes(b"seed")
    with BundleWriter.create(tmp_path / "b", resume=True) as bundle:
        bundle.resume({})
        bundle.add_sealed_file(content, [b"seed"], to, known=digest if known else None)
        assert not clear.exists()
        assert (bundle.sha256(stored) == digest) is known
        fill(bundle)
        seal(bundle)
    assert verify(tmp_path / "b").exit_code is ExitCode.OK


def test_a_torn_custody_event_is_dropped_and_said(tmp_path: Path) -> None:
    with BundleWriter.create(tmp_path / "b") as bundle:
        log = bundle.custody.path
    with log.open("ab") as file:
        file.write(b'{"bundle":"')
    with BundleWriter.create(tmp_path / "b", resume=True) as bundle:
        bundle.resume({})
        assert events(bundle)[-1] == ("run.resumed", {"custody_bytes_dropped": 11})


def test_a_custody_log_that_was_altered_is_not_continued(tmp_path: Path) -> None:
    with BundleWriter.create(tmp_path / "b", case="first") as bundle:
        bundle.custody.append("image.opened")
        log = bundle.custody.path
    log.write_bytes(log.read_bytes().replace(b"first", b"other"))
    with pytest.raises(AlteredError, match="line 2"):
        BundleWriter.create(tmp_path / "b", resume=True)


def test_what_no_run_leaves_is_not_removed(tmp_path: Path) -> None:
    with BundleWriter.create(tmp_path / "b") as bundle:
        link = bundle.partial / "data" / "link"
    link.symlink_to(tmp_path)
    with (
        BundleWriter.create(tmp_path / "b", resume=True) as bundle,
        pytest.raises(BundleError, match="link"),
    ):
        bundle.resume({})
    assert link.is_symlink()


def test_a_run_that_still_writes_is_not_continued(begun: BundleWriter) -> None:
    pytest.importorskip("fcntl", reason="locks of files")
    with pytest.raises(BundleError, match="another run"):
        BundleWriter.create(begun.path, resume=True)
    fill(begun)
    assert seal(begun).path == begun.path


@pytest.mark.parametrize("log", ["a folder", "empty", "torn"])
def test_a_partial_without_a_whole_event_is_set_aside(tmp_path: Path, log: str) -> None:
    data = tmp_path / "b.partial/data"
    data.mkdir(parents=True)
    if log == "a folder":
        (data / "custody.jsonl").mkdir()
    else:
        (data / "custody.jsonl").write_bytes(b"" if log == "empty" else b'{"bund')
    with BundleWriter.create(tmp_path / "b", resume=True) as bundle:
        assert not bundle.resuming
        assert events(bundle)[1] == ("run.restarted", {"set_aside": "b.partial.1"})


def test_a_disk_without_room_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=writer.MIN_FREE - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(BundleError, match="bytes free"):
        BundleWriter.create(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        BundleWriter.create(tmp_path / "absent/b")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only file system")],
)
def test_an_output_that_fails_is_a_bundle_error_and_partial_stays(
    begun: BundleWriter, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    begun.add_file(sha(b"kept"), [b"kept"])

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(NewFile, "write", fail)
    calls: tuple[Callable[[], object], ...] = (
        lambda: begun.add_file(sha(b"x"), [b"x"]),
        lambda: begun.add_sealed_file(sha(b"x"), [b"x"], recipient()[0]),
        lambda: begun.write_lines("findings.jsonl", [{"id": "a"}]),
    )
    for call in calls:
        with pytest.raises(BundleError, match=words):
            call()
    assert [path.read_bytes() for path in begun.partial.rglob("*.bin")] == [b"kept"]
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BundleError):
        begun.custody.append("note")


def test_a_seal_that_fails_leaves_the_partial(
    begun: BundleWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(begun)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(NewFile, "write", fail)
    with pytest.raises(BundleError, match="the disk is full"):
        seal(begun)
    assert (begun.partial.is_dir(), begun.path.exists()) == (True, False)
    with pytest.raises(BundleError, match="closed"):
        seal(begun)


def test_lines_are_sorted_whatever_their_order(begun: BundleWriter) -> None:
    keys = ["b", "a", "é", "Z", "\U0001f600", "\uffff"]
    assert begun.write_lines("findings.jsonl", ({"id": key, "n": 1} for key in keys)) == 6
    lines = (begun.partial / "data/findings.jsonl").read_bytes()
    assert lines == b"".join(canonical.line({"id": key, "n": 1}) for key in sorted(keys))
    assert not (begun.partial / "data/findings.jsonl.unsorted").exists()
    begun.write_lines("problems.jsonl", [{"where": "b"}, {"where": "a"}, {"where": "a"}])
    lines = (begun.partial / "data/problems.jsonl").read_bytes()
    assert lines == b'{"where":"a"}\n{"where":"a"}\n{"where":"b"}\n'


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("findings.jsonl", [{"id": "a"}, {"id": "b"}, {"id": "a"}]),
        ("files.jsonl", [{"key": "a"}, {"key": "a", "x": 1}]),
        ("findings.jsonl", [{"id": 1}]),
        ("findings.jsonl", [{"key": "a"}]),
        ("findings.jsonl", [{"id": "a", "value": 1.5}]),
        ("findings.jsonl", [{"id": "a", "value": "x" * canonical.MAX_LINE}]),
        ("others.jsonl", []),
        ("../findings.jsonl", []),
    ],
)
def test_records_that_no_bundle_may_hold_are_refused(
    begun: BundleWriter, name: str, records: list[dict[str, Any]]
) -> None:
    with pytest.raises(BundleError):
        begun.write_lines(name, records)


def test_content_is_stored_once_under_its_hash(begun: BundleWriter) -> None:
    data = b"evidence" * 1000
    assert begun.add_file(sha(data), (data[n : n + 999] for n in range(0, len(data), 999)))
    assert not begun.add_file(sha(data), [])
    digest = sha(data)
    path = begun.partial / f"data/files/{digest[:2]}/{digest[2:4]}/{digest}.bin"
    assert path.read_bytes() == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_content_of_another_hash_is_refused_and_leaves_nothing(begun: BundleWriter) -> None:
    with pytest.raises(EvidenceError):
        begun.add_file(sha(b"a"), [b"b"])
    with pytest.raises(EvidenceError):
        begun.add_sealed_file(sha(b"a"), [b"b"], recipient()[0])
    assert not [path for path in begun.partial.rglob("*") if path.suffix in {".bin", ".age"}]
    assert begun.add_file(sha(b"a"), [b"a"])


def test_an_error_of_the_evidence_passes_as_it_is(begun: BundleWriter) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise EvidenceError("bad chunk")

    with pytest.raises(EvidenceError, match="bad chunk"):
        begun.add_file(sha(b"x"), chunks())
    with pytest.raises(EvidenceError, match="bad chunk"):
        begun.add_sealed_file(sha(b"x"), chunks(), recipient()[0])


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_hash_names_exported_evidence(begun: BundleWriter, digest: str) -> None:
    with pytest.raises(BundleError, match="not a SHA-256"):
        begun.add_file(digest, [b""])


def test_a_link_is_never_written_through(begun: BundleWriter, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (begun.partial / "data/run.json").symlink_to(outside)
    with pytest.raises(BundleError, match="File exists"):
        begun.write_json("run.json", {})
    assert not outside.exists()


@pytest.mark.parametrize(
    "name", ["", "..", "../a", "a/../b", "/etc/x", ".hidden", "-rf", "CON.txt", "a b", "é", "a\n"]
)
def test_only_plain_names_stand_in_a_bundle(begun: BundleWriter, name: str) -> None:
    with pytest.raises(BundleError):
        begun.write_report(name, b"")


def test_nothing_is_written_twice(begun: BundleWriter) -> None:
    begun.write_json("run.json", {})
    with pytest.raises(BundleError, match="already"):
        begun.write_json("run.json", {})
    with pytest.raises(BundleError, match="JSON file"):
        begun.write_json("run.txt", {})


def test_a_bundle_without_its_parts_is_not_sealed(begun: BundleWriter) -> None:
    begun.write_json("run.json", {})
    with pytest.raises(BundleError, match=r"findings\.jsonl"):
        seal(begun)


@pytest.mark.parametrize("predicate", [{"incomplete": None}, {"custody": {}}, {"x": 1.5}])
def test_a_predicate_cannot_override_ours(begun: BundleWriter, predicate: dict[str, Any]) -> None:
    fill(begun)
    with pytest.raises(BundleError):
        seal(begun, **predicate)


def recipient() -> tuple[Any, Any]:
    identity = pyrage.x25519.Identity.generate()
    return parse_recipient(str(identity.to_public())), identity


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_sealed_content_opens_only_with_the_identity(begun: BundleWriter) -> None:
    data = os.urandom(200_000)
    to, identity = recipient()
    assert begun.add_sealed_file(sha(data), [data[:70_000], b"", data[70_000:]], to)
    assert not begun.add_sealed_file(sha(data), [], to)
    assert not begun.add_file(sha(data), [])
    fill(begun)
    seal(begun)
    assert verify(begun.path).exit_code is ExitCode.OK
    assert data[:64] not in everything(begun.path)
    path = Bundle.open(begun.path).file_path(sha(data))
    assert path.suffix == ".age"
    assert pyrage.decrypt(path.read_bytes(), [identity]) == data


def test_what_turns_out_secret_does_not_stay_in_clear(begun: BundleWriter) -> None:
    data = b"seed words of a wallet"
    assert begun.where(sha(data)) is None
    begun.add_file(sha(data), [data])
    assert str(begun.where(sha(data))).endswith(".bin")
    begun.add_sealed_file(sha(data), [data], recipient()[0])
    assert str(begun.where(sha(data))).endswith(".age")
    fill(begun)
    seal(begun)
    assert data not in everything(begun.path)
    assert verify(begun.path).exit_code is ExitCode.OK


def test_secrets_stand_nowhere_in_clear(begun: BundleWriter, tmp_path: Path) -> None:
    to, identity = recipient()
    begun.write_secrets([{"finding": "f-1", "value": "abandon abandon"}, {"value": "é\r\n"}], to)
    fill(begun)
    seal(begun)
    assert b"abandon" not in everything(begun.path)
    (tmp_path / "key").write_text(f"# created: today\n{identity}\n")
    opened = Bundle.open(begun.path).secrets(load_identities(tmp_path / "key"))
    assert opened == [{"finding": "f-1", "value": "abandon abandon"}, {"value": "é\r\n"}]
    with pytest.raises(BundleError, match="cannot decrypt"):
        Bundle.open(begun.path).secrets([recipient()[1]])


def test_an_interrupted_run_leaves_a_chain_that_holds(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), BundleWriter.create(tmp_path / "b") as bundle:
        bundle.custody.append("image.opened")
        raise KeyboardInterrupt
    log = (tmp_path / "b.partial/data/custody.jsonl").read_bytes()
    assert check_chain(log).length == 2


def test_the_same_records_give_the_same_bytes(build: Build, tmp_path: Path) -> None:
    first, second = (build(tmp_path / name).path for name in ("a", "b"))
    for name in ("run.json", "findings.jsonl", "files.jsonl", "coverage.jsonl", "problems.jsonl"):
        assert (first / "data" / name).read_bytes() == (second / "data" / name).read_bytes()
