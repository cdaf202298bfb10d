"""Linux: what desktops keep of listed programs: recently used files, entries of the menu.

Written from the Desktop Bookmark and Desktop Entry specifications (GNOME, KDE, Xfce and others);
tested with files made by us. A bookmark's times are UTC. Tor Browser writes a menu entry with its
own path when it is asked to register itself.

References: https://www.freedesktop.org/wiki/Specifications/desktop-bookmark-spec/ and
https://specifications.freedesktop.org/desktop-entry-spec/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from triage.api import Artifact, ProgramExecuted, ProgramPresent, Time, extractor
from triage.formats import xml
from triage.formats.indicators import Indicator
from triage.formats.stamps import zoned_text

from . import _known

_HOME = "{home/*,root}"
_MOST = 50_000
_APPLICATION = "{http://www.freedesktop.org/standards/desktop-bookmarks}application"
_ENTRY = re.compile(r"(Name|Exec|TryExec|Icon|Path)\s*=\s*(.{1,2000})")
_PATH = re.compile(r"(/[^\s\"']{1,1000})")
_LARGEST = 1 << 20  # bytes of one entry


@extractor(
    name="program.linux.recent-files",
    paths=(
        # GTK 2.24 and later, KDE Frameworks; GTK before
        f"{_HOME}/.local/share/recently-used.xbel",
        f"{_HOME}/.recently-used.xbel",
        # what a Flatpak keeps of its own
        "home/*/.var/app/*/data/recently-used.xbel",
    ),
    yields=(ProgramPresent, ProgramExecuted),
)
def recent_files(artifact: Artifact) -> Iterator[ProgramPresent | ProgramExecuted]:
    """Find listed programs among recently used files and the programs that used them."""
    ran: dict[str, tuple[Indicator, int, list[str]]] = {}
    for _, bookmark in zip(range(_MOST), xml.parse(artifact.read()).iter("bookmark"), strict=False):
        path = _path(bookmark.get("href", ""))
        known = _known.PROGRAMS.path(path) if path else None
        if known:
            yield _known.present(
                known,
                "recent-files",
                path[:1000],
                locator=f"bookmark {path}"[:300],
                times=_times(
                    bookmark.get("added"), bookmark.get("modified"), bookmark.get("visited")
                ),
                on_disk=artifact.resolve(path) is not None,
            )
        for program in bookmark.iter(_APPLICATION):
            name = program.get("name", "")
            user = _program(name, program.get("exec", ""))
            if user:
                _, count, dates = ran.setdefault(name, (user, 0, []))
                when = program.get("modified") or program.get("timestamp") or ""
                ran[name] = (user, count + 1, [*dates, when] if "T" in when else dates)
    for name, (user, count, dates) in ran.items():
        yield _known.executed(
            user,
            "recent-files",
            name[:200],
            locator=f"application {name}"[:300],
            times=(
                *zoned_text("first_used", min(dates, default=None)),
                *zoned_text("last_used", max(dates, default=None)),
            ),
            run_count=count,
        )


def _times(*dates: str | None) -> tuple[Time, ...]:
    events = ("added", "modified", "visited")
    return tuple(
        time
        for event, date in zip(events, dates, strict=True)
        if date
        for time in zoned_text(event, date)
    )


def _path(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return unquote(parts.path) if parts.scheme == "file" else ""


def _program(name: str, line: str) -> Indicator | None:
    """Return what the list says of a program by its name or its command line."""
    words = _words(line.strip("'\""))
    first = words[0] if words else ""
    return (
        _known.PROGRAMS.command(name)
        or (_known.PROGRAMS.path(first) if "/" in first else None)
        or (_known.PROGRAMS.command(first) if first else None)
        or next((e for e in _known.PROGRAMS.entries if e.note.casefold() == name.casefold()), None)
    )


@extractor(
    name="program.linux.desktop-entry",
    paths=(
        # all desktops: an account's own entries, those that start with it, the desktop's icons
        f"{_HOME}/.local/share/applications/**/*.desktop",
        f"{_HOME}/.config/autostart/*.desktop",
        f"{_HOME}/Desktop/*.desktop",
        # installed for the machine: packages, by hand, Flatpak, snap
        "usr/{share,local/share}/applications/*.desktop",
        "var/lib/{flatpak/exports/share,snapd/desktop}/applications/*.desktop",
        # beside Tor Browser, wherever it was unpacked
        "**/start-tor-browser.desktop",
    ),
    yields=(ProgramPresent,),
)
def desktop_entry(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Read menu entries of listed programs: the command, and whether it is still there."""
    fields = {
        found[1]: found[2].strip()
        for line in artifact.head(_LARGEST).decode("utf-8", "replace").split("\n")
        if (found := _ENTRY.match(line))
    }
    words = _words(fields.get("Exec", ""))
    stem = artifact.entry.name.removesuffix(".desktop").rpartition("_")[2]
    paths = _PATH.findall(fields.get("Exec", ""))
    path = next((p for p in paths if _of_path(p)), paths[0] if paths else None)
    known = (
        (_of_path(path) if path else None)
        or (_known.PROGRAMS.command(words[0]) if words else None)
        or _known.PROGRAMS.app(stem)
        or _known.PROGRAMS.command(stem)
        or _known.PROGRAMS.file(artifact.entry.name)
    )
    if known is None:
        return
    there = artifact.resolve(path) is not None if path else None
    trace = "autostart" if "/autostart/" in artifact.path else "desktop-entry"
    yield _known.present(
        known,
        trace,
        path or fields.get("Exec", "")[:300] or artifact.entry.name,
        locator="Desktop Entry",
        on_disk=there,
    )


def _of_path(path: str) -> Indicator | None:
    return _known.PROGRAMS.path(path) or _known.PROGRAMS.command(path)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
