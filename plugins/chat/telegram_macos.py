"""Telegram for macOS (the native program) and for iOS: account, contacts, groups, messages.

Written from the sources of Telegram for iOS, whose store both share, and tested with databases of
SQLCipher made after them: there was no sample of either. On macOS the key of the database lies
beside the accounts in `.tempkeyEncrypted`, under the passcode of the program: it is opened with
passcodes that were given, or, where none is set, if the profile allows keys that lie on the image.
On iOS the database stands in clear. Not read: media, calls, drafts, secret chats' keys.

References: TelegramMessenger/Telegram-iOS, `Postbox`; abrignoni/iLEAPP, `telegramAccounts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

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
    RowState,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import postbox
from triage.formats.sqlite import HEAD, Database, Row, SqlCipher, in_clear

from ._found_keys import copies
from ._plain import folder
from ._rows import TEXT_LIMIT, frame, moment, number, written

_SERVICE: Final = "telegram"
_SCHEMA: Final = {"t0": {"key", "value"}, "t2": {"key", "value"}, "t7": {"key", "value"}}
_STATE: Final = 2  # row of t0
_KEY_FILE: Final = ".tempkeyEncrypted"
_LONGEST: Final = 1 << 10  # bytes of it that are looked at
_ALLOW: Final = "a profile with `decrypt: found`: the key lies in {path}, and no passcode is set"
_PASSCODE: Final = "the passcode of the program, as a password"
_ACCOUNT = re.compile(r"/account-(\d{1,20})/postbox/")
_DAMAGED: Final = 20


@dataclass(slots=True, kw_only=True)
class _Store:
    """One account while it is read."""

    artifact: Artifact
    database: Database
    protection: Protection
    checks: tuple[str, ...]
    application: str
    own: str | None = None
    names: dict[str, str] = field(default_factory=dict)

    def rows(self, table: str) -> Iterator[Row]:
        # Some tables have no row numbers; the keys of all are unique.
        if table in self.database.tables():
            yield from self.database.rows(table, ("key", "value"), key="key")

    def shared(self, row: Row, table: str) -> dict[str, Any]:
        found = frame(row, table, protection=self.protection, checks=self.checks)
        found["locator"] = _place(row, table)
        return found | {"service": _SERVICE, "own_account": self.own}

    def content(self) -> Iterator[Finding]:
        """Yield the account, peers and messages."""
        self.own = self._self()
        yield from self._peers()
        damaged = 0
        for row in self.rows("t7"):
            key, value = row.values.get("key"), row.values.get("value")
            if not isinstance(key, bytes) or not isinstance(value, bytes):
                continue
            try:
                message = postbox.message(key, value)
            except ParseError as error:
                damaged += 1
                if damaged <= _DAMAGED:
                    self.artifact.problem(error.message, locator=_place(row, "t7"))
                continue
            if message is not None:
                yield self._message(row, message)

    def _self(self) -> str | None:
        for row in self.rows("t0"):
            if row.values.get("key") == _STATE:
                state = self._decoded(row)
                peer = number(state.get("peerId")) if state else None
                return None if peer is None else postbox.dialog(peer)
        return None

    def _decoded(self, row: Row) -> dict[str, Any] | None:
        value = row.values.get("value")
        with suppress(ParseError):
            return postbox.decode(value) if isinstance(value, bytes) else None
        return None

    def _peers(self) -> Iterator[Finding]:
        for row in self.rows("t2"):
            peer, found = number(row.values.get("key")), self._decoded(row)
            if peer is None or found is None:
                continue
            who, handle = postbox.dialog(peer), postbox.text(found, "un")
            parts = (postbox.text(found, "fn"), postbox.text(found, "ln"))
            name = " ".join(filter(None, parts)) or postbox.text(found, "t")
            if name:
                self.names[who] = name
            shared = self.shared(row, "t2") | {"identifier": who}
            phone = postbox.text(found, "p")
            if who == self.own:
                del shared["own_account"]
                yield ChatAccount(
                    **shared,
                    shows=Shows.USED,
                    application=self.application,
                    display_name=name,
                    phone=phone and f"+{phone.removeprefix('+')}",
                    handle=handle,
                )
            elif postbox.is_group(peer):
                yield ChatGroup(**shared, shows=Shows.PRESENT, name=name)
            else:
                yield ChatContact(
                    **shared,
                    shows=Shows.PRESENT,
                    alias=name,
                    phone=phone and f"+{phone.removeprefix('+')}",
                    handle=handle,
                )

    def _message(self, row: Row, message: postbox.Message) -> ChatMessage:
        chat = postbox.dialog(message.peer)
        sender = None if message.author is None else postbox.dialog(message.author)
        if sender is None:
            sender = chat if message.incoming else self.own
        return ChatMessage(
            **self.shared(row, "t7"),
            shows=Shows.USED,
            times=moment("sent", message.seconds, Unit.S_UNIX),
            conversation=chat,
            conversation_name=self.names.get(chat),
            sender=sender,
            sender_name=self.names.get(sender or ""),
            text=message.text[:TEXT_LIMIT],
            sent_raw=str(message.seconds),
            outgoing=not message.incoming,
            attachments=message.media or None,
        )


def _place(row: Row, table: str) -> str:
    key = row.key.hex() if isinstance(row.key, bytes) else row.key
    old = ", superseded" if row.state.value == RowState.SUPERSEDED.value else ""
    return f"{table} key {key}{old}"


@extractor(
    name="chat.telegram-macos.messages",
    paths=(
        # Telegram for macOS, from the site (`stable`) and the App Store (`appstore`)
        "**/Group Containers/*.ru.keepcoder.Telegram/**/account-*/postbox/db/db_sqlite",
        "**/telegram-data/account-*/postbox/db/db_sqlite",  # iOS
    ),
    content=(SqliteSchema(_SCHEMA),),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup, ChatMessage),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Say how an account's store is protected; where it opens read account, peers and messages."""
    with ExitStack() as stack:
        found = _opened(artifact, stack)
        database = found.database
        folded = artifact.path.casefold()
        application = "telegram-ios" if "/telegram-data/" in folded else "telegram-macos"
        named = _ACCOUNT.search(artifact.path)
        count = None
        if database is not None:
            if not database.has(_SCHEMA):
                raise ParseError("not a store of Telegram")
            (counted,) = database.select("SELECT count(*) AS n FROM t7")
            count = number(counted["n"])
        checks = ("SQLCipher HMAC",) if database and found.encrypted else ()
        yield ChatProfile(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
            checks=checks,
            times=written("store_last_written", artifact),
            protection=found.protection,
            application=application,
            profile=folder(artifact.path),
            messages=count,
            opened_by=found.opened_by,
            needed_to_open=found.needed,
        )
        if database is None:
            if named:
                yield ChatAccount(
                    shows=Shows.USED,
                    confidence=Confidence.POSSIBLE,
                    locator="name of the folder: the program's own number of the account",
                    service=_SERVICE,
                    identifier=f"account-{named[1]}",
                    application=application,
                )
            return
        store = _Store(
            artifact=artifact,
            database=database,
            protection=found.protection,
            checks=checks,
            application=application,
        )
        yield from store.content()


@extractor(
    name="chat.telegram-macos.profile",
    paths=("**/Group Containers/*.ru.keepcoder.Telegram/**/.tempkeyEncrypted",),  # macOS
    yields=(ChatProfile,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile]:
    """Say how many accounts the program keeps, and whether a passcode is set."""
    accounts = sum(1 for _ in artifact.find("account-*/postbox/db/db_sqlite"))
    free = postbox.key_of(artifact.head(_LONGEST), postbox.NO_PASSCODE) is not None
    needed = None if free and artifact.may_decrypt else _ALLOW.format(path=artifact.path)
    yield ChatProfile(
        shows=Shows.USED if accounts else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if free else Confidence.POSSIBLE,
        checks=("MurmurHash3",) if free else (),
        times=written("key_last_written", artifact),
        protection=Protection.KEY_ON_IMAGE if free else Protection.PASSCODE,
        application="telegram-macos",
        profile=artifact.path.rpartition("/")[0],
        accounts=accounts,
        needed_to_open=needed if free else _PASSCODE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """How a store is protected, and the database if it opens."""

    database: Database | None = None
    protection: Protection = Protection.PLAIN
    encrypted: bool = False
    opened_by: str | None = None
    needed: str | None = None


def _opened(artifact: Artifact, stack: ExitStack) -> _Opened:
    if in_clear(artifact.head(HEAD)):
        # By chance an encrypted byte looks like it once in 128 times: then it does not open.
        with suppress(ParseError):
            return _Opened(database=stack.enter_context(artifact.sqlite()))
    file = artifact.resolve(f"../../../{_KEY_FILE}")
    tempkey = b""
    if file is not None:
        with suppress(EvidenceError):
            tempkey = file.head(_LONGEST)
            file.withhold()
    try:
        key = postbox.key_of(tempkey, postbox.NO_PASSCODE)
    except ParseError:
        if found := _with_copy(artifact, stack):
            return found
        needed = f"{_KEY_FILE} from the folder above that of the account"
        return _Opened(protection=Protection.ENCRYPTED, encrypted=True, needed=needed)
    if key is not None and file is not None:
        if not artifact.may_decrypt:
            needed = _ALLOW.format(path=file.path)
            return _Opened(protection=Protection.KEY_ON_IMAGE, encrypted=True, needed=needed)
        return _with(artifact, stack, key, Protection.KEY_ON_IMAGE, f"{_KEY_FILE}, no passcode set")
    if found := _with_copy(artifact, stack):
        return found
    for given in artifact.passwords(cost=1):
        key = postbox.key_of(tempkey, given.value)
        if key is not None:
            return _with(artifact, stack, key, Protection.PASSCODE, str(given))
    return _Opened(protection=Protection.PASSCODE, encrypted=True, needed=_PASSCODE)


def _with_copy(artifact: Artifact, stack: ExitStack) -> _Opened | None:
    """Open with the key in a copy of the key file of before a passcode was set."""
    for path, key in copies(artifact, f"/**/{_KEY_FILE}*", _free_key, limit=_LONGEST):
        with suppress(ParseError):
            origin = f"the key in {path}, no passcode set"
            return _with(artifact, stack, key, Protection.KEY_ON_IMAGE, origin)
    return None


def _free_key(data: bytes) -> bytes | None:
    return postbox.key_of(data, postbox.NO_PASSCODE)


def _with(
    artifact: Artifact, stack: ExitStack, key: bytes, protection: Protection, opened_by: str
) -> _Opened:
    """Open with a key that is proven: what does not open with it is damaged. Raises ParseError."""
    cipher = SqlCipher(key=key, clear_bytes=postbox.CLEAR_BYTES)
    return _Opened(
        database=stack.enter_context(artifact.sqlite(key=cipher)),
        protection=protection,
        encrypted=True,
        opened_by=opened_by,
    )
