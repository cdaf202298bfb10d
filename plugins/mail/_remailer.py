"""What makes a message one to or from a remailer: its structure first, its address last.

Structures are from Mixmaster (`rem*.c`, `config.h`, `nym.c`), the Internet-Draft of the Mixmaster
protocol, YAMN, nymserv and Mixminion. What is quoted, forwarded or described in running text has
these words elsewhere than where a remailer reads them, and does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.formats.indicators import load
from triage.formats.mail import Mail, addresses
from triage.formats.remailer_packets import find_packets

KNOWN = load("remailers")

PSEUDO_HEADERS = frozenset(
    {
        "anon-post-to",
        "anon-send-to",
        "anon-to",
        "cutmarks",
        "encrypt-3des",
        "encrypt-cast",
        "encrypt-cast5",
        "encrypt-des",
        "encrypt-idea",
        "encrypt-key",
        "encrypt-subject",
        "encrypt-to",
        "encrypted",
        "hash-subject",
        "inflate",
        "latent-time",
        "max-count",
        "max-date",
        "max-size",
        "null",
        "post-to",
        "rand-hop",
        "remail-to",
        "remailer-type",
        "remix-to",
        "request-remailing-to",
        "send-to",
        "test-to",
    }
)
_KEYS = frozenset({"encrypt-key", "encrypt-idea", "encrypt-3des", "encrypt-cast", "encrypt-cast5"})
_WITHHELD = _KEYS | {"encrypt-des", "encrypt-subject", "hash-subject"}  # each names a password
_DISCLAIMERS = (
    "remailed automatically by anonymizing remailer software",
    "sent anonymously via the nym mixnet",
    "mailed anonymously through the onion courier mixnet",
)
_REQUESTS = frozenset(
    {
        "destination-block",
        "remailer-adminkey",
        "remailer-conf",
        "remailer-help",
        "remailer-key",
        "remailer-stats",
    }
)
_LOCAL_PART = re.compile(
    r"remail|anon|mix|nobody|cpunk|cypher|yamn|config|send|list|hsub|godot|juicy|^an\d{1,6}$"
)
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,30}):[ \t]{0,20}(.{0,300})")
_FIRST_LINES = 12  # how far down a remailer looks for its packet
_NYM_FIELDS = ("config", "from", "nym-commands", "public-key", "reply-block", "name")
_HASHED_SUBJECT = re.compile(r"[0-9a-fA-F]{48}")
_YAMN = re.compile(r"yamn-[0-9][A-Za-z0-9.-]{0,20}")
_GROUP = "alt.anonymous.messages"


@dataclass(slots=True)
class Signs:
    """What was recognised in one message."""

    forms: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    directives: list[str] = field(default_factory=list)
    outgoing: bool | None = None
    remailer: str | None = None
    software: str | None = None
    structure: bool = False  # not the address alone
    secret: bool = False  # a password for the reply stands in it

    def add(self, form: str, *, outgoing: bool | None, structure: bool = True) -> None:
        """Note one form; the first that tells a direction wins."""
        self.forms.append(form)
        self.structure |= structure
        if self.outgoing is None:
            self.outgoing = outgoing


def recognise(mail: Mail) -> Signs | None:
    """Return the signs of a remailer in a message, None when there are none."""
    signs = Signs()
    for text in mail.texts[:3]:
        _body(text, signs)
    _headers(mail, signs)
    _addresses(mail, signs)
    return signs if signs.forms else None


def _body(text: str, signs: Signs) -> None:
    start = text.lstrip("\r\n \t")
    lines = start[:8192].splitlines()
    if lines and lines[0].rstrip() == "::":
        fields = list(_fields(lines[1:]))
        if fields and fields[0][0].casefold() in PSEUDO_HEADERS:
            signs.add("pseudo-headers", outgoing=True)
            for name, value in fields[:20]:
                if name.casefold() == "remailer-type":
                    signs.software = value
                withheld = name.casefold() in _WITHHELD and bool(value)
                signs.secret |= withheld
                shown = "[withheld]" if withheld else value
                signs.directives.append(f"{name}: {shown}")
    elif lines and lines[0].casefold().startswith("config:"):
        names = [name.casefold() for name, _ in _fields(lines)]
        if "nym-commands" in names or {"reply-block", "public-key"} <= set(names):
            signs.add("nym-configuration", outgoing=True)
            signs.directives += [
                f"{name}: {value}"
                for name, value in _fields(lines)
                if name.casefold() in _NYM_FIELDS[:3] and value
            ]
    told: set[str] = set()  # the first of each kind is what a remailer reads
    for packet in find_packets(start):
        kind = packet.form[:5]
        if kind in told:
            continue
        told.add(kind)
        if start.count("\n", 0, packet.start) < _FIRST_LINES:
            signs.add(packet.form, outgoing=_DIRECTIONS.get(packet.form))
            signs.checks += packet.checks


_DIRECTIONS = {"type2-packet": True, "type3-message": False}


def _fields(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield `Name: value` lines up to the first that is none."""
    for line in lines:
        found = _FIELD.fullmatch(line.rstrip())
        if found is None:
            return
        yield found[1], found[2].strip()


def _headers(mail: Mail, signs: Signs) -> None:
    for value in mail.all("Comments"):
        words = " ".join(value.casefold().split())
        if any(text in words for text in _DISCLAIMERS):
            signs.add("disclaimer", outgoing=False)
            signs.remailer = next(iter(addresses(value, limit=1)), None)
            break
    if (mail.get("X-Anonymous") or "").strip().casefold() == "yes":
        signs.add("mixminion-exit", outgoing=False)
    subject = (mail.get("Subject") or "").strip()
    groups = {group.strip() for group in (mail.get("Newsgroups") or "").split(",")}
    if _GROUP in groups:
        hashed = _HASHED_SUBJECT.fullmatch(subject) is not None
        signs.add("hashed-subject" if hashed else "anonymous-messages-group", outgoing=None)
    if _YAMN.fullmatch(subject):
        signs.software = signs.software or subject
        if "type2-packet" in signs.forms:
            signs.add("yamn-subject", outgoing=True)


def _addresses(mail: Mail, signs: Signs) -> None:
    to = [
        address
        for name in ("To", "Cc", "Bcc", "X-Forward-To")
        for value in mail.all(name)
        for address in addresses(value)
    ]
    asked = (mail.get("Subject") or "").strip().casefold() in _REQUESTS
    for address in to:
        local = address.partition("@")[0]
        if known(address):
            signs.remailer = signs.remailer or address
            signs.add("known-address", outgoing=True, structure=False)
            break
        if asked and re.search(r"remail|mix|yamn", local):
            signs.remailer = signs.remailer or address
            break
    else:
        asked = False
    if asked:
        signs.add("remailer-request", outgoing=True)
    sender = addresses(mail.get("From"), limit=1)
    if sender and known(sender[0]) and signs.outgoing is not True:
        signs.remailer = signs.remailer or sender[0]
        signs.add("known-address", outgoing=False, structure=False)
    if signs.outgoing and signs.remailer is None and to:
        signs.remailer = to[0]


def known(address: str) -> bool:
    """Whether an address is on the list of remailers, by host and kind of local part."""
    local, _, host = address.casefold().rpartition("@")
    return KNOWN.host(host) is not None and _LOCAL_PART.search(local) is not None
