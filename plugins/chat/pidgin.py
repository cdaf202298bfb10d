"""Pidgin, Finch and Gaim: accounts, contacts, OTR keys and logs of libpurple.

Written from libpurple's `log.c` and its "old logger" plugin, and from a home folder that Pidgin
2.14.12 wrote on Linux, and tested with that folder. Windows, Flatpak, portable and Tails
installations write the same files elsewhere, and Adium those of accounts and contacts: of these
there was no sample. Reads logs in HTML and text from the first Gaim to Pidgin 2.14. Status logs
(`.system`) are counted, not read; Adium's own logs, images in messages, certificates and buddy
icons are not read. Passwords stand in clear in `accounts.xml`: that one is stored is told, never
which.

A log shows what this program wrote down; `_purple_log` says what its lines cannot tell.

References: pidgin.im, `libpurple/log.c`, `plugins/log_reader.c`, `plugins/oldlogger.c`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    HeaderPattern,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import xml
from triage.formats.times import utc

from . import _purple_log as logs
from . import _purple_otr as otr

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # noqa: TID251 - the type alone, never its parser

_HOMES: Final = (
    "**/.purple",  # Pidgin and Finch 2: Linux, Windows (AppData/Roaming), portable (Data/settings)
    "**/.gaim",  # Gaim before 2007, Linux and Windows
    "**/im.pidgin.Pidgin*/data/purple",  # Pidgin from Flathub
    "pidgin",  # Tails: the persistent folder of Pidgin, at the root of the unlocked volume
    "**/TailsData_unlocked/pidgin",  # Tails: the same, seen from the running system
)
_ADIUM: Final = (
    "**/Adium 2.0/Users/*",  # Adium 1.x on macOS: OTR files
    "**/Adium 2.0/Users/*/libpurple",  # Adium 1.x on macOS: accounts and contacts
)

_MOST: Final = 100_000
"""Lines of a list of fingerprints that are read."""
_LOG_LIMIT: Final = 32 << 20
_TEXT_LIMIT: Final = 100_000  # characters of one message: what servers pass on is far shorter

_SERVICES: Final = {
    "jabber": "xmpp",
    "oscar": "aim",
    "gg": "gadu-gadu",
    "novell": "groupwise",
    "meanwhile": "sametime",
}
_SERVICE = re.compile(r"[a-z0-9-]{1,40}")


def _service(protocol: str) -> str:
    """Return our name of a protocol: `prpl-jabber` and the folder `jabber` are `xmpp`."""
    name = protocol.casefold().removeprefix("libpurple-").removeprefix("prpl-")
    return _SERVICES.get(name, name if _SERVICE.fullmatch(name) else "unknown")


def _identifier(name: str, service: str) -> str:
    """Return an account without the resource that XMPP appends to it."""
    return name.partition("/")[0] if service == "xmpp" else name


def _owner(artifact: Artifact) -> str:
    return "adium" if "/adium 2.0/" in artifact.path.casefold() else "pidgin"


def _text(element: Element | None) -> str | None:
    return (element.text or "").strip() or None if element is not None else None


_PROXY: Final = ("type", "host", "port")
_ANCHORS: Final = ("prefs.xml", "accounts.xml")  # either may hold a password


@extractor(
    name="chat.pidgin.profile",
    paths=tuple(f"{home}/{name}" for home in _HOMES for name in _ANCHORS),
    yields=(ChatProfile,),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile]:
    """Read the data folder: which program, how many accounts and logs, whether logs are kept."""
    settings = artifact.entry.name.casefold() == _ANCHORS[0]
    if not settings and artifact.sibling(_ANCHORS[0]) is not None:
        return  # one finding for each folder
    root = xml.parse(artifact.read(xml.SIZE_LIMIT))
    prefs = root if settings else None
    accounts = artifact.sibling("accounts.xml")
    yield ChatProfile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        application=_application(prefs),
        profile=artifact.path.rpartition("/")[0],
        accounts=_count(accounts) if accounts else None,
        conversations=sum(
            "/.system/" not in log.path for log in artifact.find("logs/**/*.{html,htm,txt,log}")
        ),
        status_logs=sum(1 for _ in artifact.find("logs/*/*/.system/*")),
        logs_kept=_logs_kept(prefs),
        proxy=_global_proxy(prefs),
    )


def _application(prefs: Element | None) -> str:
    top = {pref.get("name") for pref in prefs} if prefs is not None else set()
    return next((name for name in ("pidgin", "finch", "gaim") if name in top), "libpurple")


def _logs_kept(prefs: Element | None) -> bool | None:
    settings = prefs.iter("pref") if prefs is not None else ()
    values = [pref.get("value") for pref in settings if pref.get("name") == "log_ims"]
    return values[0] == "1" if values else None


def _global_proxy(prefs: Element | None) -> str | None:
    top = prefs.findall("pref/pref") if prefs is not None else []
    proxies = [pref for pref in top if pref.get("name") == "proxy"]
    parts = {part.get("name"): part.get("value") for part in proxies[0]} if proxies else {}
    return _proxy_of(parts.get("type"), parts.get("host"), parts.get("port"))


def _count(accounts: Artifact) -> int | None:
    try:
        return len(xml.parse(accounts.read(xml.SIZE_LIMIT)).findall("account"))
    except (ParseError, EvidenceError):
        return None  # the extractor of accounts says why


@extractor(
    name="chat.pidgin.accounts",
    paths=tuple(f"{home}/accounts.xml" for home in (*_HOMES, *_ADIUM)),
    content=(HeaderPattern(rb"<\?xml[^>]{0,100}\?>\s*<account version=", first=b"<?xml"),),
    yields=(ChatAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the accounts: server, proxy, whether a password is stored, which OTR key is theirs."""
    root = xml.parse(artifact.read(xml.SIZE_LIMIT))
    keys = _fingerprints(artifact.sibling("otr.private_key"))
    for position, account in enumerate(root.findall("account")):
        name, protocol = _text(account.find("name")), _text(account.find("protocol"))
        if name is None or protocol is None:
            artifact.problem("an account without name or protocol", locator=f"account {position}")
            continue
        service = _service(protocol)
        settings = {
            setting.get("name"): _text(setting) for setting in account.iterfind("settings/setting")
        }
        identifier = _identifier(name, service)
        domain = identifier.rpartition("@")[2] if "@" in identifier else None
        yield ChatAccount(
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"account {position}",
            protection=Protection.PLAIN,
            service=service,
            identifier=identifier,
            application=_owner(artifact),
            display_name=_text(account.find("alias")),
            fingerprint=keys.get((service, identifier)),
            password_stored=_text(account.find("password")) is not None,
            server=settings.get("connect_server") or settings.get("server") or domain,
            proxy=_proxy_of(*(_text(account.find(f"proxy/{part}")) for part in _PROXY)),
        )


def _fingerprints(file: Artifact | None) -> dict[tuple[str, str], str]:
    """Return the own OTR fingerprint of each account; nothing when the file cannot be read."""
    try:
        found = list(otr.own_keys(file.text())) if file else []
    except (ParseError, EvidenceError):
        return {}  # the extractor of keys says why
    owners = ((_service(key.protocol), key) for key in found)
    return {(kind, _identifier(key.account, kind)): key.fingerprint for kind, key in owners}


def _proxy_of(kind: str | None, host: str | None, port: str | None) -> str | None:
    """Return type and address: `tor 127.0.0.1:9050`; libpurple knows `tor` as a type of its own."""
    if not kind or kind in {"none", "global"}:
        return None
    return f"{kind} {host}:{port}" if host else kind


@extractor(
    name="chat.pidgin.contacts",
    paths=tuple(f"{home}/blist.xml" for home in (*_HOMES, *_ADIUM)),
    yields=(ChatContact,),
)
def contacts(artifact: Artifact) -> Iterator[ChatContact]:
    """Read the contact list: people and rooms of each account, in their groups."""
    root = xml.parse(artifact.read(xml.SIZE_LIMIT))
    for group in root.iterfind("blist/group"):
        aliases = {
            id(buddy): contact.get("alias")
            for contact in group.iter("contact")
            for buddy in contact.iter("buddy")
        }
        for buddy in group.iter("buddy"):
            name = _text(buddy.find("name"))
            if name:
                alias = _text(buddy.find("alias")) or aliases.get(id(buddy))
                yield _contact(buddy, name, alias, group.get("name"))
        for chat in group.iter("chat"):
            room = _room(chat)
            if room:
                yield _contact(chat, room, _text(chat.find("alias")), group.get("name"))


def _contact(entry: Element, name: str, alias: str | None, group: str | None) -> ChatContact:
    service = _service(entry.get("proto") or "")
    account = entry.get("account")
    seen = [_text(each) for each in entry.iterfind("setting") if each.get("name") == "last_seen"]
    return ChatContact(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=f"{entry.tag} {name}",
        times=tuple(
            Time(
                event="last_seen",
                utc=utc(when, "s_unix"),
                raw=when,
                unit=Unit.S_UNIX,
                zone=Zone.UTC,
            )
            for when in seen
            if when and when != "0"
        ),
        service=service,
        own_account=_identifier(account, service) if account else None,
        identifier=name,
        alias=alias,
        group=group,
    )


def _room(chat: Element) -> str | None:
    """Return what names a room; a component may also be its password, which is never read."""
    parts = {
        part.get("name"): _text(part)
        for part in chat.iterfind("component")
        if part.get("name") in {"channel", "room", "server"}
    }
    room, server = parts.get("channel") or parts.get("room"), parts.get("server")
    return f"{room}@{server}" if room and server and "channel" not in parts else room


_FINGERPRINT = re.compile(r"[0-9a-fA-F]{40}")


@extractor(
    name="chat.pidgin.otr-fingerprints",
    paths=tuple(f"{home}/otr.fingerprints" for home in (*_HOMES, _ADIUM[0])),
    yields=(ChatContact,),
)
def otr_fingerprints(artifact: Artifact) -> Iterator[ChatContact]:
    """Read with whom encrypted chats were begun: a list that stays when logs are off."""
    for number, line in islice(enumerate(artifact.text().split("\n"), 1), _MOST):
        peer, account, protocol, fingerprint, *rest = [*line.split("\t"), *[""] * 4][:6]
        if not peer or not _FINGERPRINT.fullmatch(fingerprint.strip()):
            if line.strip():
                artifact.problem("not a fingerprint", locator=f"line {number}")
            continue
        service = _service(protocol)
        yield ChatContact(
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=f"line {number}",
            service=service,
            own_account=_identifier(account, service),
            identifier=peer,
            fingerprint=fingerprint.strip().upper(),
            trust=rest[0].strip() or None,
        )


@extractor(
    name="chat.pidgin.otr-keys",
    paths=tuple(f"{home}/otr.private_key" for home in (*_HOMES, _ADIUM[0])),
    yields=(ChatAccount,),
    holds_secret=True,
)
def otr_keys(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read which accounts have an OTR key, and its fingerprint; the key is left where it is."""
    for key in otr.own_keys(artifact.text()):
        service = _service(key.protocol)
        yield ChatAccount(
            shows=Shows.CREDENTIAL,
            confidence=Confidence.CONFIRMED if key.proven else Confidence.PROBABLE,
            checks=("private key fits",) if key.proven else (),
            locator=f"account {key.account}",
            protection=Protection.PLAIN,
            service=service,
            identifier=_identifier(key.account, service),
            application=_owner(artifact),
            fingerprint=key.fingerprint,
        )


@extractor(
    name="chat.pidgin.logs",
    paths=(
        *(f"{home}/logs/*/*/*/*.{{html,htm,txt}}" for home in _HOMES),  # Gaim 0.73 and later
        *(f"{home}/logs/*.log" for home in _HOMES),  # Gaim before 0.73, and the "old logger"
    ),
    yields=(ChatMessage,),
)
def conversations(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log, oldest first, as this side's program wrote them down."""
    protocol, account, peer, name = artifact.path.split("/")[-4:]
    if name.casefold().endswith(".log"):
        text = artifact.text(_LOG_LIMIT)
        yield from _messages(artifact, logs.old_messages(text), "unknown", None, _unescaped(name))
        return
    start = logs.start_of(name)
    if peer == ".system" or start is None:
        return
    found = logs.messages(artifact.text(_LOG_LIMIT), start)
    yield from _messages(artifact, found, _service(protocol), _unescaped(account), _unescaped(peer))


def _messages(
    artifact: Artifact,
    lines: Iterator[logs.Line],
    service: str,
    account: str | None,
    conversation: str,
) -> Iterator[ChatMessage]:
    for line in lines:
        if len(line.text) > _TEXT_LIMIT:
            artifact.problem("a message is cut short", locator=f"line {line.number}")
        outgoing = line.outgoing
        if outgoing is None:
            outgoing = _direction(line.sender, account, conversation)
        yield ChatMessage(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {line.number}",
            times=(
                Time(
                    event="sent",
                    utc=line.utc,
                    raw=line.raw,
                    unit=Unit.TEXT,
                    zone=Zone.UTC if line.utc else Zone.LOCAL,
                ),
            ),
            protection=Protection.PLAIN,
            service=service,
            own_account=_identifier(account, service) if account else None,
            conversation=conversation,
            sender=line.sender,
            text=line.text[:_TEXT_LIMIT],
            sent_raw=line.raw,
            outgoing=outgoing,
        )


def _direction(sender: str | None, account: str | None, conversation: str) -> bool | None:
    """Tell the direction from names: an alias tells nothing."""
    if not sender:
        return None
    if account and sender.casefold() in _names(account):
        return True
    return False if sender.casefold() in _names(conversation) else None


def _names(account: str) -> set[str]:
    folded = account.casefold()
    return {folded, folded.partition("/")[0], folded.partition("@")[0]}


def _unescaped(name: str) -> str:
    """Return the name behind a file name: odd characters stand as percent escapes."""
    plain = unquote(name, errors="surrogateescape")
    return re.sub(r"(?i)\.log$", "", plain).removesuffix(".chat")
