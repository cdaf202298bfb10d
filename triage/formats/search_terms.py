"""What was searched for, from the address of a page of results.

Only addresses of known engines, and of onion services with a page called search: elsewhere `q=`
may mean anything. Parameter names are those that the engines use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_ENGINES = (  # host, path, parameter
    (r"(?:www\.)?google\.[a-z.]{2,6}", r"/search", "q"),
    (r"(?:www\.|cn\.)?bing\.com", r"/(?:images|videos|news)?/?search", "q"),
    (r"(?:[a-z]+\.)?duckduckgo\.com|duckduckgo[a-z2-7]{46}\.onion", r"/.*", "q"),
    (r"(?:[a-z]{2}\.)?search\.yahoo\.com", r"/search.*", "p"),
    (r"(?:www\.)?(?:yandex\.[a-z.]{2,6}|ya\.ru)", r"/search/?.*", "text"),
    (r"(?:www\.|m\.)?baidu\.com", r"/s", "wd"),
    (r"(?:[a-z0-9]+\.)?startpage\.com", r"/(?:sp|do)/.*", "query"),
    (r"(?:www\.)?ecosia\.org", r"/search", "q"),
    (r"(?:www\.|lite\.)?qwant\.com", r"/.*", "q"),
    (r"search\.brave\.com|search\.brave[a-z2-7]{51}\.onion", r"/search", "q"),
    (r"(?:www\.)?mojeek\.com", r"/search", "q"),
    (r"(?:www\.)?metager\.(?:org|de)", r"/.*", "eingabe"),
    (r"(?:www\.)?kagi\.com", r"/search", "q"),
    (r"(?:www\.|m\.)?youtube\.com", r"/results", "search_query"),
    (r"(?:www\.)?ahmia\.fi|juhanurmi[a-z2-7]{47}\.onion", r"/search/?", "q"),
    (r"(?:[a-z0-9-]+\.)*[a-z2-7]{56}\.onion", r"/.*search.*", "q|query|search|s|P"),
)
_KNOWN = tuple(
    (re.compile(host), re.compile(path), frozenset(names.split("|")))
    for host, path, names in _ENGINES
)
_MAYBE = re.compile(  # most addresses are none: they need not be taken apart
    r"google|bing|duckduckgo|yahoo|yandex|ya\.ru|baidu|startpage|ecosia|qwant|brave|mojeek|metager"
    r"|kagi|youtube|ahmia|\.onion"
)
_URL_LIMIT = 1 << 14  # characters
_FIELDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTerms:
    """The engine's host and what it was asked."""

    engine: str
    terms: str


def search_terms(url: str) -> SearchTerms | None:
    """Return the search behind an address, None when it is not a page of results."""
    if len(url) > _URL_LIMIT or "?" not in url or not _MAYBE.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        fields = parse_qsl(parts.query, max_num_fields=_FIELDS, errors="surrogateescape")
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"}:
        return None
    for engine, path, names in _KNOWN:
        if engine.fullmatch(host) and path.fullmatch(parts.path or "/"):
            for name, value in fields:
                if name in names and value.strip():
                    return SearchTerms(engine=host, terms=value.strip())
    return None
