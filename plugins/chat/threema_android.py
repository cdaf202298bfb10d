"""Threema on Android: account, contacts, groups, messages, where its master key can be had.

Written from the sources of Threema for Android, and tested with databases of SQLCipher made after
them: there was no sample. `files/key.dat` or, since 6.2 (2025), `files/master_key.dat` has the
master key (`_threema_key`). Where no passphrase is set it opens if the profile allows keys that lie
on the image, else with a passphrase that was given, or from a copy of before it was set. Since 2026
the telephone's hardware seals it once more: then the store is told as locked. Not read: media,
ballots, calls, distribution lists.

References: threema-ch/threema-android, `localcrypto`, `DatabaseService`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Finding,
    ParseError,
    Protection,
    Shows,
    extractor,
)
from triage.formats import xml
from triage.formats.sqlite import SqlCipher

from ._found_keys import copies
from ._plain import Store, read
from ._rows import first, number, text, written
from ._threema_key import LONGEST, key_file

_APP: Final = "**/ch.threema.app{,.*}"  # Android: Threema; Work, Libre and others
_SCHEMA: Final = {"message": {"identity", "outbox", "body"}, "contacts": {"identity"}}
_COPIES: Final = "/**/{key,master_key}*.dat*"
_PREFS_LIMIT: Final = 4 << 20
_ALLOW: Final = "a profile with `decrypt: found`: the key lies in {name}, no passphrase set"
_PASSPHRASE: Final = "the passphrase of the app, as a password"  # noqa: S105 - words
_TELEPHONE: Final = (
    "the telephone itself, unlocked: its key store seals the key; or a backup of the app"
)
_KEY_FILE: Final = "files/key.dat or files/master_key.dat of the app, and its passphrase if set"
_TYPES: Final = {
    1: "image",
    2: "video",
    3: "voice",
    4: "location",
    5: "contact",
    6: "notice",
    7: "ballot",
    8: "file",
    9: "call",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lock:
    """How a store is protected, and what opens it."""

    protection: Protection
    needed: str | None = None
    key: SqlCipher | None = field(default=None, repr=False)
    opened_by: str | None = None


@extractor(
    name="chat.threema-android.messages",
    paths=(f"{_APP}/databases/threema4.db",),  # Android, since 2019
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Say how the store is protected; where its key can be had read contacts and messages."""
    lock = _lock(artifact)
    own = _own(artifact)
    if own:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator="settings of the app",
            service="threema",
            identifier=own,
            application="threema-android",
        )
    if lock.key is None:
        yield ChatProfile(
            shows=Shows.USED,
            confidence=Confidence.POSSIBLE,
            times=written("store_last_written", artifact),
            protection=lock.protection,
            application="threema-android",
            profile=artifact.path.rpartition("/databases/")[0],
            needed_to_open=lock.needed,
        )
        return

    def content(store: Store) -> Iterator[Finding]:
        store.own = own
        return _content(store)

    yield from read(
        artifact,
        "threema-android",
        _SCHEMA,
        content,
        counted=("message", "identity"),
        key=lock.key,
        protection=lock.protection,
        opened_by=lock.opened_by,
    )


def _lock(artifact: Artifact) -> _Lock:
    files = [artifact.resolve(f"../files/{name}") for name in ("master_key.dat", "key.dat")]
    locks = [_by(artifact, file) for file in files if file]
    opened = next((lock for lock in locks if lock and lock.key), None) or _copied(artifact)
    if opened:
        return opened
    if artifact.resolve("../files/enc_master_key_v2.dat"):
        return _Lock(protection=Protection.HARDWARE, needed=_TELEPHONE)
    return next(filter(None, locks), _Lock(protection=Protection.ENCRYPTED, needed=_KEY_FILE))


def _by(artifact: Artifact, file: Artifact) -> _Lock | None:
    """Return what stands between a key file and the store; None when it is no key file."""
    name = f"files/{file.entry.name}"
    try:
        found = key_file(file.read(LONGEST))
    except (ParseError, EvidenceError):
        return None
    file.withhold()
    if found.kdf is None and not artifact.may_decrypt:
        return _Lock(protection=Protection.KEY_ON_IMAGE, needed=_ALLOW.format(name=name))
    try:
        if found.kdf is None and (key := found.opened()):
            origin = f"{name}, no passphrase set"
            return _Lock(protection=Protection.KEY_ON_IMAGE, key=_cipher(key), opened_by=origin)
        for given in artifact.passwords(cost=found.kdf.cost) if found.kdf else ():
            if key := found.opened(given.value):
                return _Lock(protection=Protection.PASSCODE, key=_cipher(key), opened_by=str(given))
    except ParseError as error:
        return _Lock(protection=Protection.ENCRYPTED, needed=f"{name}: {error.message}")
    if found.kdf is None:
        return _Lock(protection=Protection.DAMAGED, needed=f"a sound copy of {name}")
    return _Lock(protection=Protection.PASSCODE, needed=_PASSPHRASE)


def _copied(artifact: Artifact) -> _Lock | None:
    """Return what opens the store from a copy of a key file of before a passphrase was set.

    The master key stays the same: a passphrase only hides it.
    """
    for path, key in copies(artifact, _COPIES, _free_key, limit=LONGEST):
        with suppress(ParseError), artifact.sqlite(key=_cipher(key)):
            return _Lock(
                protection=Protection.KEY_ON_IMAGE,
                key=_cipher(key),
                opened_by=f"the key in {path}, no passphrase set",
            )
    return None


def _free_key(data: bytes) -> bytes | None:
    found = key_file(data)
    return found.opened() if found.kdf is None else None


def _cipher(key: bytes) -> SqlCipher:
    # The double quotes are part of the passphrase: with single ones it would be a raw key.
    return SqlCipher(key=f'x"{key.hex()}"', rounds=1)


def _own(artifact: Artifact) -> str | None:
    """Return the own Threema ID from the settings beside the database."""
    package = artifact.path.rpartition("/databases/")[0].rpartition("/")[2]
    settings = artifact.resolve(f"../shared_prefs/{package}_preferences.xml")
    try:
        root = xml.parse(settings.read(_PREFS_LIMIT)) if settings else None
    except (ParseError, EvidenceError):
        return None
    for entry in root.iter("string") if root is not None else ():
        if entry.get("name") == "identity":
            return text(entry.text or "")
    return None


def _content(store: Store) -> Iterator[Finding]:
    for row in store.rows("contacts", "identity", "firstName", "lastName", "publicNickName"):
        who = first(row, "identity")
        if who is None:
            continue
        whole = " ".join(filter(None, (first(row, "firstName"), first(row, "lastName"))))
        name = whole or first(row, "publicNickName")
        yield ChatContact(**store.known(row, "contacts", who, name), alias=name)
    members: dict[int | None, list[str]] = {}
    for row in store.rows("group_member", "groupId", "identity"):
        if who := first(row, "identity"):
            members.setdefault(number(row.values.get("groupId")), []).append(who)
    for row in store.rows("m_group", "id", "name"):
        key = number(row.values.get("id"))
        group, name = f"group {key}", first(row, "name")
        yield ChatGroup(
            **store.known(row, "m_group", group, name),
            name=name,
            members=tuple(members.get(key, ()))[:1000],
        )
    for table in ("message", "m_group_message"):
        yield from _messages(store, table)


def _messages(store: Store, table: str) -> Iterator[ChatMessage]:
    columns = ("identity", "groupId", "outbox", "type", "body", "caption")
    for row in store.rows(table, *columns, "createdAtUtc", "createdAt"):
        mine, kind = number(row.values.get("outbox")), number(row.values.get("type"))
        peer = first(row, "identity")
        chat = f"group {number(row.values.get('groupId'))}" if table != "message" else peer or "?"
        # What is not a text keeps a description of its own in `body`, with the key of a file.
        said = first(row, "body") if kind in (None, 0, 6) else first(row, "caption")
        yield store.message(
            row,
            table,
            chat,
            store.own if mine else peer,
            at=row.values.get("createdAtUtc") or row.values.get("createdAt"),
            mine=None if mine is None else mine == 1,
            said=said,
            kind=_TYPES.get(kind or 0, f"type {kind}" if kind else None),
        )
