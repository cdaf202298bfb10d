"""Ricochet Refresh and Ricochet: the own address and the contact list.

Written from Ricochet Refresh 3.0 (`rico-profile`, `main.cpp`) and Ricochet 1.1 for Windows, Linux
and macOS; tested with files made from that format by a committed script. An address here is an
onion service; the own one is computed from its secret key. Messages are not kept by the program.
Not read: the encrypted profile of version 4, the tor folder beside it.
References: https://docs.ricochetrefresh.net/, https://github.com/blueprint-freespeech.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    DarknetClient,
    DarknetIdentity,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    extractor,
)
from triage.formats import json
from triage.formats.onion import check
from triage.formats.stamps import modified

from ._onion import address_of

_LIMIT = 8 << 20
_MAX_CONTACTS = 10_000
_KEY_PREFIX = "ED25519-V3:"


@extractor(
    name="darknet.ricochet.profile",
    paths=(
        # Ricochet Refresh 3: `~/.config/ricochet-refresh`, `%LOCALAPPDATA%`, macOS; portable
        # versions and Ricochet 1 keep it in `config` beside the program
        "**/ricochet.json",
    ),
    yields=(DarknetClient, DarknetIdentity),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[DarknetClient | DarknetIdentity]:
    """Read a Ricochet profile: own address, and the contacts with their state."""
    content = json.parse(artifact.read(_LIMIT))
    if not isinstance(content, dict) or not {"identity", "users", "contacts"} & content.keys():
        raise ParseError("not a profile of Ricochet")
    identity = content.get("identity")
    identity = identity if isinstance(identity, dict) else {}
    legacy = "serviceKey" in identity or "contacts" in content
    application = "ricochet" if legacy else "ricochet-refresh"
    people = list(_contacts(content))
    yield DarknetClient(
        application=application,
        directory=artifact.path.rpartition("/")[0] or "/",
        settings=(f"contacts={len(people)}",),
        shows=Shows.USED if people else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        times=(
            *modified("last_written", artifact),
            *modified("lock_written", artifact.sibling("ricochet.json.lock")),
        ),
    )
    key = identity.get("privateKey") or identity.get("serviceKey")
    if isinstance(key, str) and key:
        yield _own(application, key)
    for number, (host, label, state) in enumerate(people):
        if number >= _MAX_CONTACTS:
            artifact.problem(f"more than {_MAX_CONTACTS} contacts")
            break
        found = check(host.removeprefix("ricochet:").removesuffix(".onion"))
        found = found or check(f"{host.removeprefix('ricochet:').removesuffix('.onion')}.onion")
        if found is None:
            artifact.problem("a contact without an onion address", locator=f"contact {number + 1}")
            continue
        yield DarknetIdentity(
            application=application,
            network="tor",
            darknet_address=found.address,
            role="contact",
            label=label,
            state=state,
            shows=Shows.DESTINATION,
            confidence=Confidence.CONFIRMED if found.checks else Confidence.PROBABLE,
            checks=found.checks,
            locator=f"contact {number + 1}",
        )


def _own(application: str, key: str) -> DarknetIdentity:
    address = None
    if key.startswith(_KEY_PREFIX):
        try:
            address = address_of(base64.b64decode(key[len(_KEY_PREFIX) :], validate=True))
        except (binascii.Error, ValueError):
            address = None
    return DarknetIdentity(
        application=application,
        network="tor",
        darknet_address=address,
        role="own",
        has_secret_key=True,
        shows=Shows.CREDENTIAL,
        confidence=Confidence.CONFIRMED if address else Confidence.PROBABLE,
        checks=("address-from-key",) if address else (),
        locator="identity",
        protection=Protection.PLAIN,
        sensitivity=Sensitivity.SECRET,
        secret=key[:4096],
    )


def _contacts(content: dict[str, json.Json]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (address, nickname, state) of version 3's users and version 1's contacts."""
    users = content.get("users")
    for host, values in users.items() if isinstance(users, dict) else ():
        if isinstance(values, dict):
            yield host, _text(values.get("nickname")), _text(values.get("type"))
    contacts = content.get("contacts")
    for values in contacts.values() if isinstance(contacts, dict) else ():
        if isinstance(values, dict):
            yield str(values.get("hostname", "")), _text(values.get("nickname")), None


def _text(value: json.Json) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
