from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage.bundle import Signer, load_signer, load_trust
from triage.bundle.keys import PublicKey, find_trusted
from triage.errors import UsageError

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
SIGNER = Signer(KEY)
NOW = datetime(2024, 2, 21, tzinfo=UTC)
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== bob"


def private(form: serialization.PrivateFormat, passphrase: bytes | None = None) -> bytes:
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        form,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )


PKCS8, OPENSSH = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH


@pytest.mark.parametrize("form", [PKCS8, OPENSSH])
def test_a_key_of_either_format_signs(tmp_path: Path, form: serialization.PrivateFormat) -> None:
    (tmp_path / "key").write_bytes(private(form))
    signer = load_signer(tmp_path / "key")
    assert signer.key_id == SIGNER.key_id
    assert signer.public.verifies(signer.sign(b"message"), b"message")
    assert not signer.public.verifies(signer.sign(b"message"), b"other")


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(private(PKCS8, b"secret"))
    assert load_signer(path, b"secret").key_id == SIGNER.key_id
    with pytest.raises(UsageError, match="is needed"):
        load_signer(path)
    with pytest.raises(UsageError, match="wrong passphrase"):
        load_signer(path, b"wrong")


def test_an_encrypted_openssh_key_needs_its_passphrase(tmp_path: Path) -> None:
    pytest.importorskip("bcrypt", reason="OpenSSH's key derivation")
    path = tmp_path / "key"
    path.write_bytes(private(OPENSSH, b"secret"))
    assert load_signer(path, b"secret").key_id == SIGNER.key_id
    with pytest.raises(UsageError, match="is needed"):
        load_signer(path)
    with pytest.raises(UsageError, match="wrong passphrase"):
        load_signer(path, b"wrong")


def test_a_passphrase_for_a_key_that_has_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(private(PKCS8))
    with pytest.raises(UsageError, match="has no passphrase"):
        load_signer(tmp_path / "key", b"secret")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 100,
        private(PKCS8)[:60],
        private(OPENSSH)[:200],
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        b"x" * (2**20 + 1),
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, PKCS8, serialization.NoEncryption()
        ),
    ],
    ids=["empty", "zeros", "cut PEM", "cut OpenSSH", "hollow OpenSSH", "huge", "RSA"],
)
def test_what_is_no_signing_key_is_said_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(UsageError):
        load_signer(tmp_path / "key")


def test_a_key_file_that_is_absent_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load_signer(tmp_path / "absent")
    with pytest.raises(UsageError, match="cannot read"):
        load_trust(tmp_path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_the_fingerprint_is_that_of_openssh(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(SIGNER.public.text + "\n")
    command = ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert SIGNER.key_id in printed.split()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-rsa AAAA",
        "ssh-ed25519",
        "ssh-ed25519 ????",
        "ssh-ed25519 AAAA",
        SIGNER.public.text[:-8],
        SIGNER.public.text + base64.b64encode(b"more").decode(),
    ],
)
def test_a_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        PublicKey.parse(text)


def trust(tmp_path: Path, text: str) -> tuple[str, datetime | None, datetime | None]:
    (tmp_path / "trust").write_text(text)
    (key,) = load_trust(tmp_path / "trust")
    assert key.fingerprint == SIGNER.key_id
    return key.identity, key.valid_after, key.valid_before


PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (f"alice@lab {SIGNER.public.text}", "alice@lab"),
        (f"# lab\n\nalice@lab,al {SIGNER.public.text} comment here\n", "alice@lab,al"),
        (f'"alice at lab" {SIGNER.public.text}', "alice at lab"),
        (f'alice@lab namespaces="git,disk-*" {SIGNER.public.text}', "alice@lab"),
        (f"bob {RSA}\nalice@lab {SIGNER.public.text}", "alice@lab"),
        (f"ca cert-authority {SIGNER.public.text}\nal {SIGNER.public.text}", "al"),
        (f"{SIGNER.public.text} alice's key", "alice's key"),
        (SIGNER.public.text, SIGNER.key_id),
        (PEM.decode(), SIGNER.key_id),
        (f"some text\n{PEM.decode()}", SIGNER.key_id),
    ],
)
def test_a_trust_file_of_each_format(tmp_path: Path, text: str, identity: str) -> None:
    assert trust(tmp_path, text) == (identity, None, None)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("20240102", datetime(2024, 1, 2, tzinfo=UTC)),
        ("20240102Z", datetime(2024, 1, 2, tzinfo=UTC)),
        ("202401020304", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("20240102030405Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_validity_times_are_utc(tmp_path: Path, text: str, time: datetime) -> None:
    options = f'valid-after="{text}",valid-before="20990101"'
    assert trust(tmp_path, f"a {options} {SIGNER.public.text}")[1:] == (
        time,
        datetime(2099, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "hello world",
        f"bob {RSA}",
        f'a namespaces="git" {SIGNER.public.text}',
        f'a valid-after="2024" {SIGNER.public.text}',
        f'a valid-after="20241399" {SIGNER.public.text}',
        f'a valid-after="\u0662\u0660\u0662\u0664\u0660\u0661\u0660\u0662" {SIGNER.public.text}',
        f'a no-such-option="1" {SIGNER.public.text}',
        "alice ssh-ed25519",
        "alice ssh-ed25519 AAAA",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\n",
        "a" * (2**20 + 1),
    ],
)
def test_a_trust_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "trust").write_text(text)
    with pytest.raises(UsageError):
        load_trust(tmp_path / "trust")


def test_a_trust_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trust").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load_trust(tmp_path / "trust")


def test_a_key_listed_twice_is_trusted_in_both_times(tmp_path: Path) -> None:
    (tmp_path / "trust").write_text(
        f'old valid-before="20230101" {SIGNER.public.text}\n'
        f'new valid-after="20240101" {SIGNER.public.text}\n'
    )
    keys = load_trust(tmp_path / "trust")
    found = find_trusted(keys, SIGNER.key_id, NOW)
    assert found is not None
    assert found.identity == "new"
    assert find_trusted(keys, SIGNER.key_id, datetime(2023, 6, 1, tzinfo=UTC)) is None
    assert find_trusted(keys, "SHA256:other", NOW) is None
