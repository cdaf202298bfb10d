"""ZeroNet and Lokinet: that they were here.

Written from ZeroNet 0.7 (`src/Config.py`, `src/User/User.py`) and Lokinet (`files.hpp`, 2023) for
Windows, Linux and macOS; tested with files made from those formats by a committed script. Presence
only: sites, certificates and keys are counted, not listed.
References: https://zeronet.io/docs/, https://github.com/oxen-io/lokinet.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    DarknetClient,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    extractor,
)
from triage.formats import json
from triage.formats.stamps import modified

from ._properties import SETTINGS_LIMIT, sections


@extractor(
    name="darknet.zeronet.data",
    paths=(
        # ZeroNet 0.3 and later, ZeroNet Conservancy: portable, any system
        "**/{users,sites}.json",
    ),
    yields=(DarknetClient,),
    holds_secret=True,
)
def zeronet(artifact: Artifact) -> Iterator[DarknetClient]:
    """Report a ZeroNet data folder and how many sites and users it lists."""
    users, sites = artifact.sibling("users.json"), artifact.sibling("sites.json")
    first = users or sites
    if first is None or first.path != artifact.path:
        return
    people = _mapping(users, "master_seed") if users else None
    pages = _mapping(sites, "peers", "serving", "added") if sites else None
    if people is None and pages is None:
        return  # some other program's
    yield DarknetClient(
        application="zeronet",
        directory=artifact.path.rpartition("/")[0] or "/",
        settings=(
            *((f"users={len(people)}",) if people is not None else ()),
            *((f"sites={len(pages)}",) if pages is not None else ()),
        ),
        shows=Shows.USED if pages else Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        protection=Protection.PLAIN if people else None,
        # The master seed gives the keys of each site's user.
        sensitivity=Sensitivity.SECRET if people else Sensitivity.PERSONAL,
        times=modified("last_written", artifact),
    )


@extractor(
    name="darknet.lokinet.data",
    paths=(
        # Lokinet 0.5 and later: `/var/lib/lokinet`, `~/.lokinet`, `%ProgramData%/Lokinet`, /etc
        "**/{lokinet,.lokinet}/lokinet.ini",
    ),
    yields=(DarknetClient,),
)
def lokinet(artifact: Artifact) -> Iterator[DarknetClient]:
    """Report a Lokinet folder: exit node and key file of its settings."""
    told: list[str] = []
    known = False
    for name, _, values in sections(artifact.text(SETTINGS_LIMIT)):
        known |= name.casefold() in {"router", "network", "dns", "bootstrap"}
        told += [f"{key}={values[key]}" for key in ("exit-node", "keyfile") if values.get(key)]
    if not known:
        raise ParseError("not the settings of Lokinet")
    yield DarknetClient(
        application="lokinet",
        directory=artifact.path.rpartition("/")[0] or "/",
        settings=tuple(told[:20]),
        shows=Shows.EXECUTED if artifact.sibling("profiles.dat") else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=modified("profiles_written", artifact.sibling("profiles.dat")),
    )


def _mapping(artifact: Artifact, *marks: str) -> dict[str, json.Json] | None:
    """Return the mapping in a file when one of its values has one of the marks."""
    if artifact.entry.size > SETTINGS_LIMIT:
        return None
    try:
        content = json.parse(artifact.read(SETTINGS_LIMIT))
    except ParseError:
        return None
    if not isinstance(content, dict):
        return None
    marked = any(
        isinstance(value, dict) and any(mark in value for mark in marks)
        for value in list(content.values())[:1000]
    )
    return content if marked else None
