"""Saved sessions of Mozilla browsers: tabs with their history, form text, hosts of cookies.

`sessionstore.jsonlz4` and `sessionstore-backups/` (mozLz4), `sessionstore.js` and `.bak` before 56.
The browser writes ordinary windows only, never private ones. Times are milliseconds since 1970.
Source: mozilla-central, `browser/components/sessionstore`; read with files of Firefox ESR 153.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import LimitError, ParseError
from triage.formats.json import Json
from triage.formats.sites import host_in

PAGE_LIMIT = 100_000
_DEPTH = 16  # frames within frames
_LONGEST = 20_000  # characters of a form text


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page in the history of a tab."""

    place: str  # `window 1, tab 2, entry 1`
    url: str
    title: str | None
    current: bool  # the page that the tab showed
    closed: bool  # the tab or its window was closed before the file was written
    accessed: int | None  # when the tab was last looked at
    closed_at: int | None
    container: int  # 0: none; see `containers.json`


@dataclass(frozen=True, slots=True, kw_only=True)
class FormText:
    """What a form field of an open page held, or the address bar before it was sent."""

    place: str
    field: str
    text: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a file holds; `started` and `saved` are those of the browser's run."""

    pages: tuple[Page, ...]
    texts: tuple[FormText, ...]
    cookies: tuple[tuple[str, int], ...]  # host, number of cookies; sorted
    started: int | None
    saved: int | None


def session(value: Json) -> Session:
    """Take a parsed session apart. Raises ParseError, LimitError."""
    if not isinstance(value, dict) or not isinstance(value.get("windows"), list):
        raise ParseError("not a session of a browser")
    pages: list[Page] = []
    texts: list[FormText] = []
    hosts: dict[str, int] = {}
    for place, tab, closed_at, closed in _tabs(value):
        for item in _pages(tab, place, closed_at, closed=closed):
            pages.append(item)
            if len(pages) > PAGE_LIMIT:
                raise LimitError(f"more than {PAGE_LIMIT} pages in a session")
        texts += _texts(tab, place)
        if len(texts) > PAGE_LIMIT:
            raise LimitError(f"more than {PAGE_LIMIT} form fields in a session")
    for cookie in (*_dicts(value.get("cookies")), *_old_cookies(value)):
        host = cookie.get("host")
        name = host_in(host) if isinstance(host, str) else ""
        if name and (name in hosts or len(hosts) < PAGE_LIMIT):
            hosts[name] = hosts.get(name, 0) + 1
    state = value.get("session")
    told = state if isinstance(state, dict) else {}
    return Session(
        pages=tuple(pages),
        texts=tuple(texts),
        cookies=tuple(sorted(hosts.items())),
        started=_integer(told.get("startTime")),
        saved=_integer(told.get("lastUpdate")),
    )


def _tabs(value: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json], int | None, bool]]:
    """Yield place, tab, time of closing, and whether it was closed."""
    for name, gone in (("windows", False), ("_closedWindows", True)):
        for number, window in enumerate(_dicts(value.get(name)), 1):
            place = f"{'closed ' if gone else ''}window {number}"
            ended = _integer(window.get("closedAt")) if gone else None
            for at, tab in enumerate(_dicts(window.get("tabs")), 1):
                yield f"{place}, tab {at}", tab, ended, gone
            for at, tab in enumerate(_dicts(window.get("_closedTabs")), 1):
                state = tab.get("state")
                if isinstance(state, dict):
                    yield f"{place}, closed tab {at}", state, _integer(tab.get("closedAt")), True


def _pages(
    tab: dict[str, Json], place: str, closed_at: int | None, *, closed: bool
) -> Iterator[Page]:
    index, container = tab.get("index"), _integer(tab.get("userContextId"))
    for number, entry in enumerate(_dicts(tab.get("entries")), 1):
        url, title = entry.get("url"), entry.get("title")
        if isinstance(url, str) and url:
            yield Page(
                place=f"{place}, entry {number}",
                url=url,
                title=title if isinstance(title, str) and title else None,
                current=index == number,
                closed=closed,
                accessed=_integer(tab.get("lastAccessed")),
                closed_at=closed_at,
                container=container or 0,
            )


def _texts(tab: dict[str, Json], place: str) -> Iterator[FormText]:
    typed = tab.get("userTypedValue")
    if isinstance(typed, str) and typed.strip():
        yield FormText(place=place, field="address-bar", text=typed[:_LONGEST], url=None)
    waiting = [(tab.get("formdata"), 0)]
    waiting += [(entry.get("formdata"), 0) for entry in _dicts(tab.get("entries"))]  # before 30
    while waiting:
        form, depth = waiting.pop()
        if not isinstance(form, dict):
            continue
        url = form.get("url")
        for kind in ("id", "xpath"):
            fields = form.get(kind)
            for name, held in fields.items() if isinstance(fields, dict) else ():
                for text in _held(held):
                    yield FormText(
                        place=place,
                        field=name[-200:],
                        text=text[:_LONGEST],
                        url=url if isinstance(url, str) else None,
                    )
        if depth < _DEPTH:
            waiting += [(child, depth + 1) for child in _dicts(form.get("children"))]


def _held(value: Json) -> Iterator[str]:
    """Yield the text of a field, or the paths of the files that were chosen in it."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, dict):
        paths = value.get("fileList")
        for path in paths if isinstance(paths, list) else ():
            if isinstance(path, str) and path:
                yield path


def _old_cookies(value: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield cookies as they stood with each window, before 54."""
    for window in _dicts(value.get("windows")):
        yield from _dicts(window.get("cookies"))


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _integer(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
