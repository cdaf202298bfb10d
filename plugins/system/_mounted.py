r"""Which device Windows gave which drive letter and which volume: `MountedDevices` of SYSTEM.

A value `\DosDevices\E:` or `\??\Volume{…}` holds the path of a removable device in UTF-16, the
signature and offset of a partition (12 bytes), or `DMIO:ID:` and the GUID of one.
Reference: https://github.com/libyal/winreg-kb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from triage.formats.registry import Hive

_MOST = 10_000
_DRIVE = re.compile(r"\\DosDevices\\([A-Z]:)", re.IGNORECASE)
_VOLUME = re.compile(r"\\\?\?\\Volume(\{[0-9a-f-]{36}\})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """Removable devices by the path that names them.

    `drives`: path, folded → the letter that it had last. `volumes`: GUID, folded → path.
    """

    drives: Mapping[str, str]
    volumes: Mapping[str, str]

    def drive(self, instance: str) -> str | None:
        """Return the drive letter of the device with this instance in its path."""
        wanted = f"#{instance.casefold()}#"
        return next((letter for path, letter in self.drives.items() if wanted in path), None)


def mounted(system: Hive) -> Mounted:
    """Read `MountedDevices` of a SYSTEM hive; empty when it has none."""
    key = system.key("MountedDevices")
    drives: dict[str, str] = {}
    volumes: dict[str, str] = {}
    for _, value in zip(range(_MOST), key.values() if key else (), strict=False):
        path = value.raw[: len(value.raw) & ~1].decode("utf-16-le", "replace")
        if "#" not in path:
            continue
        if drive := _DRIVE.fullmatch(value.name):
            drives[path.casefold()] = drive[1].upper()
        elif volume := _VOLUME.fullmatch(value.name):
            volumes[volume[1].casefold()] = path
    return Mounted(drives=drives, volumes=volumes)
