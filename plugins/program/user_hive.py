r"""Windows: what an account's own hive keeps of programs that it started, typed, opened.

Written from libyal's winreg-kb and RegRipper's descriptions: UserAssist (Windows 2000 to 11), the
dialog Run, typed paths, recent documents, dialogs to open and save, counters of the task bar
(Windows 10 1903 and later), the compatibility assistant, MUICache, Firefox's launcher, programs
installed for one account, and what starts with it. Tested with hives written by us and with
`NTUSER.DAT` and `UsrClass.dat` of Windows 7 and 10. Transaction logs beside a hive are applied.
Times of a list date its newest entry only.

Reference: https://github.com/libyal/winreg-kb
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Final

from triage.api import Artifact, ProgramExecuted, ProgramPresent, ProgramTraces, Time, extractor
from triage.formats import shell_items
from triage.formats.registry import Key, open_with_logs
from triage.formats.stamps import stamp

from . import _known
from ._installed import autostart, installed
from ._values import below, bounded, filetime, first_text, newest, report

_EXPLORER = r"Software\Microsoft\Windows\CurrentVersion\Explorer"
_FLAGS = r"Software\Microsoft\Windows NT\CurrentVersion\AppCompatFlags"
_MUI = r"Local Settings\Software\Microsoft\Windows\Shell\MuiCache"
_MUI_XP = r"Software\Microsoft\Windows\ShellNoRoam\MUICache"
_MUI_NAMES = re.compile(r"(?i)(.+?)\.(?:FriendlyAppName|ApplicationCompany)")
_GUID = re.compile(r"\{([0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12})\}", re.IGNORECASE)
_V5, _V3 = 72, 16  # bytes of a counter of UserAssist: Windows 7 and later, before
_COUNT_OF_V3 = 5  # where the counter of Windows before 7 begins
_NO_FOCUS = 0xFFFFFFFF

Found = ProgramExecuted | ProgramPresent | ProgramTraces


@extractor(
    name="program.windows.user-hive",
    paths=(
        # Windows Vista and later; XP and 2000; what an upgrade put aside
        "Users/*/NTUSER.DAT",
        "Documents and Settings/*/NTUSER.DAT",
        "Windows.old*/{Users,Documents and Settings}/*/NTUSER.DAT",
    ),
    yields=(ProgramExecuted, ProgramPresent, ProgramTraces),
)
def user_hive(artifact: Artifact) -> Iterator[Found]:
    """Read what an account's hive keeps of listed programs; others are counted."""
    hive = open_with_logs(artifact)
    for read in _TRACES:
        yield from read(artifact, hive.root)
    report(artifact, hive)


@extractor(
    name="program.windows.user-classes",
    paths=(
        # Windows Vista and later; XP and 2000; what an upgrade put aside
        "Users/*/AppData/Local/Microsoft/Windows/UsrClass.dat",
        "Documents and Settings/*/Local Settings/Application Data/Microsoft/Windows/UsrClass.dat",
        "Windows.old*/Users/*/AppData/Local/Microsoft/Windows/UsrClass.dat",
    ),
    yields=(ProgramExecuted, ProgramPresent, ProgramTraces),
)
def user_classes(artifact: Artifact) -> Iterator[Found]:
    """Read the names of programs that Explorer kept for an account."""
    hive = open_with_logs(artifact)
    yield from _mui(artifact, hive.key(_MUI))
    report(artifact, hive)


def known_path(path: str) -> str:
    """Return a path with its known folder in words instead of a GUID."""
    found = _GUID.match(path)
    folder = shell_items.FOLDERS.get(found[1].lower()) if found else None
    return folder + path[found.end() :] if found and folder else path


def _user_assist(artifact: Artifact, root: Key) -> Iterator[Found]:
    for group in below(root.key(rf"{_EXPLORER}\UserAssist")):
        entries = listed = 0
        dated: list[int] = []
        for value in bounded(group.subkey("Count")):
            path = known_path(codecs.decode(value.name, "rot13"))
            if path.startswith("UEME_") and ":" not in path:
                continue
            path = path.partition(":")[2] if path.startswith("UEME_") else path
            entries += 1
            last = filetime(value.raw, 60 if len(value.raw) >= _V5 else 8)
            dated += [last] if last else []
            known = _known.PROGRAMS.path(path) or _known.PROGRAMS.app(path)
            if known is None:
                continue
            listed += 1
            runs, seconds = _counter(value.raw)
            ran = bool(runs or last or seconds)
            place = rf"UserAssist\{group.name}\Count: {path}"[:300]
            there = _known.on_disk(artifact, path)
            if not ran:
                yield _known.present(known, "userassist", path, locator=place, on_disk=there)
                continue
            yield _known.executed(
                known,
                "userassist",
                path,
                locator=place,
                times=stamp("last_executed", last, "filetime"),
                on_disk=there,
                run_count=runs,
                active_seconds=seconds,
            )
        if entries:
            yield _known.counted(
                "userassist",
                rf"UserAssist\{group.name}",
                entries=entries,
                listed=listed,
                times=(
                    *stamp("first_entry", min(dated, default=0), "filetime"),
                    *stamp("last_entry", max(dated, default=0), "filetime"),
                ),
            )


def _counter(raw: bytes) -> tuple[int | None, int | None]:
    """Return runs and seconds in the foreground of a counter of UserAssist."""
    if len(raw) >= _V5:
        runs, focus = (int.from_bytes(raw[at : at + 4], "little") for at in (4, 12))
        return runs, None if focus in (0, _NO_FOCUS) else focus // 1000
    if len(raw) >= _V3:
        return max(int.from_bytes(raw[4:8], "little") - _COUNT_OF_V3, 0), None
    return None, None


def _run_dialog(_artifact: Artifact, root: Key) -> Iterator[Found]:
    key = root.key(rf"{_EXPLORER}\RunMRU")
    for value in bounded(key):
        if not isinstance(value.data, str) or value.name.casefold() == "mrulist":
            continue
        line = value.data.removesuffix("\\1")
        yield from _typed(key, value.name, line, "run-dialog", ran=True)


def _typed_paths(_artifact: Artifact, root: Key) -> Iterator[Found]:
    key = root.key(rf"{_EXPLORER}\TypedPaths")
    for value in bounded(key):
        if isinstance(value.data, str):
            yield from _typed(key, value.name, value.data, "typed-path", ran=False)


def _typed(key: Key | None, name: str, line: str, trace: str, *, ran: bool) -> Iterator[Found]:
    path = line.strip('" ')
    known = _known.PROGRAMS.path(path) or _known.PROGRAMS.path(path.partition(" ")[0])
    known = known or _known.PROGRAMS.file(f"{path.partition(' ')[0]}.exe")
    if known is None or key is None:
        return
    first = name == "url1" or name == newest(key)
    times = stamp("typed", key.last_written, "filetime") if first else ()
    make = _known.executed if ran else _known.present
    yield make(known, trace, path[:500], locator=f"{key.name}: {name}", times=times)


def _recent(_artifact: Artifact, root: Key) -> Iterator[Found]:
    key = root.key(rf"{_EXPLORER}\RecentDocs")
    for folder in (key, *below(key)) if key else ():
        for value in bounded(folder):
            if value.name.startswith("MRUList"):
                continue
            name = first_text(value.raw)
            known = _known.PROGRAMS.path(name)
            if known is None:
                continue
            first = value.name == newest(folder)
            yield _known.present(
                known,
                "recent-documents",
                name,
                locator=rf"RecentDocs\{folder.name}: {value.name}",
                times=stamp("opened", folder.last_written, "filetime") if first else (),
            )


def _dialogs(_artifact: Artifact, root: Key) -> Iterator[Found]:
    dialogs = root.key(rf"{_EXPLORER}\ComDlg32")
    for name in ("LastVisitedPidlMRU", "LastVisitedMRU", "LastVisitedPidlMRULegacy"):
        key = dialogs.subkey(name) if dialogs else None
        for value in bounded(key):
            program = first_text(value.raw)
            path = program + "\\" + _items(value.raw[2 * len(program) + 2 :])
            known = None if value.name.startswith("MRUList") else _known.PROGRAMS.file(program)
            if known is None and program.casefold() == "firefox.exe":
                known = _known.PROGRAMS.path(path)
            if known is None or key is None:
                continue
            first = value.name == newest(key)
            yield _known.executed(
                known,
                "last-visited",
                program,
                locator=rf"ComDlg32\{name}: {value.name}",
                times=stamp("dialog_shown", key.last_written, "filetime") if first else (),
            )
    saved = dialogs.subkey("OpenSavePidlMRU") if dialogs else None
    for folder in below(saved):
        for value in bounded(folder):
            path = "" if value.name.startswith("MRUList") else _items(value.raw)
            known = _known.PROGRAMS.path(path) if path else None
            if known is None:
                continue
            first = value.name == newest(folder)
            yield _known.present(
                known,
                "opened-saved",
                path,
                locator=rf"ComDlg32\OpenSavePidlMRU\{folder.name}: {value.name}",
                times=stamp("chosen", folder.last_written, "filetime") if first else (),
            )


def _items(raw: bytes) -> str:
    return shell_items.path(shell_items.parse(raw))


def _named_values(
    key_path: str, trace: str, clean: Callable[[str], str] = known_path
) -> Callable[[Artifact, Key], Iterator[Found]]:
    """Return a reader of a key whose values are named after programs that ran."""

    def read(artifact: Artifact, root: Key) -> Iterator[Found]:
        key = root.key(key_path)
        for value in bounded(key):
            path = clean(value.name)
            known = _known.PROGRAMS.path(path) or _known.PROGRAMS.app(path)
            if known is None:
                continue
            counts = trace == "feature-usage" and isinstance(value.data, int)
            yield _known.executed(
                known,
                trace,
                path,
                locator=f"{key_path.rpartition(chr(92))[2]}: {value.name}"[:300],
                run_count=value.data if counts and isinstance(value.data, int) else None,
                on_disk=_known.on_disk(artifact, path),
            )

    return read


def _settings(artifact: Artifact, root: Key) -> Iterator[Found]:
    for value in bounded(root.key(rf"{_FLAGS}\Layers")):
        known = _known.PROGRAMS.path(value.name)
        if known:
            yield _known.present(
                known,
                "compatibility-setting",
                value.name,
                locator=f"Layers: {value.name}"[:300],
                on_disk=_known.on_disk(artifact, value.name),
            )


def _mui(artifact: Artifact, key: Key | None) -> Iterator[Found]:
    seen: set[str] = set()
    names = [value.name for value in bounded(key) if "\\" in value.name and value.name[:1] != "@"]
    for name in names:
        found = _MUI_NAMES.fullmatch(name)
        path = found[1] if found else name
        known = _known.PROGRAMS.path(path)
        if known is None or path.casefold() in seen:
            continue
        seen.add(path.casefold())
        yield _known.present(
            known,
            "muicache",
            path,
            locator=f"MuiCache: {path}"[:300],
            on_disk=_known.on_disk(artifact, path),
        )
    if key and names:
        times: tuple[Time, ...] = stamp("last_written", key.last_written, "filetime")
        yield _known.counted(
            "muicache", "MuiCache", entries=len(names), listed=len(seen), times=times
        )


def _mui_xp(artifact: Artifact, root: Key) -> Iterator[Found]:
    yield from _mui(artifact, root.key(_MUI_XP))


_TRACES: Final = (
    _user_assist,
    _run_dialog,
    _typed_paths,
    _recent,
    _dialogs,
    _named_values(rf"{_EXPLORER}\FeatureUsage\AppSwitched", "feature-usage"),
    _named_values(rf"{_FLAGS}\Compatibility Assistant\Store", "compatibility-store"),
    _named_values(rf"{_FLAGS}\Compatibility Assistant\Persisted", "compatibility-store"),
    _named_values(
        r"Software\Mozilla\Firefox\Launcher",
        "firefox-launcher",
        lambda name: name.partition("|")[0],
    ),
    _named_values(
        r"Software\Tor Project\Firefox\Launcher",
        "firefox-launcher",
        lambda name: name.partition("|")[0],
    ),
    _settings,
    _mui_xp,
    lambda artifact, root: installed(artifact, root.key("Software")),
    lambda artifact, root: autostart(artifact, root.key("Software")),
)
