"""Folders that decide who a key ring belongs to."""

from __future__ import annotations

from triage.api import Artifact

# Rings of package managers and updaters: Debian and its kin, Fedora, Arch, fwupd.
_SYSTEM = (
    "/etc/apt/",
    "/etc/pki/rpm-gpg/",
    "/etc/pacman.d/gnupg/",
    "/usr/lib/apt/",
    "/usr/share/keyrings/",
    "/usr/share/distribution-gpg-keys/",
    "/usr/share/pacman/keyrings/",
    "/usr/lib/python3/dist-packages/",
    "/var/lib/apt/",
    "/var/lib/fwupd/",
)


def in_system_keyring(artifact: Artifact) -> bool:
    """Whether the file lies where package managers keep the keys that they check downloads with.

    Also below the root of another system in the same volume, as snaps and containers have it.
    """
    folded = artifact.path.casefold()
    return any(place in folded for place in _SYSTEM)


def in_package(artifact: Artifact) -> bool:
    """Whether the file lies among the shared data of installed packages, where no user writes."""
    return artifact.path.casefold().startswith(("/usr/share/", "/usr/lib/"))


def is_mozilla(artifact: Artifact) -> bool:
    """Whether the folder is a profile of Thunderbird, whose rings have readers of their own."""
    return artifact.sibling("prefs.js") is not None
