from __future__ import annotations

from pathlib import Path

import pytest

from plugins.mail.clients import aam2mail, mixmaster, mixminion, programs
from plugins.mail.thunderbird import accounts
from tests.plugins.conftest import Extract
from triage.api import MailAccount, MailRemailerClient, Sensitivity

TREE = Path(__file__).parents[3] / "fixtures/mail/clients/mixed/tree/home/alice/Mix"
RING = (TREE / "pubring.mix").read_bytes()


def test_one_finding_a_folder(extract: Extract) -> None:
    files = {f"/Mix/{path.name}": path.read_bytes() for path in TREE.iterdir() if path.is_file()}
    (client,) = extract(mixmaster, files).of(MailRemailerClient)
    assert (client.application, client.remailers) == ("mixmaster", 3)
    assert "PASSPHRASE" not in repr(client)
    events = [time.event for time in client.times]
    assert events == ["seed_written", "key_ring_written", "statistics_written"]


@pytest.mark.parametrize(
    "files",
    [
        {"/a/pubring.mix": b"\xff\x00 garbage"},
        {"/a/rlist.txt": b"bread"},
        {"/a/mixrand.bin": b"x" * 100},
        {"/a/mix.cfg": b"NAME=no\nname Alice\n"},
        {"/a/yamn.yml": b"- other\n"},
        {"/a/pubring.mix": RING[:60]},
    ],
)
def test_one_name_is_not_enough(extract: Extract, files: dict[str, bytes]) -> None:
    assert extract(mixmaster, files).findings == []


def test_ring_alone_by_content(extract: Extract) -> None:
    (client,) = extract(mixmaster, {"/a/pubring.mix": RING}).of(MailRemailerClient)
    assert client.remailers == 3


def test_two_names_are(extract: Extract) -> None:
    (client,) = extract(mixmaster, {"/a/mlist.txt": b"", "/a/rlist.txt": b""}).of(
        MailRemailerClient
    )
    assert client.files == ("mlist.txt", "rlist.txt")


def test_quicksilver_beside_mixmaster(extract: Extract) -> None:
    files = {"/q/QuickSilver.exe": b"MZ", "/q/pubring.mix": RING}
    assert extract(mixmaster, files).of(MailRemailerClient)[0].application == "quicksilver"
    assert extract(programs, files).of(MailRemailerClient)[0].confidence == "probable"
    assert extract(programs, {"/q/QuickSilver.exe": b"#!/bin/sh"}).findings == []
    assert extract(programs, {"/x/dat/cyp_capa.txt": b"x"}).findings == []


def test_mixminion_of_another_program(extract: Extract) -> None:
    assert extract(mixminion, {"/a/mixminionrc": b"\xff\xfe\x00"}).findings == []


def test_passphrases_are_sealed(extract: Extract) -> None:
    (client,) = extract(aam2mail, {"/a/aam2mail/etc/subject_esub": b"hunter2\n"}).of(
        MailRemailerClient
    )
    assert client.sensitivity is Sensitivity.SECRET
    assert "hunter2" not in repr(client)
    assert aam2mail.holds_secret


LOCAL_FOLDERS = """
user_pref("mail.accountmanager.accounts", "account1,,,");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.server.server1.type", "none");
"""
PROFILE = "/Users/a/AppData/Roaming/Thunderbird/Profiles/p/prefs.js"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\xff garbage",
        'user_pref("mail.accountmanager.accounts", "account1");',
        'user_pref("mail.accountmanager.accounts", 7);',
        LOCAL_FOLDERS,
    ],
)
def test_no_account(extract: Extract, text: str) -> None:
    assert extract(accounts, {PROFILE: text.encode("latin-1")}).findings == []


def test_account_without_identity(extract: Extract) -> None:
    text = (
        'user_pref("mail.accountmanager.accounts", "a");\n'
        'user_pref("mail.account.a.server", "s");\n'
        'user_pref("mail.server.s.type", "pop3");\n'
        'user_pref("mail.server.s.userName", "alice");\nuser_pref("broken'
    )
    found = extract(accounts, {PROFILE: text.encode()})
    (account,) = found.of(MailAccount)
    assert (account.mail_address, account.user_name, account.service) == (None, "alice", None)
    assert len(found.problems) == 1
