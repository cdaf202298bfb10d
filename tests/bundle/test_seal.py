from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from triage import canonical
from triage.bundle import Signer
from triage.bundle.seal import (
    BUNDLE_SEAL,
    make_envelope,
    make_statement,
    normal_code,
    pae,
    parse_seal,
    seal_code,
)
from triage.errors import AlteredError, BundleError, UsageError

SUBJECTS = {"b": "1" * 64, "a": "0" * 64}
STATEMENT = make_statement(BUNDLE_SEAL, SUBJECTS, {"sealed": "2024-02-21T08:15:00.000000Z"})


def test_the_encoding_is_that_of_the_dsse_specification() -> None:
    # the example of secure-systems-lab/dsse, protocol.md
    message = pae(b"hello world", "http://example.com/HelloWorld")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_seal_is_read_back(signer: Signer) -> None:
    data = make_envelope(STATEMENT, signer)
    seal = parse_seal(data)
    assert seal.subjects == SUBJECTS
    assert seal.payload == STATEMENT
    assert [(s.fingerprint, s.valid) for s in seal.signatures] == [(signer.key_id, True)]
    assert seal.code == seal_code(data)
    assert seal.sealed.isoformat() == "2024-02-21T08:15:00+00:00"


def test_an_unsigned_seal_is_the_same_statement(signer: Signer) -> None:
    seal = parse_seal(make_envelope(STATEMENT, None))
    assert seal.signatures == ()
    assert seal.payload == parse_seal(make_envelope(STATEMENT, signer)).payload


def test_the_code_is_160_bits_of_the_hash() -> None:
    code = seal_code(b"abc")
    assert [len(group) for group in code.split("-")] == [4] * 8
    bits = base64.b32decode(code.replace("-", ""))
    assert bits == hashlib.sha256(b"abc").digest()[:20]


@pytest.mark.parametrize("text", ["{}", "{} ", " {}\n", "\t{}"])
def test_a_typed_code_is_normalised(text: str) -> None:
    code = seal_code(b"abc")
    assert normal_code(text.format(code)) == code
    assert normal_code(text.format(code.lower().replace("-", ""))) == code


@pytest.mark.parametrize(
    "text", ["", "AAAA", "-" * 40, "A" * 33, "9" * 32, "é" * 32, "\u0130" * 32]
)
def test_a_code_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        normal_code(text)


def test_every_cut_of_a_seal_is_refused(signer: Signer) -> None:
    data = make_envelope(STATEMENT, signer)
    for length in range(0, len(data) - 1, 7):
        with pytest.raises(AlteredError):
            parse_seal(data[:length])


def test_every_changed_byte_of_a_seal_is_noticed(signer: Signer) -> None:
    data = make_envelope(STATEMENT, signer)
    for position in range(len(data) - 1):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            seal = parse_seal(bytes(changed))
        except AlteredError:
            continue
        # What still parses has a signature that is not valid, or none under a name we know.
        assert not seal.signatures or not all(s.valid for s in seal.signatures)


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"_type": "other"},
        {"_type": "https://in-toto.io/Statement/v1", "subject": {}},
        {"_type": "https://in-toto.io/Statement/v1", "subject": [1]},
        {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a"}]},
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": "0"}}] * 2,
        },
        {"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": 1},
        {"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "x"},
    ],
)
def test_a_statement_that_is_none_is_refused(statement: dict[str, Any]) -> None:
    with pytest.raises(AlteredError):
        parse_seal(make_envelope(canonical.encode(statement), None))


@pytest.mark.parametrize(
    "signature",
    [1, {}, {"keyid": "a"}, {"keyid": "a", "key": "ssh-rsa AAAA", "sig": ""}, {"keyid": 1}],
)
def test_a_signature_that_is_none_is_refused(signature: object) -> None:
    envelope = json.loads(make_envelope(STATEMENT, None)) | {"signatures": [signature]}
    with pytest.raises(AlteredError):
        parse_seal(canonical.line(envelope))


def test_a_predicate_without_canonical_form_is_refused() -> None:
    with pytest.raises(BundleError):
        make_statement(BUNDLE_SEAL, SUBJECTS, {"ratio": 0.5})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_verifies_our_signature(tmp_path: Path, signer: Signer) -> None:
    envelope = json.loads(make_envelope(STATEMENT, signer))
    raw = base64.b64decode(envelope["signatures"][0]["key"].split()[1])[-32:]
    (tmp_path / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + raw)
    (tmp_path / "message").write_bytes(pae(STATEMENT))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
    command += ["-inkey", "key", "-in", "message", "-sigfile", "sig"]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "message").write_bytes(pae(STATEMENT) + b" ")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0
