"""Hyphanet (Freenet until 2023): node settings, its address, friends, completed transfers.

Written from fred (`NodeCrypto`, `PeerManager`, `SecurityLevels`, `PersistentRequestRoot`) as of
2026 and KAPE's target list, for Windows, Linux and macOS; tested with files made from those formats
by a committed script. The completed lists hold identifiers that the program or the user chose,
often with a file name, not always a key. Not read: `client.dat`, the data store, `wrapper.log`.
References: https://github.com/hyphanet/fred, https://www.hyphanet.org/documentation.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    DarknetClient,
    DarknetIdentity,
    ParseError,
    Shows,
    extractor,
)
from triage.formats.stamps import modified

from ._properties import SETTINGS_LIMIT, properties, told

_SETTINGS = (
    "node.name",
    "node.opennet.enabled",
    "node.listenPort",
    "node.opennet.listenPort",
    "fproxy.port",
    "node.storeSize",
    "security-levels.networkThreatLevel",
    "security-levels.physicalThreatLevel",
    "node.install.cfgDir",
)
_FOLDERS = ("node.downloadsDir", "node.uploadAllowedDirs", "fcp.downloadAllowedDirs")
_KEY = re.compile(r"(?:CHK|SSK|USK|KSK)@[^\s\"<>]{1,1000}")
_REFERENCE = frozenset({"location", "lastGoodVersion", "version", "physical.udp"})
_MAX_ENTRIES = 20_000
_TEXT = 500


@extractor(
    name="darknet.hyphanet.settings",
    paths=(
        # Freenet 0.7 and Hyphanet: `%LOCALAPPDATA%/Freenet`, `~/Freenet`, `/opt/freenet`
        "**/freenet.ini",
        # written when the settings are saved, seen after a crash
        "**/freenet.ini.tmp",
    ),
    yields=(DarknetClient,),
)
def settings(artifact: Artifact) -> Iterator[DarknetClient]:
    """Read a node's settings: threat levels, ports, folders."""
    found = properties(artifact.text(SETTINGS_LIMIT))
    if not any(key.startswith(("node.", "fproxy.", "security-levels.")) for key in found):
        raise ParseError("not the settings of Freenet")
    peers = sum(_count_peers(peer) for peer in artifact.find("openpeers-*"))
    yield DarknetClient(
        application="hyphanet",
        directory=artifact.path.rpartition("/")[0] or "/",
        settings=told(found, _SETTINGS),
        shared_paths=tuple(found[name] for name in _FOLDERS if found.get(name)),
        peers=peers or None,
        protection_level=found.get("security-levels.physicalThreatLevel"),
        shows=Shows.EXECUTED if artifact.sibling("master.keys") else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(
            *modified("last_written", artifact),
            *modified("keys_written", artifact.sibling("master.keys")),
            *modified("log_written", artifact.sibling("wrapper.log")),
        ),
    )


@extractor(
    name="darknet.hyphanet.node",
    paths=(
        # the node's own reference, for friends and for strangers; `.bak` is the one before
        "**/Freenet/node-[0-9]*",
        "**/Freenet/opennet-[0-9]*",
        "**/freenet/node-[0-9]*",
    ),
    yields=(DarknetIdentity,),
    holds_secret=True,
)
def node(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """Read the address that a node tells its friends."""
    found = properties(artifact.text(SETTINGS_LIMIT))
    identity = found.get("identity")
    if not identity or not _REFERENCE & found.keys():
        return
    keys = any(key.endswith((".private", "Priv", ".pri")) for key in found)
    yield DarknetIdentity(
        application="hyphanet",
        network="freenet",
        darknet_address=identity[:_TEXT],
        role="router",
        label=(found.get("myName") or "")[:_TEXT] or None,
        has_secret_key=keys,
        local_target=found.get("physical.udp"),
        state=found.get("version"),
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        times=modified("last_written", artifact),
    )


@extractor(
    name="darknet.hyphanet.friends",
    paths=(
        # nodes of people that were added by hand
        "**/Freenet/peers-[0-9]*",
        "**/freenet/peers-[0-9]*",
    ),
    yields=(DarknetIdentity,),
)
def friends(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """List the friends of a node: nodes that were added by hand."""
    block: list[str] = []
    count = 0
    for line, raw in enumerate(artifact.text(SETTINGS_LIMIT).splitlines(), 1):
        block.append(raw)
        if raw.strip() != "End":
            continue
        found = properties("\n".join(block))
        start, block = line - len(block) + 1, []
        if not found.get("identity"):
            continue
        count += 1
        if count > _MAX_ENTRIES:
            artifact.problem(f"more than {_MAX_ENTRIES} friends")
            return
        yield DarknetIdentity(
            application="hyphanet",
            network="freenet",
            darknet_address=found["identity"][:_TEXT],
            role="contact",
            label=(found.get("myName") or "")[:_TEXT] or None,
            state=found.get("version"),
            local_target=found.get("physical.udp"),
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=f"line {start}",
        )


@extractor(
    name="darknet.hyphanet.completed",
    paths=(
        # Freenet 0.7 and Hyphanet, any system; a line stays until the user dismisses it
        "**/completed.list.downloads",
        "**/completed.list.uploads",
    ),
    yields=(DarknetIdentity,),
)
def completed(artifact: Artifact) -> Iterator[DarknetIdentity]:
    """List what was fetched or inserted, as the program noted it in clear."""
    upload = artifact.entry.name.casefold().endswith("uploads")
    for number, raw in enumerate(artifact.text(SETTINGS_LIMIT).splitlines(), 1):
        if number > _MAX_ENTRIES:
            artifact.problem(f"more than {_MAX_ENTRIES} entries")
            return
        if not raw.strip():
            continue
        key = _KEY.search(raw)
        yield DarknetIdentity(
            application="hyphanet",
            network="freenet",
            darknet_address=key[0] if key else None,
            role="inserted" if upload else "fetched",
            label=raw.strip()[:_TEXT],
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE if key else Confidence.POSSIBLE,
            locator=f"line {number}",
        )


def _count_peers(artifact: Artifact) -> int:
    text = f"\n{artifact.text(SETTINGS_LIMIT)}"
    return text.count("\nEnd\n")
