"""Messages to and from anonymous remailers, and darknet addresses, in mail folders and files.

Written from Mixmaster 3.0 (`rem*.c`, `config.h`, `nym.c`), the Mixmaster protocol draft, YAMN
(2025), nymserv and Mixminion, and from headers in public archives; tested with mail made from those
formats by a committed script. mbox, Maildir, eml and Apple Mail's emlx are read as a stream of any
size, of each message the first 512 KiB. A message is recognised by its structure; by address alone
only against the dated list `remailers`. Folders of
Evolution, KMail and Claws Mail are told by name and not yet seen as those programs wrote them.
Not read: PST, OST, MSG, news spools, encrypted bodies.
References: https://www.mixmin.net/, draft-sassaman-mixmaster-03, RFC 4155, RFC 5322.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Finding,
    HeaderPattern,
    IndicatorI2p,
    IndicatorOnion,
    MailRemailerMessage,
    Sensitivity,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import mail
from triage.formats.darknet_names import DarknetNames
from triage.formats.times import utc

from ._remailer import KNOWN, Signs, recognise

_EXPUNGED = 0x0008  # Thunderbird: deleted and still there until the folder is compacted
_LONGEST = 500


@extractor(
    name="mail.mailbox.remailer",
    paths=(
        # Thunderbird and its kin, any desktop: mbox files without extension, or Maildir
        "**/Profiles/*/{Mail,ImapMail}/**/*",
        "**/{.thunderbird,.icedove,seamonkey}/*/{Mail,ImapMail}/**/*",
        "**/ThunderbirdPortable/Data/profile/{Mail,ImapMail}/**/*",
        # Maildir of any program, Linux; KMail and Evolution name their folders otherwise
        "**/Maildir/**/{cur,new,tmp}/*",
        "**/.maildir/**/{cur,new,tmp}/*",
        "**/evolution/mail/**/{cur,new,tmp}/*",
        "**/{local-mail,.local-mail.directory}/**/{cur,new,tmp}/*",
        "**/.kde*/share/apps/kmail/mail/**/{cur,new,tmp}/*",
        # Evolution before 3.2: mbox
        "**/.evolution/mail/local/**/*",
        # Claws Mail, Sylpheed and other programs with MH folders: one file a message
        "**/Mail/{inbox,sent,queue,draft,trash}/**/*",
        # Tails: Thunderbird's profile in the unlocked persistent storage
        "thunderbird/*/{Mail,ImapMail}/**/*",
        "**/TailsData_unlocked/thunderbird/*/{Mail,ImapMail}/**/*",
        # system mailboxes, Linux and BSD
        "var/{mail,spool/mail}/*",
        # mutt, Pine, Evolution and others, Linux
        "home/*/{mail,mbox,Mailbox}",
        "home/*/mail/**/*",
        # exported or saved mail, any system
        "**/*.{mbox,mbx,eml}",
        # Apple Mail 2 and later
        "**/*.emlx",
    ),
    content=(
        # mbox, by its first separator and a header behind it
        HeaderPattern(rb"From [^\n]{1,200}\d{4}\r?\n[!-9;-~]{1,80}: ", first=b"From "),
    ),
    yields=(MailRemailerMessage, IndicatorOnion, IndicatorI2p),
)
def remailer(artifact: Artifact) -> Iterator[Finding]:
    """Find messages to and from remailers by their structure, and onion and I2P addresses."""
    names = DarknetNames()
    for message in mail.messages(artifact.open()):
        parsed = mail.parse(message.raw)
        signs = recognise(parsed)
        if signs:
            yield _finding(parsed, signs, message.offset)
        names.add("mail", parsed.get("Subject"), *parsed.texts)
    yield from names.findings()


def _finding(parsed: mail.Mail, signs: Signs, offset: int) -> MailRemailerMessage:
    sender = mail.addresses(parsed.get("From"), limit=1)
    to = [
        address
        for name in ("To", "Cc", "Bcc")
        for value in parsed.all(name)
        for address in mail.addresses(value, limit=20)
    ]
    groups = (group.strip() for group in (parsed.get("Newsgroups") or "").split(","))
    to += [group[:200] for group in groups if group][:20]
    raw = (parsed.get("Date") or "")[:100] or None
    if signs.checks:
        confidence = Confidence.CONFIRMED
    else:
        confidence = Confidence.PROBABLE if signs.structure else Confidence.POSSIBLE
    return MailRemailerMessage(
        forms=tuple(dict.fromkeys(signs.forms)),
        outgoing=signs.outgoing,
        remailer=signs.remailer,
        mail_sender=sender[0] if sender else None,
        mail_recipients=tuple(dict.fromkeys(to)),
        mail_subject=(parsed.get("Subject") or "")[:_LONGEST] or None,
        message_id=(parsed.get("Message-ID") or "").strip()[:_LONGEST] or None,
        sent_raw=raw,
        directives=tuple(signs.directives),
        software=signs.software,
        expunged=_expunged(parsed),
        indicator_list=str(KNOWN) if "known-address" in signs.forms else None,
        shows=Shows.USED if signs.outgoing else Shows.PRESENT,
        confidence=confidence,
        checks=tuple(signs.checks),
        locator=f"message at byte {offset}",
        sensitivity=Sensitivity.SECRET if signs.secret else Sensitivity.PERSONAL,
        times=_sent(raw),
    )


def _expunged(parsed: mail.Mail) -> bool | None:
    status = (parsed.get("X-Mozilla-Status") or "").strip()
    try:
        return bool(int(status[:8], 16) & _EXPUNGED) if status else None
    except ValueError:
        return None


def _sent(raw: str | None) -> tuple[Time, ...]:
    """Return the time of a Date header; without an offset its zone is not known."""
    if not raw:
        return ()
    when = mail.date(raw)
    text = utc(when, "s_unix") if when else None
    zone = Zone.UTC if text else Zone.UNKNOWN
    return (Time(event="sent", utc=text, raw=raw, unit=Unit.TEXT, zone=zone),)
