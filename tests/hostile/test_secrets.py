"""No secret of a real wallet stands in clear in anything that a run writes or shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pyrage.x25519 import Identity

from tests.conftest import Triage
from triage.bundle import Bundle

SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets"
PASSWORDS = ("btcr-test-password", "triage-test-1")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder of samples")
def test_the_secrets_of_the_samples_stand_nowhere(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, bundle = tmp_path / "temporary", tmp_path / "bundle"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    given = tmp_path / "given.yaml"
    given.write_text("".join(f"- password: {json.dumps(word)}\n" for word in PASSWORDS))
    identity = Identity.generate()
    options = ("--profile", "crypto", "--credentials", given, "--no-hash", "--jobs", "1")
    recipient = ("--secrets-recipient", str(identity.to_public()))
    ran = triage("run", SAMPLES, "-o", bundle, *options, *recipient)
    secrets = {line["secret"] for line in Bundle(bundle).secrets([identity])}
    assert len(secrets) > 20
    truth = json.loads((SAMPLES / "generated/ground_truth.json").read_text())
    told = {text for text in _texts(truth) if len(text.split()) >= 12}
    assert told & secrets, "seeds that we know are among those that were found"
    values = {value for value in secrets | told if len(value) >= 8}
    forms = [value.encode(form) for value in values for form in ("utf-8", "utf-16-le")]
    shown = triage("show", bundle), triage("show", bundle, "--kind", "wallet.*")
    for text in (ran.out, ran.err, *(part for each in shown for part in (each.out, each.err))):
        assert not [value[:4] for value in values if value in text]
    written = [path for path in (*bundle.rglob("*"), *temporary.rglob("*")) if path.is_file()]
    for path in written:
        content = path.read_bytes()
        assert not [form[:4] for form in forms if form in content], path


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
