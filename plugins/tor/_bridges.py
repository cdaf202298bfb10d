"""Read bridge lines, `[transport] address:port [fingerprint] [key=value …]`, as tor(1) says."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):([0-9]{1,5})")
_FINGERPRINT = re.compile(r"\$?([0-9A-Fa-f]{40})")
_TRANSPORT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_PASSWORD = re.compile(r"\b((?:password|shared-secret)=)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A bridge line in its parts; `line` without passwords."""

    line: str
    transport: str | None
    address: str
    fingerprint: str | None  # 40 hex, upper case
    password: str | None  # of the scramblesuit transport


def parse_bridge(line: str) -> Bridge | None:
    """Read a bridge line, with or without the word `Bridge`; None when it is none."""
    words = line.split()
    if words and words[0].casefold() == "bridge":
        words = words[1:]
    transport = None
    if words and not _ADDRESS.fullmatch(words[0]):
        if not _TRANSPORT.fullmatch(words[0]):
            return None
        transport, words = words[0], words[1:]
    if not words or not _ADDRESS.fullmatch(words[0]):
        return None
    found = _FINGERPRINT.fullmatch(words[1]) if len(words) > 1 else None
    text = " ".join(filter(None, (transport, *words)))
    password = _PASSWORD.search(text)
    return Bridge(
        line=_PASSWORD.sub(r"\1[withheld]", text),
        transport=transport,
        address=words[0],
        fingerprint=found.group(1).upper() if found else None,
        password=password.group(0).partition("=")[2] if password else None,
    )
