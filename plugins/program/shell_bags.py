r"""Windows: folders of listed programs that Explorer showed, from shell bags.

Written from libyal's descriptions of BagMRU and of shell items, Windows XP to 11; tested with hives
of Windows 7 and 10 and ones written by us. A bag keeps a folder after it is deleted, and folders of
sticks and shares as well. The key's time is when something below it was last shown for the first
time, not every visit. Not read: the views themselves, items of phones and archives.

Reference: https://github.com/libyal/winreg-kb
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, ProgramPresent, ProgramTraces, extractor
from triage.formats import shell_items
from triage.formats.registry import Key, open_with_logs
from triage.formats.stamps import stamp

from . import _known
from ._values import bounded, newest, report

_DEPTH = 64
_MOST = 50_000  # folders of one hive
_IN_CLASSES = r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU"
_IN_USER = (
    r"Software\Microsoft\Windows\Shell\BagMRU",
    r"Software\Microsoft\Windows\ShellNoRoam\BagMRU",
)


@extractor(
    name="program.windows.shell-bags",
    paths=(
        # Windows Vista and later: folders of the own disks
        "Users/*/AppData/Local/Microsoft/Windows/UsrClass.dat",
        # Windows Vista and later: shares; XP: all
        "{Users,Documents and Settings}/*/NTUSER.DAT",
    ),
    yields=(ProgramPresent, ProgramTraces),
)
def shell_bags(artifact: Artifact) -> Iterator[ProgramPresent | ProgramTraces]:
    """Find folders of listed programs among those that Explorer showed to an account."""
    hive = open_with_logs(artifact)
    for place in (_IN_CLASSES, *_IN_USER):
        root = hive.key(place)
        if root is None:
            continue
        entries = listed = 0
        for path, key, first in _folders(root):
            entries += 1
            known = _known.PROGRAMS.path(path)
            if known is None:
                continue
            listed += 1
            yield _known.present(
                known,
                "shell-bag",
                path[:1000],
                locator=f"BagMRU {key.name}: {path}"[:300],
                times=stamp("last_written", key.last_written, "filetime") if first else (),
            )
        if entries:
            yield _known.counted("shell-bag", place, entries=entries, listed=listed)
    report(artifact, hive)


def _folders(root: Key) -> Iterator[tuple[str, Key, bool]]:
    """Yield path, key above, and whether that key's time belongs to it, parents first."""
    waiting: list[tuple[str, Key, int]] = [("", root, 0)]
    seen = 0
    while waiting:
        path, key, depth = waiting.pop()
        order = newest(key)
        for value in bounded(key):
            if not value.name.isdecimal():
                continue
            seen += 1
            if seen > _MOST:
                return
            item = shell_items.one(value.raw)
            name = item.name.strip("\\") if item else "…"
            below = f"{path}\\{name}".strip("\\")
            yield below, key, value.name == order
            child = key.subkey(value.name)
            if child is not None and depth < _DEPTH:
                waiting.append((below, child, depth + 1))
