"""Thunderbird's search index: messages to and from remailers, and darknet addresses.

Written from comm-central (`mailnews/db/gloda`) for Thunderbird 3 to 153 and its kin on Windows,
Linux and macOS; tested with the index of Thunderbird 153 and with one made by a committed script.
The index has the text of messages that were removed from their folders, until it is cleaned up, and
of folders that lie on a server only. What makes a message is told by its text, as headers are not
in it: a message *from* a remailer, which its header tells, is rarely seen here.
Not read: contacts, conversations of chat accounts.
References: https://searchfox.org/comm-central/source/mailnews/db/gloda.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import (
    Artifact,
    Finding,
    IndicatorI2p,
    IndicatorOnion,
    MailRemailerMessage,
    RowState,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats import gloda
from triage.formats.darknet_names import DarknetNames
from triage.formats.stamps import stamp

from ._message import finding
from ._remailer import recognise


@extractor(
    name="mail.thunderbird.search-index",
    paths=(
        # Thunderbird 3 and later, SeaMonkey: in the profile, any system
        "**/global-messages-db.sqlite",
    ),
    content=(SqliteSchema(gloda.TABLES),),
    yields=(MailRemailerMessage, IndicatorOnion, IndicatorI2p),
)
def search_index(artifact: Artifact) -> Iterator[Finding]:
    """Find messages to and from remailers by their structure, and onion and I2P addresses."""
    names = DarknetNames()
    with artifact.sqlite() as database:
        if not database.has(gloda.TABLES):
            return
        for message in gloda.messages(database):
            signs = recognise(message.mail)
            if signs:
                place = f"message {message.id} of {message.folder or 'an unknown folder'}"
                sent = stamp("sent", message.date, Unit.US_UNIX)
                yield replace(
                    finding(message.mail, signs, place, sent),
                    expunged=message.deleted,
                    row=RowState(message.state.value),
                )
            names.add("mail", message.mail.get("Subject"), *message.mail.texts)
        yield from names.findings()
        for problem in database.problems:
            artifact.problem(problem)
