"""Which known service stands behind server names."""

from __future__ import annotations

from collections.abc import Iterable

from triage.formats.indicators import load

KNOWN = load("vpn")


def service(servers: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the name of the first known provider, and the list that knows it."""
    for server in servers:
        host = server.rpartition(":")[0] if server.count(":") == 1 else server
        found = KNOWN.host(host)
        if found:
            return found.note, str(KNOWN)
    return None, None
