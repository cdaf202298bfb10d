"""The credentials file: what it may say, and errors that name the place and never the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.credentials import FILE_LIMIT, Credential, CredentialKind, counts, load, parse, proof
from triage.errors import UsageError

RECOVERY = "-".join(f"{11 * number:06}" for number in range(1, 9))


def read(text: str, folder: Path = Path()) -> tuple[Credential, ...]:
    return parse(text.encode(), name="c.yaml", folder=folder)


def test_every_kind_of_entry(tmp_path: Path) -> None:
    (tmp_path / "domain.pvk").write_bytes(b"\x1e\xf1\xb5\xb0")
    given = read(
        f"""
- password: correct horse
- password: ''
  extractor: wallet.electrum.*
  path: ["**/wallets/*", "**/x"]
  account: [alice, S-1-5-21-*]
- key_hex: 00ff
- key_base64: AP8=
- key_file: domain.pvk
- nt_hash: {"0f" * 16}
- dpapi_backup_key: {tmp_path}/domain.pvk
- bitlocker_recovery_key: {RECOVERY}
- volume_password: geheim-ü
""",
        tmp_path,
    )
    assert [(one.number, one.kind.value, one.value) for one in given] == [
        (1, "password", b"correct horse"),
        (2, "password", b""),
        (3, "key", b"\x00\xff"),
        (4, "key", b"\x00\xff"),
        (5, "key_file", b"\x1e\xf1\xb5\xb0"),
        (6, "nt_hash", b"\x0f" * 16),
        (7, "dpapi_backup_key", b"\x1e\xf1\xb5\xb0"),
        (8, "bitlocker_recovery_key", RECOVERY.encode()),
        (9, "volume_password", "geheim-ü".encode()),
    ]
    assert given[1].paths == ("**/wallets/*", "**/x")
    assert counts(given)["password"] == 2
    assert str(given[1]) == "entry 2 of the credentials file"
    assert "horse" not in repr(given)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hunter2", "c.yaml: must be a list"),
        ("[]", "c.yaml: must be a list"),
        ("- password:hunter2", "c.yaml: entry 1: must be a mapping"),
        ("- password: 12345", "entry 1.password: must be text: put it in quotes"),
        ("- password: a\n- password: yes", "entry 2.password: must be text"),
        ("- passwort: hunter2", "entry 1: 1 unknown key"),
        ("- {password: a, hunter2: b}", "entry 1: 1 unknown key"),
        ("- {password: hunter2, nt_hash: hunter2}", "entry 1: must have exactly one of"),
        ("- account: alice", "entry 1: must have exactly one of"),
        ("- password: hunter2\n  password: b", "a key stands twice at line 2"),
        ("- password: 'hunter2", "c.yaml: not YAML"),
        ("- password: &a hunter2\n- password: *b", "c.yaml: not YAML"),
        ("- {1: hunter2}", "c.yaml: not YAML"),
        ("- key_hex: hunter2", "entry 1.key_hex: must be pairs"),
        ("- key_hex: ''", "entry 1.key_hex: must be pairs"),
        ("- key_base64: hunter2", "entry 1.key_base64: must be base64"),
        ("- nt_hash: hunter2", "entry 1.nt_hash: must be 32"),
        ("- bitlocker_recovery_key: 000011-000012", "entry 1.bitlocker_recovery_key: must be"),
        (f"- bitlocker_recovery_key: {RECOVERY[:-1]}9", "entry 1.bitlocker_recovery_key: must be"),
        ("- key_file: hunter2", "entry 1.key_file: cannot be read"),
        ("- {password: hunter2, path: 'a{b'}", "entry 1.path: unbalanced"),
        ("- {password: hunter2, path: []}", "entry 1.path: must not be empty"),
        ("- {password: hunter2, account: 7}", "entry 1.account: must be text or a list"),
        ("- !!python/object/apply:os.system [hunter2]", "c.yaml: not YAML"),
        ("[" * 1200, "c.yaml: not YAML"),
        ("- a\n" * 1001, "more than 1000 entries"),
        (f"- password: {'a' * FILE_LIMIT}", "longer than"),
    ],
)
def test_an_error_names_the_place_and_not_the_value(text: str, place: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(text)
    assert place in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_what_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "c.yaml").write_bytes(b"- password: \xff\xfe")
    with pytest.raises(UsageError, match="not YAML"):
        load(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("binding", "fits"),
    [
        ({}, True),
        ({"extractors": ("wallet.*",)}, True),
        ({"extractors": ("chat.*", "wallet.x.file")}, True),
        ({"extractors": ("chat.*",)}, False),
        ({"paths": ("**/Wallets/*",)}, True),
        ({"paths": ("wallets/*",)}, False),
        ({"accounts": ("ALICE",)}, True),
        ({"accounts": ("s-1-5-21-*",)}, True),
        ({"accounts": ("bob",)}, False),
        ({"accounts": ("alice",), "extractors": ("chat.*",)}, False),
    ],
)
def test_what_an_entry_is_bound_to(binding: dict[str, tuple[str, ...]], fits: bool) -> None:
    one = Credential(number=1, kind=CredentialKind.PASSWORD, value=b"a", **binding)
    path = "/Users/alice/wallets/w"
    where = {"extractor": "wallet.x.file", "path": path}
    assert one.fits(**where, account=("S-1-5-21-1", "Alice")) is fits
    assert one.fits(**where, account=(None,)) is (fits and "accounts" not in binding)


def test_the_proof_changes_with_anything_and_with_the_salt() -> None:
    one = read("- password: a")
    same = proof(one, b"salt")
    assert len(same) == 4
    assert proof(read("- password: a"), b"salt") == same
    others = [
        "- password: b",
        "- {password: a, account: x}",
        "- key_hex: '61'",
        "- volume_password: a",
    ]
    assert all(proof(read(other), b"salt") != same for other in others)
    assert proof(one, b"pepper") != same
