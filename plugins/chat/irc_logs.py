"""Logs of irssi, WeeChat, mIRC and XChat, with the nicknames in their settings.

Written from the default forms of irssi 1.4, WeeChat 3 and 4, mIRC 6 and 7, XChat 2, and tested
with logs made after them; there was no sample. Times are local, as each program writes them.
Joins, topics and notices are left out. Other themes, time stamps and logs of services are not
understood. Of passwords it is told that one is there.

References: irssi.org, `log`; weechat.org, `logger`; log2timeline/plaso, `text_plugins`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatMessage,
    Confidence,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)

_LIMIT: Final = 32 << 20
_SETTINGS_LIMIT: Final = 1 << 20
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_FORMAT: Final = re.compile(
    r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Said:
    """One message: its local time as text, who, what."""

    raw: str
    sender: str
    text: str


_IRSSI_DAY: Final = re.compile(
    r"--- (?:Log opened|Day changed) \w{3} (\w{3}) (\d\d) (?:[\d:]{8} )?(\d{4})", re.ASCII
)
_IRSSI_LINE: Final = re.compile(r"(\d\d:\d\d(?::\d\d)?) <[ @%+~&]?([^>\s]{1,64})> (.*)", re.ASCII)
_MIRC_DAY: Final = re.compile(
    r"Session (?:Start|Time): \w{3} (\w{3}) (\d\d) [\d:]{8} (\d{4})", re.ASCII
)
_MIRC_LINE: Final = re.compile(r"\[(\d\d:\d\d(?::\d\d)?)\] <[@%+~&]?([^>\s]{1,64})> (.*)", re.ASCII)
_WEECHAT_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\t[@%+~&]?([^\t\s]{1,64})\t(.*)", re.ASCII
)
_WEECHAT_NOTICES: Final = {"--", "-->", "<--", "*", "=!=", ""}
_XCHAT_DAY: Final = re.compile(
    r"\*{4} BEGIN LOGGING AT \w{3} +(\w{3}) +(\d{1,2}) [\d:]{8} (\d{4})", re.ASCII
)
_XCHAT_LINE: Final = re.compile(r"(\w{3}) (\d\d) (\d\d:\d\d:\d\d) <([^>\s]{1,64})>\t(.*)", re.ASCII)


@extractor(
    name="chat.irssi.logs",
    paths=(
        "**/irclogs/*/*.log",  # irssi on Linux: `autolog_path`, with the network
        "**/irclogs/*.log",  # the same, of one network or old
        "**/.irssi/logs/**/*.log",  # a path that many set
    ),
    yields=(ChatMessage,),
)
def irssi(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; its headings tell the day."""
    yield from _messages(artifact, lambda lines: _by_day(lines, _IRSSI_DAY, _IRSSI_LINE), "irssi")


@extractor(
    name="chat.mirc.logs",
    paths=(
        "**/{AppData/Roaming,Program Files*}/mIRC/logs/**/*.log",  # Windows, mIRC 6 and 7
        "**/mIRC/logs/*.log",  # beside the program
    ),
    yields=(ChatMessage,),
)
def mirc(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; its headings tell the day."""
    yield from _messages(artifact, lambda lines: _by_day(lines, _MIRC_DAY, _MIRC_LINE), "mirc")


@extractor(
    name="chat.weechat.logs",
    # Linux and macOS: since 2.8 in `~/.local/share`, before in `~/.weechat`
    paths=("**/.local/share/weechat/logs/*.weechatlog", "**/.weechat/logs/*.weechatlog"),
    yields=(ChatMessage,),
)
def weechat(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; each line has its date."""
    yield from _messages(artifact, _weechat, "weechat")


@extractor(
    name="chat.xchat.logs",
    paths=("**/.xchat2/xchatlogs/**/*.log", "**/X-Chat 2/xchatlogs/**/*.log"),  # Linux; Windows
    yields=(ChatMessage,),
)
def xchat(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; its headings tell the year."""
    yield from _messages(artifact, _xchat, "xchat")


def _messages(
    artifact: Artifact, said: Callable[[Iterator[str]], Iterator[tuple[int, _Said]]], program: str
) -> Iterator[ChatMessage]:
    lines = (_FORMAT.sub("", line.rstrip("\r")) for line in artifact.text(_LIMIT).split("\n"))
    network, name = ["", *artifact.path.split("/")][-2:]
    stem = name.rpartition(".")[0].removesuffix(".weechatlog")
    if program == "weechat":  # irc.<server>.<target>.weechatlog
        stem = stem.removeprefix("irc.")
        network, _, stem = stem.partition(".")
    where = stem if network in {"irclogs", "logs", "xchatlogs", ""} else f"{stem} on {network}"
    for number, one in said(lines):
        yield ChatMessage(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {number}",
            times=(Time(event="sent", utc=None, raw=one.raw, unit=Unit.TEXT, zone=Zone.LOCAL),),
            protection=Protection.PLAIN,
            service="irc",
            own_account=None,
            conversation=where,
            sender=one.sender,
            text=one.text,
            sent_raw=one.raw,
        )


def _by_day(
    lines: Iterator[str], heading: re.Pattern[str], line: re.Pattern[str]
) -> Iterator[tuple[int, _Said]]:
    day: str | None = None
    for number, each in enumerate(lines, 1):
        if found := heading.match(each):
            day = _date(int(found[3]), found[1], found[2])
        elif day and (found := line.fullmatch(each)):
            yield number, _Said(f"{day} {found[1]}", found[2], found[3])


def _weechat(lines: Iterator[str]) -> Iterator[tuple[int, _Said]]:
    for number, each in enumerate(lines, 1):
        found = _WEECHAT_LINE.fullmatch(each)
        if found and found[2] not in _WEECHAT_NOTICES:
            yield number, _Said(found[1], found[2], found[3])


def _xchat(lines: Iterator[str]) -> Iterator[tuple[int, _Said]]:
    year = month = 0
    for number, each in enumerate(lines, 1):
        if found := _XCHAT_DAY.match(each):
            year, month = int(found[3]), _MONTHS.find(found[1]) // 3 + 1
            continue
        found = _XCHAT_LINE.fullmatch(each) if year else None
        if found is None:
            continue
        now = _MONTHS.find(found[1]) // 3 + 1
        year += now < month  # a log that was open over the new year
        month = now
        day = _date(year, found[1], found[2])
        if day:
            yield number, _Said(f"{day} {found[3]}", found[4], found[5])


def _date(year: int, month: str, day: str) -> str | None:
    try:
        return datetime(year, _MONTHS.find(month) // 3 + 1, int(day)).date().isoformat()  # noqa: DTZ001 - a day of a local clock
    except ValueError:
        return None


_IRSSI_ENTRY: Final = re.compile(
    r'\b(nick|real_name|address|password|sasl_password) = "([^"]{1,300})"'
)


@extractor(
    name="chat.irssi.settings",
    paths=("**/.irssi/config",),  # Linux, macOS
    yields=(ChatAccount,),
    holds_secret=True,
)
def irssi_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nickname, and whether a password is stored."""
    found: dict[str, str] = {}
    for name, value in _IRSSI_ENTRY.findall(artifact.text(_SETTINGS_LIMIT)):
        found.setdefault(name, value)
    if "nick" in found:
        yield _account(
            "irssi", found["nick"], found.get("real_name"), "password" in str(set(found))
        )


_MIRC_ENTRY: Final = re.compile(
    r"^(nick|anick|user|host)=(.{1,300})$", re.MULTILINE | re.IGNORECASE
)


@extractor(
    name="chat.mirc.settings",
    paths=("**/mIRC/mirc.ini",),  # Windows
    yields=(ChatAccount,),
    holds_secret=True,
)
def mirc_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nickname and the last server."""
    settings = artifact.text(_SETTINGS_LIMIT, encoding="latin-1").replace("\r", "")
    if "[mirc]" not in settings.lower():
        raise ParseError("not mIRC's settings")
    found = {name.lower(): value for name, value in _MIRC_ENTRY.findall(settings)}
    if "nick" in found:
        yield _account("mirc", found["nick"], found.get("user"), stored=False)


_WEECHAT_NICKS: Final = re.compile(
    r'^(?:[\w.-]{1,64}\.)?nicks = "?([^"\n]{1,300})"?$', re.MULTILINE
)


@extractor(
    name="chat.weechat.settings",
    paths=("**/{.config/weechat,.weechat}/irc.conf",),  # Linux, macOS
    yields=(ChatAccount,),
    holds_secret=True,
)
def weechat_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nicknames, and whether a password is stored."""
    settings = artifact.text(_SETTINGS_LIMIT)
    stored = re.search(r'password = "[^"]+"', settings) is not None
    told: set[str] = set()
    for nicks in _WEECHAT_NICKS.findall(settings):
        nick = nicks.partition(",")[0]
        if nick not in told:
            told.add(nick)
            yield _account("weechat", nick, None, stored)


def _account(program: str, nick: str, name: str | None, stored: bool) -> ChatAccount:
    return ChatAccount(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator="settings",
        service="irc",
        identifier=nick,
        application=program,
        display_name=name,
        password_stored=stored,
    )
