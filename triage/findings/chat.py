"""Chat: profiles, accounts, contacts, groups, messages, attachments, exports."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import ClassVar

from triage.findings.base import Finding, Interpretation

_PREVIEW = 60  # characters of a message that its summary line shows


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatProfile(Finding):
    """A chat program's data folder and what stands between us and its content."""

    kind: ClassVar[str] = "chat.profile"
    identity: ClassVar[tuple[str, ...]] = ("application", "profile")
    title: ClassVar[str] = "Chat profiles"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A chat program kept its data in this folder.",
        does_not_mean="That it was used for anything in particular.",
        other_explanations="Installed by default, used for work or family.",
        next_steps="Note the account ids for a preservation request to the provider.",
    )

    application: str
    profile: str  # evidence path
    version: str | None = None
    accounts: int | None = None
    conversations: int | None = None  # log files or threads
    status_logs: int | None = None  # files that log who came and went, counted and not read
    logs_kept: bool | None = None  # the settings say that conversations are logged
    proxy: str | None = None  # type and host:port, without credentials
    messages: int | None = None  # rows in the store, those of calls and notices included
    attachments: int | None = None  # files in the folders of attachments and cached media
    opened_by: str | None = None  # what opened it, never the key itself
    needed_to_open: str | None = None

    def summary(self) -> str:
        """Application and folder."""
        return f"{self.application} profile {self.profile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAccount(Finding):
    """An account that the program is set up for."""

    kind: ClassVar[str] = "chat.account"
    identity: ClassVar[tuple[str, ...]] = ("service", "identifier", "fingerprint")
    title: ClassVar[str] = "Chat accounts"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The program is configured for this account.",
        does_not_mean="Who stands behind it.",
        other_explanations="A shared or former account.",
        next_steps="Ask the provider to preserve the account; never log in with what lies here.",
    )

    service: str  # xmpp, irc, telegram …
    identifier: str
    application: str
    display_name: str | None = None
    fingerprint: str | None = None  # own OTR or identity key fingerprint
    password_stored: bool = False
    server: str | None = None
    proxy: str | None = None  # type and host:port, without credentials
    phone: str | None = None  # with + and country code if the program stores it so
    handle: str | None = None  # public name to be found by, without @
    email: str | None = None  # address that the account is registered with
    linked_device: str | None = None  # name of this device among those of the account

    def summary(self) -> str:
        """Service and identifier."""
        return f"{self.service} account {self.identifier} in {self.application}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatContact(Finding):
    """A contact or channel on the list of an account."""

    kind: ClassVar[str] = "chat.contact"
    identity: ClassVar[tuple[str, ...]] = ("service", "own_account", "identifier", "fingerprint")
    title: ClassVar[str] = "Chat contacts"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="This identifier is on the contact list or key list of the account.",
        does_not_mean="That messages were exchanged, unless logs show it.",
        other_explanations="Contacts added by others or by the server.",
        next_steps="Look for the identifier in other exhibits.",
    )

    service: str
    own_account: str | None
    identifier: str
    alias: str | None = None
    group: str | None = None
    fingerprint: str | None = None
    trust: str | None = None  # verified, smp, auto; None: not told
    phone: str | None = None
    handle: str | None = None
    blocked: bool | None = None  # by this side

    def summary(self) -> str:
        """Service, identifier, alias."""
        alias = f" “{self.alias}”" if self.alias else ""
        trust = f", key {self.trust}" if self.trust else ""
        return f"{self.service} contact {self.identifier}{alias}{trust}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatGroup(Finding):
    """A group or channel that the account's program keeps."""

    kind: ClassVar[str] = "chat.group"
    identity: ClassVar[tuple[str, ...]] = ("service", "own_account", "identifier")
    title: ClassVar[str] = "Chat groups"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The program keeps this group or channel for the account.",
        does_not_mean="That the account wrote in it, or joined of its own accord.",
        other_explanations="Added by others; left since; opened once from a link.",
        next_steps="Look for the identifier and the members in other exhibits.",
    )

    service: str
    own_account: str | None
    identifier: str
    name: str | None = None
    members: tuple[str, ...] = ()  # identifiers, as far as they are stored

    def summary(self) -> str:
        """Service, name or identifier, number of members."""
        members = f", {len(self.members)} members" if self.members else ""
        return f"{self.service} group {self.name or self.identifier}{members}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage(Finding):
    """One message."""

    kind: ClassVar[str] = "chat.message"
    identity: ClassVar[tuple[str, ...]] = ("service", "conversation", "sender", "sent_raw", "text")
    title: ClassVar[str] = "Chat messages"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A log or database holds this message.",
        does_not_mean="That it was delivered or read, or who typed it.",
        other_explanations="A bot, a bridge, a shared account; a message made to look like two.",
        next_steps="Read it in its conversation, not alone.",
    )

    service: str
    own_account: str | None
    conversation: str
    sender: str | None
    text: str
    sent_raw: str | None  # raw time, to tell equal texts apart
    outgoing: bool | None = None
    message_type: str | None = None  # call, notice …; None: a plain message
    conversation_name: str | None = None  # what the program shows for it
    sender_name: str | None = None
    attachments: int | None = None
    expires_after_s: int | None = None  # set to disappear so many seconds after it was read
    duration_s: int | None = None  # of a call

    def summary(self) -> str:
        """Sender, conversation and the beginning of the text."""
        text = shorten(self.text, _PREVIEW, placeholder="…")
        where = self.conversation_name or self.conversation
        sender = self.sender_name or self.sender or "?"
        return f"{self.service} {self.message_type or 'message'} in {where} from {sender}: {text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAttachment(Finding):
    """A file that a message carried."""

    kind: ClassVar[str] = "chat.attachment"
    identity: ClassVar[tuple[str, ...]] = ("service", "conversation", "sent_raw", "stored_as")
    title: ClassVar[str] = "Chat attachments"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A message in the store names this file as its attachment.",
        does_not_mean="That the file was opened, or that it is still there.",
        other_explanations="Fetched by the program itself, or sent by the other side unasked.",
        next_steps="Find the message with the same time, and the file under the name stored.",
    )

    service: str
    own_account: str | None
    conversation: str
    sent_raw: str | None
    file_name: str | None = None  # as the sender called it
    stored_as: str | None = None  # path below the program's folder of attachments
    media_type: str | None = None
    length: int | None = None  # bytes
    outgoing: bool | None = None
    present: bool | None = None  # the file is there; None: not looked for
    content_sha256: str | None = None  # of its content, opened where the program encrypts it

    def summary(self) -> str:
        """File name, type and conversation."""
        name = self.file_name or self.stored_as or "file"
        kind = f" ({self.media_type})" if self.media_type else ""
        return f"{self.service} attachment {name}{kind} in {self.conversation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatExport(Finding):
    """A copy of conversations outside the program's own store: an export or a backup."""

    kind: ClassVar[str] = "chat.export"
    identity: ClassVar[tuple[str, ...]] = ("application", "path")
    title: ClassVar[str] = "Chat exports and backups"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Conversations were written to this file, by the program or on request.",
        does_not_mean="Who asked for it: some programs back up by themselves.",
        other_explanations="Made when changing phones, or received from someone else.",
        next_steps="Compare with the live store: an export may hold what was since deleted.",
    )

    application: str
    path: str  # evidence path
    export_format: str  # json, html, crypt14 …
    name: str | None = None  # of the chat, when it holds but one
    conversations: int | None = None
    messages: int | None = None
    version: str | None = None  # of the program that wrote it
    number_ends_with: str | None = None  # digits of the phone number that stand in clear
    opened_by: str | None = None  # what opened it, never the key itself
    needed_to_open: str | None = None

    def summary(self) -> str:
        """Application, format and file."""
        return f"{self.application} {self.export_format} export {self.path}"
