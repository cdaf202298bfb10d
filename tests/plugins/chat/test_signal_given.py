"""Signal's key, wrapped by an operating system, opened with what the examiner gave."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plugins.chat.signal_desktop import messages, profile
from tests.formats.test_dpapi import GUID, SID, blob, master_key_file, pvk
from tests.formats.test_safe_storage import wrapped_with
from triage.api import ChatMessage, ChatProfile, Credential, CredentialKind, Protection
from triage.formats.md4 import nt_hash

Extract = Callable[..., Any]
KEY = "5b" * 32
WINDOWS = "/Users/alice/AppData/Roaming"
HOMES = {
    "windows": f"{WINDOWS}/Signal",
    "macos": "/Users/alice/Library/Application Support/Signal",
    "linux": "/home/alice/.config/Signal",
}


def given(kind: CredentialKind, *values: bytes) -> tuple[Credential, ...]:
    return tuple(
        Credential(number=number, kind=kind, value=value) for number, value in enumerate(values, 1)
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("signal") / "db"
    connection = apsw.Connection(str(path))
    connection.pragma("cipher", "sqlcipher")
    connection.pragma("legacy", 4)
    connection.pragma("key", f"x'{KEY}'")
    connection.execute(
        "CREATE TABLE conversations(id STRING PRIMARY KEY, json TEXT, type TEXT, uuid TEXT);"
        "CREATE TABLE messages(id STRING PRIMARY KEY, json TEXT, sent_at INTEGER, type TEXT,"
        " conversationId TEXT, body TEXT, sourceUuid TEXT, hasAttachments INTEGER);"
        "INSERT INTO messages VALUES ('m', '{}', 1500000000000, 'incoming', 'c', 'x', 'p', 0);"
    )
    connection.close()
    return path.read_bytes()


def tree(system: str, wrapped: bytes, database: bytes, **more: bytes) -> dict[str, bytes]:
    home = HOMES[system]
    return {
        f"{home}/config.json": json.dumps({"encryptedKey": wrapped.hex()}).encode(),
        f"{home}/sql/db.sqlite": database,
        **more,
    }


def windows(database: bytes, secret: bytes, **how: Any) -> dict[str, bytes]:
    wrapping = bytes(range(32))
    state = {"os_crypt": {"encrypted_key": base64.b64encode(b"DPAPI" + blob(wrapping)).decode()}}
    wrapped = b"v10" + bytes(12) + AESGCM(wrapping).encrypt(bytes(12), KEY.encode(), None)
    return tree(
        "windows",
        wrapped,
        database,
        **{
            f"{HOMES['windows']}/Local State": json.dumps(state).encode(),
            f"{WINDOWS}/Microsoft/Protect/{SID}/{GUID}": master_key_file(secret, **how),
            f"{WINDOWS}/Microsoft/Protect/{SID}/Preferred": b"x",
        },
    )


def sha1(password: str) -> bytes:
    return hashlib.sha1(password.encode("utf-16-le"), usedforsecurity=False).digest()


@pytest.mark.parametrize(
    ("secret", "kind", "values"),
    [
        (sha1("Sommer2024"), CredentialKind.PASSWORD, (b"Winter", b"Sommer2024")),
        (nt_hash("Sommer2024"), CredentialKind.NT_HASH, (bytes(16), nt_hash("Sommer2024"))),
    ],
)
def test_the_windows_account_opens_it(
    extract: Extract,
    database: bytes,
    secret: bytes,
    kind: CredentialKind,
    values: tuple[bytes, ...],
) -> None:
    files = windows(database, secret)
    keys = given(kind, *values)
    (found,) = extract(profile, files, given=keys).of(ChatProfile)
    assert found.opened_by == "the DPAPI master key that entry 2 of the credentials file opens"
    assert (found.protection, found.needed_to_open) == (Protection.DPAPI, None)
    assert len(extract(messages, files, given=keys).of(ChatMessage)) == 1
    (closed,) = extract(profile, files, given=given(kind, values[0])).of(ChatProfile)
    assert closed.opened_by is None
    assert closed.needed_to_open


def test_a_master_key_that_would_cost_too_much_stays_closed(
    extract: Extract, database: bytes
) -> None:
    files = windows(database, nt_hash("pw"), rounds=5)
    (place,) = [path for path in files if "Protect" in path and "Preferred" not in path]
    costly = (5).to_bytes(4, "little"), (1 << 20).to_bytes(4, "little")
    head, tail = files[place][:128], files[place][128:]
    files[place] = head + tail.replace(costly[0] + b"\x0e\x80", costly[1] + b"\x0e\x80")
    keys = given(CredentialKind.NT_HASH, *(bytes([number]) * 16 for number in range(50)))
    found = extract(profile, files, given=keys, password_cost=1 << 20)
    assert found.of(ChatProfile)[0].opened_by is None


def test_another_account_s_master_key_is_not_tried(extract: Extract, database: bytes) -> None:
    files = {
        path.replace("alice", "bob") if "Protect" in path else path: content
        for path, content in windows(database, sha1("a")).items()
    }
    found = extract(profile, files, given=given(CredentialKind.PASSWORD, b"a"))
    assert found.of(ChatProfile)[0].opened_by is None


@pytest.mark.parametrize(
    ("system", "rounds", "prefix"), [("macos", 1003, b"v10"), ("linux", 1, b"v11")]
)
def test_the_secret_of_keychain_or_keyring_opens_it(
    extract: Extract, database: bytes, system: str, rounds: int, prefix: bytes
) -> None:
    secret = b"3vXo2pZkq1m0R5t6u7w8xA=="
    files = tree(system, wrapped_with(KEY.encode(), secret, rounds, prefix), database)
    keys = given(CredentialKind.PASSWORD, b"other", secret)
    (found,) = extract(profile, files, given=keys).of(ChatProfile)
    assert found.opened_by == "entry 2 of the credentials file"
    assert len(extract(messages, files, given=keys).of(ChatMessage)) == 1


def test_the_key_itself_opens_it(extract: Extract, database: bytes) -> None:
    files = tree("linux", b"v11" + b"\1" * 80, database)
    keys = given(CredentialKind.KEY, b"short", bytes.fromhex(KEY))
    (found,) = extract(profile, files, given=keys).of(ChatProfile)
    assert found.opened_by == "entry 2 of the credentials file"
    assert KEY not in repr(extract(messages, files, given=keys).findings)


def test_the_domain_s_key_opens_it(extract: Extract, database: bytes) -> None:
    rsa = generate_private_key(65537, 2048)
    files = windows(database, b"unknown", domain=rsa)
    keys = given(CredentialKind.DPAPI_BACKUP_KEY, b"not a key", pvk(rsa))
    (found,) = extract(profile, files, given=keys).of(ChatProfile)
    assert found.opened_by == "the DPAPI master key that entry 2 of the credentials file opens"
