"""Linux: listed programs that package managers installed, upgraded and removed.

Written from the logs of apt and dpkg (Debian, Ubuntu), dnf and yum, zypper and pacman, the status
file of dpkg, the metadata of Flatpak and the state of snapd; tested with logs of apt and dpkg and
with files made by us. Times of Debian's logs are local and not converted. Not read: the database of
RPM, transactions of dnf 5.

References: https://manpages.debian.org/dpkg and https://docs.flatpak.org
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    ParseError,
    ProgramPresent,
    ProgramRemoved,
    Time,
    extractor,
)
from triage.formats import json
from triage.formats.indicators import Indicator
from triage.formats.stamps import local_text, modified, zoned_text

from . import _known
from ._lines import lines, text

Found = ProgramPresent | ProgramRemoved

_APT_ACTIONS = {
    "Install": "installed",
    "Upgrade": "upgraded",
    "Reinstall": "installed",
    "Remove": "removed",
    "Purge": "purged",
}
_APT_PACKAGE = re.compile(r"([a-z0-9][a-z0-9.+-]{0,80}):[a-z0-9]{1,20} \(([^),\s]{1,80})")
_DPKG = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) "
    r"([a-z0-9][a-z0-9.+-]{0,80})(?::[a-z0-9]+)? (\S+) (\S+)"
)
_DPKG_ACTIONS = {
    "install": "installed",
    "upgrade": "upgraded",
    "remove": "removed",
    "purge": "purged",
}
_PACMAN = re.compile(
    r"\[([0-9T:+ -]{16,26})\] \[ALPM\] (installed|upgraded|removed|reinstalled)"
    r" ([a-z0-9@._+-]{1,80}) \(([^)]{1,100})\)"
)
_DNF = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d{4})?) \S{1,20} "
    r"(Installed|Upgraded|Upgrade|Erase|Erased|Removed|Reinstalled): (?:\d+:)?(\S{1,200})"
)
_YUM = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (Installed|Updated|Erased): (?:\d+:)?(\S{1,200})"
)
_RPM_NAME = re.compile(r"(.+?)-(\d[^-]*)-[^-]+$")
_ZYPP = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|(install|remove ?)\|([^|]{1,80})\|([^|]{0,80})\|"
)


@extractor(
    name="program.linux.apt-history",
    paths=(
        # Debian, Ubuntu and relatives; rotated ones are compressed
        "var/log/apt/history.log*",
    ),
    yields=(ProgramPresent, ProgramRemoved),
)
def apt_history(artifact: Artifact) -> Iterator[Found]:
    """Read what apt did with listed packages; its times are local."""
    start: str | None = None
    for number, line in lines(artifact):
        name, _, rest = line.partition(": ")
        if name == "Start-Date":
            start = rest.strip()
        elif name in _APT_ACTIONS:
            for found in _APT_PACKAGE.finditer(rest):
                yield from _change(
                    _APT_ACTIONS[name],
                    found[1],
                    found[2],
                    number,
                    local_text(_APT_ACTIONS[name], start),
                )


@extractor(
    name="program.linux.dpkg-log",
    paths=(
        # Debian, Ubuntu and relatives; rotated ones are compressed
        "var/log/dpkg.log*",
    ),
    yields=(ProgramPresent, ProgramRemoved),
)
def dpkg_log(artifact: Artifact) -> Iterator[Found]:
    """Read what dpkg did with listed packages; its times are local."""
    for number, line in lines(artifact):
        found = _DPKG.match(line)
        if found:
            action = _DPKG_ACTIONS[found[2]]
            gone = action in ("removed", "purged")
            version = found[4] if gone else found[5]
            yield from _change(
                action,
                found[3],
                None if version == "<none>" else version,
                number,
                local_text(action, found[1]),
            )


@extractor(
    name="program.linux.package-logs",
    paths=(
        # Arch and relatives
        "var/log/pacman.log",
        # Fedora and relatives: dnf 1 to 4, yum
        "var/log/{dnf.rpm.log,yum.log}*",
        # openSUSE
        "var/log/zypp/history*",
    ),
    yields=(ProgramPresent, ProgramRemoved),
)
def package_logs(artifact: Artifact) -> Iterator[Found]:
    """Read what pacman, dnf, yum and zypper did with listed packages."""
    for number, line in lines(artifact):
        pacman, dnf = _PACMAN.match(line), _DNF.match(line)
        yum, zypp = _YUM.match(line), _ZYPP.match(line)
        if pacman:
            version = pacman[4].rpartition(" -> ")[2]
            yield from _change(
                pacman[2], pacman[3], version, number, zoned_text(pacman[2], pacman[1])
            )
        elif zypp:
            action = "installed" if zypp[2] == "install" else "removed"
            yield from _change(
                action, zypp[3], zypp[4] or None, number, local_text(action, zypp[1])
            )
        elif dnf or yum:
            match = dnf or yum
            assert match is not None  # noqa: S101 - one of them
            action = "removed" if match[2].startswith(("Eras", "Remov")) else match[2].lower()
            name = _RPM_NAME.fullmatch(match[3])
            when = (zoned_text if dnf else local_text)(action, match[1])
            if name:
                yield from _change(action, name[1], name[2], number, when)


def _change(
    action: str, name: str, version: str | None, line: int, times: tuple[Time, ...]
) -> Iterator[Found]:
    known = _known.PROGRAMS.package(name)
    if known is None:
        return
    make = _known.removed if action in ("removed", "purged") else _known.present
    yield make(
        known,
        "package-log",
        name,
        locator=f"line {line}",
        times=times,
        software_version=version,
    )


@extractor(
    name="program.linux.dpkg-status",
    paths=(
        # Debian, Ubuntu and relatives
        "var/lib/dpkg/status",
    ),
    yields=(ProgramPresent,),
)
def dpkg_status(artifact: Artifact) -> Iterator[ProgramPresent]:
    """List listed packages that dpkg knows as installed, or of which settings remain."""
    for paragraph in text(artifact).split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph[:4096].split("\n")
            if ": " in line and line[:1] not in (" ", "\t")
        )
        name = fields.get("Package", "")
        known = _known.PROGRAMS.package(name)
        if known is None or "not-installed" in fields.get("Status", ""):
            continue
        yield _known.present(
            known,
            "package-status",
            name,
            locator=f"Package: {name}",
            software_version=fields.get("Version"),
            on_disk="config-files" not in fields.get("Status", ""),
        )


@extractor(
    name="program.linux.flatpak",
    paths=(
        # Flatpak: for the machine and for one account
        "var/lib/flatpak/app/*/*/*/*/metadata",
        "home/*/.local/share/flatpak/app/*/*/*/*/metadata",
    ),
    yields=(ProgramPresent,),
)
def flatpak(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Name listed programs that Flatpak installed; the time is that of the file."""
    parts = artifact.path.split("/")
    identifier = parts[-5]
    known = _known.PROGRAMS.app(identifier)
    if known:
        yield _known.present(
            known,
            "flatpak",
            identifier,
            locator=f"{parts[-4]}/{parts[-3]}",
            times=modified("deployed", artifact),
        )


@extractor(
    name="program.linux.snap",
    paths=(
        # snapd 2
        "var/lib/snapd/state.json",
    ),
    yields=(ProgramPresent,),
)
def snap(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Name listed programs that snapd installed, with the last refresh."""
    state = json.parse(artifact.read())
    data = state.get("data") if isinstance(state, dict) else None
    snaps = data.get("snaps") if isinstance(data, dict) else None
    if not isinstance(snaps, dict):
        raise ParseError("a state of snapd without snaps")
    for name, value in snaps.items():
        known: Indicator | None = _known.PROGRAMS.package(name)
        if known is None or not isinstance(value, dict):
            continue
        refreshed = value.get("last-refresh-time")
        revision = value.get("current")
        yield _known.present(
            known,
            "snap",
            name,
            locator=f"snaps.{name}",
            times=zoned_text("refreshed", refreshed) if isinstance(refreshed, str) else (),
            software_version=f"revision {revision}" if revision else None,
        )
