from __future__ import annotations

import base64
from pathlib import Path

import pytest

from plugins.pgp.files import files
from plugins.pgp.mail import blocks
from plugins.pgp.thunderbird import public_keys, secret_keys
from tests.plugins.conftest import Extract
from triage.api import PgpKey, PgpMessage, Sensitivity

FIXTURES = Path(__file__).parents[3] / "fixtures/pgp"
ALICE = FIXTURES / "gnupg/linux/tree/home/alice"
PROFILE = (
    FIXTURES / "thunderbird/windows/tree/Users/alice/AppData/Roaming/Thunderbird"
    "/Profiles/fixture.default-release"
)
ORDER = (ALICE / "Documents/order.asc").read_bytes()
NOTE = (ALICE / "Desktop/mirrors.txt").read_bytes()


def test_note_with_signed_text_and_key(extract: Extract) -> None:
    found = extract(files, {"/Users/bob/Desktop/notes/pgp.txt": NOTE})
    (message,), (key,) = found.of(PgpMessage), found.of(PgpKey)
    assert message.signer_keys == (key.key_id,)
    assert (key.own, key.store) == (None, "armored-text")
    assert found.problems == []


def test_encrypted_file_names_its_recipient(extract: Extract) -> None:
    (message,) = extract(files, {"/a.asc": ORDER}).of(PgpMessage)
    key = extract(files, {"/home/a/pgp.txt": NOTE}).of(PgpKey)[0]
    assert message.recipient_keys == (key.subkeys[0].partition(" ")[0],)


def test_a_huge_encrypted_file_is_not_read_whole(extract: Extract) -> None:
    head = (ALICE / "Documents/hidden.gpg").read_bytes()
    (message,) = extract(files, {"/backup.gpg": head + bytes(80 << 20)}).of(PgpMessage)
    assert (message.hidden_recipients, len(message.recipient_keys)) == (1, 1)


def test_private_block_is_secret_even_when_unreadable(extract: Extract) -> None:
    text = b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n!!!!\n-----END PGP PRIVATE KEY BLOCK-----\n"
    (key,) = extract(files, {"/old.asc": text}).of(PgpKey)
    assert (key.fingerprint, key.sensitivity) == (None, Sensitivity.SECRET)


def test_wrong_checksum_is_said(extract: Extract) -> None:
    at = ORDER.index(b"\n=") + 2
    found = extract(files, {"/a.asc": ORDER[:at] + b"AAAA" + ORDER[at + 4 :]})
    assert len(found.problems) == 1
    assert found.of(PgpMessage)[0].checks == ()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/usr/share/keyrings/x.asc", NOTE),
        ("/usr/share/doc/tool/signers.asc", NOTE),
        ("/etc/apt/trusted.gpg.d/x.gpg", NOTE),
        ("/home/a/quoted.txt", (ALICE / "Documents/quoted.txt").read_bytes()),
        ("/x.key", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
        ("/x.gpg", b""),
        ("/x.gpg", b"\x99\xff\xff"),
        ("/x.pgp", b"\x89PNG\r\n\x1a\n"),
        ("/x.key", b"\x80" * 5000),
        ("/x.asc", b"= Manual\n\nasciidoc text\n"),
        ("/deep/in/src/notes.txt", NOTE),
        ("/x.asc", b"-----BEGIN PGP MESSAGE-----\n\nnothing of the kind\n"),
    ],
)
def test_near_misses(extract: Extract, path: str, data: bytes) -> None:
    found = extract(files, {path: data})
    assert (found.findings, found.problems) == ([], [])


def test_mail(extract: Extract) -> None:
    inbox = (PROFILE / "Mail/Local Folders/Inbox").read_bytes()
    found = extract(blocks, {"/Maildir/x/cur/1": inbox, "/Profiles/p/Mail/a.msf": b"//"})
    (message,) = found.of(PgpMessage)
    assert message.mail_sender == "alice@fixture.example"
    assert message.times[0].utc == "2024-05-06T08:08:09Z"
    assert len(found.of(PgpKey)) == 1


def test_block_behind_base64(extract: Extract) -> None:
    text = b"From: a@example.org\nTo: b@example.org\nContent-Transfer-Encoding: base64\n\n"
    mail = text + base64.encodebytes(ORDER)
    assert len(extract(blocks, {"/a/x.eml": mail}).of(PgpMessage)) == 1


def test_thunderbird(extract: Extract) -> None:
    tree = {f"/p/{path.name}": path.read_bytes() for path in PROFILE.iterdir() if path.is_file()}
    mine, friend = extract(public_keys, tree).of(PgpKey)
    assert (mine.own_basis, mine.owner_trust) == (("secret-key",), None)
    assert (friend.own, friend.owner_trust) == (False, "verified")
    (secret,) = extract(secret_keys, tree).of(PgpKey)
    assert (secret.secret_key, secret.sensitivity) == ("protected", Sensitivity.SECRET)
    assert secret.protection == "encrypted"
    tree |= {"/p/encrypted-openpgp-passphrase.txt": b"x", "/p/key4.db": b"x"}
    (secret,) = extract(secret_keys, tree).of(PgpKey)
    assert secret.protection == "key_on_image"


def test_thunderbird_with_a_broken_database_and_ring(extract: Extract) -> None:
    ring = (PROFILE / "pubring.gpg").read_bytes()
    tree = {
        "/p/prefs.js": b"",
        "/p/pubring.gpg": ring,
        "/p/secring.gpg": b"\x00",
        "/p/openpgp.sqlite": b"SQLite format 3\0garbage",
    }
    found = extract(public_keys, tree)
    assert len(found.of(PgpKey)) == 2
    assert found.problems


def test_a_ring_without_a_profile_is_gnupgs(extract: Extract) -> None:
    ring = (PROFILE / "pubring.gpg").read_bytes()
    assert extract(public_keys, {"/p/pubring.gpg": ring}).findings == []
