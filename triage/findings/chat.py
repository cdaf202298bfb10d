"""Chat: profiles, accounts, contacts, groups, messages."""

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

    def summary(self) -> str:
        """Service, identifier, alias."""
        alias = f" “{self.alias}”" if self.alias else ""
        trust = f", key {self.trust}" if self.trust else ""
        return f"{self.service} contact {self.identifier}{alias}{trust}"


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

    def summary(self) -> str:
        """Sender, conversation and the beginning of the text."""
        text = shorten(self.text, _PREVIEW, placeholder="…")
        return f"{self.service} message in {self.conversation} from {self.sender or '?'}: {text}"
