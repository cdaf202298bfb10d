r"""HexChat: nicknames, logs and scrollback of IRC.

Written from a folder that HexChat 2.16.1 wrote on Linux, and tested with it; on Windows the same
files lie in `AppData/Roaming/HexChat`. The keys of `servlist.conf` are those of HexChat's
`servlist.c`, not tested on a real file. Reads the default forms: a log line
`Nov 23 16:41:50 <nick>\ttext`, local time without a year, which the line `**** BEGIN LOGGING AT`
before it gives; a scrollback line `T <seconds since 1970> text`, exact. Scrollback is kept even
when logging is off. Joins, topics and notices are left out, and `/me` lines of logs, which look
like them. Other themes and time stamps are not understood.

References: hexchat/hexchat, `src/common/servlist.c`, `text.c`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatMessage,
    ChatProfile,
    Confidence,
    EvidenceError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats.times import utc

_HOMES: Final = (
    "**/.config/hexchat",  # HexChat 2.9 and later on Linux; Flatpak below its own folder
    "**/io.github.Hexchat/config/hexchat",  # HexChat from Flathub
    "**/AppData/Roaming/HexChat",  # HexChat on Windows
)
_LIMIT: Final = 32 << 20
_SETTINGS_LIMIT: Final = 1 << 20

_SETTING = re.compile(r"(\w+) = (.*)")
_NICKS: Final = ("irc_nick1", "irc_nick2", "irc_nick3")
_BEGIN = re.compile(r"\*{4} BEGIN LOGGING AT \w{3} +(\w{3}) +(\d{1,2}) [\d:]{8} (\d{4})", re.ASCII)
_LOG_LINE = re.compile(
    r"(\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) <([^<>\s]{1,64})>\t(.*)", re.ASCII | re.DOTALL
)
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
# Colours, bold, italics and the rest of mIRC's formatting, and HexChat's "hidden" (8).
_FORMAT = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|[\x02\x08\x0f\x11\x16\x1d\x1e\x1f]", re.ASCII)
_SCROLL = re.compile(r"T (\d{1,12}) (.*)", re.ASCII | re.DOTALL)
_SAID = re.compile(r"<([^<>\s]{1,64})>\t(.*)", re.DOTALL)
_DID = re.compile(r"(?:\x03\d{0,2})?\*\t\x02([^\x00-\x20]{1,64})\x0f (.*)", re.ASCII | re.DOTALL)


@extractor(
    name="chat.hexchat.profile",
    paths=tuple(f"{home}/hexchat.conf" for home in _HOMES),
    yields=(ChatProfile, ChatAccount),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile | ChatAccount]:
    """Read the settings: nicknames, whether logs are kept, a proxy."""
    settings = _settings(artifact)
    if not settings:
        return
    proxy = settings.get("net_proxy_host")
    yield ChatProfile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN,
        application="hexchat",
        profile=artifact.path.rpartition("/")[0],
        version=settings.get("version"),
        conversations=sum(
            1 for pattern in ("logs/**/*.log", "scrollback/*/*.txt") for _ in artifact.find(pattern)
        ),
        logs_kept=settings["irc_logging"] == "1" if "irc_logging" in settings else None,
        proxy=f"{proxy}:{settings.get('net_proxy_port', '')}" if proxy else None,
    )
    for name in _NICKS:
        if settings.get(name):
            yield ChatAccount(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=name,
                service="irc",
                identifier=settings[name],
                application="hexchat",
                display_name=settings.get("irc_real_name"),
            )


def _settings(artifact: Artifact) -> dict[str, str]:
    lines = artifact.text(_SETTINGS_LIMIT).splitlines()
    found = (_SETTING.fullmatch(line) for line in lines)
    return {match[1]: match[2] for match in found if match and match[2]}


@extractor(
    name="chat.hexchat.networks",
    paths=tuple(f"{home}/servlist.conf" for home in _HOMES),
    yields=(ChatAccount, ChatContact),
    holds_secret=True,
)
def networks(artifact: Artifact) -> Iterator[ChatAccount | ChatContact]:
    """Read the networks that were given a nickname, a password or channels; the rest is shipped."""
    for number, block in enumerate(artifact.text(_SETTINGS_LIMIT).split("\n\n")):
        entries = [line.partition("=") for line in block.splitlines()]
        fields = {name: value for name, _, value in entries if value}
        network = fields.get("N")
        if not network:
            continue
        channels = [value.partition(",")[0] for name, _, value in entries if name == "J" and value]
        stored = not {"P", "B"}.isdisjoint(fields)  # of the server, of NickServ
        if "I" in fields or stored:
            yield ChatAccount(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=f"network {number}",
                service="irc",
                identifier=f"{fields.get('I', '')}@{network}",
                application="hexchat",
                password_stored=stored,
                server=fields.get("S"),
            )
        for channel in channels:  # what follows the comma is the channel's key
            yield ChatContact(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=f"network {number}",
                service="irc",
                own_account=None,
                identifier=channel,
                group=network,
            )


@extractor(
    name="chat.hexchat.scrollback",
    paths=tuple(f"{home}/scrollback/*/*.txt" for home in _HOMES),
    yields=(ChatMessage,),
)
def scrollback(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read what was last on the screen of a channel or query, dated to the second, UTC."""
    own = _own_nicks(artifact, "../../hexchat.conf")
    for number, line in enumerate(artifact.text(_LIMIT).split("\n"), 1):
        found = _SCROLL.match(line)
        if found is None:
            continue
        said = _SAID.fullmatch(_FORMAT.sub("", found[2])) or _DID.fullmatch(found[2])
        if said is None:
            continue
        when = found[1]
        time = Time(
            event="sent", utc=utc(when, "s_unix"), raw=when, unit=Unit.S_UNIX, zone=Zone.UTC
        )
        yield _message(artifact, f"line {number}", time, (said[1], _FORMAT.sub("", said[2])), own)


@extractor(
    name="chat.hexchat.logs",
    paths=tuple(f"{home}/logs/*/*.log" for home in _HOMES),
    yields=(ChatMessage,),
)
def conversations(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log: local times, the year told by the heading before them."""
    own = _own_nicks(artifact, "../../hexchat.conf")
    year = month = 0
    for number, line in enumerate(artifact.text(_LIMIT).split("\n"), 1):
        if begin := _BEGIN.match(line):
            month, year = _month(begin[1]), int(begin[3])
            continue
        found = _LOG_LINE.fullmatch(line.rstrip("\r"))
        if found is None or not year:
            continue
        if _month(found[1]) < month:
            year += 1  # a log that was open over the new year
        month = _month(found[1])
        time = Time(
            event="sent",
            utc=None,
            raw=_local(year, month, found[2], found[3]) or line[:15],
            unit=Unit.TEXT,
            zone=Zone.LOCAL,
        )
        yield _message(artifact, f"line {number}", time, (found[4], found[5]), own)


def _month(name: str) -> int:
    return _MONTHS.find(name) // 3 + 1


def _local(year: int, month: int, day: str, clock: str) -> str | None:
    try:
        moment = datetime.fromisoformat(f"{year:04}-{month:02}-{int(day):02}T{clock}")
    except ValueError:
        return None
    return moment.isoformat(sep=" ")


def _own_nicks(artifact: Artifact, path: str) -> frozenset[str]:
    """Return the own nicknames in small letters; none when the settings are gone."""
    file = artifact.resolve(path)
    try:
        settings = _settings(file) if file else {}
    except EvidenceError:
        return frozenset()
    return frozenset(settings[name].casefold() for name in _NICKS if name in settings)


def _message(
    artifact: Artifact, locator: str, time: Time, said: tuple[str, str], own: frozenset[str]
) -> ChatMessage:
    sender, text = said
    network, name = artifact.path.split("/")[-2:]
    return ChatMessage(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator=locator,
        times=(time,),
        protection=Protection.PLAIN,
        service="irc",
        own_account=None,
        conversation=f"{name.rpartition('.')[0]} on {network}",
        sender=sender,
        text=text,
        sent_raw=time.raw,
        outgoing=sender.casefold() in own if own else None,
    )
