"""Outlook: messages to and from remailers, and darknet addresses, in its stores and messages.

Written from [MS-PST] and [MS-OXMSG] for Outlook 97 to 2019 and what exports to its formats; stores
are read with libpff. Tested with files made from those formats by a committed script, and with a
store of Outlook 2003, two of Outlook 2016 and six single messages from public test data. Messages
in every folder are read, those attached to others, and orphans that no folder holds any more. A
hundred thousand messages take minutes.
Not read: bodies that are compressed RTF only, messages that libpff does not reach any more, the
temporary copies of attachments (`Content.Outlook`), the cache of the new Outlook (WebView).
References: [MS-PST], [MS-OXMSG], https://github.com/libyal/libpff.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Finding,
    Header,
    IndicatorI2p,
    IndicatorOnion,
    MailRemailerMessage,
    Unit,
    extractor,
)
from triage.formats import outlook, outlook_store
from triage.formats.darknet_names import DarknetNames
from triage.formats.stamps import stamp

from ._message import finding
from ._remailer import recognise

_MAX_PROBLEMS = 20


@extractor(
    name="mail.outlook.remailer",
    paths=(
        # Outlook 97 and later, Windows: archives, and caches of mailboxes on servers
        "**/*.{pst,ost}",
        # messages saved or dragged out of Outlook, any system
        "**/*.msg",
    ),
    content=(Header(outlook_store.MAGIC),),
    yields=(MailRemailerMessage, IndicatorOnion, IndicatorI2p),
)
def remailer(artifact: Artifact) -> Iterator[Finding]:
    """Find messages to and from remailers by their structure, and onion and I2P addresses."""
    names = DarknetNames()
    problems: list[str] = []
    for letter in outlook.letters(artifact.open(), problems):
        signs = recognise(letter.mail)
        if signs:
            handled = stamp("sent", letter.sent, Unit.FILETIME)
            yield finding(letter.mail, signs, letter.place, handled)
        names.add("mail", letter.mail.get("Subject"), *letter.mail.texts)
    yield from names.findings()
    for problem in problems[:_MAX_PROBLEMS]:
        artifact.problem(problem)
    if len(problems) > _MAX_PROBLEMS:
        artifact.problem(f"{len(problems) - _MAX_PROBLEMS} more messages could not be read")
