"""Text logs, as they are and compressed: bounded, with the programs in them gathered."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.api import Artifact, ParseError, Time
from triage.formats.stamps import local_text, zoned_text

LIMIT = 64 << 20
"""Bytes of one log that are read, after decompression."""

LINE_LIMIT = 2_000_000
_GZIP = b"\x1f\x8b"
_LONGEST = 4096  # characters of a line
_SECRET_OPTION = re.compile(
    r"-{1,2}(?:[a-z-]*(?:pass|pw|secret|token|seed|pin|priv)[a-z-]*)(=.*)?$", re.IGNORECASE
)
_SECRET_COMMANDS = frozenset(
    {
        "walletpassphrase",
        "walletpassphrasechange",
        "encryptwallet",
        "importprivkey",
        "importmulti",
        "sethdseed",
        "restore",
        "signmessagewithprivkey",
        "importmnemonic",
        "importelectrumwallet",
    }
)
HIDDEN = "[left out]"
"""What stands for a word that may be a password."""


def text(artifact: Artifact) -> str:
    """Return the content as text, decompressed if it is gzip. Raises ParseError."""
    data = artifact.head(LIMIT)
    if data.startswith(_GZIP):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, LIMIT)
        except zlib.error as error:
            raise ParseError("a compressed log that is damaged") from error
    if artifact.entry.size > LIMIT:
        artifact.problem(f"of this log only the first {LIMIT} bytes were read")
    return data.decode("utf-8", "replace")


def lines(artifact: Artifact) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line, overlong ones cut."""
    for number, line in enumerate(text(artifact).split("\n"), 1):
        if number > LINE_LIMIT:
            artifact.problem(f"more than {LINE_LIMIT} lines")
            return
        yield number, line[:_LONGEST]


def without_secrets(words: list[str]) -> tuple[str, bool]:
    """Return a command line without what may be a password, and whether something was left out."""
    shown: list[str] = []
    hide_next = hide_rest = hidden = False
    for word in words:
        option = _SECRET_OPTION.fullmatch(word)
        if hide_rest or (hide_next and not word.startswith("-")):
            shown.append(HIDDEN)
            hidden, hide_next = True, False
        elif option and option[1]:
            shown.append(f"{word.partition('=')[0]}={HIDDEN}")
            hidden = True
        else:
            shown.append(word)
            hide_next = option is not None
            hide_rest = word.casefold() in _SECRET_COMMANDS
    return " ".join(shown)[:300], hidden


@dataclass(slots=True)
class Seen:
    """How often something was seen, and the first and last of its times, as they stand."""

    count: int = 0
    first: str | None = None
    last: str | None = None
    place: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def add(self, when: str | None, place: str) -> None:
        """Count one line."""
        self.count += 1
        self.first = self.first or when
        self.last = when or self.last
        self.place = self.place or place

    def times(self, first: str, last: str) -> tuple[Time, ...]:
        """Return the first and last time: UTC where the log tells the zone, else as it stands."""
        if self.first is None or self.first == self.last:
            return logged(last, self.last)
        return (*logged(first, self.first), *logged(last, self.last))


def logged(event: str, when: str | None) -> tuple[Time, ...]:
    """Return one time of a log."""
    return zoned_text(event, when) if when and "T" in when else local_text(event, when)
