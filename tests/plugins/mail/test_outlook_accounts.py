from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugins.mail.outlook_accounts import accounts
from tests.plugins.conftest import Extract
from triage.api import MailAccount

HIVES = Path(__file__).parents[3] / "fixtures/mail/outlook/windows/tree/Users"
SAMPLE = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "os/windows/NTUSER-WIN7.DAT"


def test_a_stored_password_is_told_and_kept_back(extract: Extract) -> None:
    hive = (HIVES / "alice/NTUSER.DAT").read_bytes()
    (account,) = extract(accounts, {"/Users/alice/NTUSER.DAT": hive}).of(MailAccount)
    assert (account.protection, account.user_name) == ("os_bound:dpapi", "alice")
    assert "not a password" not in repr(account)


@pytest.mark.skipif(not SAMPLE.is_file(), reason="TRIAGE_SAMPLES does not name the samples")
def test_hive_of_windows_7(extract: Extract) -> None:
    found = extract(accounts, {"/Users/x/NTUSER.DAT": SAMPLE.read_bytes()}).of(MailAccount)
    assert [(item.full_name, item.protocol) for item in found] == [
        ("Nick Fury", "pop3"),
        (None, None),
    ]
