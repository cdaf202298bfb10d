"""Mail: accounts, remailer programs, messages to and from remailers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAccount(Finding):
    """A mail or news account that a program is set up for."""

    kind: ClassVar[str] = "mail.account"
    identity: ClassVar[tuple[str, ...]] = ("application", "mail_address", "incoming_server")
    title: ClassVar[str] = "Mail accounts"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A mail program is configured for this account.",
        does_not_mean="Who stands behind it, or that mail was exchanged.",
        other_explanations="A shared, former or trial account.",
        next_steps="Ask the provider to preserve the account; never log in with what lies here.",
    )

    application: str
    mail_address: str | None
    profile: str  # evidence path of the profile folder
    full_name: str | None = None
    protocol: str | None = None  # imap, pop3, nntp, none (local folders)
    incoming_server: str | None = None  # host, or host:port
    user_name: str | None = None  # at the server
    outgoing_server: str | None = None
    proxy: str | None = None  # type and host:port, without credentials
    openpgp_key: str | None = None  # key id that the identity is set up with
    mail_folder: str | None = None  # as the settings name it
    newsgroups: tuple[str, ...] = ()  # subscribed groups that carry anonymous mail
    service: str | None = None  # known privacy or disposable mail service, from a dated list
    indicator_list: str | None = None  # `name YYYY-MM-DD`, behind `service`

    def summary(self) -> str:
        """Address and servers."""
        server = f" at {self.incoming_server}" if self.incoming_server else ""
        named = self.mail_address or self.user_name
        if not named and self.newsgroups and not server:
            return f"{self.application} list of groups with {', '.join(self.newsgroups)}"
        return f"{self.application} account {named or '(none)'}{server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRemailerClient(Finding):
    """A folder of remailer software: one finding for each folder."""

    kind: ClassVar[str] = "mail.remailer-client"
    identity: ClassVar[tuple[str, ...]] = ("application", "directory")
    title: ClassVar[str] = "Remailer programs"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Files of a program for anonymous remailers lie in this folder. Its random seed is "
        "rewritten at each run, its key ring and statistics at each update.",
        does_not_mean="That messages were sent, or to whom.",
        other_explanations="A package installed and never used, research, running a remailer.",
        next_steps="Search mail folders and Usenet spools for messages to remailers; note "
        "pseudonyms, queued packets and the dates of the statistics.",
    )

    application: str  # mixmaster, yamn, mixminion, quicksilver, omnimix, aam2mail
    directory: str
    files: tuple[str, ...] = ()  # names of its files that are there
    settings: tuple[str, ...] = ()  # `NAME value` of the configuration, without passwords
    remailers: int | None = None  # entries of the key ring
    queued: int | None = None  # messages waiting in its pool
    pseudonyms: bool | None = None  # a database of pseudonyms is there
    operates: bool | None = None  # secret keys of a remailer are there
    mail_address: str | None = None  # own address in the configuration

    def summary(self) -> str:
        """Program, folder, role."""
        role = ", keys of a remailer" if self.operates else ""
        nyms = ", pseudonyms" if self.pseudonyms else ""
        return f"{self.application} in {self.directory}{role}{nyms}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRemailerMessage(Finding):
    """A message prepared for a remailer, or one that came through one."""

    kind: ClassVar[str] = "mail.remailer-message"
    identity: ClassVar[tuple[str, ...]] = ("message_id", "sent_raw", "mail_sender", "forms")
    title: ClassVar[str] = "Messages to and from remailers"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A message whose structure or address is that of anonymous remailers; `forms` says "
        "what it was recognised by. `outgoing` is told from that structure.",
        does_not_mean="Who wrote or read it. A message from a remailer comes from a stranger, and "
        "headers can be forged.",
        other_explanations="Unwanted mail through a remailer, a help or statistics request.",
        next_steps="Compare dates with the remailer program and with Usenet posts. Remailers "
        "keep no logs by design, first hops may.",
    )

    forms: tuple[str, ...]  # pseudo-headers, type2-packet, type3-message, disclaimer, address …
    outgoing: bool | None = None  # to a remailer; None: not told
    remailer: str | None = None  # address of the remailer
    mail_sender: str | None = None
    mail_recipients: tuple[str, ...] = ()
    mail_subject: str | None = None
    message_id: str | None = None
    sent_raw: str | None = None  # the Date header
    directives: tuple[str, ...] = ()  # pseudo-headers, `Anon-To: …`
    software: str | None = None  # `Remailer-Type` that the message names
    expunged: bool | None = None  # marked as deleted in the mail folder
    indicator_list: str | None = None  # `name YYYY-MM-DD`: known remailers

    def summary(self) -> str:
        """Direction, remailer, form."""
        way = "of a" if self.outgoing is None else ("to a" if self.outgoing else "from a")
        where = f" {self.remailer}" if self.remailer else ""
        return f"message {way} remailer{where} ({', '.join(self.forms)})"
