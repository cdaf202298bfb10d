"""Mail: a Thunderbird profile with its account and its folder of what was received."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Final

from triage.training.artifacts.scene import Scene
from triage.training.writers import mozilla


def mbox(body: str, *, when: datetime, **headers: str) -> bytes:
    """Return one message of a mail folder (RFC 4155); `X_Y=` is the header `X-Y`."""
    lines = [f"From - {when:%a %b} {when.day:2} {when:%H:%M:%S %Y}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    return "\n".join([*lines, "", *body.splitlines(), "", ""]).encode()


def thunderbird(scene: Scene) -> None:
    """Leave a Thunderbird profile with one account, and messages in its inbox.

    messages: each `sender | subject | text`.
    gives: path, address.
    """
    root = scene.below(
        "AppData/Roaming/Thunderbird/Profiles/tr41n1ng.default-release",
        ".thunderbird/tr41n1ng.default-release",
        "Thunderbird/tr41n1ng.default-release",
    )
    owner = scene.owner
    settings: dict[str, object] = {
        "mail.account.account1.identities": "id1",
        "mail.account.account1.server": "server1",
        "mail.accountmanager.accounts": "account1",
        "mail.identity.id1.fullName": owner.full_name,
        "mail.identity.id1.useremail": owner.mail,
        "mail.server.server1.directory-rel": "[ProfD]Mail/post.example",
        "mail.server.server1.hostname": "post.example",
        "mail.server.server1.type": "pop3",
        "mail.server.server1.userName": owner.account,
    }
    scene.file(f"{root}/prefs.js", mozilla.prefs(settings))
    inbox = b""
    for number, line in enumerate(scene.settings.strings("messages", ())):
        sender, subject, text = (part.strip() for part in line.split("|", 2))
        when = scene.minutes(30 + 95 * number)
        inbox += mbox(
            text,
            when=when,
            From=sender,
            To=owner.mail,
            Subject=subject,
            Date=format_datetime(when),
        )
    scene.file(f"{root}/Mail/post.example/Inbox", inbox)
    scene.shows(
        "mail.account",
        f"{root}/prefs.js",
        main=True,
        application="thunderbird",
        mail_address=owner.mail,
    )
    scene.call(path=f"/{root}", address=owner.mail)


MAKERS: Final = {"mail.thunderbird": thunderbird}
