"""Saved sessions of Chromium (SNSS): pages of the tabs that were open, and of closed ones.

`SNSS`, a 32-bit version, then commands: 16-bit length, 8-bit id, payload; little endian. Versions
1 and 3 are in clear, 2, 4 and 5 encrypted. Most payloads are pickles: a 32-bit length, then fields
aligned to four bytes. Ids differ between sessions and the list of closed tabs. Times are WebKit's,
microseconds since 1601. Source: Chromium, `components/sessions/core/` with
`command_storage_backend.cc`, `session_service_commands.cc`, `tab_restore_service_impl.cc` and
`serialized_navigation_entry.cc`; compared with sessions of Chromium 156.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from triage.errors import LimitError, ParseError

PAGE_LIMIT = 100_000
_HEADER = struct.Struct("<4si")
_PLAIN, _ENCRYPTED = (1, 3), (2, 4, 5)
_LONGEST = 1 << 20  # bytes of one text
_SELECTED = struct.Struct("<ii")
_CLOSED = struct.Struct("<i4xq")
_RESTORED = struct.Struct("<iiq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page in the history of a tab."""

    tab: int
    entry: int  # position in the history of the tab, from 0
    url: str
    title: str | None
    referrer: str | None
    visited: int | None
    current: bool = False
    closed: bool = False
    closed_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages, in order of tabs and history; `damaged` commands could not be read."""

    pages: tuple[Page, ...]
    damaged: int


def pages(data: bytes, *, closed: bool) -> Pages:
    """Read a session, or with `closed` a list of closed tabs.

    Raises ParseError when it is neither or is encrypted, LimitError.
    """
    found: dict[tuple[int, int, str], Page] = {}
    shown: dict[int, int] = {}
    ended: dict[int, int | None] = {}
    damaged = 0
    navigation, selected = (1, 4) if closed else (6, 7)
    for number, payload in commands(data):
        try:
            if number == navigation:
                page = _page(payload)
                found[page.tab, page.entry, page.url] = page
                if len(found) > PAGE_LIMIT:
                    raise LimitError(f"more than {PAGE_LIMIT} pages in a session")
            elif number == selected and closed:
                tab, entry, when = _RESTORED.unpack_from(payload)
                shown[tab], ended[tab] = entry, when or None
            elif number == selected:
                tab, entry = _SELECTED.unpack_from(payload)
                shown[tab] = entry
            elif number == 16 and not closed:  # noqa: PLR2004 - TabClosed
                tab, when = _CLOSED.unpack_from(payload)
                ended[tab] = when or None
        except (struct.error, ParseError):
            damaged += 1
    return Pages(
        pages=tuple(
            replace(
                page,
                current=shown.get(tab) == entry,
                closed=closed or tab in ended,
                closed_at=ended.get(tab),
            )
            for (tab, entry, _), page in sorted(found.items())
        ),
        damaged=damaged,
    )


def commands(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (id, payload). Raises ParseError when it is no such file, or encrypted."""
    if len(data) < _HEADER.size or data[:4] != b"SNSS":
        raise ParseError("not a session of Chromium")
    _, version = _HEADER.unpack_from(data)
    if version in _ENCRYPTED:
        raise ParseError("the session is encrypted")
    if version not in _PLAIN:
        raise ParseError("an unknown version of a session")
    at = _HEADER.size
    while at + 3 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        if size == 0 or at + 2 + size > len(data):
            return  # cut where the browser stopped
        yield data[at + 2], data[at + 3 : at + 2 + size]
        at += 2 + size


class _Pickle:
    """Fields of a pickle, one after the other. Raises ParseError past the end."""

    def __init__(self, payload: bytes) -> None:
        if len(payload) < 4:  # noqa: PLR2004 - the length
            raise ParseError("a pickle cut short")
        self._data = payload[4 : 4 + int.from_bytes(payload[:4], "little")]
        self._at = 0

    def integer(self, size: int = 4) -> int:
        return int.from_bytes(self._take(size), "little", signed=True)

    def text(self) -> str:
        return self._take(self.integer()).decode("utf-8", "surrogateescape")

    def text16(self) -> str:
        return self._take(2 * self.integer()).decode("utf-16-le", "surrogatepass")

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if not 0 <= length <= _LONGEST or end > len(self._data):
            raise ParseError("a pickle cut short")
        part = self._data[self._at : end]
        self._at = end + -end % 4
        return part


def _page(payload: bytes) -> Page:
    """Read a navigation. What stands behind the title came with versions and may be cut off."""
    fields = _Pickle(payload)
    tab, entry = fields.integer(), fields.integer()
    url = fields.text()
    try:
        title = fields.text16()
    except UnicodeDecodeError as error:
        raise ParseError("a title that is no text") from error
    if not url:
        raise ParseError("a page without an address")
    referrer, visited = "", 0
    try:
        fields.text()  # state of the page: form content, scroll position
        fields.integer()  # transition
        fields.integer()  # whether it had post data
        referrer = fields.text()
        fields.integer()  # referrer policy, kept for older versions
        fields.text()  # address that was asked for
        fields.integer()  # user agent changed
        visited = fields.integer(8)
    except ParseError:
        pass  # all that is told of the page by then stands
    return Page(
        tab=tab,
        entry=entry,
        url=url,
        title=title or None,
        referrer=referrer or None,
        visited=visited or None,
    )
