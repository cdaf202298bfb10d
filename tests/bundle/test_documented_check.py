"""What docs/verify-without-this-tool.md tells people to type works, and catches alterations."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.bundle import SealResult, Signer, append_event

DOCUMENT = (Path(__file__).parents[2] / "docs/verify-without-this-tool.md").read_text("utf-8")


def block(language: str, containing: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return next(text for text in blocks if containing in text)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)


def check(bundle: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return run(sys.executable, "-c", block("python", "import"), str(bundle), cwd=folder)


def test_the_script_prints_the_seal_codes(
    sealed: Path, good: tuple[Path, SealResult], tmp_path: Path
) -> None:
    first, second = append_event(sealed, "one"), append_event(sealed, "two")
    result = check(sealed, tmp_path / "work")
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split()[1] for line in result.stdout.splitlines()] == [
        good[1].seal_code,
        first.code,
        second.code,
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("manifest-sha256.txt", b"a", b"b"),
        ("data/custody.jsonl", b"E-7", b"E-8"),
        ("data/custody.jsonl", b"bundle.sealed", b"bundle.opened"),
        ("custody/0001.jsonl", b"note", b"nope"),
    ],
)
def test_the_script_catches_alterations(
    sealed: Path, tmp_path: Path, name: str, old: bytes, new: bytes
) -> None:
    append_event(sealed, "note")
    file = sealed / name
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data.replace(old, new))
    result = check(sealed, tmp_path / "work")
    assert (result.returncode, "ALTERED" in result.stderr) == (1, True)


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("ssh-keygen")), reason="needs openssl, ssh-keygen"
)
def test_the_signature_is_checked_by_other_programs(
    sealed: Path, tmp_path: Path, signer: Signer
) -> None:
    work = tmp_path / "work"
    check(sealed, work)
    openssl, ssh_keygen = block("sh", "pkeyutl").splitlines()
    result = run(*openssl.split(), cwd=work)
    assert result.returncode == 0
    assert "Signature Verified Successfully" in result.stdout
    assert signer.key_id in run(*ssh_keygen.split(), cwd=work).stdout
    (work / "seal-0.message").write_bytes(b"other")
    assert run(*openssl.split(), cwd=work).returncode != 0


ALTERATIONS: dict[str, Callable[[Path], object]] = {
    "changed": lambda path: (path / "bag-info.txt").replace(path / "bagit.txt"),
    "added": lambda path: (path / "data/more").write_bytes(b"x"),
    "removed": lambda path: (path / "data/run.json").unlink(),
    "link": lambda path: (path / "link").symlink_to("data"),
}


@pytest.mark.skipif(
    not (shutil.which("sha256sum") and shutil.which("bash")), reason="needs sha256sum and bash"
)
@pytest.mark.parametrize("alteration", ["none", *ALTERATIONS])
def test_the_shell_commands_print_nothing_for_a_good_bundle_only(
    sealed: Path, alteration: str
) -> None:
    if alteration != "none":
        ALTERATIONS[alteration](sealed)
    commands = block("sh", "sha256sum --check") + block("sh", "diff")
    commands = commands.replace("cd BUNDLE\n", "")
    result = run("bash", "-c", commands, cwd=sealed)
    assert (result.stdout + result.stderr == "") == (alteration == "none")
