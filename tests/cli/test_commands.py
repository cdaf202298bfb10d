"""The real command, and each exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from tests.conftest import IMAGES, ROOT, Triage, lines

PRACTICE = ROOT / "triage" / "training" / "practice.E01"
COMMANDS = (
    "run",
    "info",
    "verify",
    "show",
    "get",
    "diff",
    "report",
    "export",
    "plugins",
    "profiles",
    "doctor",
    "demo",
)


@pytest.fixture(scope="module")
def bundle(triage: Triage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the practice image."""
    path = tmp_path_factory.mktemp("bundle") / "practice.bundle"
    ran = triage("run", PRACTICE, "-o", path, "--case", "C-1", "--exhibit", "7")
    assert ran.code == 3, ran.err
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Evidence with nothing in it."""
    path = tmp_path / "evidence"
    path.mkdir()
    (path / "a.txt").write_text("nothing")
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(triage: Triage, name: str) -> None:
    ran = triage(name, "--help")
    assert ran.code == 0
    assert "Example" in ran.out
    assert f"triage {name}" in ran.out


def test_run_shows_what_whose_and_what_is_locked(triage: Triage, tmp_path: Path) -> None:
    ran = triage("run", PRACTICE, "-o", tmp_path / "b")
    assert ran.code == 3
    assert "alice" in ran.out
    assert "luks2" in ran.out
    assert "seal code" in ran.out
    assert "not examined" in ran.out.lower()


def test_json_is_all_there_is_on_stdout(triage: Triage, folder: Path, tmp_path: Path) -> None:
    ran = triage("run", folder, "-o", tmp_path / "b", "--format", "json")
    assert ran.code == 0
    assert ran.json()["exit_code"] == 0
    assert ran.json()["image_hash"] == "not applicable"


def test_jsonl_gives_the_findings(triage: Triage, tmp_path: Path) -> None:
    ran = triage("run", PRACTICE, "-o", tmp_path / "b", "--format", "jsonl")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert records == lines(tmp_path / "b" / "data" / "findings.jsonl")


def test_exit_1_when_the_image_is_not_there(triage: Triage, tmp_path: Path) -> None:
    ran = triage("run", tmp_path / "no.E01", "-o", tmp_path / "b")
    assert ran.code == 1
    assert "no.E01" in ran.err
    assert not list(tmp_path.iterdir())


def test_exit_1_when_the_bundle_exists(triage: Triage, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    ran = triage("run", folder, "-o", tmp_path / "b")
    assert ran.code == 1
    assert "exists" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "x"),
        ("run", "x", "-o", "b", "--profile", "nonsense"),
        ("run", "x", "-o", "b", "--expect", "md5:12"),
        ("run", "x", "-o", "b", "--budget", "soon"),
        ("run", "x", "-o", "b", "--profile", "quick", "--profile", "deep"),
        ("show",),
        ("nonsense",),
    ],
)
def test_exit_2_on_wrong_usage(triage: Triage, arguments: tuple[str, ...]) -> None:
    ran = triage(*arguments)
    assert ran.code == 2
    assert ran.err
    assert "Traceback" not in ran.err


def test_exit_2_when_the_bundle_would_lie_in_the_evidence(triage: Triage, folder: Path) -> None:
    ran = triage("run", folder, "-o", folder / "b")
    assert ran.code == 2
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_exit_3_from_info_on_a_locked_volume(triage: Triage) -> None:
    ran = triage("info", PRACTICE, "--format", "json")
    assert ran.code == 3
    states = {volume["name"]: volume["state"] for volume in ran.json()["volumes"]}
    assert states == {
        "gap@0": "meta",
        "gap@512": "gap",
        "p1": "filesystem",
        "p2": "filesystem",
        "p3": "locked",
    }


def test_exit_4_when_the_media_is_not_what_was_acquired(triage: Triage, tmp_path: Path) -> None:
    ran = triage("run", IMAGES / "damaged.E01", "-o", tmp_path / "b")
    assert ran.code == 4
    record = json.loads((tmp_path / "b" / "data" / "run.json").read_text())
    assert record["image"]["hash_verdict"] == "mismatch"
    reasons = {line["reason"] for line in lines(tmp_path / "b" / "data" / "coverage.jsonl")}
    assert "bad_chunk" in reasons


def test_expect_is_compared(triage: Triage, tmp_path: Path) -> None:
    first = IMAGES / "split.001"
    ran = triage("run", first, "-o", tmp_path / "a", "--format", "json")
    assert ran.json()["image_hash"] == "no stored hash"
    hashes = json.loads((tmp_path / "a" / "data" / "run.json").read_text())["image"]["hashes"]
    good = triage("run", first, "-o", tmp_path / "b", "--expect", f"SHA-256:{hashes['sha256']}")
    assert good.code == 0
    bad = triage("run", first, "-o", tmp_path / "c", "--expect", f"md5:{'0' * 32}")
    assert bad.code == 4


def test_no_hash(triage: Triage, tmp_path: Path) -> None:
    ran = triage(
        "run", IMAGES / "single.E01", "-o", tmp_path / "b", "--no-hash", "--format", "json"
    )
    assert (ran.code, ran.json()["image_hash"]) == (0, "not selected")


def test_verify_intact_but_incomplete(triage: Triage, bundle: Path) -> None:
    ran = triage("verify", bundle)
    assert ran.code == 3
    assert "cannot show who made" in ran.out


def test_verify_altered(triage: Triage, folder: Path, tmp_path: Path) -> None:
    triage("run", folder, "-o", tmp_path / "b")
    assert triage("verify", tmp_path / "b").code == 0
    assert triage("verify", tmp_path / "b", "--require-signature").code == 4
    report = tmp_path / "b" / "data" / "report" / "summary.txt"
    report.chmod(0o644)
    report.write_text("other")
    assert triage("verify", tmp_path / "b").code == 4


def test_verify_what_is_no_bundle(triage: Triage, folder: Path) -> None:
    assert triage("verify", folder).code == 1


def test_verify_against_the_image(triage: Triage, bundle: Path, tmp_path: Path) -> None:
    ran = triage("verify", bundle, "--against", PRACTICE, "--format", "json")
    assert ran.code == 3
    against = ran.json()["against"]
    assert (against["image_hash"], against["reader"]) == ("match", "pyewf")
    assert not against["different"]
    for what in ("files", "findings"):
        assert against[what]["raw"] > 20
        assert against[what]["second_reader"] > 0
        assert against[what]["different"] == 0
    other = triage("verify", bundle, "--against", IMAGES / "single.E01")
    assert other.code == 4
    del tmp_path


def test_seal_code_and_signature(triage: Triage, folder: Path, tmp_path: Path) -> None:
    key, path = tmp_path / "key", tmp_path / "b"
    private = Ed25519PrivateKey.generate()
    key.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    ran = triage("run", folder, "-o", path, "--sign", key, "--format", "json")
    code = ran.json()["seal_code"]
    trust = tmp_path / "trust"
    trust.write_bytes(b"lab@example.org " + public + b"\n")
    good = triage("verify", path, "--seal-code", code, "--trust", trust, "--require-signature")
    assert good.code == 0, good.out
    wrong = triage("verify", path, "--seal-code", "AAAA-" * 7 + "AAAA")
    assert wrong.code == 4


def test_show_filters(triage: Triage, bundle: Path) -> None:
    ran = triage("show", bundle, "--kind", "wallet.file", "--account", "bob", "--format", "jsonl")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert records
    assert {(r["kind"], r["account"]["name"]) for r in records} == {("wallet.file", "bob")}
    one = triage("show", bundle, records[0]["id"])
    assert one.code == 0
    assert records[0]["summary"] in one.out
    assert triage("show", bundle, "f-nothing").code == 2
    assert triage("show", bundle, "--since", "2100", "--format", "json").json() == []


def test_get_gives_the_exported_bytes(triage: Triage, bundle: Path, tmp_path: Path) -> None:
    files = lines(bundle / "data" / "files.jsonl")
    exported = next(record for record in files if record["exported"])
    target = tmp_path / "out"
    sha256 = exported["hashes"]["sha256"]
    assert triage("get", bundle, sha256, "-o", target).code == 0
    assert target.stat().st_size == exported["size"]
    assert triage("get", bundle, sha256, "-o", target).code == 2
    assert triage("get", bundle, "0" * 64, "-o", tmp_path / "none").code == 1


def test_diff(triage: Triage, bundle: Path, folder: Path, tmp_path: Path) -> None:
    assert triage("diff", bundle, bundle).code == 0
    triage("run", folder, "-o", tmp_path / "b")
    ran = triage("diff", bundle, tmp_path / "b")
    assert ran.code == 1
    assert "onion service" in ran.out


def test_report_can_be_made_again(triage: Triage, bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert triage("report", bundle, "-o", target).code == 0
    assert target.read_bytes() == (bundle / "data" / "report" / "report.html").read_bytes()


def test_custody_and_secrets(triage: Triage, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b"
    triage("run", folder, "-o", path)
    ran = triage("custody", "add", path, "handed-over", "--by", "P. Muster", "--note", "to court")
    assert ran.code == 0
    assert "seal code" in ran.out
    assert triage("verify", path).code == 0
    events = triage("custody", "list", path, "--format", "json").json()
    assert events[-1]["event"] == "handed-over"


def test_secrets_go_only_to_their_recipient(triage: Triage, tmp_path: Path) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(str(identity))
    path = tmp_path / "b"
    triage("run", PRACTICE, "-o", path, "--secrets-recipient", str(identity.to_public()))
    ran = triage("secrets", "open", path, "--identity", tmp_path / "key")
    assert ran.code == 0
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert found
    secrets = [item["secret"] for item in found]
    everything = b"".join(p.read_bytes() for p in path.rglob("*") if p.is_file())
    for secret in secrets:
        assert secret.encode() not in everything
    assert triage("verify", path).code == 3


def test_plugins_profiles_doctor(triage: Triage) -> None:
    names = {entry["name"] for entry in triage("plugins", "--format", "json").json()}
    assert {"tor.data-directory.state", "wallet.electrum.wallet"} <= names
    assert triage("profiles", "--format", "json").json()[0]["name"] == "chat"
    assert triage("profiles", "darknet", "--format", "json").json()["depth"] == "standard"
    assert triage("doctor").code == 0


def test_demo(triage: Triage, tmp_path: Path) -> None:
    ran = triage("demo", "-o", tmp_path / "b")
    assert ran.code == 0, ran.err
    assert "report.html" in ran.out
    assert "Intact" in ran.out
    assert "data/findings.jsonl was changed" in ran.out
    assert "decoys taken for real  none" in ran.out


def test_a_reader_that_leaves_does_not_end_the_run(folder: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "run", PRACTICE, "-o", tmp_path / "b"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 3
    assert (tmp_path / "b" / "signatures" / "seal.json").is_file()
    del folder


@pytest.fixture
def slow_image(tmp_path: Path) -> Iterator[Path]:
    """A large sparse raw image: hashing takes long enough to be interrupted."""
    path = tmp_path / "slow.raw"
    with path.open("wb") as file:
        file.truncate(64 << 30)
    yield path
    path.unlink()


def test_ctrl_c_while_hashing_seals_what_is_known(slow_image: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "run", slow_image, "-o", tmp_path / "b", "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    # The findings are printed before hashing goes on.
    for line in process.stdout:
        if "Nothing was found" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 3
    assert "not finished" in out
    record = json.loads((tmp_path / "b" / "data" / "run.json").read_text())
    assert record["image"]["hash_verdict"] == "not finished"
