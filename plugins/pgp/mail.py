"""OpenPGP in mail: encrypted and signed messages, keys that came as text or attachment.

Written from RFC 3156 (PGP/MIME), RFC 4155 and RFC 5322 for mbox, Maildir, single messages and Apple
Mail's emlx; tested with mail made by a committed script and blocks made by GnuPG 2.2.40. Folders of
any size are read as a stream, of each message the first 512 KiB. Quoted blocks (`> -----BEGIN`) are
passed over. Outlook's files and Thunderbird's search index are read as `mail.outlook` and
`mail.thunderbird` say it. Not read: encrypted bodies themselves.
References: RFC 3156, RFC 4155, RFC 4880.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import (
    Artifact,
    Header,
    PgpKey,
    PgpMessage,
    RowState,
    SqliteSchema,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import gloda, mail, outlook, outlook_store
from triage.formats.stamps import stamp
from triage.formats.times import utc

from ._blocks import in_text

_TRIGGERS = (b"-----BEGIN PGP ", b"LS0tLS1CRUdJTiBQR1Ag", b"application/octet-stream", b"base64")
_SHOWN_RECIPIENTS = 20
_SUBJECT = 500


@extractor(
    name="pgp.mail.blocks",
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
        # KMail 5 of KDE 22, Linux: the folders that Akonadi makes itself
        "**/akonadi_maildir_resource_*/**/{cur,new,tmp}/*",
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
        # Apple Mail 2 and later: `partial.emlx` holds no attachments
        "**/*.emlx",
    ),
    yields=(PgpKey, PgpMessage),
)
def blocks(artifact: Artifact) -> Iterator[PgpKey | PgpMessage]:
    """Read the recipients and signers of OpenPGP mail, and keys in it."""
    for message in mail.messages(artifact.open()):
        if not any(trigger in message.raw for trigger in _TRIGGERS):
            continue
        parsed = mail.parse(message.raw)
        yield from _in_mail(artifact, parsed, f"message at byte {message.offset}, ")


@extractor(
    name="pgp.mail.outlook",
    paths=(
        # Outlook 97 and later, Windows
        "**/*.{pst,ost}",
        # single messages of Outlook, any system
        "**/*.msg",
    ),
    content=(Header(outlook_store.MAGIC),),
    yields=(PgpKey, PgpMessage),
)
def in_outlook(artifact: Artifact) -> Iterator[PgpKey | PgpMessage]:
    """Read the recipients and signers of OpenPGP mail in Outlook's files, and keys in it."""
    # What is damaged is told by the other reader of these files.
    for letter in outlook.letters(artifact.open(), []):
        handled = stamp("sent", letter.sent, Unit.FILETIME)
        yield from _in_mail(artifact, letter.mail, f"{letter.place}, ", handled)


@extractor(
    name="pgp.mail.search-index",
    paths=(
        # Thunderbird 3 and later, SeaMonkey: in the profile, any system
        "**/global-messages-db.sqlite",
    ),
    content=(SqliteSchema(gloda.TABLES),),
    yields=(PgpKey, PgpMessage),
)
def in_search_index(artifact: Artifact) -> Iterator[PgpKey | PgpMessage]:
    """Read the recipients and signers of OpenPGP mail that was indexed, and keys in it."""
    with artifact.sqlite() as database:
        if not database.has(gloda.TABLES):
            return
        for message in gloda.messages(database):
            place = f"message {message.id} of {message.folder or 'an unknown folder'}, "
            sent = stamp("sent", message.date, Unit.US_UNIX)
            for finding in _in_mail(artifact, message.mail, place, sent):
                yield replace(finding, row=RowState(message.state.value))


def _in_mail(
    artifact: Artifact, parsed: mail.Mail, place: str, handled: tuple[Time, ...] = ()
) -> Iterator[PgpKey | PgpMessage]:
    for part, text in enumerate(parsed.texts, 1):
        if "-----BEGIN PGP " not in text:
            continue
        where = f"{place}part {part}, " if len(parsed.texts) > 1 else place
        for finding in in_text(artifact, text, where):
            if isinstance(finding, PgpMessage):
                yield _around(finding, parsed, handled)
            else:
                yield finding


def _around(finding: PgpMessage, parsed: mail.Mail, handled: tuple[Time, ...]) -> PgpMessage:
    """Add what the mail around a block says."""
    to = tuple(
        address
        for name in ("To", "Cc", "Bcc", "Newsgroups")
        for value in parsed.all(name)
        for address in (mail.addresses(value) or ((value[:200],) if name == "Newsgroups" else ()))
    )
    sender = mail.addresses(parsed.get("From"), limit=1)
    return replace(
        finding,
        mail_sender=sender[0] if sender else None,
        mail_recipients=tuple(dict.fromkeys(to))[:_SHOWN_RECIPIENTS],
        mail_subject=(parsed.get("Subject") or "")[:_SUBJECT] or None,
        times=(*finding.times, *(sent(parsed.get("Date")) or handled)),
    )


def sent(raw: str | None) -> tuple[Time, ...]:
    """Return the time of a Date header; without an offset its zone is not known."""
    if not raw:
        return ()
    when = mail.date(raw)
    text = utc(when, "s_unix") if when else None
    zone = Zone.UTC if text else Zone.UNKNOWN
    return (Time(event="sent", utc=text, raw=raw[:100], unit=Unit.TEXT, zone=zone),)
