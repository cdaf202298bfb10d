"""torrc files: bridges, and what tor was set up for where its data directory does not tell.

Written from tor(1) and tor 0.4.7 (`confline.c`), for tor 0.2.4 to 0.4.9 on any system; tested with
the files of Debian's tor 0.4.9.11 and with files made by a committed script. Included files are
read with the torrc. In the layers of containers `/` is the container's own. What Tails' Tor
Connection keeps is known to be JSON with the bridges in it; its keys were not seen.
References: tor `doc/man/tor.1.txt`, https://spec.torproject.org/.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    Sensitivity,
    Shows,
    TorBridge,
    TorClient,
    extractor,
)
from triage.formats import json
from triage.formats.json import Json

from ._bridges import parse_bridge
from ._bundles import BRAVE_DATA, SYSTEM_DATA, SYSTEM_TORRC, bundle_of
from ._containers import container_of, folder_of, root_of
from ._torrc import Option, absolute_paths, is_torrc, read_torrc, same_directory, telling_settings

_TCA_LIMIT = 1 << 20


@extractor(
    name="tor.data-directory.torrc",
    paths=(
        # Tor Browser, any desktop; `torrc.orig.1` is what tor kept when it rewrote the file
        "**/Tor/torrc",
        "**/torrc.orig.*",
        # tor daemon: Debian and Fedora, included parts, FreeBSD and Homebrew
        "etc/tor/torrc",
        "etc/tor/torrc.d/*",
        "etc/tor/instances/*/torrc",
        "**/etc/tor/torrc",
        # started by hand
        "**/.torrc",
        "**/torrc",
    ),
    yields=(TorBridge, TorClient),
    holds_secret=True,
)
def torrc(artifact: Artifact) -> Iterator[TorBridge | TorClient]:
    """List a torrc's bridges, and its settings when no data directory here leads to it.

    What the torrc includes is read with it.
    """
    options = read_torrc(artifact, root_of(artifact))
    if not is_torrc(options):
        return
    lonely = _lonely(artifact, options)
    if lonely:
        yield lonely
    enabled = any(option.key == "usebridges" and option.value == "1" for option in options)
    for option in options:
        if option.key != "bridge":
            continue
        bridge = parse_bridge(option.value)
        if bridge is None:
            artifact.problem("not a bridge line", locator=f"line {option.line}")
            continue
        yield TorBridge(
            line=bridge.line,
            transport=bridge.transport,
            address=bridge.address,
            fingerprint=bridge.fingerprint,
            source="torrc",
            enabled=enabled,
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=option.place,
            protection=Protection.PLAIN,
            sensitivity=Sensitivity.SECRET if bridge.password else Sensitivity.PERSONAL,
            secret=bridge.password,
        )


@extractor(
    name="tor.tails.bridges",
    paths=(
        # Tails 4.19 and later: the unlocked persistent storage, as a volume and as it is mounted
        "tca/tca.conf",
        "**/TailsData_unlocked/tca/tca.conf",
        "var/lib/tca/tca.conf",
    ),
    yields=(TorBridge,),
    holds_secret=True,
)
def tails(artifact: Artifact) -> Iterator[TorBridge]:
    """List the bridges that Tor Connection of Tails was told to keep, wherever they stand in it."""
    lines = dict.fromkeys(_texts(json.parse(artifact.read(_TCA_LIMIT), limit=_TCA_LIMIT)))
    for line in lines:
        bridge = parse_bridge(line)
        if bridge is None or not (bridge.transport or bridge.fingerprint):  # a proxy's address
            continue
        yield TorBridge(
            line=bridge.line,
            transport=bridge.transport,
            address=bridge.address,
            fingerprint=bridge.fingerprint,
            source="tca.conf",
            enabled=None,
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            protection=Protection.PLAIN,
            sensitivity=Sensitivity.SECRET if bridge.password else Sensitivity.PERSONAL,
            secret=bridge.password,
        )


def _texts(value: Json) -> Iterator[str]:
    """Yield the texts of a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))


def _lonely(artifact: Artifact, options: tuple[Option, ...]) -> TorClient | None:
    """Return what a torrc says whose data directory is not in this volume or does not name it."""
    settings, folder, root = telling_settings(options), folder_of(artifact), root_of(artifact)
    system = artifact.path == f"{root}{SYSTEM_TORRC}"
    named = next((option.value for option in options if option.key == "datadirectory"), None)
    directory = named or (SYSTEM_DATA if system else folder)
    here = directory.replace("\\", "/").rstrip("/")
    place = f"{root}{here}" if here.startswith("/") else here
    attached = same_directory(directory, folder.removeprefix(root)) or (
        system and here.casefold() == SYSTEM_DATA
    )
    there = any(artifact.resolve(f"{place}/{name}") for name in ("state", "cached-certs"))
    if named is None and artifact.resolve(BRAVE_DATA):
        return None  # the data directory tells these settings
    if (
        not settings
        or (attached and there)
        or artifact.entry.name.casefold().startswith("torrc.orig")
    ):
        return None
    container = container_of(artifact, folder)
    return TorClient(
        directory=directory,
        bundled_with=bundle_of(folder),
        configured_paths=absolute_paths(options),
        settings=settings,
        container=container.name if container else None,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator="settings",
    )
