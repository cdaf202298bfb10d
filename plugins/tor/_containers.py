"""Which container a path belongs to, and what its paths are inside.

Storage of Docker and Podman (overlay, vfs, volumes), containerd, LXC and LXD, systemd-nspawn, as
their documentation and Debian's packages of Docker 20 and Podman 4 lay it out. A container's files
lie in several layers; which layers make one container is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import Artifact, EvidenceError, ParseError
from triage.formats import json
from triage.formats.chromium_profile import at, text

_LAYERS = re.compile(
    r"(?P<store>.*/(?:overlay2|overlay|vfs/dir|aufs/diff|btrfs/subvolumes|snapshots|lxc|containers"
    r"|machines))/(?P<name>[^/]{1,200})(?P<part>/(?:diff|merged|fs|rootfs))?(?P<inner>/.*)"
)
_VOLUME = re.compile(r"(?P<base>.*)/volumes/(?P<name>[^/]{1,200})/_data(?P<inner>/.*)?")
_NEEDS_PART = ("/overlay2", "/overlay", "/snapshots", "/lxc", "/containers")
_CONFIG_LIMIT = 4 << 20
_MAX_CONTAINERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A layer or a volume; `inside` are the paths that the folder has in its container."""

    name: str  # `overlay2 3f0c…`, `volume shop`
    top: str  # evidence path of the layer or volume
    root: str  # evidence path of what is `/` in the container; "" for a volume
    layers: tuple[str, ...]  # pattern of the roots of the layers in the same store
    inside: tuple[str, ...]


def container_of(artifact: Artifact, folder: str) -> Container | None:
    """Return the container that a folder of the evidence belongs to, None outside of any."""
    found = _VOLUME.fullmatch(folder)
    if found:
        base, inner = found["base"], found["inner"] or ""
        inside = tuple(
            f"{place.rstrip('/')}{inner}" for place in _mounted(artifact, found["name"], base)
        )
        layers = (f"{base}/overlay2/*/diff", f"{base}/overlay/*/diff", f"{base}/vfs/dir/*")
        return Container(
            name=f"volume {found['name']}",
            top=f"{base}/volumes/{found['name']}/_data",
            root="",
            layers=layers,
            inside=inside,
        )
    found = _LAYERS.fullmatch(f"{folder}/")
    if not found or (found["store"].endswith(_NEEDS_PART) and not found["part"]):
        return None
    part = found["part"] or ""
    root = f"{found['store']}/{found['name']}{part}"
    return Container(
        name=f"{found['store'].rpartition('/')[2]} {found['name']}",
        top=root,
        root=root,
        layers=(f"{found['store']}/*{part}",),
        inside=(found["inner"].rstrip("/") or "/",),
    )


def _mounted(artifact: Artifact, volume: str, base: str) -> Iterator[str]:
    """Yield where Docker's containers mount a volume."""
    for number, config in enumerate(artifact.find(f"{base}/containers/*/config.v2.json")):
        if number >= _MAX_CONTAINERS:
            return
        try:
            points = at(json.parse(config.read(_CONFIG_LIMIT)), "MountPoints")
        except (ParseError, EvidenceError) as error:
            artifact.problem(str(error), locator=config.path)
            continue
        for point in points.values() if isinstance(points, dict) else ():
            place = text(at(point, "Destination"))
            if place and text(at(point, "Name")) == volume:
                yield place


def folder_of(artifact: Artifact) -> str:
    """Return the path of the folder that an artifact lies in."""
    return artifact.path.rpartition("/")[0] or "/"


def root_of(artifact: Artifact) -> str:
    """Return what is `/` to the paths in a file, where it lies in a container's layer, else ""."""
    container = container_of(artifact, folder_of(artifact))
    return container.root if container else ""
