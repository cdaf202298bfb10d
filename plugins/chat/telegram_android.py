"""Telegram on Android: accounts, contacts, groups, and messages as far as they were loaded.

Written from the sources of Telegram for Android and from what ALEAPP reads, and tested with
databases made after them: there was no sample of any. Up to four accounts: `userconfing.xml` (as it
is spelled) and `files/cache4.db`, then `userconfig1.xml` and `files/account1/cache4.db`. The store
is a cache: what was not opened on this telephone is not in it. The passcode of the program locks
its window alone. Not read: media, calls, secret chats' keys, Telegram X.

References: DrKLO/Telegram, `MessagesStorage.java`, `UserConfig.java`; abrignoni/ALEAPP.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
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
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import xml

from ._plain import Store, read
from ._rows import first, number
from ._telegram_tl import User, message, user

_APP: Final = "**/org.telegram.{messenger,messenger.web,messenger.beta,plus}"
_SERVICE: Final = "telegram"
_PREFS_LIMIT: Final = 4 << 20
_STORE: Final = {"messages_v2": {"uid", "date", "data", "out"}, "users": {"uid", "name"}}
_OLD_STORE: Final = {"messages": {"uid", "date", "data", "out"}, "users": {"uid", "name"}}
_ACCOUNT = re.compile(r"/files/account(\d)/", re.ASCII)
_ENCRYPTED_CHAT: Final = 1 << 62  # of the number of a dialog: it is a secret chat


@extractor(
    name="chat.telegram-android.account",
    paths=(f"{_APP}/shared_prefs/userconf{{ing,ig1,ig2,ig3}}.xml",),  # Android
    yields=(ChatAccount,),
    holds_secret=True,
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the settings of one account: number, names, telephone."""
    found = _user(artifact)
    if found is not None:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            protection=Protection.PLAIN,
            service=_SERVICE,
            identifier=str(found.id),
            application="telegram-android",
            display_name=" ".join(filter(None, (found.first, found.last))) or None,
            phone=found.phone and f"+{found.phone}",
            handle=found.handle,
        )


def _user(settings: Artifact) -> User | None:
    """Return whose account it is; None when nobody is logged in. Raises ParseError."""
    root = xml.parse(settings.read(_PREFS_LIMIT))
    text = next((each.text for each in root.iter("string") if each.get("name") == "user"), None)
    try:
        return user(base64.b64decode(text or ""))
    except (binascii.Error, ValueError):
        return None


@extractor(
    name="chat.telegram-android.messages",
    # Android; the second is that of further accounts
    paths=(f"{_APP}/files/cache4.db", f"{_APP}/files/account*/cache4.db"),
    content=(SqliteSchema(_STORE), SqliteSchema(_OLD_STORE)),
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read contacts, groups and the messages that were loaded."""
    with artifact.sqlite() as database:
        old = not database.has(_STORE)
    yield from read(
        artifact,
        "telegram-android",
        _OLD_STORE if old else _STORE,
        _content,
        counted=("messages" if old else "messages_v2", "uid"),
    )


def _content(store: Store) -> Iterator[Finding]:
    store.own = _own(store.artifact)
    yield from _people(store)
    for row in store.rows("chats", "uid", "name"):
        key, name = number(row.values.get("uid")), first(row, "name")
        if key is None:
            continue
        yield ChatGroup(**store.known(row, "chats", str(-key), name), name=name)
    table = "messages_v2" if store.database.has(_STORE) else "messages"
    for row in store.rows(table, "mid", "uid", "date", "data", "out"):
        data, seconds = row.values.get("data"), number(row.values.get("date"))
        chat, mine = number(row.values.get("uid")), number(row.values.get("out"))
        if not isinstance(data, bytes) or seconds is None or chat is None:
            continue
        said = message(data, seconds)
        sender = str(said.sender) if said.sender is not None else None
        if sender is None:
            sender = store.own if mine else str(chat)
        yield store.message(
            row,
            table,
            _dialog(chat),
            sender,
            at=seconds,
            mine=None if mine is None else mine == 1,
            said=said.text,
            kind="notice" if said.notice else None,
            unit=Unit.S_UNIX,
        )


def _people(store: Store) -> Iterator[ChatContact]:
    """Yield those that are in the list of contacts; the names of all others are kept."""
    listed = {number(row.values.get("uid")) for row in store.rows("contacts", "uid")}
    phones = {
        number(row.values.get("key")): first(row, "phone", "sphone")
        for row in store.rows("user_phones_v7", "key", "phone", "sphone")
    }
    saved: dict[int | None, tuple[str | None, str | None]] = {}
    for row in store.rows("user_contacts_v7", "key", "uid", "fname", "sname"):
        whole = " ".join(filter(None, (first(row, "fname"), first(row, "sname"))))
        phone = phones.get(_key(row.values.get("key")))
        saved[number(row.values.get("uid"))] = whole or None, phone
    for row in store.rows("users", "uid", "name"):
        key = number(row.values.get("uid"))
        # `first last;;;handle`, in lower case
        shown, _, handle = (first(row, "name") or "").partition(";;;")
        given, phone = saved.get(key, (None, None))
        name = given or shown.strip() or None
        if key is None:
            continue
        if name:
            store.names[str(key)] = name
        if (key in listed or key in saved) and str(key) != store.own:
            yield ChatContact(
                **store.shared(row, "users"),
                shows=Shows.PRESENT,
                identifier=str(key),
                alias=name,
                handle=handle.strip() or None,
                phone=phone and f"+{phone.removeprefix('+')}",
            )


def _key(value: object) -> int | None:
    return number(int(value) if isinstance(value, str) and value.isdecimal() else value)


def _dialog(number_: int) -> str:
    if number_ & _ENCRYPTED_CHAT and number_ > 0:
        return f"secret {number_ & 0xFFFFFFFF}"
    return str(number_)


def _own(store: Artifact) -> str | None:
    """Return the number of the account, from the settings beside its files."""
    found = _ACCOUNT.search(store.path)
    place = "../../shared_prefs/userconfig{}.xml" if found else "../shared_prefs/userconfing.xml"
    settings = store.resolve(place.format(found[1] if found else ""))
    if settings is None:
        return None
    try:
        owner = _user(settings)
    except (ParseError, EvidenceError):
        return None
    settings.withhold()
    return str(owner.id) if owner else None
