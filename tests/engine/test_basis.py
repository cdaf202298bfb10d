from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage.bundle import Signer
from triage.bundle.seal import make_envelope, make_statement
from triage.engine.basis import NONE, VALIDATION, basis
from triage.engine.method import this_method
from triage.errors import AlteredError, UsageError
from triage.hashing import sha256

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def statement(
    path: Path,
    *,
    day: int = 1,
    method: str | None = None,
    signer: Signer | None = None,
    kind: str = VALIDATION,
    results: bytes = b"",
    **more: Any,
) -> bytes:
    predicate = {
        "method": {"digest": method or this_method().digest},
        "sealed": f"2026-01-{day:02}T00:00:00.000000Z",
        "sets": ["self-made"],
        **more,
    }
    envelope = make_envelope(
        make_statement(kind, {"validation.json": sha256(results)}, predicate), signer
    )
    path.write_bytes(envelope)
    return envelope


def test_the_newest_of_this_method_counts(tmp_path: Path) -> None:
    (tmp_path / "may").mkdir()
    statement(tmp_path / "a.statement.json", day=2)
    newest = statement(tmp_path / "may" / "b.statement.json", day=3, signer=SIGNER)
    statement(tmp_path / "c.statement.json", day=9, method="0" * 64)
    (tmp_path / "validation.json").write_bytes(b"")
    found = basis(tmp_path)
    assert (found.statement, found.signers) == (sha256(newest), (SIGNER.key_id,))
    assert basis(tmp_path / "a.statement.json").signers == ()


def test_without_one_it_says_why(tmp_path: Path) -> None:
    statement(tmp_path / "c.statement.json", method="0" * 64)
    assert basis(None).statement == basis(tmp_path).statement == NONE
    assert basis(tmp_path).why == "1 given, of other versions or libraries"


@pytest.mark.parametrize(
    ("name", "error", "what"),
    [
        ("empty", UsageError, "holds no"),
        ("absent", UsageError, "cannot read"),
        ("garbage", AlteredError, "not a statement"),
        ("undated", AlteredError, "does not say when"),
        ("seal", UsageError, "another type"),
        ("forged", AlteredError, "bad signature"),
        ("other results", AlteredError, "beside it"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, error: type[Exception], what: str) -> None:
    path = tmp_path / "x.statement.json"
    match name:
        case "empty":
            path = tmp_path
        case "absent":
            pass
        case "garbage":
            path.write_bytes(b"{}\n")
        case "undated":
            statement(path, sealed=None)
        case "seal":
            statement(path, kind="urn:disk-triage:bundle-seal:1")
        case "forged":
            good = json.loads(statement(path, signer=SIGNER))
            good["payload"] = json.loads(statement(path, day=2))["payload"]
            path.write_bytes(
                json.dumps(good, sort_keys=True, separators=(",", ":")).encode() + b"\n"
            )
        case _:
            statement(path, results=b"what was measured")
            (tmp_path / "validation.json").write_bytes(b"what was not")
    with pytest.raises(error, match=what):
        basis(path)


@pytest.mark.parametrize("change", [{"code": "x"}, {"version": "x"}, {"libraries": {}}])
def test_any_change_is_another_method(change: dict[str, Any]) -> None:
    assert replace(this_method(), **change).digest != this_method().digest
