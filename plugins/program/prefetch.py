"""Windows Prefetch: programs of the list that ran, how often, when, and from where.

Written from libscca's documentation for versions 17 (XP), 23, 26, 30 and 31 (Windows 11),
compressed files included; tested with files of Windows XP and 10 and compared with libscca's own
reading. The name of the file tells the program, so others are counted and not opened. Names longer
than 29 characters are cut. Not read: `Layout.ini`, ReadyBoot traces.

Reference: https://github.com/libyal/libscca
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import Artifact, ProgramExecuted, ProgramTraces, extractor
from triage.formats import prefetch
from triage.formats.stamps import stamp

from . import _known

_NAME = re.compile(r"(?P<program>.+)-[0-9A-F]{8}\.pf", re.IGNORECASE)
_FOLDERS = ("{Windows,WINNT}", "Windows.old*/{Windows,WINNT}")
_SHOWN = 10  # loaded files that tell where a program lay
# Firefox's own name stands for Tor Browser when it was loaded from its folder.
_BROWSERS = frozenset({"firefox.exe", "tor.exe", "plugin-container.exe", "updater.exe"})
_BUNDLE = re.compile(r"\\tor ?browser|\\tor-browser|\\browser\\torbrowser\\", re.IGNORECASE)
_VOLUME = re.compile(r"\\(?:VOLUME\{[0-9a-f-]+\}|DEVICE\\HARDDISKVOLUME[0-9]+)", re.IGNORECASE)


@extractor(
    name="program.windows.prefetch",
    # Windows XP and later, where the service runs; what an upgrade put aside
    paths=tuple(f"{folder}/Prefetch/*.pf" for folder in _FOLDERS),
    yields=(ProgramExecuted, ProgramTraces),
)
def files(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """Read Prefetch files of listed programs: runs, times, where they were loaded from.

    The others of the folder are counted.
    """
    yield from _count(artifact)
    named = _NAME.fullmatch(artifact.entry.name)
    program = named["program"] if named else artifact.entry.name
    known = _known.PROGRAMS.file(program)
    if known is None and program.casefold() not in _BROWSERS:
        return
    read = prefetch.parse(artifact.read(prefetch.SIZE_LIMIT))
    own = _own_path(read.files, read.executable)
    told = tuple(path for path in read.files if _BUNDLE.search(path))[:_SHOWN]
    known = _known.PROGRAMS.path(own or read.executable) or known
    if told and program.casefold() in _BROWSERS:
        known = _known.PROGRAMS.path(r"C:\Tor Browser\Browser\firefox.exe") or known
    if known is None:
        return
    drive = _drive_path(own, read.files)
    times = tuple(
        time
        for number, raw in enumerate(read.run_times)
        for time in stamp("last_executed" if number == 0 else "executed", raw, "filetime")
    )
    yield _known.executed(
        known,
        "prefetch",
        own or read.executable,
        locator=f"{read.executable}, version {read.version}",
        times=times,
        run_count=read.run_count,
        on_disk=_known.on_disk(artifact, drive) if drive else None,
        loaded_from=told,
    )


def _count(artifact: Artifact) -> Iterator[ProgramTraces]:
    """Count what the folder holds, once: beside the first of its files."""
    prefetched = (found for found in artifact.directory() if _NAME.fullmatch(found.entry.name))
    first = next(prefetched, None)
    if first is None or first.path != artifact.path:
        return
    names = [first.entry.name, *(found.entry.name for found in prefetched)]
    yield _known.counted(
        "prefetch",
        artifact.path.rpartition("/")[0],
        entries=len(names),
        listed=sum(_known.PROGRAMS.file(name.rpartition("-")[0]) is not None for name in names),
    )


def _own_path(paths: tuple[str, ...], executable: str) -> str | None:
    r"""Return the path of the program among the files that it loaded, `\VOLUME{…}\…`."""
    wanted = executable.casefold()
    for path in paths:
        name = path.rpartition("\\")[2].casefold()
        if name == wanted or (len(wanted) >= prefetch.NAME_LIMIT and name.startswith(wanted)):
            return path
    return None


def _drive_path(path: str | None, loaded: tuple[str, ...]) -> str | None:
    """Return a path on the volume that Windows itself was loaded from as one of drive C:."""
    found = _VOLUME.match(path or "")
    if found is None or path is None:
        return None
    system = next((p for p in loaded if p.casefold().endswith(r"\system32\ntdll.dll")), "")
    if not system.casefold().startswith(f"{found[0].casefold()}\\"):
        return None
    return f"C:{path[found.end() :]}"
