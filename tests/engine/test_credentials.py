"""What is given is tried where it may be, within limits, and stands nowhere afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tests.conftest import lines
from tests.engine.runs import At, go, options, partial, records
from triage import profile
from triage.bundle import Bundle
from triage.credentials import Credential, parse
from triage.engine.options import Options
from triage.errors import BundleError, ExitCode, InterruptedRunError
from triage.formats.keccak import keccak256

GIVEN = """
- {password: word-of-alice, account: alice}
- password: word-of-anyone
- password: word-of-the-vault
- {key_hex: 6b65792d6f662d7468652d73746f7265, path: home/bob/*, extractor: bad.test.*}
- volume_password: word-of-a-volume
"""
VALUES = (b"word-of-", b"key-of-the-store", b"6b65792d6f662d7468652d73746f7265")


def given(text: str = GIVEN) -> tuple[Credential, ...]:
    return parse(text.encode(), name="c.yaml", folder=Path())


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    for path, text in {
        "home/alice/locked.txt": "word-of-alice",
        "home/bob/locked.txt": "word-of-alice",  # bound to alice: not tried here
        "home/carol/locked.txt": "word-of-anyone 1000",
        "vault/locked.txt": "word-of-the-vault 40000000",  # the second try is past the limit
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def chosen(evidence: Path, tmp_path: Path) -> Options:
    return options(evidence, tmp_path / "b", credentials=given(), hash_media=False)


def hosts(bundle: Path) -> dict[str, str]:
    return {
        record["source"]["path"]: record["value"]["host"] for record in Bundle(bundle).findings()
    }


def nowhere(folder: Path) -> None:
    """Look through everything that was written; the evidence itself is exported and left out."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".bin":
            data = path.read_bytes()
            assert not [value for value in VALUES if value in data], path


@pytest.fixture(scope="module")
def whole(evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a run that nothing disturbed."""
    path = tmp_path_factory.mktemp("whole") / "b"
    result = go(options(evidence, path, credentials=given(), hash_media=False))
    assert result.exit_code is ExitCode.INCOMPLETE
    return path


def test_each_is_tried_where_it_fits_and_within_the_limit(whole: Path) -> None:
    assert hosts(whole) == {
        "/home/alice/locked.txt": "entry 1 of the credentials file",
        "/home/bob/locked.txt": "key: entry 4 of the credentials file",
        "/home/carol/locked.txt": "entry 2 of the credentials file",
    }
    (left,) = [line for line in lines(whole / "data" / "coverage.jsonl") if line["counts"]]
    assert (left["path"], left["reason"]) == ("/vault/locked.txt", "limit")
    ran = Bundle(whole).run
    assert ran["options"]["credentials"] == {"key": 1, "password": 3, "volume_password": 1}
    assert ran["repeatable"]
    nowhere(whole)


def test_what_they_open_is_sealed_to_the_recipient_or_nowhere(tmp_path: Path) -> None:
    private, salt = bytes(range(1, 33)), bytes(32)
    key = hashlib.pbkdf2_hmac("sha256", b"word-of-alice", salt, 2, 32)
    encryptor = Cipher(AES(key[:16]), CTR(bytes(16))).encryptor()
    text = encryptor.update(private)
    crypto = {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "00" * 16},
        "ciphertext": text.hex(),
        "kdf": "pbkdf2",
        "kdfparams": {"c": 2, "dklen": 32, "prf": "hmac-sha256", "salt": salt.hex()},
        "mac": keccak256(key[16:] + text).hex(),
    }
    folder = tmp_path / "evidence/home/alice/keystore"
    folder.mkdir(parents=True)
    (folder / "k").write_text(json.dumps({"version": 3, "address": "00" * 20, "crypto": crypto}))
    identity = pyrage.x25519.Identity.generate()
    chosen = options(
        tmp_path / "evidence",
        tmp_path / "b",
        only=("wallet.ethereum.*",),
        credentials=given(),
        secrets_recipient=str(identity.to_public()),
        hash_media=False,
    )
    go(chosen)
    (sealed,) = Bundle(chosen.output).secrets([identity])
    assert sealed["secret"] == private.hex()
    (found,) = [each for each in Bundle(chosen.output).findings() if "secret" in each["kind"]]
    assert found["value"]["opened_by"] == "entry 1 of the credentials file"
    for path in chosen.output.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not [each for each in (*VALUES, private, private.hex().encode()) if each in data]


def test_a_profile_may_forbid_them(chosen: Options) -> None:
    never = replace(chosen, profile=replace(profile.load([]), decrypt="never"))
    assert never.usable_credentials == ()
    assert len(chosen.usable_credentials) == 5


def test_only_the_same_credentials_continue_a_run(chosen: Options, whole: Path) -> None:
    with pytest.raises(InterruptedRunError):
        go(chosen, At("extract", 2))
    nowhere(partial(chosen.output))
    other = given(GIVEN.replace("word-of-anyone", "hunter2"))
    with pytest.raises(BundleError, match="credentials") as refused:
        go(replace(chosen, resume=True, credentials=other))
    assert "hunter2" not in str(refused.value)
    go(replace(chosen, resume=True))
    assert records(chosen.output) == records(whole)
