r"""Installed programs and what starts by itself: the same keys for a machine and for an account."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, ProgramPresent, Time, Unit, Zone
from triage.formats.registry import Key
from triage.formats.stamps import stamp

from . import _known
from ._values import below, bounded, text

_CURRENT = r"Microsoft\Windows\CurrentVersion"
_BRANCHES = ("", "WOW6432Node\\", "Wow6432Node\\Wow6432Node\\")
_PROGRAM = re.compile(r'\s*"([^"]{1,500})"|\s*(.{1,500}?\.exe)', re.IGNORECASE)
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")


def installed(artifact: Artifact, software: Key | None) -> Iterator[ProgramPresent]:
    """Yield listed programs of the list of installed programs, below the key `Software`."""
    for branch in _BRANCHES[:2]:
        for key in below(software.key(rf"{branch}{_CURRENT}\Uninstall") if software else None):
            name = text(key, "DisplayName") or key.name
            place = text(key, "InstallLocation")
            icon = (text(key, "DisplayIcon") or "").partition(",")[0].strip('"')
            known = _known.product(name) or (_known.PROGRAMS.path(icon) if icon else None)
            if known is None:
                continue
            yield _known.present(
                known,
                "uninstall-key",
                place or icon or name,
                locator=rf"{branch}Uninstall\{key.name}"[:300],
                times=(
                    *_day(text(key, "InstallDate")),
                    *stamp("noted", key.last_written, "filetime"),
                ),
                software_version=text(key, "DisplayVersion"),
                on_disk=_known.on_disk(artifact, icon) if icon else None,
            )


def autostart(artifact: Artifact, software: Key | None) -> Iterator[ProgramPresent]:
    """Yield listed programs that start by themselves, below the key `Software`."""
    for branch in _BRANCHES[:2]:
        for name in ("Run", "RunOnce"):
            key = software.key(rf"{branch}{_CURRENT}\{name}") if software else None
            for value in bounded(key):
                found = _PROGRAM.match(value.data) if isinstance(value.data, str) else None
                path = (found[1] or found[2]) if found else ""
                known = _known.PROGRAMS.path(path) if path else None
                if known:
                    yield _known.present(
                        known,
                        "autostart",
                        path,
                        locator=f"{branch}{name}: {value.name}"[:300],
                        on_disk=_known.on_disk(artifact, path),
                    )


def _day(raw: str | None) -> tuple[Time, ...]:
    """Return the day on which an installer says it ran, in local time."""
    if raw is None or not _DAY.fullmatch(raw):
        return ()
    return (Time(event="installed", utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL),)
