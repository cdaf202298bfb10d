"""Signal and Molly on Android: the database, its backups, the settings beside them.

Written from the sources of Signal for Android and tested with databases of SQLCipher and backups
made after them: there was no sample of either. The database opens with its secret, given as a key
of 32 bytes, or (`decrypt: found`) read from the settings of versions before Android 6, which could
keep it in clear; since then the telephone's hardware wraps it. A backup opens with its 30 digits,
given as a password, or in clear in old settings. Not read: reactions, quotes, polls, stories,
calls since 2022 but for their line in the conversation, folders of backups since 2025.

References: signalapp/Signal-Android, `DatabaseSecretProvider`, `SqlCipherDatabaseHook`;
abrignoni/ALEAPP, `signalAndroid.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatExport,
    ChatGroup,
    ChatMessage,
    ChatProfile,
    Confidence,
    CredentialKind,
    EvidenceError,
    Finding,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import signal_backup, xml
from triage.formats.sqlite import Database, SqlCipher

from ._android import own_files
from ._found_keys import copies
from ._rows import rows, text, written
from ._signal_android import SERVICE, TABLES, Rows, Store

_APP: Final = "**/{org.thoughtcrime.securesms,im.molly.app}"  # Android: Signal; Molly, its fork
_PACKAGES: Final = ("org.thoughtcrime.securesms", "im.molly.app")
_COPIES: Final = "/**/{org.thoughtcrime.securesms,im.molly.app}_preferences*.xml*"
_PREFS_LIMIT: Final = 4 << 20
_SECRET = re.compile(r"[0-9a-fA-F]{64}")
_SIZE: Final = 32
_CLEAR: Final = "pref_database_unencrypted_secret"
_IN_SETTINGS: Final = "the secret in the settings of the app, plaintext"
_PASSPHRASE: Final = "pref_backup_passphrase"  # noqa: S105 - the name of a setting
_ALLOW: Final = "a profile with `decrypt: found`: what opens it lies in {path}"
_NEEDED: Final = (
    "the telephone itself, unlocked: its key store holds the key;"
    " or a backup with its 30 digits, or a linked computer"
)
_MADE = re.compile(
    r"signal-(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)\.backup$", re.IGNORECASE | re.ASCII
)


def _settings(file: Artifact | None) -> dict[str, str]:
    """Return the texts and numbers of a file of settings; none when it cannot be read."""
    try:
        found = _texts(file.read(_PREFS_LIMIT)) if file else {}
    except (ParseError, EvidenceError):
        return {}
    if file is not None:
        file.withhold()
    return found


def _texts(data: bytes) -> dict[str, str]:
    """Return the texts and numbers of a file of settings. Raises ParseError."""
    found: dict[str, str] = {}
    for entry in xml.parse(data):
        name, value = entry.get("name"), text(entry.text or "") or entry.get("value")
        if name and value:
            found[name] = value
    return found


def _clear_secret(data: bytes) -> str | None:
    secret = _texts(data).get(_CLEAR, "")
    return secret if _SECRET.fullmatch(secret) else None


def _clear_digits(data: bytes) -> str | None:
    digits = _texts(data).get(_PASSPHRASE, "").replace(" ", "")
    return digits if signal_backup.PASSPHRASE.fullmatch(digits) else None


def _application(path: str) -> str:
    return "molly" if "/im.molly.app/" in path.casefold() else "signal-android"


@extractor(
    name="chat.signal-android.account",
    paths=(f"{_APP}/shared_prefs/*_preferences.xml",),  # Android
    yields=(ChatAccount,),
    holds_secret=True,
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the settings: the own number and id, while they stood there (until 2021)."""
    found = _settings(artifact)
    phone, aci = found.get("pref_local_number"), found.get("pref_local_uuid")
    if identifier := aci or phone:
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            protection=Protection.PLAIN,
            service=SERVICE,
            identifier=identifier,
            application=_application(artifact.path),
            display_name=found.get("pref_profile_name"),
            phone=phone,
        )


@extractor(
    name="chat.signal-android.messages",
    paths=(f"{_APP}/databases/signal.db",),  # Android, since 2020; before it in `messages.db`
    yields=(ChatProfile, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Say how the database is protected; with its secret read contacts, groups and messages."""
    folder = artifact.path.rpartition("/databases/")[0]
    package = folder.rpartition("/")[2]
    prefs = artifact.resolve(f"../shared_prefs/{package}_preferences.xml")
    found = _settings(prefs)
    clear = _SECRET.fullmatch(found.get(_CLEAR, ""))
    with ExitStack() as stack:
        opened_by, database, elsewhere = _opened(artifact, stack, clear[0] if clear else None)
        protection = Protection.KEY_ON_IMAGE if clear or elsewhere else Protection.HARDWARE
        store = database and Store(
            rows=partial(rows, database),
            protection=protection,
            checks=("SQLCipher HMAC",),
        )
        needed = (
            _ALLOW.format(path=prefs.path)
            if clear and prefs and not artifact.may_decrypt
            else _NEEDED
        )
        yield ChatProfile(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED if store else Confidence.POSSIBLE,
            checks=store.checks if store else (),
            times=written("store_last_written", artifact),
            protection=protection,
            application=_application(artifact.path),
            profile=folder,
            conversations=store.conversations if store else None,
            messages=store.messages if store else None,
            opened_by=opened_by,
            needed_to_open=None if store else needed,
        )
        if store:
            yield from store.content()


def _opened(
    artifact: Artifact, stack: ExitStack, clear: str | None
) -> tuple[str | None, Database | None, bool]:
    """Return what opened the database, the database, and whether other settings did."""
    secrets = [(clear, _IN_SETTINGS)] if clear and artifact.may_decrypt else []
    given = artifact.keys(CredentialKind.KEY)
    secrets += [(key.value.hex(), str(key)) for key in given if len(key.value) == _SIZE]
    found = copies(artifact, _COPIES, _clear_secret, limit=_PREFS_LIMIT)
    elsewhere = ((secret, f"the secret in {path}, plaintext") for path, secret in found)
    for number, (secret, origin) in enumerate(chain(secrets, elsewhere)):
        # The hexadecimal digits are the passphrase, not the key.
        cipher = SqlCipher(key=secret, version=3, rounds=1, page_size=4096)
        with suppress(ParseError):
            return origin, stack.enter_context(artifact.sqlite(key=cipher)), number >= len(secrets)
    return None, None, False


@extractor(
    name="chat.signal-android.backups",
    paths=("**/signal-*.backup",),  # Signal and Molly, `Signal/Backups` unless moved
    yields=(ChatExport, ChatContact, ChatGroup, ChatMessage, ChatAttachment),
    holds_secret=True,
)
def backups(artifact: Artifact) -> Iterator[Finding]:
    """Say that a backup is there and when it was made; with its 30 digits read it."""
    header = signal_backup.header_of(artifact.head(signal_backup.HEADER))
    made = _MADE.search(artifact.path)
    keys, opened_by, where = _keys(artifact, header)
    backup, store = None, None
    protection = Protection.KEY_ON_IMAGE if where else Protection.PASSCODE
    if keys is not None:
        backup = signal_backup.read(artifact.open(), header, keys, tables=TABLES)
        if backup.problem:
            artifact.problem(backup.problem)
        store = Store(
            rows=_of(backup),
            protection=protection,
            checks=("HMAC of every frame",),
            inside=backup.attachments,
        )
    needed = _ALLOW.format(path=where) if where else "its 30 digits, as a password"
    yield ChatExport(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if store else Confidence.PROBABLE,
        checks=store.checks if store else (),
        times=(*_local(made), *written("last_written", artifact)),
        protection=protection,
        application="signal-android",
        path=artifact.path,
        export_format="backup",
        conversations=store.conversations if store else None,
        messages=store.messages if store else None,
        version=None if backup is None or backup.version is None else f"schema {backup.version}",
        opened_by=opened_by,
        needed_to_open=None if store else needed,
    )
    if store is not None:
        yield from store.content()


def _keys(
    artifact: Artifact, header: signal_backup.Header
) -> tuple[signal_backup.Keys | None, str | None, str | None]:
    """Return the keys, what they came from, and the settings with a passphrase in clear."""
    names = [f"shared_prefs/{package}_preferences.xml" for package in _PACKAGES]
    where = None
    for place in own_files(artifact.path, _PACKAGES, names):
        file = artifact.resolve(place)
        digits = _settings(file).get(_PASSPHRASE, "").replace(" ", "")
        if file is None or not signal_backup.PASSPHRASE.fullmatch(digits):
            continue
        if not artifact.may_decrypt:
            where = file.path
            continue
        keys = signal_backup.keys_of(digits, header)
        if signal_backup.opens(artifact.open(), header, keys):
            return keys, f"the passphrase in {file.path}, plaintext", file.path
    for path, digits in copies(artifact, _COPIES, _clear_digits, limit=_PREFS_LIMIT):
        keys = signal_backup.keys_of(digits, header)
        if signal_backup.opens(artifact.open(), header, keys):
            return keys, f"the passphrase in {path}, plaintext", path
    for given in artifact.passwords(cost=signal_backup.ROUNDS):
        digits = given.value.decode("utf-8", "replace").replace(" ", "")
        if signal_backup.PASSPHRASE.fullmatch(digits):
            keys = signal_backup.keys_of(digits, header)
            if signal_backup.opens(artifact.open(), header, keys):
                return keys, str(given), None
    return None, None, where


def _of(backup: signal_backup.Backup) -> Rows:
    return lambda table, _: backup.rows(table)


def _local(found: re.Match[str] | None) -> tuple[Time, ...]:
    """Return the time in a name: the telephone's own clock."""
    if found is None:
        return ()
    raw = f"{found[1]} {found[2]}:{found[3]}:{found[4]}"
    return (Time(event="made", utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL),)
