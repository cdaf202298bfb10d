"""Tor Browser as a program: where it was unpacked, and what it leaves beside its profile.

Written from tor-browser-build (`projects/browser/build`), torbrowser-launcher (`common.py`) and the
lists of files that Homebrew removes with the program, for Tor Browser 4 to 15 on Windows, Linux and
macOS; tested with files made from these by a committed script. A folder that was unpacked and never
started has no profile, so it is told here alone. Archives carry one date for all files
(2000-01-01), so only when the folder was made tells something, where the file system keeps it.
Not read: the programs themselves, what the launcher noted of its own windows.
References: https://gitlab.torproject.org/tpo/applications/tor-browser-build,
https://gitlab.torproject.org/tpo/applications/torbrowser-launcher, Homebrew's cask `tor-browser`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    ProgramPresent,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import json
from triage.formats.indicators import load
from triage.formats.json import Json
from triage.formats.times import rfc3339

_LIST = str(load("programs"))
_SMALL = 1 << 20
_HEAD = 4096
_ARCHIVED = 946_684_800  # s: 2000-01-01, the date of every file in the archives
_DAY = 24 * 60 * 60
_CHANGES = re.compile(r"Tor Browser(?: Bundle)? (\d[\w.]{0,20})")
_FOLDER = "The program's own files lie here: it was unpacked or installed, not necessarily started."
_LAUNCHER = "The launcher keeps its settings here once it was started; it fetches the browser."
_LEFT = "macOS or the program wrote this outside its folder when the program ran."


@extractor(
    name="tor.browser.installation",
    paths=(
        # Tor Browser 4.5 and later: Windows and Linux in `Browser/`, macOS in the application
        "**/tbb_version.json",
        # before, and beside it: the list of changes, newest first
        "**/TorBrowser/Docs/ChangeLog.txt",
    ),
    yields=(ProgramPresent,),
)
def installation(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Tell that Tor Browser lies here as a program, and which version."""
    name = artifact.entry.name.casefold()
    if name == "tbb_version.json":
        value = _object(artifact)
        version = value.get("version")
        if not isinstance(version, str) or "channel" not in value:
            return
        folder = artifact.path.rpartition("/")[0]
    else:
        folder = artifact.path[: -len("/TorBrowser/Docs/ChangeLog.txt")]
        found = _CHANGES.match(artifact.head(_HEAD).decode("utf-8", "replace").lstrip())
        if found is None or artifact.resolve("../../tbb_version.json"):
            return
        version = found[1]
    yield _present(artifact, folder or "/", _FOLDER, version=version)


@extractor(
    name="tor.browser.launcher",
    paths=(
        # torbrowser-launcher 0.2 and later, Linux; Flatpak keeps `config` without a dot
        "**/.config/torbrowser/settings.json",
        "**/config/torbrowser/settings.json",
    ),
    yields=(ProgramPresent,),
)
def launcher(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Tell that torbrowser-launcher was started here."""
    value = _object(artifact)
    if not value.keys() >= {"tor_socks_address", "mirror"}:
        return
    version, folder = value.get("tbl_version"), artifact.path.rpartition("/")[0]
    version = version if isinstance(version, str) else None
    yield _present(artifact, folder, _LAUNCHER, name="Tor Browser Launcher", version=version)


@extractor(
    name="tor.browser.remains",
    paths=(
        # Tor Browser 6 and later, macOS: what stays when the application is put into the bin
        "**/Library/Preferences/org.torproject.torbrowser*.plist",
        "**/Library/Preferences/org.mozilla.tor browser*.plist",
        "**/Library/Saved Application State/org.torproject.torbrowser*.savedState/windows.plist",
        "**/com.apple.LSSharedFileList.ApplicationRecentDocuments/org.mozilla.tor browser*.sfl*",
    ),
    yields=(ProgramPresent,),
)
def remains(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Tell of files of macOS that name Tor Browser and outlive it."""
    if not artifact.entry.size:
        return
    yield _present(artifact, artifact.path, _LEFT, version=None)


def _present(
    artifact: Artifact, place: str, means: str, *, name: str = "Tor Browser", version: str | None
) -> ProgramPresent:
    return ProgramPresent(
        software=name,
        category="tor",
        software_version=version,
        program_path=place,
        trace="program-folder" if means is _FOLDER else "settings",
        trace_means=means,
        on_disk=True,
        indicator_list=_LIST,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=tuple(_times(artifact)),
    )


def _times(artifact: Artifact) -> Iterator[Time]:
    """Yield when the file was made and written, without the date that archives carry."""
    found = artifact.entry.times
    for event, when in (("created", found.created), ("last_written", found.modified)):
        if when is None or abs(when // 10**9 - _ARCHIVED) <= _DAY:
            continue
        zone = Zone.UTC if found.zone == "utc" else Zone.LOCAL
        utc = rfc3339(when) if zone is Zone.UTC else None
        yield Time(event=event, utc=utc, raw=str(when), unit=Unit.NS_UNIX, zone=zone)


def _object(artifact: Artifact) -> dict[str, Json]:
    """Return the object that a file holds, empty when it holds none."""
    try:
        value = json.parse(artifact.read(_SMALL), limit=_SMALL)
    except ParseError:
        return {}
    return value if isinstance(value, dict) else {}
