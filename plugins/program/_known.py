"""The list of programs, what each kind of trace means, and findings made of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    ProgramExecuted,
    ProgramPresent,
    ProgramRemoved,
    ProgramTraces,
    Shows,
    Time,
)
from triage.formats.indicators import Indicator, load

PROGRAMS: Final = load("programs")
LIST: Final = str(PROGRAMS)

_VERSION = re.compile(r"[ \-]?\(?(?:v?\d[\w.]*|64-bit|x64|\(.*)$")

MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Windows
        "prefetch": "Windows writes this file about ten seconds after a program starts, for all "
        "accounts together; up to eight last times are kept, the count may begin anew.",
        "userassist": "Explorer counts starts from the desktop, the menu or a double click, for "
        "this account; not those from a console or by other programs.",
        "bam": "The Background Activity Moderator notes the last time that a program ran, for "
        "this account; entries older than about a week are removed.",
        "dam": "The Desktop Activity Moderator notes the last time that a program ran.",
        "shimcache": "Windows looked at the file for compatibility: it was there with this time of "
        "change. It does not mean that it ran. The order is newest first; written at shutdown.",
        "amcache": "An inventory found the file there, or it ran: since Windows 10 this does not "
        "mean that it ran. The key's time is when it was noted.",
        "muicache": "Explorer read the name of the program from its file, usually when it was "
        "first started by this account; no time of its own.",
        "run-dialog": "Typed by this account into the dialog Run. Only the newest is dated, by "
        "its key.",
        "typed-path": "Typed by this account into Explorer's address bar, and reached.",
        "last-visited": "This program showed a dialog to open or save a file, so it ran.",
        "opened-saved": "A file of this name was chosen in a dialog to open or save.",
        "recent-documents": "Explorer opened a file or folder of this name for this account.",
        "feature-usage": "The task bar counted how often a window of it was brought to the front.",
        "compatibility-store": "The compatibility assistant saw the program or installer run.",
        "compatibility-setting": "Somebody, or the assistant, set how the program is to be run.",
        "firefox-launcher": "A program built on Firefox notes its own path when it starts.",
        "uninstall-key": "An installer put the program into the list of installed programs.",
        "autostart": "The program is started when this account, or anybody, logs on.",
        "pca": "The compatibility assistant of Windows 11 noted the last start from Explorer.",
        "shortcut": "A link to it lies here; times of the target are from when it was written. "
        "It does not mean that it was used.",
        "jump-list": "A program opened this for this account; the time is when it last did.",
        "jump-list-of-program": "The program of this list kept what it opened, so it ran.",
        "recycle-bin": "This account put it into the bin; the time is when.",
        "mark-of-the-web": "A browser or mail program saved the file from this address.",
        "usn-journal": "The file system noted a change of a file of this name.",
        "srum": "About every hour Windows notes what each program used and sent over the network, "
        "for each account: it ran in the hour before. It does not tell with whom it spoke; traffic "
        "to the machine itself counts as well.",
        "activities": "Windows' timeline noted that this account used it.",
        "notification": "The program registered to show messages to this account.",
        "shell-bag": "Explorer showed this folder to this account; it may lie on another medium.",
        "event-log": "An event log noted that a process was started. Logs of this kind are off "
        "unless somebody switched them on, and the oldest events are overwritten.",
        "service": "A program was installed to run as a service.",
        "installer-log": "The installer of Windows noted what it did.",
        # Linux
        "shell-history": "A shell kept this line. It may have failed; without a time only the "
        "order is known, and lines can be edited.",
        "package-log": "The package manager noted what it did.",
        "package-status": "The package manager knows it as installed.",
        "recent-files": "A desktop program opened or saved this file for this account.",
        "desktop-entry": "The desktop offers to start it; made by an installer or by itself.",
        "flatpak": "A Flatpak of this name is installed, or has data of this account.",
        "snap": "A snap of this name is installed, or has data of this account.",
        "system-log": "A process of this name wrote into the system log, so it ran.",
        "journal": "A process of this name wrote into the journal, so it ran.",
        "command-lookup": "A shell looked the command up.",
        # macOS
        "quarantine": "A program saved the file from this address and macOS marked it.",
        "knowledge": "macOS noted how long the program was in front.",
        "biome": "macOS or iOS noted that the program came to the front, for some four weeks.",
        "recent-items": "This account opened it; the order is that of use, without times.",
        "recent-items-of-program": "The program of this list kept what it opened, so it ran.",
        "launch-services": "macOS knows the application: it lay on a medium that was attached.",
        "install-history": "An installer of macOS noted it.",
        "install-receipt": "An installer of macOS left a receipt.",
        "fs-events": "macOS noted changes at this path, without a time of their own.",
        "dock": "The program stands in the Dock of this account.",
    }
)
"""Trace → what it does and does not say."""

Finding = ProgramExecuted | ProgramPresent | ProgramRemoved


def executed(
    known: Indicator,
    trace: str,
    path: str | None,
    *,
    confidence: Confidence = Confidence.PROBABLE,
    locator: str | None = None,
    times: tuple[Time, ...] = (),
    belongs_to: str | None = None,
    **value: Any,
) -> ProgramExecuted:
    """Return a finding that a program ran."""
    return ProgramExecuted(
        shows=Shows.EXECUTED,
        confidence=confidence,
        locator=locator,
        times=times,
        belongs_to=belongs_to,
        software=known.note,
        category=known.category,
        program_path=path,
        trace=trace,
        trace_means=MEANS[trace],
        indicator_list=LIST,
        **value,
    )


def present(
    known: Indicator,
    trace: str,
    path: str | None,
    *,
    confidence: Confidence = Confidence.PROBABLE,
    locator: str | None = None,
    times: tuple[Time, ...] = (),
    belongs_to: str | None = None,
    **value: Any,
) -> ProgramPresent:
    """Return a finding that a program is or was there."""
    return ProgramPresent(
        shows=Shows.PRESENT,
        confidence=confidence,
        locator=locator,
        times=times,
        belongs_to=belongs_to,
        software=known.note,
        category=known.category,
        program_path=path,
        trace=trace,
        trace_means=MEANS[trace],
        indicator_list=LIST,
        **value,
    )


def removed(
    known: Indicator,
    trace: str,
    path: str | None,
    *,
    confidence: Confidence = Confidence.PROBABLE,
    locator: str | None = None,
    times: tuple[Time, ...] = (),
    belongs_to: str | None = None,
    **value: Any,
) -> ProgramRemoved:
    """Return a finding that a program was deleted or uninstalled."""
    return ProgramRemoved(
        shows=Shows.PRESENT,
        confidence=confidence,
        locator=locator,
        times=times,
        belongs_to=belongs_to,
        software=known.note,
        category=known.category,
        program_path=path,
        trace=trace,
        trace_means=MEANS[trace],
        indicator_list=LIST,
        **value,
    )


def counted(
    trace: str,
    place: str,
    *,
    entries: int,
    listed: int,
    times: tuple[Time, ...] = (),
    belongs_to: str | None = None,
) -> ProgramTraces:
    """Return how many programs a place notes; `times` are those of its first and last entry."""
    return ProgramTraces(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=place,
        times=times,
        belongs_to=belongs_to,
        trace=trace,
        place=place,
        entries=entries,
        listed=listed,
    )


def product(name: str) -> Indicator | None:
    """Return what the list says of a product by the name that a person reads, version or not."""
    folded = _VERSION.sub("", name.casefold()).strip()
    return next((entry for entry in PROGRAMS.entries if entry.note.casefold() == folded), None)


def on_disk(artifact: Artifact, path: str) -> bool | None:
    """Tell whether a file lies at a path of drive C:; None for what may lie elsewhere."""
    if path[:3].casefold() != "c:\\":
        return None
    return artifact.resolve(path) is not None
