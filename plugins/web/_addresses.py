"""What an address is: its host, the indicator list, the checksum of an onion service."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from triage.api import Shows
from triage.formats.indicators import WEB, Indicator
from triage.formats.onion import check as onion_check

INDICATOR_LIST = str(WEB)


class Judgement(NamedTuple):
    """What is known of an address."""

    category: str | None
    indicator: str | None
    checks: tuple[str, ...]

    @property
    def telling(self) -> bool:
        """Whether the address is on the list or an onion service."""
        return self.category is not None or bool(self.checks)

    def shows(self, otherwise: Shows) -> Shows:
        """Return how far a finding about the address goes on the ladder."""
        return Shows.DESTINATION if self.telling else otherwise


UNKNOWN = Judgement(None, None, ())


def host_of(url: str) -> str | None:
    """Return the host of an address in lower case, None when there is none."""
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def judge(url: str | None) -> Judgement:
    """Judge an address."""
    if not url:
        return UNKNOWN
    return _judgement(WEB.url(url), host_of(url) if ".onion" in url.lower() else None)


def judge_host(host: str) -> Judgement:
    """Judge a host."""
    return _judgement(WEB.host(host), host)


def judge_download(urls: tuple[str, ...], target: str) -> Judgement:
    """Judge a download by the addresses it came from, else by the name it was given."""
    for url in reversed(urls):
        found = judge(url)
        if found.telling:
            return found
    entry = WEB.file(target) or next((hit for url in urls if (hit := WEB.file(_last(url)))), None)
    return _judgement(entry, None)


def _last(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _judgement(entry: Indicator | None, host: str | None) -> Judgement:
    onion = onion_check(host) if host and host.endswith(".onion") else None
    return Judgement(
        entry.category if entry else None,
        entry.pattern if entry else None,
        onion.checks if onion else (),
    )
