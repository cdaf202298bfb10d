"""Follow an onion service's port to the folder that a local web server serves there.

Simple cases only: nginx `listen` with `root`, Apache `<VirtualHost>` or `Listen` with
`DocumentRoot`, in the usual places of Debian and Fedora. No includes, variables or proxies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from triage.api import Artifact

_PLACES = (
    ("/etc/nginx/nginx.conf", "{sites-enabled,sites-available,conf.d}/*"),
    ("/etc/apache2/apache2.conf", "{sites-enabled,sites-available}/*"),
    ("/etc/httpd/conf/httpd.conf", "../conf.d/*"),
)
_LIMIT = 1 << 20
_MAX_FILES = 200
_TARGET = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])?:?([0-9]{1,5})")
_COMMENT = re.compile(r"#[^\n]*")
_LISTEN = re.compile(
    r"\blisten[ \t]{1,20}(?:[^\s;]{0,100}:)?([0-9]{1,5})\b"
    r"|<VirtualHost[ \t][^>\n]{0,100}:([0-9]{1,5})[ \t]{0,20}>",
    re.IGNORECASE,
)
_ROOT = re.compile(
    r'^[ \t]*(?:root|DocumentRoot)[ \t]{1,100}"?([^";\n]{1,1024}?)"?[ \t]{0,20};?[ \t]{0,20}$',
    re.IGNORECASE | re.MULTILINE,
)
_SECTION = re.compile(
    r"^[ \t]*(?:server[ \t]{0,20}\{|<VirtualHost\b)", re.IGNORECASE | re.MULTILINE
)


def web_roots(artifact: Artifact, ports: tuple[str, ...], root: str = "") -> tuple[str, ...]:
    """Return the folders served at the local targets of `HiddenServicePort` values, sorted.

    `root` is what is `/` to the servers, in a container's files.
    """
    wanted = {port for value in ports if (port := _local_port(value))}
    if not wanted:
        return ()
    roots = {
        served
        for config in _configurations(artifact, root)
        for section in _sections(_COMMENT.sub("", config.text(_LIMIT)))
        if wanted & {first or second for first, second in _LISTEN.findall(section)}
        for served in _ROOT.findall(section)
    }
    return tuple(sorted(roots))


def _local_port(value: str) -> str | None:
    """Return the local port of `80 127.0.0.1:8080`; `80` alone means the same port."""
    words = value.split()
    if not words:
        return None
    found = _TARGET.fullmatch(words[1] if len(words) > 1 else words[0])
    return found.group(1) if found else None


def _configurations(artifact: Artifact, root: str) -> Iterator[Artifact]:
    count = 0
    for main, pattern in _PLACES:
        found = artifact.resolve(f"{root}{main}")
        for config in (found, *found.find(pattern)) if found else ():
            count += 1
            if count > _MAX_FILES:
                return
            yield config


def _sections(text: str) -> Iterator[str]:
    """Cut a configuration at the start of each server or virtual host."""
    starts = [match.start() for match in _SECTION.finditer(text)]
    for start, end in pairwise((*starts, len(text))):
        yield text[start:end]
