"""WhatsApp on Android: messages, contacts, the own number, and encrypted backups.

Written from what ALEAPP reads of the databases and tested with the database of version 2.22.5 (both
schemas are in it), with a crypt14 backup of it and its key; crypt12, crypt15 and the settings were
tested with files made after descriptions. Paths fit `com.whatsapp` and `com.whatsapp.w4b` in a full
file system, an extraction or a copy. A backup is opened with a key that the examiner gave, or
(`decrypt: found`) with one that lies in the app's own folder, beside it, or elsewhere by its name.
Not read: reactions, quoted messages, polls, status views, the media themselves. `sent` is the
sender's clock.

References: abrignoni/ALEAPP, `WhatsApp.py`; ElDavoo/wa-crypt-tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

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
    SqliteSchema,
    extractor,
)
from triage.formats import whatsapp_backup as backups
from triage.formats import xml
from triage.formats.sqlite import open_database

from ._android import own_files
from ._found_keys import copies
from ._plain import folder
from ._rows import first, frame, rows, text, written
from ._whatsapp import GROUP, SERVICE, Store, content, counts

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # noqa: TID251 - the type alone, never its parser

_APPLICATION: Final = "whatsapp"
_APP: Final = "**/{com.whatsapp,com.whatsapp.w4b}"  # Android; w4b is WhatsApp Business
_PREFS_LIMIT: Final = 4 << 20
_ON_IMAGE: Final = "the key in "
_ALLOW: Final = "a profile with `decrypt: found`: a key that may fit lies on the image"
_NEEDED: Final = {
    "crypt15": "the 64-digit key or password of the end-to-end encrypted backup",
}
_KEY_NEEDED: Final = "the file `files/key` of the app, from the telephone's own storage"
_COPIES: Final = "/**/{key,key.*,encrypted_backup*.key*}"
_PACKAGES: Final = ("com.whatsapp", "com.whatsapp.w4b")


@extractor(
    name="chat.whatsapp-android.messages",
    paths=(f"{_APP}/databases/msgstore.db",),
    content=(
        SqliteSchema(
            {"message": {"chat_row_id", "from_me", "key_id"}, "jid": {"raw_string"}}
        ),  # 2020 on
        SqliteSchema({"messages": {"key_remote_jid", "key_from_me", "key_id"}}),  # before
    ),
    yields=(ChatProfile, ChatGroup, ChatMessage, ChatAttachment),
)
def messages(artifact: Artifact) -> Iterator[Finding]:
    """Read the message store of the app: groups, messages, attachments, calls."""
    with artifact.sqlite() as database:
        store = Store(artifact, database, Protection.PLAIN)
        found = content(store)
        held = next(found, None)  # raises when it is no message store
        counted = counts(database)
        yield ChatProfile(
            shows=Shows.USED if held is not None else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=written("store_last_written", artifact),
            protection=Protection.PLAIN,
            application=_APPLICATION,
            profile=folder(artifact.path),
            conversations=counted["conversations"],
            messages=counted["messages"],
        )
        if held is not None:
            yield held
        yield from found


@extractor(
    name="chat.whatsapp-android.contacts",
    paths=(f"{_APP}/databases/wa.db",),
    content=(SqliteSchema({"wa_contacts": {"jid", "wa_name"}}),),
    yields=(ChatContact, ChatGroup),
)
def contacts(artifact: Artifact) -> Iterator[ChatContact | ChatGroup]:
    """Read the contacts and groups that the app knows, by address and name."""
    columns = ("jid", "display_name", "wa_name", "number", "is_whatsapp_user")
    with artifact.sqlite() as database:
        if not database.has({"wa_contacts": {"jid"}}):
            raise ParseError("not the contacts of WhatsApp")
        blocked = {first(row, "jid") for row in rows(database, "wa_block_list", ("jid",))}
        for row in rows(database, "wa_contacts", columns):
            jid = first(row, "jid")
            name = first(row, "display_name", "wa_name")
            if jid is None:
                continue
            if jid.endswith(GROUP):
                yield ChatGroup(
                    **frame(row, "wa_contacts"),
                    shows=Shows.PRESENT,
                    service=SERVICE,
                    own_account=None,
                    identifier=jid,
                    name=name,
                )
            else:
                yield ChatContact(
                    **frame(row, "wa_contacts"),
                    shows=Shows.PRESENT,
                    service=SERVICE,
                    own_account=None,
                    identifier=jid,
                    alias=name,
                    phone=first(row, "number"),
                    blocked=(jid in blocked) if "wa_block_list" in database.tables() else None,
                )


@extractor(
    name="chat.whatsapp-android.account",
    paths=(
        f"{_APP}/shared_prefs/{{com.whatsapp,com.whatsapp.w4b}}_preferences_light.xml",  # 2019 on
        f"{_APP}/shared_prefs/{{com.whatsapp,com.whatsapp.w4b}}_preferences.xml",  # before
    ),
    yields=(ChatAccount,),
    holds_secret=True,
)
def account(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the settings: the own number and the name shown to others."""
    root = xml.parse(artifact.read(_PREFS_LIMIT))
    found = {entry.get("name"): _value(entry) for entry in root.iter("string")}
    country, local = found.get("cc"), found.get("ph")
    jid = found.get("registration_jid") or (f"{country}{local}" if country and local else None)
    if jid is None:
        return
    digits = jid.partition("@")[0]
    yield ChatAccount(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        service=SERVICE,
        identifier=f"{digits}@s.whatsapp.net",
        application=_APPLICATION,
        display_name=found.get("push_name"),
        phone=f"+{digits}" if digits.isascii() and digits.isdigit() else digits,
    )


def _value(entry: Element) -> str | None:
    return text(entry.text or "")


@dataclass(frozen=True, slots=True)
class _Memory:
    """A decrypted database: it exists nowhere else."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length] if offset >= 0 else b""


@extractor(
    name="chat.whatsapp-android.backups",
    # Shared storage and cloud copies; `msgstore-2024-01-31.1.db.crypt14` is a daily one.
    paths=("**/msgstore*.db.crypt{12,14,15}",),
    yields=(ChatExport, ChatGroup, ChatMessage, ChatAttachment),
)
def backup(artifact: Artifact) -> Iterator[Finding]:
    """Read what a backup says in clear, and its messages where a key for it lies on the image."""
    found = backups.backup_of(artifact.head(backups.HEADER))
    keys = [(path, key) for path, key in _keys(artifact) if backups.opens(key, found)]
    plain, opened_by = None, None
    for path, key in keys if artifact.may_decrypt else ():
        plain = backups.decrypt(artifact.read(backups.ENCRYPTED_LIMIT), found, key)
        if plain is not None:
            opened_by = f"{_ON_IMAGE}{path}"
            break
    if plain is None:
        plain, opened_by = _with_given(artifact, found)
    needed = None
    if plain is None:
        missing = _NEEDED.get(found.form, _KEY_NEEDED)
        needed = _ALLOW if keys and not artifact.may_decrypt else missing
    checks = ("compression checksum",) if plain is not None else ()
    # A key for crypt15 does not say which backups it opens.
    on_image = opened_by is not None and opened_by.startswith(_ON_IMAGE)
    fits = on_image or any(key.server_salt for _, key in keys)
    protection = Protection.KEY_ON_IMAGE if fits else Protection.ENCRYPTED
    yield ChatExport(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        times=written("last_written", artifact),
        protection=protection,
        application=_APPLICATION,
        path=artifact.path,
        export_format=found.form,
        version=found.version,
        number_ends_with=found.number_ends_with,
        opened_by=opened_by,
        needed_to_open=needed,
    )
    if plain is not None:
        with open_database(_Memory(plain)) as database:
            yield from content(Store(artifact, database, protection, checks))


def _with_given(artifact: Artifact, found: backups.Backup) -> tuple[bytes | None, str | None]:
    """Try the key files and the 64 digits of an end-to-end key that the examiner gave."""
    files = artifact.keys(CredentialKind.KEY_FILE)
    for given in (*files, *artifact.keys(CredentialKind.KEY)):
        try:
            key = (backups.key_of if given in files else backups.root_key)(given.value)
        except ParseError:
            continue
        if backups.opens(key, found):
            plain = backups.decrypt(artifact.read(backups.ENCRYPTED_LIMIT), found, key)
            if plain is not None:
                return plain, str(given)
    return None, None


def _keys(artifact: Artifact) -> Iterator[tuple[str, backups.Key]]:
    """Yield the keys beside the backup, in the folders of the app, elsewhere; with their paths."""
    names = ("key", "encrypted_backup.key")
    for place in (*names, *own_files(artifact.path, _PACKAGES, [f"files/{one}" for one in names])):
        file = artifact.resolve(place)
        try:
            key = backups.key_of(file.read(backups.KEY_LIMIT)) if file else None
        except (ParseError, EvidenceError):
            continue  # a file of this name that is no key
        if file is not None and key is not None:
            file.withhold()
            yield file.path, key
    yield from copies(artifact, _COPIES, backups.key_of, limit=backups.KEY_LIMIT)
