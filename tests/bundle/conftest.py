from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage import canonical
from triage.bundle import BundleWriter, SealResult, Signer
from triage.custody import Clock

SECRET = b"a wallet file"
NOTE = b"torrc, as it was"


Build: TypeAlias = Callable[..., SealResult]
Forge: TypeAlias = Callable[..., None]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def identify(record: dict[str, Any]) -> str:
    """A stand-in for the recipe of the findings layer."""
    return "f-" + sha(canonical.encode([record["kind"], record["value"]]))[:32]


def finding(number: int) -> dict[str, Any]:
    record = {"kind": "tor.client", "value": {"number": number}, "source": {"path": "/é\n"}}
    return {"id": identify(record), **record}


@pytest.fixture(scope="session")
def clock() -> Clock:
    return lambda: datetime(2024, 2, 21, 8, 15, tzinfo=UTC)


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))


@pytest.fixture(scope="session")
def stranger() -> Signer:
    return Signer(Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))


@pytest.fixture(scope="session")
def finding_id() -> Callable[[dict[str, Any]], str]:
    return identify


@pytest.fixture(scope="session")
def build(clock: Clock) -> Build:
    def build(
        path: Path,
        *,
        signer: Signer | None = None,
        incomplete: bool = False,
        previous: str | None = None,
        extra: int = 0,
    ) -> SealResult:
        with BundleWriter.create(path, case="C-1", exhibit="E-7", clock=clock) as writer:
            writer.custody.append("image.opened", {"segments": 1})
            writer.write_json("run.json", {"contract": 1, "tool": "0.1.0", "repeatable": True})
            writer.write_lines("findings.jsonl", [finding(n) for n in range(4 + extra)])
            writer.add_file(sha(NOTE), [NOTE[:5], NOTE[5:]])
            exported = f"data/files/{sha(NOTE)[:2]}/{sha(NOTE)[2:4]}/{sha(NOTE)}.bin"
            writer.write_lines(
                "files.jsonl",
                [{"key": "b", "exported": exported}, {"key": "a", "exported": None}],
            )
            writer.write_lines("coverage.jsonl", [{"step": "p2", "outcome": "absent"}])
            writer.write_lines("problems.jsonl", [])
            writer.write_report("report.html", b"<p>nothing</p>")
            return writer.seal(
                signer=signer,
                bag_info={"External-Identifier": "E-7", "Bagging-Date": "2024-02-21"},
                predicate={
                    "tool": "0.1.0",
                    "images": {"img-1": {"sha256": "0" * 64}},
                    "incomplete": incomplete,
                    "previous": previous,
                },
            )

    return build


@pytest.fixture(scope="session")
def good(
    tmp_path_factory: pytest.TempPathFactory, build: Build, signer: Signer
) -> tuple[Path, SealResult]:
    path = tmp_path_factory.mktemp("good") / "case.bundle"
    return path, build(path, signer=signer)


@pytest.fixture
def sealed(good: tuple[Path, SealResult], tmp_path: Path) -> Path:
    """A good bundle, signed, to be altered."""
    path = tmp_path / "case.bundle"
    shutil.copytree(good[0], path)
    return path


@pytest.fixture(scope="session")
def forge() -> Forge:
    """Recompute manifests and counts like someone who altered a bundle, and seal it anew."""

    def forge(
        path: Path, *, signer: Signer | None = None, reseal: bool = True, **changes: Any
    ) -> None:
        payload = sorted(
            str(file.relative_to(path))
            for file in (path / "data").rglob("*")
            if file.is_file() and not file.is_symlink()
        )
        size = sum((path / name).stat().st_size for name in payload)
        info = (path / "bag-info.txt").read_text().splitlines()
        info = [line for line in info if not line.startswith("Payload-Oxum")]
        info.append(f"Payload-Oxum: {size}.{len(payload)}")
        overwrite(path / "bag-info.txt", "".join(f"{line}\n" for line in info).encode())
        write_manifest(path, "manifest-sha256.txt", payload)
        tags = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"]
        write_manifest(path, "tagmanifest-sha256.txt", tags)
        if not reseal:
            return
        envelope = json.loads((path / "signatures/seal.json").read_bytes())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        for subject in statement["subject"]:
            subject["digest"]["sha256"] = sha((path / subject["name"]).read_bytes())
        predicate = statement["predicate"]
        predicate["payload"] = {"files": len(payload), "bytes": size}
        for name in predicate["sha256"]:
            file = next((path / "data").glob(f"{name}.json*"))
            predicate["sha256"][name] = sha(file.read_bytes())
            if name in predicate["counts"]:
                predicate["counts"][name] = len(file.read_bytes().splitlines())
        log = (path / "data/custody.jsonl").read_bytes().splitlines(keepends=True)
        predicate["custody"] = {"length": len(log), "head": sha(log[-1])}
        predicate["signer"] = signer.key_id if signer else None
        predicate.update(changes)
        data = canonical.encode(statement)
        signatures = []
        if signer:
            kind = b"application/vnd.in-toto+json"
            message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(data), data)
            signatures = [
                {
                    "keyid": signer.key_id,
                    "sig": base64.b64encode(signer.sign(message)).decode(),
                    "key": signer.public.text,
                }
            ]
        envelope |= {"payload": base64.b64encode(data).decode(), "signatures": signatures}
        overwrite(path / "signatures/seal.json", canonical.line(envelope))

    return forge


def write_manifest(path: Path, name: str, files: list[str]) -> None:
    lines = [f"{sha((path / file).read_bytes())}  {file}\n" for file in files]
    overwrite(path / name, "".join(lines).encode())


def overwrite(path: Path, data: bytes) -> None:
    """Replace a file, read-only or not, as anyone who owns the folder can."""
    path.unlink()
    path.write_bytes(data)
    os.utime(path, (0, 0))
