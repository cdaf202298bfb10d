"""Backups of WhatsApp: headers, keys, what opens and what does not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats import whatsapp_backup as backups

TREE = Path(__file__).parents[2] / "fixtures/chat/whatsapp_android/backups_opened/tree"
SHARED = TREE / "data/media/0/WhatsApp/Databases"
APP = TREE / "data/data/com.whatsapp/files"
CASES = [
    ("msgstore-2019-05-31.1.db.crypt12", "crypt12", "key", None),
    ("msgstore.db.crypt14", "crypt14", "key", "2.22.5.13"),
    ("msgstore-2024-05-31.1.db.crypt15", "crypt15", "encrypted_backup.key", "2.24.5.70"),
]


@pytest.mark.parametrize(("name", "form", "key", "version"), CASES)
def test_each_form_opens_with_its_key(name: str, form: str, key: str, version: str | None) -> None:
    data = (SHARED / name).read_bytes()
    found = backups.backup_of(data[: backups.HEADER])
    assert (found.form, found.version) == (form, version)
    fitting = backups.key_of((APP / key).read_bytes())
    assert backups.opens(fitting, found)
    plain = backups.decrypt(data, found, fitting)
    assert plain is not None
    assert plain.startswith(b"SQLite format 3\0")


@pytest.mark.parametrize(("name", "_form", "key", "_version"), CASES)
def test_another_key_does_not_open(name: str, _form: str, key: str, _version: str | None) -> None:
    data = (SHARED / name).read_bytes()
    found = backups.backup_of(data[: backups.HEADER])
    other = backups.Key(aes=b"\7" * 32, server_salt=b"\7" * 32 if key == "key" else None)
    assert backups.decrypt(data, found, other) is None
    assert backups.opens(other, found) is (key != "key")


@pytest.mark.parametrize(("name", "_form", "key", "_version"), CASES)
def test_a_cut_backup_does_not_open(name: str, _form: str, key: str, _version: str | None) -> None:
    data = (SHARED / name).read_bytes()
    found = backups.backup_of(data[: backups.HEADER])
    fitting = backups.key_of((APP / key).read_bytes())
    for length in (found.offset, found.offset + 1, len(data) // 2, len(data) - 60):
        assert backups.decrypt(data[:length], found, fitting) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x00\x01" + b"x" * 60,
        b"\xff\xff\xff\xff",
        b"\x05hello" * 10,
        b"\x7f" + b"\x12\x02\x2a\x00",
        b"\x04\x12\x02\x2a\x00",
        b"SQLite format 3\0" + b"\0" * 100,
    ],
)
def test_what_is_no_backup_is_refused(head: bytes) -> None:
    with pytest.raises(ParseError):
        backups.backup_of(head)


def test_what_is_no_key_is_refused() -> None:
    data = (APP / "key").read_bytes()
    broken = data[:62] + bytes([data[62] ^ 1]) + data[63:]
    for wrong in (b"", data[:-1], data + b"\0", b"x" * 158, data[:27], broken):
        with pytest.raises(ParseError):
            backups.key_of(wrong)


def test_a_key_is_never_shown() -> None:
    assert "aes" not in repr(backups.key_of((APP / "key").read_bytes()))


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/whatsapp"


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/whatsapp"
)
def test_a_real_backup_opens_to_the_very_database() -> None:
    data = (SAMPLES / "msgstore.db.crypt14").read_bytes()
    found = backups.backup_of(data[: backups.HEADER])
    assert (found.form, found.version, found.number_ends_with) == ("crypt14", "2.22.5.13", "67")
    key = backups.key_of((SAMPLES / "key").read_bytes())
    assert backups.opens(key, found)
    plain = backups.decrypt(data, found, key)
    assert plain == (SAMPLES / "msgstore.db").read_bytes()
    assert hashlib.sha256(plain).hexdigest().startswith("1425b944a2e3885f")
