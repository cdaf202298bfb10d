from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import bagit
import pytest

from triage import canonical
from triage.bundle import (
    Outcome,
    SealResult,
    Signer,
    TrustedKey,
    Verification,
    add_signature,
    append_event,
    tree,
    verify,
)
from triage.errors import AlteredError, BundleError, ExitCode, UsageError

Build: TypeAlias = Callable[..., SealResult]
Forge: TypeAlias = Callable[..., None]
Alter: TypeAlias = Callable[[Path], object]


def failed(result: Verification) -> set[str]:
    return {check.name for check in result.checks if check.outcome is Outcome.FAIL}


def detail(result: Verification, name: str) -> str:
    return next(check.detail for check in result.checks if check.name == name)


def trusted(signer: Signer, **validity: datetime) -> list[TrustedKey]:
    return [TrustedKey(identity="alice@lab", fingerprint=signer.key_id, **validity)]


def write(path: Path, data: bytes) -> None:
    """Write over a file, read-only or not, as anyone who owns the folder can."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def edit(name: str, change: Callable[[bytes], bytes]) -> Alter:
    return lambda path: write(path / name, change((path / name).read_bytes()))


def edit_lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Alter:
    return edit(name, lambda data: b"".join(change(data.splitlines(keepends=True))))


def edit_seal(change: Callable[[dict[str, Any]], object], name: str = "seal.json") -> Alter:
    def alter(data: bytes) -> bytes:
        envelope = json.loads(data)
        change(envelope)
        return canonical.line(envelope)

    return edit(f"signatures/{name}", alter)


def exported(path: Path) -> Path:
    return next((path / "data/files").rglob("*.bin"))


def replace_by_link(path: Path) -> None:
    file = exported(path)
    file.symlink_to(file.rename(path.parent / "elsewhere"))


def replace_by_fifo(path: Path) -> None:
    file = exported(path)
    file.unlink()
    os.mkfifo(file)


def swap_folder_for_link(path: Path) -> None:
    (path / "data/report").rename(path.parent / "report")
    (path / "data/report").symlink_to(path.parent / "report")


def first_to_last(lines: list[bytes]) -> list[bytes]:
    return [*lines[1:], lines[0]]


def with_byte_changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


ALTERATIONS: dict[str, tuple[Alter, str]] = {
    # a byte changed in any file
    "run changed": (edit("data/run.json", lambda d: d.replace(b"0.1.0", b"0.1.1")), "content"),
    "report changed": (edit("data/report/report.html", with_byte_changed), "content"),
    "exported evidence changed": (
        lambda path: write(exported(path), with_byte_changed(exported(path).read_bytes())),
        "content",
    ),
    "bag-info changed": (edit("bag-info.txt", lambda d: d.replace(b"E-7", b"E-8")), "content"),
    "declaration changed": (edit("bagit.txt", lambda d: d.replace(b"1.0", b"0.9")), "declaration"),
    "manifest changed": (edit("manifest-sha256.txt", with_byte_changed), "manifest"),
    "tag manifest changed": (edit("tagmanifest-sha256.txt", with_byte_changed), "tagmanifest"),
    # added
    "file added to the payload": (lambda path: write(path / "data/more.json", b"{}"), "tree"),
    "tag file added": (lambda path: write(path / "notes.txt", b"hello"), "tree"),
    "second manifest added": (lambda path: write(path / "manifest-md5.txt", b""), "tree"),
    "folder with a file added": (lambda path: write(path / "extra/a.txt", b"hello"), "tree"),
    "hidden file added": (lambda path: write(path / ".DS_Store", b"x"), "tree"),
    "file added to the signatures": (lambda path: write(path / "signatures/a.txt", b"x"), "tree"),
    "file added to the later custody": (lambda path: write(path / "custody/a.txt", b"x"), "tree"),
    "name that is not Unicode": (
        lambda path: write(Path(os.fsdecode(os.fsencode(path / "data") + b"/\xff")), b"x"),
        "tree",
    ),
    "terminal escape in a name": (lambda path: write(path / "data/\x1b]0;x\x07", b"x"), "tree"),
    # removed, renamed, replaced
    "file removed": (lambda path: exported(path).unlink(), "tree"),
    "findings removed": (lambda path: (path / "data/findings.jsonl").unlink(), "tree"),
    "file renamed": (
        lambda path: (path / "data/report/report.html").rename(path / "data/report/r.html"),
        "tree",
    ),
    "case of a name changed": (
        lambda path: (path / "data/run.json").rename(path / "data/RUN.json"),
        "tree",
    ),
    "second spelling of a name": (
        lambda path: shutil.copy(path / "data/run.json", path / "data/Run.json"),
        "tree",
    ),
    "second normal form of a name": (
        lambda path: [(path / f"data/{name}").write_bytes(b"x") for name in ("\u00e9", "e\u0301")],
        "tree",
    ),
    "file replaced by a link": (replace_by_link, "tree"),
    "folder replaced by a link": (swap_folder_for_link, "tree"),
    "file replaced by a pipe": (replace_by_fifo, "tree"),
    "file hard-linked": (lambda path: os.link(exported(path), path.parent / "other"), "tree"),
    "tag manifest removed": (lambda path: (path / "tagmanifest-sha256.txt").unlink(), "tree"),
    "manifest removed": (lambda path: (path / "manifest-sha256.txt").unlink(), "manifest"),
    "declaration removed": (lambda path: (path / "bagit.txt").unlink(), "tree"),
    "deep tree": (
        lambda path: (path / "data" / "/".join("abcdefghij")).mkdir(parents=True),
        "tree",
    ),
    # the seal
    "seal removed": (lambda path: (path / "signatures/seal.json").unlink(), "seal"),
    "seal not JSON": (edit("signatures/seal.json", lambda _: b"{"), "seal"),
    "seal nested without end": (edit("signatures/seal.json", lambda _: b"[" * 99999), "seal"),
    "seal of another kind": (edit_seal(lambda e: e.update(payloadType="text/plain")), "seal"),
    "seal without a payload": (edit_seal(lambda e: e.pop("payload")), "seal"),
    "seal with a list for a payload": (edit_seal(lambda e: e.update(payload=["e30="])), "seal"),
    "payload not base64": (edit_seal(lambda e: e.update(payload="%%")), "seal"),
    "payload of another seal": (edit_seal(lambda e: e.update(payload="e30=")), "seal"),
    "too many signatures": (
        edit_seal(lambda e: e.update(signatures=e["signatures"] * 17)),
        "seal",
    ),
    "seal in another spelling": (
        edit("signatures/seal.json", lambda d: d.replace(b'":', b'": ')),
        "seal",
    ),
    "seal too large": (edit("signatures/seal.json", lambda d: d + b" " * 2**20), "seal"),
    # signatures
    "signature changed": (
        edit_seal(lambda e: e["signatures"][0].update(sig=base64.b64encode(bytes(64)).decode())),
        "signature",
    ),
    "key id forged": (
        edit_seal(lambda e: e["signatures"][0].update(keyid="SHA256:" + "A" * 43)),
        "signature",
    ),
    "signature dropped": (edit_seal(lambda e: e.update(signatures=[])), "signature"),
    # custody
    "custody line edited": (
        edit("data/custody.jsonl", lambda d: d.replace(b'"segments":1', b'"segments":2')),
        "custody",
    ),
    "custody reordered": (edit_lines("data/custody.jsonl", first_to_last), "custody"),
    "custody line dropped": (edit_lines("data/custody.jsonl", lambda x: [x[0], *x[2:]]), "custody"),
    "custody cut at the end": (edit_lines("data/custody.jsonl", lambda x: x[:-1]), "custody"),
    "custody torn": (edit("data/custody.jsonl", lambda d: d[:-5]), "custody"),
    "custody emptied": (edit("data/custody.jsonl", lambda _: b""), "custody"),
    # records
    "records reordered": (edit_lines("data/findings.jsonl", first_to_last), "findings"),
    # the verifier itself
    "file blown up": (lambda path: os.truncate(writable(exported(path)), 2**40), "size"),
    "bag-info blown up": (lambda path: os.truncate(writable(path / "bag-info.txt"), 2**40), "size"),
    "custody blown up": (
        lambda path: os.truncate(writable(path / "data/custody.jsonl"), 2**40),
        "custody",
    ),
    "findings blown up": (
        lambda path: os.truncate(writable(path / "data/findings.jsonl"), 2**40),
        "findings",
    ),
}


def writable(path: Path) -> Path:
    path.chmod(0o600)
    return path


def test_a_good_bundle_is_intact(good: tuple[Path, SealResult]) -> None:
    path, sealed = good
    result = verify(path)
    assert failed(result) == set()
    assert (result.intact, result.incomplete, result.exit_code) == (True, False, ExitCode.OK)
    assert result.seal_code == sealed.seal_code
    assert result.seal is not None
    assert result.seal.sha256 == sealed.seal_sha256
    assert "cannot show who made the bundle" in result.origin


def test_a_check_that_was_not_asked_for_is_not_done(good: tuple[Path, SealResult]) -> None:
    outcomes = {check.name: check.outcome for check in verify(good[0]).checks}
    not_done = {name for name, outcome in outcomes.items() if outcome is Outcome.NOT_DONE}
    assert not_done == {"finding-ids", "redactions", "signed", "trust", "seal-code", "time-stamp"}


@pytest.mark.parametrize(("alter", "check"), ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_altered_bundle_is_refused(sealed: Path, alter: Alter, check: str) -> None:
    alter(sealed)
    result = verify(sealed)
    assert check in failed(result)
    assert not result.intact
    assert result.exit_code is ExitCode.MISMATCH
    assert all(entry.detail.isprintable() for entry in result.checks)


@pytest.mark.parametrize("alter", ["custody cut at the end", "run changed", "records reordered"])
def test_rebuilt_manifests_do_not_fit_the_old_seal(sealed: Path, forge: Forge, alter: str) -> None:
    ALTERATIONS[alter][0](sealed)
    forge(sealed, reseal=False)
    result = verify(sealed)
    assert {"manifest", "tagmanifest"} <= failed(result)
    assert result.exit_code is ExitCode.MISMATCH


def manifest_line(line: bytes, *, first: bool = False) -> Alter:
    def alter(path: Path) -> None:
        name = path / "manifest-sha256.txt"
        data = name.read_bytes()
        write(name, line + data if first else data + line)

    return alter


ZERO = b"0" * 64
MANIFEST_LINES: dict[str, bytes] = {
    "leaves the bundle": ZERO + b"  data/../../../etc/passwd\n",
    "absolute": ZERO + b"  /etc/passwd\n",
    "dot": ZERO + b"  data/./zz\n",
    "empty part": ZERO + b"  data//zz\n",
    "backslash": ZERO + b"  data/a\\..\\b\n",
    "percent": ZERO + b"  data/z%0A\n",
    "not ASCII": ZERO + "  data/zé\n".encode(),
    "device name": ZERO + b"  data/zz/nul.txt\n",
    "tag file": ZERO + b"  zz.txt\n",
    "twice": ZERO + b"  data/run.json\n",
    "twice in another case": ZERO + b"  data/sRUN\n" + ZERO + b"  data/srun\n",
    "one space": ZERO + b" data/zz\n",
    "binary mark": ZERO + b" *data/zz\n",
    "upper-case hash": b"A" * 64 + b"  data/zz\n",
    "cut hash": b"0" * 63 + b"  data/zz\n",
    "carriage return": ZERO + b"  data/zz\r\n",
    "no newline": ZERO + b"  data/zz",
    "unsorted": ZERO + b"  data/a\n",
    "very long": ZERO + b"  data/" + b"z" * 5000 + b"\n",
}


@pytest.mark.parametrize("line", MANIFEST_LINES.values(), ids=MANIFEST_LINES)
def test_a_hostile_manifest_is_refused_even_when_sealed(
    sealed: Path, forge: Forge, resealed_manifest: Callable[[Path, bytes], None], line: bytes
) -> None:
    forge(sealed)
    resealed_manifest(sealed, line)
    result = verify(sealed)
    assert "manifest" in failed(result)
    assert result.exit_code is ExitCode.MISMATCH


@pytest.fixture
def resealed_manifest() -> Callable[[Path, bytes], None]:
    """Append to the manifest and let everything above it agree."""

    def append(path: Path, line: bytes) -> None:
        manifest_line(line)(path)
        digests = {}
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt"):
            digests[name] = sha256_of(path / name)
        tags = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
        write(path / "tagmanifest-sha256.txt", tags.encode())

        def point(envelope: dict[str, Any]) -> None:
            statement = json.loads(base64.b64decode(envelope["payload"]))
            for subject in statement["subject"]:
                subject["digest"]["sha256"] = sha256_of(path / subject["name"])
            envelope["payload"] = base64.b64encode(canonical.encode(statement)).decode()

        edit_seal(point)(path)

    return append


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record(**fields: Any) -> bytes:
    return canonical.line(fields)


def export_as(value: object) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b'"exported":null', b'"exported":' + canonical.encode(value))


CONTENT: dict[str, tuple[Alter, str]] = {
    "findings not sorted": (edit_lines("data/findings.jsonl", first_to_last), "findings"),
    "finding twice": (edit_lines("data/findings.jsonl", lambda x: [x[0], *x]), "findings"),
    "file record twice": (edit_lines("data/files.jsonl", lambda x: [x[0], *x]), "files"),
    "coverage not sorted": (
        edit("data/coverage.jsonl", lambda d: record(step="zz") + d),
        "coverage",
    ),
    "finding without an id": (edit("data/findings.jsonl", lambda d: d + b"{}\n"), "findings"),
    "finding with a number for id": (
        edit("data/findings.jsonl", lambda _: record(id=1)),
        "findings",
    ),
    "not JSON": (edit("data/problems.jsonl", lambda _: b"{'a': 1}\n"), "problems"),
    "not an object": (edit("data/problems.jsonl", lambda _: b"[]\n"), "problems"),
    "not canonical": (edit("data/problems.jsonl", lambda _: b'{"a": 1}\n'), "problems"),
    "a float": (edit("data/problems.jsonl", lambda _: b'{"a":1.5}\n'), "problems"),
    "key twice": (edit("data/problems.jsonl", lambda _: b'{"a":1,"a":2}\n'), "problems"),
    "no last newline": (edit("data/problems.jsonl", lambda _: b'{"a":1}'), "problems"),
    "an empty line": (edit("data/problems.jsonl", lambda d: d + b"\n"), "problems"),
    "nested without end": (edit("data/problems.jsonl", lambda _: b"[" * 99999 + b"\n"), "problems"),
    "run not an object": (edit("data/run.json", lambda _: b"[]\n"), "run"),
    "id of other content": (
        edit("data/findings.jsonl", lambda d: d.replace(b'"number":0', b'"number":9')),
        "finding-ids",
    ),
    "record that breaks the recipe": (
        edit("data/findings.jsonl", lambda d: d + record(id="g\x1b[31m")),
        "finding-ids",
    ),
    "exported file removed": (lambda path: exported(path).unlink(), "exported"),
    "export named by no text": (edit("data/files.jsonl", export_as(["a"])), "exported"),
    "export that is none": (edit("data/files.jsonl", export_as("data/run.json")), "exported"),
    "exported file under another hash": (
        lambda path: exported(path).rename(exported(path).with_name("0" * 64 + ".bin")),
        "exported",
    ),
    "exported file with other content": (
        lambda path: write(exported(path), b"other"),
        "exported",
    ),
    "bag of another version": (
        edit("bagit.txt", lambda d: d.replace(b"1.0", b"0.97")),
        "declaration",
    ),
    "custody edited": (
        edit("data/custody.jsonl", lambda d: d.replace(b"E-7", b"E-8")),
        "custody",
    ),
    "custody dropped": (edit_lines("data/custody.jsonl", lambda x: [x[0], *x[2:]]), "custody"),
}


@pytest.mark.parametrize(("alter", "check"), CONTENT.values(), ids=CONTENT)
def test_content_is_checked_even_when_sealed_anew(
    sealed: Path,
    forge: Forge,
    finding_id: Callable[[dict[str, Any]], str],
    alter: Alter,
    check: str,
) -> None:
    alter(sealed)
    forge(sealed)
    result = verify(sealed, finding_id=finding_id)
    assert failed(result) == {check}
    assert all(entry.detail.isprintable() for entry in result.checks)
    assert result.exit_code is ExitCode.MISMATCH


PREDICATE: dict[str, tuple[dict[str, Any], str]] = {
    "counts": ({"counts": {"findings": 0}}, "totals"),
    "hashes": ({"sha256": {}}, "totals"),
    "payload": ({"payload": {"files": 1, "bytes": 1}}, "size"),
    "payload missing": ({"payload": None}, "content"),
    "custody head": ({"custody": {"length": 3, "head": "0" * 64}}, "custody"),
    "bundle id": ({"bundle": "0" * 64}, "custody"),
    "incomplete missing": ({"incomplete": None}, "seal"),
    "time missing": ({"sealed": None}, "seal"),
    "older format": ({"contract": 0}, "seal"),
}


@pytest.mark.parametrize(("changes", "check"), PREDICATE.values(), ids=PREDICATE)
def test_the_seal_must_state_what_is_there(
    sealed: Path, forge: Forge, changes: dict[str, Any], check: str
) -> None:
    forge(sealed, **changes)
    result = verify(sealed)
    assert check in failed(result)
    assert result.exit_code is ExitCode.MISMATCH


def test_the_forger_of_these_tests_is_good_enough(
    sealed: Path, forge: Forge, stranger: Signer, finding_id: Callable[[dict[str, Any]], str]
) -> None:
    forge(sealed)
    assert failed(verify(sealed, finding_id=finding_id)) == set()
    forge(sealed, signer=stranger)
    assert failed(verify(sealed, finding_id=finding_id)) == set()


def test_a_custody_log_of_another_bundle_is_refused(
    sealed: Path, forge: Forge, build: Build, tmp_path: Path
) -> None:
    build(tmp_path / "other")
    shutil.copy(tmp_path / "other/data/custody.jsonl", writable(sealed / "data/custody.jsonl"))
    forge(sealed)
    assert "custody" in failed(verify(sealed))


def test_only_a_trust_file_catches_a_bundle_rebuilt_under_another_key(
    sealed: Path, forge: Forge, signer: Signer, stranger: Signer
) -> None:
    edit("data/run.json", lambda data: data.replace(b"0.1.0", b"6.6.6"))(sealed)
    forge(sealed, signer=stranger)
    alone = verify(sealed, require_signature=True)
    assert (alone.intact, alone.exit_code) == (True, ExitCode.OK)
    assert "cannot show who made the bundle" in alone.origin
    result = verify(sealed, trust=trusted(signer))
    assert failed(result) == {"trust"}
    assert (result.intact, result.exit_code) == (True, ExitCode.MISMATCH)


def test_only_the_seal_code_catches_a_bundle_rebuilt_by_the_same_person(
    sealed: Path, good: tuple[Path, SealResult], forge: Forge, signer: Signer
) -> None:
    edit("data/run.json", lambda data: data.replace(b"0.1.0", b"6.6.6"))(sealed)
    forge(sealed, signer=signer)
    assert verify(sealed, trust=trusted(signer)).exit_code is ExitCode.OK
    result = verify(sealed, trust=trusted(signer), seal_code=good[1].seal_code)
    assert failed(result) == {"seal-code"}
    assert (result.intact, result.exit_code) == (False, ExitCode.MISMATCH)


def test_only_the_seal_code_catches_a_rollback(build: Build, tmp_path: Path) -> None:
    first = build(tmp_path / "first")
    second = build(tmp_path / "second", previous=first.seal_sha256)
    assert verify(first.path).exit_code is ExitCode.OK
    assert verify(second.path, seal_code=second.seal_code).exit_code is ExitCode.OK
    assert failed(verify(first.path, seal_code=second.seal_code)) == {"seal-code"}


def test_a_trusted_signature_says_who(sealed: Path, signer: Signer) -> None:
    result = verify(sealed, trust=trusted(signer), require_signature=True)
    assert (failed(result), result.exit_code) == (set(), ExitCode.OK)
    assert "alice@lab" in result.origin
    assert "cannot show" not in result.origin


@pytest.mark.parametrize(
    "validity",
    [
        {"valid_after": datetime(2024, 2, 22, tzinfo=UTC)},
        {"valid_before": datetime(2024, 2, 21, tzinfo=UTC)},
    ],
)
def test_a_key_is_trusted_only_in_its_time(
    sealed: Path, signer: Signer, validity: dict[str, datetime]
) -> None:
    assert failed(verify(sealed, trust=trusted(signer, **validity))) == {"trust"}


def test_a_missing_signature_matters_only_when_demanded(
    build: Build, tmp_path: Path, signer: Signer
) -> None:
    path = build(tmp_path / "unsigned").path
    assert verify(path).exit_code is ExitCode.OK
    assert failed(verify(path, require_signature=True)) == {"signed"}
    result = verify(path, trust=trusted(signer))
    assert failed(result) == {"signed", "trust"}
    assert (result.intact, result.exit_code) == (True, ExitCode.MISMATCH)


def test_a_seal_code_may_be_typed_by_hand(good: tuple[Path, SealResult]) -> None:
    path, sealed = good
    typed = sealed.seal_code.lower().replace("-", " ").replace("o", "0").replace("i", "1")
    result = verify(path, seal_code=typed)
    assert detail(result, "seal-code") == "is that of the bundle"
    assert "seal code" in result.origin
    with pytest.raises(UsageError):
        verify(path, seal_code="ABCD")


def test_an_incomplete_run_is_intact_but_exits_with_3(build: Build, tmp_path: Path) -> None:
    path = build(tmp_path / "bundle", incomplete=True).path
    result = verify(path)
    assert (result.intact, result.incomplete) == (True, True)
    assert result.exit_code is ExitCode.INCOMPLETE
    edit("data/run.json", with_byte_changed)(path)
    assert verify(path).exit_code is ExitCode.MISMATCH


@pytest.mark.parametrize("name", ["b.partial", "b.partial.1", "b.PARTIAL"])
def test_a_partial_bundle_is_never_accepted(sealed: Path, name: str) -> None:
    partial = sealed.rename(sealed.with_name(name))
    with pytest.raises(BundleError, match="not finished") as caught:
        verify(partial)
    assert caught.value.exit_code is ExitCode.FAILED


def test_what_is_no_bundle_is_not_called_altered(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path, tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(BundleError) as caught:
            verify(path)
        assert caught.value.exit_code is ExitCode.FAILED


def test_a_newer_format_is_not_called_altered(sealed: Path, forge: Forge) -> None:
    forge(sealed, contract=2)
    with pytest.raises(BundleError, match="too new") as caught:
        verify(sealed)
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_huge_tree_is_not_walked_to_its_end(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_ENTRIES", 10)
    assert "tree" in failed(verify(sealed))


def test_a_disk_that_fails_is_not_an_alteration(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(io.BytesIO):
        def readline(self, _: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(tree.Tree, "open", lambda *_: Failing())
    monkeypatch.setattr(tree.Tree, "read", lambda _, path, __: (sealed / path).read_bytes())
    with pytest.raises(BundleError, match="Input/output error") as caught:
        verify(sealed)
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_file_swapped_while_verifying_is_noticed(sealed: Path) -> None:
    seen = tree.walk(sealed)
    write(sealed / "data/run.json", b"{}")
    with pytest.raises(AlteredError, match="changed while it was looked at"):
        seen.sha256("data/run.json")


def test_bagit_finds_the_bundle_valid_before_and_after_a_custody_event(
    sealed: Path, signer: Signer, stranger: Signer
) -> None:
    assert bagit.Bag(str(sealed)).is_valid()
    append_event(sealed, "exhibit.handed-over", {"to": "court"}, signer=signer)
    add_signature(sealed, stranger)
    assert bagit.Bag(str(sealed)).is_valid()
    assert verify(sealed).exit_code is ExitCode.OK
