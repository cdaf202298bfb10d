"""Entries of Chromium's HTTP cache, whichever way they are stored: address, times, head, body.

An entry has a key and streams: 0 the head of the answer with its times, 1 the body. The key ends
with the address; before it may stand numbers and, since 2020, the sites that the entry is kept
apart for (`_dk_`). `simple_cache` and `block_cache` read what stores them.

Sources: Chromium's `net/http/http_cache.cc` (keys), `net/http/http_response_info.cc` (`Persist`).
Tested with what Chromium 156 wrote.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from triage.errors import ParseError
from triage.formats import http_body

_HEAD_LIMIT: Final = 256 << 10  # bytes of the head of an answer
_VERSIONS: Final = range(1, 8)
_VERSION_MASK: Final = 0xFF
_MORE_FLAGS: Final = 1 << 31
_ORIGINAL_TIME: Final = 1 << 2  # among the further flags
_NUMBERS: Final = re.compile(r"(?:\d{1,20}/){1,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """When an answer was asked for and came, microseconds since 1601 UTC, and its head."""

    requested: int
    answered: int
    status: str
    fields: dict[str, str]  # by name in lower case; the last one counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `live` is false for one that was set aside or deleted and can still be read.

    `head` is None when it is not one of HTTP (other caches share the form) or is damaged. `created`
    and `used` are microseconds since 1601 UTC, None where the store does not say.
    """

    key: str
    url: str
    head: Head | None
    size: int  # bytes of the body as stored
    live: bool
    file: str  # that the entry begins in, and where
    offset: int
    created: int | None = None
    used: int | None = None
    _body: Callable[[], bytes] = field(repr=False)

    def raw_body(self) -> bytes:
        """Return the body as stored. Raises ParseError, LimitError or EvidenceError."""
        return self._body()

    def body(self, *, limit: int = http_body.BODY_LIMIT) -> bytes:
        """Return the body unpacked. Raises like `http_body.unpack` and `raw_body`."""
        encoding = self.head.fields.get("content-encoding", "") if self.head else ""
        return http_body.unpack(self._body(), encoding, limit=limit)


def url_of(key: str) -> str:
    """Return the address that a key of the cache ends with."""
    numbers = _NUMBERS.match(key)
    rest = key[numbers.end() :] if numbers else key
    return rest.rpartition(" ")[2] if rest.startswith("_dk_") else rest


def head(data: bytes) -> Head | None:
    """Read stream 0 of an entry, None when it is not the head of an answer."""
    try:
        return _head(data)
    except (struct.error, ParseError):
        return None


def _head(data: bytes) -> Head:
    size, flags = struct.unpack_from("<II", data)
    if size != len(data) - 4 or flags & _VERSION_MASK not in _VERSIONS:
        raise ParseError("not the head of an answer")
    at, more = 8, 0
    if flags & _MORE_FLAGS:
        (more,) = struct.unpack_from("<I", data, at)
        at += 4
    requested, answered = struct.unpack_from("<qq", data, at)
    at += 16
    if more & _ORIGINAL_TIME:
        at += 8
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    if length > min(len(data) - at, _HEAD_LIMIT):
        raise ParseError("a head that runs past its entry")
    status, *lines = data[at : at + length].decode("latin-1").split("\0")
    if not status.startswith("HTTP/"):
        raise ParseError("not the head of an answer")
    fields: dict[str, str] = {}
    for each in lines:
        name, colon, value = each.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return Head(requested=requested, answered=answered, status=status, fields=fields)
