"""WeChat on Android: account, contacts, groups, messages, where the key follows from the image.

Written from published descriptions, and tested with databases made after them: there was no sample
of any. `EnMicroMsg.db` is SQLCipher of version 1. Its key is the first seven hexadecimal digits of
the MD5 of the telephone's IMEI and the account's number (uin); newer versions take a fixed text for
the IMEI. The number stands in the settings and, as MD5 of `mm` and itself, in the name of the
folder; an IMEI in `CompatibleInfo.cfg`. Those few are tried where the profile allows keys that lie
on the image, else a key that was given as a password. Not read: media, moments, payments.

References: forensic literature on EnMicroMsg.db; ppwwyyxx/wechat-dump.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
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

from ._plain import Store, read
from ._rows import first, number, written

_SCHEMA: Final = {
    "message": {"talker", "content", "isSend", "createTime"},
    "rcontact": {"username"},
}
_ROUNDS: Final = 4000
_PAGE: Final = 1024
_KEY: Final = re.compile(r"[0-9a-f]{7}")
_NO_IMEI: Final = "1234567890ABCDEF"
_IMEI: Final = re.compile(rb"(?<!\d)\d{15}(?!\d)")
_LIMIT: Final = 1 << 20
_MOST_IMEIS: Final = 8
_SETTINGS: Final = (
    ("system_config_prefs.xml", "default_uin"),
    ("auth_info_key_prefs.xml", "_auth_uin"),
)
_ROOM: Final = "@chatroom"
_OWN_NAME, _OWN_ALIAS, _OWN_PHONE = 2, 4, 6  # rows of userinfo
_TYPES: Final = {
    3: "image",
    34: "voice",
    42: "contact",
    43: "video",
    47: "sticker",
    48: "location",
    49: "link or file",
    50: "call",
    10000: "notice",
}
_NEEDED: Final = (
    "the IMEI and the account's number (uin), from which the key is made, or the key as a"
    " password; else a preservation request to the provider, with the account id"
)
_ALLOW: Final = "a profile with `decrypt: found`: the account's number lies in the settings; "


@extractor(
    name="chat.wechat-android.messages",
    paths=("**/com.tencent.mm/MicroMsg/*/EnMicroMsg.db",),  # Android: WeChat 5 to 8
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Say whose store it is; where its key is known read contacts, groups and messages."""
    uin = _uin(artifact)
    found = _opened(artifact, uin)
    if found is None:
        allow = _ALLOW if uin and not artifact.may_decrypt else ""
        yield ChatProfile(
            shows=Shows.USED,
            confidence=Confidence.POSSIBLE,
            times=written("store_last_written", artifact),
            protection=Protection.ENCRYPTED,
            application="wechat-android",
            profile=artifact.path.rpartition("/")[0],
            needed_to_open=f"{allow}{_NEEDED}",
        )
        return
    key, opened_by, protection = found
    yield from read(
        artifact,
        "wechat-android",
        _SCHEMA,
        _content,
        counted=("message", "talker"),
        key=key,
        protection=protection,
        opened_by=opened_by,
    )


def _uin(artifact: Artifact) -> str | None:
    """Return the number of the account from the settings, if the name of the folder fits it."""
    folder = artifact.path.split("/")[-2].casefold()
    for name, wanted in _SETTINGS:
        settings = artifact.resolve(f"../../shared_prefs/{name}")
        if settings is None:
            continue
        try:
            root = xml.parse(settings.read(_LIMIT))
        except (ParseError, EvidenceError):
            continue
        for entry in root:
            uin = entry.get("value") or ""
            named = hashlib.md5(f"mm{uin}".encode(), usedforsecurity=False).hexdigest()
            if entry.get("name") == wanted and named == folder:
                settings.withhold()
                return uin
    return None


def _opened(artifact: Artifact, uin: str | None) -> tuple[SqlCipher, str, Protection] | None:
    """Return what opens the database, where it comes from, and so how it was protected."""
    if uin is not None and artifact.may_decrypt:
        for imei in (_NO_IMEI, *_imeis(artifact)):
            made = hashlib.md5(f"{imei}{uin}".encode(), usedforsecurity=False).hexdigest()
            if cipher := _fitting(artifact, made[:7]):
                origin = "no IMEI" if imei == _NO_IMEI else "an IMEI in CompatibleInfo.cfg"
                opened_by = f"the account's number in the settings and {origin}"
                return cipher, opened_by, Protection.KEY_ON_IMAGE
    for given in artifact.passwords(cost=_ROUNDS):
        text = given.value.decode("utf-8", "replace").strip().casefold()
        if _KEY.fullmatch(text) and (cipher := _fitting(artifact, text)):
            return cipher, str(given), Protection.ENCRYPTED
    return None


def _imeis(artifact: Artifact) -> list[str]:
    file = artifact.resolve("../CompatibleInfo.cfg")
    with suppress(EvidenceError):
        found = _IMEI.findall(file.head(_LIMIT)) if file else []
        return list(dict.fromkeys(each.decode() for each in found))[:_MOST_IMEIS]
    return []


def _fitting(artifact: Artifact, key: str) -> SqlCipher | None:
    """Return how to open the database with a key, None when it is another."""
    cipher = SqlCipher(key=key, version=1, rounds=_ROUNDS, page_size=_PAGE)
    with suppress(ParseError), artifact.sqlite(key=cipher) as database:
        return cipher if database.has(_SCHEMA) else None
    return None


def _content(store: Store) -> Iterator[Finding]:
    about: dict[int | None, str] = {}
    for row in store.rows("userinfo", "id", "value"):
        if value := first(row, "value"):
            about[number(row.values.get("id"))] = value
        if number(row.values.get("id")) == _OWN_NAME:
            store.own = first(row, "value")
    if store.own:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            protection=store.protection,
            locator="userinfo",
            service=store.service,
            identifier=store.own,
            application="wechat-android",
            display_name=about.get(_OWN_ALIAS),
            phone=about.get(_OWN_PHONE),
        )
    yield from _people(store)
    for row in store.rows("message", "msgId", "talker", "content", "isSend", "createTime", "type"):
        chat, said = first(row, "talker") or "?", first(row, "content")
        mine = number(row.values.get("isSend"))
        sender = store.own if mine else chat
        if chat.endswith(_ROOM) and not mine:
            # who wrote stands before the text: `wxid:\n`
            who, colon, rest = (said or "").partition(":\n")
            sender, said = (who, rest) if colon and " " not in who else (None, said)
        kind = number(row.values.get("type"))
        yield store.message(
            row,
            "message",
            chat,
            sender,
            at=row.values.get("createTime"),
            mine=None if mine is None else mine == 1,
            said=said,
            kind=None if kind == 1 else _TYPES.get(kind or 0, f"type {kind}"),
        )


def _people(store: Store) -> Iterator[ChatContact | ChatGroup]:
    members: dict[str, tuple[str, ...]] = {}
    for row in store.rows("chatroom", "chatroomname", "memberlist"):
        room, listed = first(row, "chatroomname"), first(row, "memberlist")
        if room and listed:
            members[room] = tuple(filter(None, listed.split(";")))[:1000]
    for row in store.rows("rcontact", "username", "alias", "conRemark", "nickname"):
        who, name = first(row, "username"), first(row, "conRemark", "nickname")
        if who is None:
            continue
        shared = store.known(row, "rcontact", who, name)
        if who.endswith(_ROOM):
            yield ChatGroup(**shared, name=name, members=members.get(who, ()))
        elif who != store.own:
            yield ChatContact(**shared, alias=name, handle=first(row, "alias"))
