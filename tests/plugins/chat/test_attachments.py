"""Hashes of attachments: plain, encrypted by Signal Desktop, damaged, too many."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from plugins.chat._attachments import Hashes
from triage.api import Artifact, Extractor
from triage.extractor import extractor
from triage.findings import ChatExport

Extract = Callable[..., Any]
KEYS = bytes(range(64))
CONTENT = b"the picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def encrypted() -> bytes:
    plain = CONTENT + bytes(100 - len(CONTENT))
    plain += bytes([12]) * 12
    cipher = Cipher(AES(KEYS[:32]), CBC(b"v" * 16)).encryptor()
    body = b"v" * 16 + cipher.update(plain) + cipher.finalize()
    return body + hmac.digest(KEYS[32:], body, "sha256")


def seen(look: Callable[[Artifact], None]) -> Extractor:
    @extractor(name="chat.test.files", paths=("**/db",), yields=(ChatExport,))
    def files(artifact: Artifact) -> Any:
        """Look at the files beside."""
        look(artifact)
        yield from ()

    return files


def test_a_plain_file(extract: Extract) -> None:
    told: list[dict[str, Any]] = []

    def look(artifact: Artifact) -> None:
        hashes = Hashes(left=30)
        told.extend(hashes.facts(artifact.sibling(name)) for name in ("a", "none", "a", "a"))

    extract(seen(look), {"/x/db": b"", "/x/a": CONTENT})
    assert [each["present"] for each in told] == [True, False, True, True]
    assert [each["content_sha256"] for each in told] == [SHA256, None, SHA256, None]


@pytest.mark.parametrize(
    ("data", "keys", "length", "expected"),
    [
        (encrypted(), KEYS, len(CONTENT), SHA256),
        (encrypted()[:-1] + b"x", KEYS, len(CONTENT), None),
        (encrypted(), KEYS[::-1], len(CONTENT), None),
        (encrypted(), KEYS[:63], len(CONTENT), None),
        (b"", KEYS, None, None),
        (bytes(40), KEYS, 5, None),
    ],
)
def test_what_signal_encrypted(
    extract: Extract, data: bytes, keys: bytes, length: int | None, expected: str | None
) -> None:
    told: list[dict[str, Any]] = []

    def look(artifact: Artifact) -> None:
        key = base64.b64encode(keys).decode()
        told.append(Hashes().opened(artifact.sibling("a"), key, length))
        told.append(Hashes().opened(artifact.sibling("a"), "not Base64!", length))

    extract(seen(look), {"/x/db": b"", "/x/a": data})
    assert told == [
        {"present": True, "content_sha256": expected},
        {"present": True, "content_sha256": None},
    ]
