"""Logs of irssi, WeeChat, mIRC, XChat and Konversation, with the nicknames in their settings.

Written from the default forms of irssi 1.4, WeeChat 3 and 4, mIRC 6 and 7, XChat 2, Konversation
22, and tested with what irssi 1.4.3, WeeChat 3.8 and Konversation 22.12 wrote on a server of their
own; of mIRC and XChat there was no sample. Times are local, as each program writes them. Who wrote
is a nickname: it is taken for the own one when the settings beside the logs hold it, with or
without underscores behind it; a nickname that was changed meanwhile is not known. Joins, topics
and notices are left out, and of mIRC and XChat what `/me` writes, which looks like them. Other
themes, time stamps and logs of services are not understood. Of passwords it is told that one is
there.

References: irssi.org, `log`; weechat.org, `logger`; KDE/konversation, `chatwindow.cpp`;
log2timeline/plaso, `text_plugins`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatMessage,
    Confidence,
    EvidenceError,
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
_ACTION: Final = "action"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One message: its local time as text, who, what; an action is what `/me` writes."""

    raw: str
    sender: str | None  # None: the own nickname, which the line does not name
    text: str
    action: bool = False
    to: str | None = None  # with whom, where the line says so and not the file's name


_NICK: Final = r"[@%+~&!]?([^>\s]{1,64})"
_IRSSI_DAY: Final = re.compile(
    r"--- (?:Log opened|Day changed) \w{3} (\w{3}) (\d\d) (?:[\d:]{8} )?(\d{4})", re.ASCII
)
_IRSSI_LINE: Final = re.compile(
    rf"(\d\d:\d\d(?::\d\d)?) (?:< ?{_NICK}> (.*)| \* (\S{{1,64}}) (.*))", re.ASCII
)
_MIRC_DAY: Final = re.compile(
    r"Session (?:Start|Time): \w{3} (\w{3}) (\d\d) [\d:]{8} (\d{4})", re.ASCII
)
_MIRC_LINE: Final = re.compile(rf"\[(\d\d:\d\d(?::\d\d)?)\] <{_NICK}> (.*)", re.ASCII)
_WEECHAT_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\t(?:[@%+~&!]?([^\t\s]{1,64})\t(.*)| \*\t(\S{1,64}) (.*))",
    re.ASCII,
)
_WEECHAT_SENT: Final = re.compile(r"MSG\((\S{1,64})\): (.*)")  # no window was open for it
_WEECHAT_NOTICES: Final = {"--", "-->", "<--", "*", "=!=", ""}
_XCHAT_DAY: Final = re.compile(
    r"\*{4} BEGIN LOGGING AT \w{3} +(\w{3}) +(\d{1,2}) [\d:]{8} (\d{4})", re.ASCII
)
_XCHAT_LINE: Final = re.compile(r"(\w{3}) (\d\d) (\d\d:\d\d:\d\d) <([^>\s]{1,64})>\t(.*)", re.ASCII)
# The day is in words of any language, the zone behind the time is left out by some.
_KONVERSATION_LINE: Final = re.compile(
    r"\[([^\[\]]{6,60})\] \[(\d\d:\d\d:\d\d[^\[\]]{0,20})\]"
    r" (?:<([^>\s]{1,64})>\t(.*)|\t ?\* (\S{1,64}) (.*))",
    re.ASCII,
)


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
    said = _by_day(_lines(artifact), _IRSSI_DAY, _IRSSI_LINE)
    yield from _messages(artifact, said, _irssi_nicks(_beside(artifact, ".irssi/config")))


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
    said = _by_day(_lines(artifact), _MIRC_DAY, _MIRC_LINE)
    settings = _mirc_entries(_beside(artifact, "mirc.ini"))
    yield from _messages(artifact, said, [settings[key] for key in _MIRC_NICKS if key in settings])


@extractor(
    name="chat.weechat.logs",
    # Linux and macOS: since 2.8 in `~/.local/share`, before in `~/.weechat`
    paths=("**/.local/share/weechat/logs/*.weechatlog", "**/.weechat/logs/*.weechatlog"),
    yields=(ChatMessage,),
)
def weechat(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; each line has its date."""
    settings = _beside(artifact, ".config/weechat/irc.conf") or _beside(artifact, "irc.conf")
    yield from _messages(
        artifact, _weechat(_lines(artifact)), _weechat_nicks(settings, artifact.path)
    )


@extractor(
    name="chat.xchat.logs",
    paths=("**/.xchat2/xchatlogs/**/*.log", "**/X-Chat 2/xchatlogs/**/*.log"),  # Linux; Windows
    yields=(ChatMessage,),
)
def xchat(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; its headings tell the year."""
    nicks = _XCHAT_NICKS.findall(_beside(artifact, "xchat.conf"))
    yield from _messages(artifact, _xchat(_lines(artifact)), nicks)


@extractor(
    name="chat.konversation.logs",
    paths=(
        "**/.local/share/konversation/logs/*.log",  # Linux, since KDE Frameworks 5 (2015)
        "**/.kde{,4}/share/apps/konversation/logs/*.log",  # before
    ),
    yields=(ChatMessage,),
)
def konversation(artifact: Artifact) -> Iterator[ChatMessage]:
    """Read the messages of one log; each line has its date, in words of any language."""
    nicks = _konversation_nicks(_beside(artifact, ".config/konversationrc"))
    yield from _messages(artifact, _konversation(_lines(artifact)), nicks)


def _lines(artifact: Artifact) -> Iterator[str]:
    return (_FORMAT.sub("", line.rstrip("\r")) for line in artifact.text(_LIMIT).split("\n"))


def _beside(artifact: Artifact, path: str) -> str:
    """Return the settings that belong to a log: in a folder above its own; empty without them."""
    for depth in range(1, 6):
        file = artifact.resolve("../" * depth + path)
        if file is not None:
            try:
                return file.text(_SETTINGS_LIMIT).replace("\r", "")
            except EvidenceError:
                return ""
    return ""


def _messages(
    artifact: Artifact, said: Iterable[tuple[int, _Said]], nicks: Iterable[str]
) -> Iterator[ChatMessage]:
    names = list(nicks)
    own = {_plain(nick) for nick in names}
    for number, one in said:
        mine = one.sender is None or _plain(one.sender) in own
        yield ChatMessage(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"line {number}",
            times=(Time(event="sent", utc=None, raw=one.raw, unit=Unit.TEXT, zone=Zone.LOCAL),),
            protection=Protection.PLAIN,
            service="irc",
            own_account=names[0] if names else None,
            conversation=_conversation(artifact.path, one.to),
            sender=one.sender or (names[0] if names else None),
            text=one.text,
            sent_raw=one.raw,
            outgoing=mine if own or mine else None,
            message_type=_ACTION if one.action else None,
        )


def _plain(nick: str) -> str:
    """Return a nickname as it is compared: one that is taken gets underscores behind it."""
    return nick.casefold().rstrip("_")


def _conversation(path: str, to: str | None) -> str:
    """Return what a log is called: the channel or nickname, and the network where it is known."""
    network, name = ["", *path.split("/")][-2:]
    stem, _, ending = name.rpartition(".")
    if ending.casefold() == "weechatlog":  # irc.<server>.<target>, irc.server.<server>
        network, _, stem = stem.removeprefix("irc.").partition(".")
        network, stem = (stem, network) if network == "server" else (network, stem)
    elif network == "logs" and "_" in stem:  # Konversation: <server>_<target>
        network, _, stem = stem.partition("_")
    stem = stem if to is None else to
    return stem if network in {"irclogs", "logs", "xchatlogs", ""} else f"{stem} on {network}"


def _by_day(
    lines: Iterator[str], heading: re.Pattern[str], line: re.Pattern[str]
) -> Iterator[tuple[int, _Said]]:
    day: str | None = None
    for number, each in enumerate(lines, 1):
        if found := heading.match(each):
            day = _date(int(found[3]), found[1], found[2])
        elif day and (found := line.fullmatch(each)):
            yield number, _said(f"{day} {found[1]}", *found.groups()[1:])


def _said(
    raw: str,
    sender: str | None,
    text: str | None,
    doer: str | None = None,
    deed: str | None = None,
) -> _Said:
    return _Said(raw=raw, sender=sender or doer, text=text or deed or "", action=doer is not None)


def _weechat(lines: Iterator[str]) -> Iterator[tuple[int, _Said]]:
    for number, each in enumerate(lines, 1):
        found = _WEECHAT_LINE.fullmatch(each)
        if found is None:
            continue
        if found[2] not in _WEECHAT_NOTICES:
            yield number, _said(found[1], *found.groups()[1:])
        elif found[2] == "--" and (sent := _WEECHAT_SENT.fullmatch(found[3])):
            yield number, _Said(raw=found[1], sender=None, text=sent[2], to=sent[1])


def _konversation(lines: Iterator[str]) -> Iterator[tuple[int, _Said]]:
    for number, each in enumerate(lines, 1):
        if found := _KONVERSATION_LINE.fullmatch(each):
            yield number, _said(f"{found[1]} {found[2]}", *found.groups()[2:])


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
            yield number, _said(f"{day} {found[3]}", *found.groups()[3:])


def _date(year: int, month: str, day: str) -> str | None:
    try:
        return datetime(year, _MONTHS.find(month) // 3 + 1, int(day)).date().isoformat()  # noqa: DTZ001 - a day of a local clock
    except ValueError:
        return None


_IRSSI_ENTRY: Final = re.compile(
    r'\b(nick|alternate_nick|real_name|password|sasl_password) = "([^"]{1,300})"'
)


def _irssi_entries(settings: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _IRSSI_ENTRY.findall(settings):
        found.setdefault(name, value)
    return found


def _irssi_nicks(settings: str) -> list[str]:
    found = _irssi_entries(settings)
    return [found[name] for name in ("nick", "alternate_nick") if name in found]


@extractor(
    name="chat.irssi.settings",
    paths=("**/.irssi/config",),  # Linux, macOS
    yields=(ChatAccount,),
    holds_secret=True,
)
def irssi_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nickname, and whether a password is stored."""
    found = _irssi_entries(artifact.text(_SETTINGS_LIMIT))
    if "nick" in found:
        stored = not {"password", "sasl_password"}.isdisjoint(found)
        yield _account("irssi", found["nick"], found.get("real_name"), stored=stored)


_MIRC_NICKS: Final = ("nick", "anick")
_MIRC_ENTRY: Final = re.compile(
    r"^(nick|anick|user|host)=(.{1,300})$", re.MULTILINE | re.IGNORECASE
)


def _mirc_entries(settings: str) -> dict[str, str]:
    return {name.lower(): value for name, value in _MIRC_ENTRY.findall(settings)}


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
    found = _mirc_entries(settings)
    if "nick" in found:
        yield _account("mirc", found["nick"], found.get("user"), stored=False)


_WEECHAT_NICKS: Final = re.compile(
    r'^(?:([^\s.]{1,64})\.)?nicks = "?([^"\n]{1,300})"?$', re.MULTILINE
)
_WEECHAT_PASSWORD: Final = re.compile(
    r'^(?:[^\s.]{1,64}\.)?(?:sasl_|ssl_|tls_)?password = "[^"\n]', re.MULTILINE
)
_XCHAT_NICKS: Final = re.compile(r"^irc_nick[123] = (\S{1,64})$", re.MULTILINE)
_KONVERSATION_ENTRY: Final = re.compile(r"^Nicknames=(.{1,300})$", re.MULTILINE)
_KONVERSATION_PASSWORD: Final = re.compile(
    r"^(?:Password|NickServPassword|SaslPassword)=.", re.MULTILINE
)


def _weechat_nicks(settings: str, log: str) -> list[str]:
    """Return the nicknames for the server of a log; those for any, where it has none of its own."""
    network = _conversation(log, "").rpartition(" on ")[2]
    lists = dict(_WEECHAT_NICKS.findall(settings))
    nicks: str = lists.get(network) or lists.get("") or ""
    return [nick for nick in nicks.split(",") if nick]


def _konversation_nicks(settings: str) -> list[str]:
    lists = _KONVERSATION_ENTRY.findall(settings)
    return [nick for nicks in lists for nick in nicks.split(",") if nick]


@extractor(
    name="chat.weechat.settings",
    paths=("**/{.config/weechat,.weechat}/irc.conf",),  # Linux, macOS
    yields=(ChatAccount,),
    holds_secret=True,
)
def weechat_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nicknames, and whether a password is stored."""
    settings = artifact.text(_SETTINGS_LIMIT)
    stored = _WEECHAT_PASSWORD.search(settings) is not None
    firsts = (nicks.partition(",")[0] for _, nicks in _WEECHAT_NICKS.findall(settings))
    for nick in dict.fromkeys(firsts):
        yield _account("weechat", nick, None, stored=stored)


@extractor(
    name="chat.konversation.settings",
    paths=("**/.config/konversationrc", "**/.kde{,4}/share/config/konversationrc"),  # Linux
    yields=(ChatAccount,),
    holds_secret=True,
)
def konversation_settings(artifact: Artifact) -> Iterator[ChatAccount]:
    """Read the nicknames of each identity, and whether a password is stored."""
    settings = artifact.text(_SETTINGS_LIMIT)
    stored = _KONVERSATION_PASSWORD.search(settings) is not None
    firsts = (nicks.partition(",")[0] for nicks in _KONVERSATION_ENTRY.findall(settings))
    for nick in dict.fromkeys(filter(None, firsts)):
        yield _account("konversation", nick, None, stored=stored)


def _account(program: str, nick: str, name: str | None, *, stored: bool) -> ChatAccount:
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
