"""Messages to and from anonymous remailers, and darknet addresses, in mail folders and files.

Written from Mixmaster 3.0 (`rem*.c`, `config.h`, `nym.c`), the Mixmaster protocol draft, YAMN
(2025), nymserv and Mixminion, and from headers in public archives; tested with mail made from those
formats by a committed script. mbox, Maildir, eml and Apple Mail's emlx are read as a stream of any
size, of each message the first 512 KiB. A message is recognised by its structure; by address alone
only against the dated list `remailers`. Folders of
Evolution 3.46 and KMail 5.22 were seen as those programs make them at their first start, those of
older ones and of Claws Mail are told by name.
Not read: news spools, encrypted bodies. Outlook's files have an extractor of their own.
References: https://www.mixmin.net/, draft-sassaman-mixmaster-03, RFC 4155, RFC 5322.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Finding,
    HeaderPattern,
    IndicatorI2p,
    IndicatorOnion,
    MailRemailerMessage,
    extractor,
)
from triage.formats import mail
from triage.formats.darknet_names import DarknetNames

from ._message import finding
from ._remailer import recognise


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
            yield finding(parsed, signs, f"message at byte {message.offset}")
        names.add("mail", parsed.get("Subject"), *parsed.texts)
    yield from names.findings()
