"""Whonix: its virtual machines on a host, and its own disks from inside.

Written from Whonix 14 to 17 (file names of the releases, `anon-base-files`) and VirtualBox 6 and 7,
for hosts on Windows, Linux and macOS; tested with files made from those formats by a committed
script. The inner markers are from Whonix's packages and not yet seen on a disk. Not read: saved
states, snapshots of VirtualBox; disks are volumes of their own (`disk_files` in the profile).
References: https://www.whonix.org/wiki/, https://www.virtualbox.org/manual/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, Confidence, DarknetClient, Shows, Time, Unit, Zone, extractor
from triage.formats.stamps import modified
from triage.formats.times import from_text, rfc3339

_HEAD = 64 << 10
_MACHINE = re.compile(rb'<Machine\b[^<>]{0,4000}?\bname="([^"<>]{1,200})"')
_CHANGED = re.compile(rb'<Machine\b[^<>]{0,4000}?\blastStateChange="([0-9TZ:.+-]{10,40})"')
_DOMAIN = re.compile(rb"<name>(Whonix[^<>]{0,100})</name>", re.IGNORECASE)
_DISK = re.compile(rb"""(?:location=|file=)["']([^"'<>]{1,500})["']""")
_LOG_TIME = re.compile(rb"Log opened (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[.\d]*Z")


@extractor(
    name="darknet.whonix.machine",
    paths=(
        # VirtualBox 4 and later, any host: settings of a machine
        "**/Whonix-*.vbox",
        # the release as downloaded, for VirtualBox
        "**/Whonix-*.ova",
        # libvirt, Linux: definitions of machines
        "**/Whonix-*.xml",
    ),
    yields=(DarknetClient,),
)
def machine(artifact: Artifact) -> Iterator[DarknetClient]:
    """Read a Whonix virtual machine's definition: name, disks, when its state last changed."""
    name = artifact.entry.name
    head = artifact.head(_HEAD)
    version = re.search(r"-(\d+(?:\.\d+){1,5})", name)
    changed: tuple[Time, ...] = ()
    started: tuple[Time, ...] = ()
    if name.casefold().endswith(".ova"):
        if head[257:262] != b"ustar":
            return
        title = name.rpartition(".")[0]
    else:
        found = _MACHINE.search(head) or _DOMAIN.search(head)
        if found is None:
            return
        title = found[1].decode("utf-8", "replace")
        stamp = _CHANGED.search(head)
        changed = _text_time("state_changed", stamp[1].decode("ascii") if stamp else None)
        log = next(iter(artifact.find("Logs/VBox.log")), None)
        opened = _LOG_TIME.search(log.head(_HEAD)) if log else None
        started = _text_time("started", f"{opened[1].decode('ascii')}Z" if opened else None)
    disks = tuple(dict.fromkeys(disk.decode("utf-8", "replace") for disk in _DISK.findall(head)))
    ran = bool(changed or started)
    yield DarknetClient(
        application="whonix",
        directory=artifact.path.rpartition("/")[0] or "/",
        version=version[1] if version else None,
        settings=(f"machine={title}", *(f"disk={disk}" for disk in disks[:10])),
        shows=Shows.EXECUTED if ran else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(*changed, *started, *modified("last_written", artifact)),
    )


@extractor(
    name="darknet.whonix.inside",
    paths=(
        # Whonix 14 and later, inside a gateway or a workstation
        "usr/share/anon-gw-base-files/gateway",
        "usr/share/anon-ws-base-files/workstation",
        "etc/whonix_version",
    ),
    yields=(DarknetClient,),
)
def inside(artifact: Artifact) -> Iterator[DarknetClient]:
    """Tell that this volume is a Whonix gateway or workstation itself."""
    gateway = artifact.resolve("/usr/share/anon-gw-base-files/gateway")
    workstation = artifact.resolve("/usr/share/anon-ws-base-files/workstation")
    release = artifact.resolve("/etc/whonix_version")
    first = next(found for found in (gateway, workstation, release, artifact) if found)
    if first.path != artifact.path:
        return
    text = release.head(100).decode("ascii", "replace").strip() if release else ""
    role = "gateway" if gateway else ("workstation" if workstation else "unknown")
    yield DarknetClient(
        application="whonix",
        directory="/",
        version=text if re.fullmatch(r"[0-9][0-9.]{0,20}", text) else None,
        settings=(f"role={role}",),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE if gateway or workstation else Confidence.POSSIBLE,
    )


def _text_time(event: str, raw: str | None) -> tuple[Time, ...]:
    """Return a time that VirtualBox wrote in UTC."""
    when = from_text(raw or "")
    if raw is None or when is None:
        return ()
    return (Time(event=event, utc=rfc3339(when), raw=raw, unit=Unit.TEXT, zone=Zone.UTC),)
