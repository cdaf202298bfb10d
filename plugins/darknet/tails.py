"""Tails: what its Persistent Storage keeps, when it lies open.

Written from Tails (`tps/configuration/features.py` of 2023 and later, live-persist before) for the
unlocked volume `TailsData`; tested with files made from those formats by a committed script, not
with a real stick. The features themselves are read by the extractors of the programs: GnuPG,
Thunderbird, Electrum, bookmarks of Tor Browser. A locked stick is told from its partition table.
Not read: Wi-Fi passwords, settings of the Tor connection (`tca`), what the dotfiles say.
References: https://tails.net/contribute/design/persistence/, live-boot's `persistence.conf(5)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, Confidence, DarknetClient, ParseError, Shows, extractor
from triage.formats.stamps import modified

_LIMIT = 256 << 10
_LINE = re.compile(r"(/[^\s,]{1,300})(?:[ \t]+([^\s#]{1,300}))?")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,100}")
_MAX_SHOWN = 100
_DOTFILES = "dotfiles"


@extractor(
    name="darknet.tails.persistence",
    paths=(
        # Tails 0.21 and later: at the root of the unlocked volume, and its backups
        "persistence.conf",
        # the same, seen from the running system
        "**/TailsData_unlocked/persistence.conf",
    ),
    yields=(DarknetClient,),
)
def persistence(artifact: Artifact) -> Iterator[DarknetClient]:
    """Read which folders a Tails system keeps, and the software and dotfiles added to it."""
    told: list[str] = []
    for line in artifact.text(_LIMIT).splitlines():
        found = _LINE.fullmatch(line.partition("#")[0].strip())
        if found:
            source = _source(found[1], found[2] or "")
            there = "present" if artifact.folder(source.partition("/")[0]) else "absent"
            told.append(f"{found[1]} from {source} ({there})")
    if not told:
        raise ParseError("not the settings of a persistent storage")
    folder = artifact.path.rpartition("/")[0] or "/"
    yield DarknetClient(
        application="tails",
        directory=folder,
        settings=(*told[:_MAX_SHOWN], *_software(artifact), *_dotfiles(artifact)),
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="persistence.conf",
        times=modified("configured", artifact),
    )


def _source(destination: str, options: str) -> str:
    """Return the folder of the storage behind a destination, by live-boot's rule without one."""
    named = next((part[7:] for part in options.split(",") if part.startswith("source=")), "")
    return named.strip("/") or destination.strip("/")


def _software(artifact: Artifact) -> Iterator[str]:
    """Yield the packages that are installed at each start."""
    found = artifact.sibling("live-additional-software.conf")
    names = found.text(_LIMIT).split() if found else []
    for name in names[:_MAX_SHOWN]:
        if _PACKAGE.fullmatch(name):
            yield f"additional software {name}"


def _dotfiles(artifact: Artifact) -> Iterator[str]:
    """Yield the names of files that are linked into the home folder at each start."""
    start = len(artifact.path.rpartition("/")[0]) + len(_DOTFILES) + 2
    for number, found in enumerate(artifact.find(f"{_DOTFILES}/**/*")):
        if number >= _MAX_SHOWN:
            return
        yield f"dotfile {found.path[start:]}"
