"""The verifier for people without us says what ours says, of every bundle that ours refuses."""

from __future__ import annotations

import ast
import base64
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.bundle.test_detached import (
    SEAL,
    Hardware,
    answer,
    authority,
    ecdsa_sk,
    ed25519_sk,
    ssh_key,
)
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
from triage.bundle import SealResult, Signer, add_signature, append_event, sshsig, stamp, verify
from triage.bundle.handout import verifier_source
from triage.engine import records
from triage.findings import KINDS

__all__ = ["authority", "resealed_manifest", "ssh_key"]  # fixtures

Build: TypeAlias = Callable[..., SealResult]
Forge: TypeAlias = Callable[..., None]
Identify: TypeAlias = Callable[[dict[str, Any]], str]

NOT_THERE = {"signed"}  # a check that the single file does not know


@pytest.fixture(autouse=True)
def _recipe(monkeypatch: pytest.MonkeyPatch, finding_id: Identify) -> None:
    monkeypatch.setattr(verifier, "finding_id", finding_id)


def refused(path: Path, **given: Any) -> set[str]:
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


@pytest.fixture(scope="module")
def token(good: tuple[Path, SealResult], authority: Path) -> bytes:
    """An answer of OpenSSL's authority, with its whole chain, over the seal of the good bundle."""
    query = authority / "single.tsq"
    query.write_bytes(stamp.request((good[0] / SEAL).read_bytes()))
    chain = b"".join((authority / name).read_bytes() for name in ("ca.pem", "other.pem"))
    (authority / "chain.pem").write_bytes(chain)
    return answer(authority, query, "chain")


def roots(authority: Path, name: str = "ca.pem") -> list[Any]:
    return verifier.read_roots(str(authority / name))


def test_it_checks_a_time_stamp(sealed: Path, authority: Path, token: bytes) -> None:
    assert refused(sealed, roots=roots(authority)) == {"time-stamp"}, "demanded, and not there"
    (sealed / f"{SEAL}.tsr").write_bytes(token)
    assert refused(sealed) == set()
    assert refused(sealed, roots=roots(authority)) == set()
    single = verifier.Verifier(sealed, roots=roots(authority))
    single.run()
    assert str(single.stamped).endswith("UTC by CN=Lab TSA")
    assert refused(sealed, roots=roots(authority, "other.pem")) == {"time-stamp"}
    (sealed / f"{SEAL}.tsr").write_bytes(token)


def test_a_time_stamp_that_nobody_checked_is_none(
    sealed: Path, authority: Path, token: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sealed / f"{SEAL}.tsr").write_bytes(token)
    for given in (None, roots(authority)):
        with monkeypatch.context() as patched:
            if given is not None:
                patched.setattr(verifier, "Ed25519PublicKey", None)
            single = verifier.Verifier(sealed, roots=given)
            single.run()
            said = {name: result for name, result, _ in single.results}
            assert said["time-stamp"] == ("not done" if given is None else "FAIL")
            assert single.stamped is None


def test_it_refuses_every_time_stamp_that_ours_refuses(
    sealed: Path, authority: Path, token: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal, ours = (sealed / SEAL).read_bytes(), stamp.load_roots(authority / "ca.pem")
    (sealed / f"{SEAL}.tsr").write_bytes(token)
    single = verifier.Verifier(sealed, roots=roots(authority))
    passed = 0
    for place in range(0, len(token), 5):
        for data in (token[:place], token[:place] + bytes([token[place] ^ 4]) + token[place + 1 :]):
            there = {SEAL: seal, f"{SEAL}.tsr": data}
            monkeypatch.setattr(single.folder, "read", lambda name, _, there=there: there[name])
            try:
                single.check_time_stamp()
            except verifier.Altered:
                continue
            passed += 1
            assert stamp.check(data, seal, ours).verified, place
    assert passed < len(token), "only what no signature covers"


def test_it_checks_signatures_of_ssh_keygen(
    sealed: Path, ssh_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshsig.sign(sealed, ssh_key)
    single = verifier.Verifier(sealed)
    assert single.run() == 0
    assert len(single.signers) == 2
    assert refused(sealed, key=single.signers[-1]) == set()
    monkeypatch.setattr(verifier, "Ed25519PublicKey", None)
    assert refused(sealed, key=single.signers[-1]) == {"trust"}
    assert ("signature", "not done") in [result[:2] for result in _run(sealed)]


def _run(path: Path) -> list[tuple[str, str, str]]:
    single = verifier.Verifier(path)
    single.run()
    return single.results


@pytest.mark.parametrize("hardware", [ed25519_sk, ecdsa_sk])
def test_it_checks_hardware_keys_and_refuses_what_ours_refuses(
    sealed: Path, hardware: Hardware
) -> None:
    message = (sealed / SEAL).read_bytes()
    _, signature = hardware(message)
    assert verifier.ssh_signer(signature, message) == (sshsig.check(signature, message), True)
    with pytest.raises(verifier.Altered, match="touched"):
        verifier.ssh_signer(hardware(message, flags=0)[1], message)
    raw = base64.b64decode(b"".join(signature.splitlines()[1:-1]))
    for place in range(0, len(raw), 3):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        text = b"-----BEGIN SSH SIGNATURE-----\n%b-----END SSH SIGNATURE-----\n"
        for broken in (changed, raw[:place]):
            try:
                _, valid = verifier.ssh_signer(text % base64.encodebytes(broken), message)
            except verifier.Altered:
                continue
            assert valid is False


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
    assert {name.partition(".")[0] for name in foreign} == {"cryptography"}


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
