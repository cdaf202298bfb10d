"""Orbot on Android: onion services that it hosts, and services that it may enter.

Written from Orbot's `OnionServiceDatabase` and `ClientAuthDatabase` (16 and 17) for Android;
tested with databases made after them by a committed script, not with those of a real telephone.
What Orbot sets for tor, and which apps it routes, is told with its data directory. A key that
opens a service is told, never shown.
Not read: the VPN of the Tor Project (`org.torproject.vpn`), Orbot on iOS.
References: https://github.com/guardianproject/orbot-android.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    TorOnionAuth,
    TorOnionService,
    extractor,
)
from triage.formats.onion import check
from triage.formats.sqlite import Value

_SERVICES = {"onion_services": {"name", "domain", "onion_port", "port", "enabled"}}
_KEYS = {"v3_client_auths": {"domain", "hash", "enabled"}}
_KEY = re.compile(r"[A-Za-z2-7]{52}")
_LONGEST = 200


@extractor(
    name="tor.orbot.services",
    paths=(
        # Orbot 16 and later, Android
        "**/org.torproject.android*/databases/onion_service",
    ),
    yields=(TorOnionService,),
)
def services(artifact: Artifact) -> Iterator[TorOnionService]:
    """List the onion services that were set up in Orbot."""
    with artifact.sqlite() as database:
        if not database.has(_SERVICES):
            return
        wanted = ("name", "domain", "onion_port", "port", "enabled", "created_by_user", "filepath")
        there = {column.lower() for column in database.columns("onion_services")}
        for row in database.rows("onion_services", [c for c in wanted if c in there]):
            value = row.values
            address = check(_text(value["domain"]))
            settings = [f"enabled {value['enabled']!r}", f"name {_text(value['name'])}"]
            if "created_by_user" in value:
                settings.append(f"created_by_user {value['created_by_user']!r}")
            yield TorOnionService(
                onion=address.address if address else None,
                directory=_text(value.get("filepath")) or f"row {row.key!r}",
                ports=(f"{_text(value['onion_port'])} 127.0.0.1:{_text(value['port'])}",),
                settings=tuple(settings),
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED if address else Confidence.PROBABLE,
                checks=address.checks if address else (),
                locator=f"onion_services row {row.key!r}",
                row=RowState(row.state.value),
            )
        for problem in database.problems:
            artifact.problem(problem)


@extractor(
    name="tor.orbot.credentials",
    paths=(
        # Orbot 16 and later, Android
        "**/org.torproject.android*/databases/v3_client_auths",
    ),
    yields=(TorOnionAuth,),
    holds_secret=True,
)
def credentials(artifact: Artifact) -> Iterator[TorOnionAuth]:
    """List the closed onion services whose key was entered into Orbot."""
    with artifact.sqlite() as database:
        if not database.has(_KEYS):
            return
        for row in database.rows("v3_client_auths", ("domain", "hash")):
            address = check(_text(row.values["domain"]))
            if address is None or address.legacy:
                artifact.problem("a key for no onion address", locator=f"row {row.key!r}")
                continue
            key = _text(row.values["hash"])
            yield TorOnionAuth(
                onion=address.address,
                key_type="x25519" if _KEY.fullmatch(key) else "unknown",
                file_name=artifact.entry.name,
                shows=Shows.CREDENTIAL,
                confidence=Confidence.CONFIRMED,
                checks=address.checks,
                locator=f"v3_client_auths row {row.key!r}",
                row=RowState(row.state.value),
                protection=Protection.PLAIN,
                sensitivity=Sensitivity.SECRET,
                secret=key or None,
            )
        for problem in database.problems:
            artifact.problem(problem)


def _text(value: Value | None) -> str:
    """Return a value of a column that holds text or a number, as text."""
    if isinstance(value, int):
        return str(value)
    return value[:_LONGEST] if isinstance(value, str) else ""
