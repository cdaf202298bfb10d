"""Psi and Psi+: accounts of a profile, and the history kept as text.

Written from parts of the sources of Psi (`src/eventdb.cpp`) and descriptions, and tested with
files made after them; of a first run of Psi+ the layout was seen. A password is stored only
obfuscated: that one is there is told, never which. Times of the history are local. Not read: the
history that newer Psi+ keeps in SQLite (`history.db`), avatars, keys of OMEMO and OTR.

References: psi-im/psi, `src/eventdb.cpp`, `src/profiles.cpp`, `src/jidutil.cpp`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatMessage,
    ChatProfile,
    Confidence,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import xml

from ._rows import TEXT_LIMIT, text, written

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # noqa: TID251 - the type alone, never its parser

_SERVICE: Final = "xmpp"
_STRANGE: Final = 20  # lines of a file that are noted
_NAMES: Final = "{psi,psi+,Psi,Psi+,PsiData}"
_CONFIG: Final = (
    f"**/.config/{_NAMES}/profiles/*",  # Linux, Psi 0.15 and later
    "**/.psi/profiles/*",  # Linux, before 0.15
    f"**/AppData/Roaming/{_NAMES}/profiles/*",  # Windows
    f"**/Library/Application Support/{_NAMES}/profiles/*",  # macOS
)
_DATA: Final = (
    f"**/.local/share/{_NAMES}/profiles/*/history",  # Linux, Psi 0.15 and later
    "**/.psi/profiles/*/history",  # Linux, before 0.15
    f"**/AppData/{{Roaming,Local}}/{_NAMES}/profiles/*/history",  # Windows
    f"**/Library/Application Support/{_NAMES}/profiles/*/history",  # macOS
)
_LIMIT: Final = 32 << 20
_MESSAGES: Final = {"0", "1", "4", "5"}  # other types are requests and changes of status
_LINE = re.compile(r"\|([^|]{1,40})\|(\d{1,2})\|(to|from)\|.([^|])[^|]{0,8}\|(.*)", re.DOTALL)
_SUBJECT, _URL = 1, 2
_ESCAPE = re.compile(r"%([0-9a-f]{2})", re.IGNORECASE)


@extractor(
    name="chat.psi.accounts",
    paths=tuple(f"{home}/accounts.xml" for home in _CONFIG),
    yields=(ChatProfile, ChatAccount),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[ChatProfile | ChatAccount]:
    """Read the accounts: address, server, whether a password is stored."""
    root = xml.parse(artifact.read(xml.SIZE_LIMIT))
    found = [each for each in root.iter() if _field(each, "jid")]
    application = "psi+" if re.search(r"/psi\+/", artifact.path, re.IGNORECASE) else "psi"
    yield ChatProfile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=written("settings_last_written", artifact),
        protection=Protection.PLAIN,
        application=application,
        profile=artifact.path.rpartition("/")[0],
        accounts=len(found),
    )
    for number, account in enumerate(found):
        jid = (_field(account, "jid") or "").partition("/")[0]
        yield ChatAccount(
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"account {number}",
            protection=Protection.PLAIN,
            service=_SERVICE,
            identifier=jid,
            application=application,
            display_name=_field(account, "name"),
            password_stored=_field(account, "password") is not None,
            server=_field(account, "host") or jid.rpartition("@")[2],
        )


def _field(account: Element, name: str) -> str | None:
    """Return a direct child by its name without a namespace."""
    values = (text(child.text or "") for child in account if child.tag.rpartition("}")[2] == name)
    return next(filter(None, values), None)


@extractor(
    name="chat.psi.history",
    paths=tuple(f"{home}/*.history" for home in _DATA),
    yields=(ChatMessage,),
)
def history(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages exchanged with one other, in local time."""
    peer = _address(artifact.entry.name.rpartition(".")[0])
    lines = artifact.text(_LIMIT).split("\n")
    strange = 0
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.rstrip("\r"))
        if found is None:
            strange += bool(line.strip())
            if line.strip() and strange <= _STRANGE:
                artifact.problem("not a line of a history", locator=f"line {number}")
            continue
        when, kind, origin, extra, rest = found.groups()
        if kind not in _MESSAGES:
            continue
        outgoing = origin == "to"
        yield ChatMessage(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {number}",
            times=(Time(event="sent", utc=None, raw=when, unit=Unit.TEXT, zone=Zone.LOCAL),),
            protection=Protection.PLAIN,
            service=_SERVICE,
            own_account=None,
            conversation=peer,
            sender=None if outgoing else peer,
            text=_body(extra, rest)[:TEXT_LIMIT],
            sent_raw=when,
            outgoing=outgoing,
        )


def _body(extra: str, rest: str) -> str:
    """Return the text of a message; a subject and an address may stand before it."""
    flags = int(extra, 16) if extra in "0123456789abcdefABCDEF" else 0
    skip = (1 if flags & _SUBJECT else 0) + (2 if flags & _URL else 0)
    body = rest.split("|", skip)[-1]
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "p": "|"}.get(m[1], m[1]), body)


def _address(name: str) -> str:
    """Return the address that a file is named after."""
    plain = name.replace("_at_", "@", 1)
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), plain)
