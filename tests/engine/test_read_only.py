"""Read-only shown, not claimed: what the program asks of the system while it runs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Triage

STRACE = shutil.which("strace") or ""
WATCHED = (
    *("open", "openat", "openat2", "creat", "socket", "connect", "truncate", "ftruncate"),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"),
)
PRACTICE = ROOT / "triage" / "training" / "practice.E01"


def state(path: Path) -> tuple[int, int, str]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_evidence_is_the_same_after(triage: Triage, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    image = folder / "image.E01"
    shutil.copy(PRACTICE, image)
    image.chmod(0o400)
    before = state(image)
    triage("run", image, "-o", tmp_path / "b")
    assert state(image) == before
    assert [path.name for path in folder.iterdir()] == ["image.E01"]


def test_a_folder_is_the_same_after(triage: Triage, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    shutil.copytree(ROOT / "fixtures" / "tor", folder)
    before = {path: state(path) for path in folder.rglob("*") if path.is_file()}
    assert before
    triage("run", folder, "-o", tmp_path / "b")
    assert {path: state(path) for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(STRACE == "", reason="strace is not installed")
def test_strace_sees_no_write_outside_the_bundle_and_no_network(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    bundle = tmp_path / "b"
    done = subprocess.run(
        [
            STRACE,
            "-f",
            "-qq",
            "-s",
            "300",
            "-o",
            trace,
            "-e",
            f"trace={','.join(WATCHED)}",
            sys.executable,
            "-B",
            "-m",
            "triage",
            "run",
            PRACTICE,
            "-o",
            bundle,
        ],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    text = trace.read_text(errors="replace")
    if done.returncode != 3 and "ptrace" in done.stderr.decode(errors="replace"):
        pytest.skip("strace may not trace here")
    assert done.returncode == 3, done.stderr
    written = re.findall(
        r'(?:open|openat|openat2|creat)\([^"\n]*"([^"]*)"[^)]*(?:O_WRONLY|O_RDWR)', text
    )
    assert written, "the bundle is written"
    inside = (os.fspath(bundle), "/dev/null")
    assert [path for path in written if not path.startswith(inside)] == []
    assert not re.search(r"\b(?:socket|connect)\(AF_INET", text)
    changed = re.findall(r'(?:rename\w*|unlink\w*|mkdir\w*|truncate)\([^"\n]*"([^"]*)"', text)
    assert [path for path in changed if not path.startswith(inside)] == []
