"""What is read of TL, the encoding in which Telegram keeps users and messages on Android.

A value begins with the number of its constructor (u32, little-endian), often followed by flags.
Fields are aligned to 4 bytes; a text has its length before it and zeros behind it. There are dozens
of constructors, a new one in most versions. A message's text stands right behind its date, which
the row of the database repeats, so it is found by that; of a user all layouts since 2017 are tried,
and one that gives readable names is taken.

Source: DrKLO/Telegram, `TLRPC.java`; abrignoni/ALEAPP, `telegramAndroid.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from triage.api import ParseError

_WORD: Final = 4
_LONG: Final = 254  # of a length: three bytes follow
_PEERS: Final = {  # constructor → sign, bytes of the number
    0x59511722: (1, 8),  # a user
    0x36C6019A: (-1, 8),  # a group
    0xA2A5371E: (-1, 8),  # a channel
    0x9DB1BC6D: (1, 4),  # the same until 2021
    0xBAD0E5BB: (-1, 4),
    0xBDDDE532: (-1, 4),
}
_NOTICES: Final = frozenset(
    {
        *(0x7A800E0A, 0xD3D28540, 0x2B085862, 0x286FA604),
        *(0x9E19A1F6, 0xC06B9607, 0x1D86F70E, 0x9F8D60BB),
    }
)
_FROM: Final = 0x100  # of the flags: a sender is told
_FIRST_PEER: Final = 32  # bytes in which it begins
_USER_NAMES: Final = ("first", "last", "handle", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is read of one message."""

    text: str
    sender: int | None  # user, or minus a group or channel; None: not told
    notice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user."""

    id: int
    first: str | None = None
    last: str | None = None
    handle: str | None = None
    phone: str | None = None


def message(data: bytes, seconds: int) -> Message:
    """Read a message whose row says when it was sent (seconds since 1970)."""
    constructor, flags = _word(data, 0), _word(data, _WORD)
    sender = _sender(data) if flags & _FROM else None
    if constructor in _NOTICES:
        return Message(text="", sender=sender, notice=True)
    date = (seconds & 0xFFFFFFFF).to_bytes(_WORD, "little")
    at = data.find(date, 3 * _WORD)
    while at != -1:
        if at % _WORD == 0:
            try:
                text, _ = _text(data, at + _WORD)
            except ParseError:
                text = None
            if text is not None and _readable(text):
                return Message(text=text, sender=sender, notice=False)
        at = data.find(date, at + 1)
    return Message(text="", sender=sender, notice=False)


def _sender(data: bytes) -> int | None:
    for at in range(2 * _WORD, _FIRST_PEER, _WORD):
        found = _PEERS.get(_word(data, at))
        if found:
            sign, length = found
            return sign * int.from_bytes(data[at + _WORD : at + _WORD + length], "little")
    return None


def user(data: bytes) -> User | None:
    """Read a user; None when no known layout fits."""
    for more_flags, length in ((1, 8), (0, 8), (0, 4)):
        try:
            found = _user(data, more_flags * _WORD, length)
        except ParseError:
            continue
        if found is not None:
            return found
    return None


def _user(data: bytes, skipped: int, length: int) -> User | None:
    flags = _word(data, _WORD)
    at = 2 * _WORD + skipped
    number = int.from_bytes(data[at : at + length], "little")
    at += length
    if flags & 1:
        at += 8  # access hash
    found: dict[str, str] = {}
    for bit, name in enumerate(_USER_NAMES, 1):
        if flags >> bit & 1:
            text, at = _text(data, at)
            if not text or not _readable(text):
                return None
            found[name] = text
    phone = found.get("phone", "0")
    if not found or not 0 < number < 1 << 52 or not (phone.isascii() and phone.isdigit()):
        return None
    return User(id=number, **found)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _WORD], "little")


def _text(data: bytes, at: int) -> tuple[str | None, int]:
    """Return a text, None when it is not UTF-8, and where the next field begins."""
    start, length = at + 1, data[at] if at < len(data) else 0
    if length >= _LONG:
        start, length = at + _WORD, int.from_bytes(data[at + 1 : at + _WORD], "little")
    end = start + length
    following = end + -end % _WORD
    if at >= len(data) or following > len(data) or any(data[end:following]):
        raise ParseError("not a text of TL")
    try:
        return data[start:end].decode("utf-8"), following
    except UnicodeDecodeError:
        return None, following


def _readable(text: str) -> bool:
    return not any(char < " " and char not in "\n\r\t" for char in text)
