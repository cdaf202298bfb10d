"""Keybase: accounts and devices that the program is set up for; its chats are boxed.

Written from keybase/client (`go/libkb/config.go`, Windows, macOS, Linux), and tested with files
made after it: there was no sample of a real account. Names and ids stand in clear; chats and keys
are encrypted for the device and lie with the provider as well. Not read: logs, proofs, KBFS.

References: keybase/client; book.keybase.io.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatProfile,
    Confidence,
    Finding,
    Protection,
    Shows,
    extractor,
)
from triage.formats import json

from ._chromium_app import member
from ._rows import text, written

_PATHS: Final = (
    "**/AppData/Local/Keybase/config.json",  # Windows
    "**/AppData/Roaming/Keybase/config.json",  # Windows, old
    "**/Library/Application Support/Keybase/config.json",  # macOS
    "**/.config/keybase/config.json",  # Linux
)
_DATA: Final = ("", "../../.local/share/keybase/", "../../../.local/share/keybase/")
_NEEDED: Final = "a paper key or another device of the account; the provider has what is public"


@extractor(
    name="chat.keybase.profile",
    paths=_PATHS,
    yields=(ChatProfile, ChatAccount),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[Finding]:
    """Read the accounts in the configuration, and whether chats are kept."""
    config = json.parse(artifact.read(4 << 20))
    users = member(config, "users")
    if not isinstance(users, dict):
        return
    chats = next(
        (
            found
            for folder in _DATA
            if (found := artifact.resolve(f"{folder}keybase.chat.leveldb/CURRENT"))
        ),
        None,
    )
    yield ChatProfile(
        shows=Shows.USED if chats else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=written("chats_last_written", chats) if chats else (),
        protection=Protection.ENCRYPTED if chats else Protection.PLAIN,
        application="keybase",
        profile=artifact.path.rpartition("/")[0],
        accounts=len(users),
        needed_to_open=_NEEDED if chats else None,
    )
    for name, user in list(users.items())[:100]:
        device = text(member(user, "device")) or text(member(user, "device_id"))
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"users {name}",
            protection=Protection.PLAIN,
            service="keybase",
            identifier=text(member(user, "id")) or str(name),
            application="keybase",
            handle=text(member(user, "name")) or str(name),
            linked_device=device,
        )
