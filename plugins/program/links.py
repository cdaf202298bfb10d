r"""Windows shortcuts and jump lists: where listed programs lay, what they opened, on which medium.

Written from [MS-SHLLINK] and libyal's description of jump lists; tested with links of Windows 7 and
Vista, lists of Windows 7, and ones written by us. Jump lists are named after a checksum of the
program: the few that are published are on the list of programs; links inside tell the others. Not
read: property stores in links.

References: https://learn.microsoft.com/openspecs/windows_protocols/ms-shllink and
https://github.com/libyal/dtformats
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, ProgramExecuted, ProgramPresent, extractor
from triage.formats import jump_list, shell_link
from triage.formats.shell_link import ShellLink
from triage.formats.stamps import stamp

from . import _known

_XP = "Documents and Settings/*"
_SHELL = "Users/*/AppData/Roaming/Microsoft/Windows"


@extractor(
    name="program.windows.shortcuts",
    paths=(
        # Windows Vista and later: what was opened, menu, desktop, task bar
        f"{_SHELL}/{{Recent,Start Menu}}/**/*.lnk",
        "Users/*/Desktop/**/*.lnk",
        "Users/*/AppData/Roaming/Microsoft/Internet Explorer/Quick Launch/**/*.lnk",
        "ProgramData/Microsoft/Windows/Start Menu/**/*.lnk",
        # Windows XP and 2000
        f"{_XP}/{{Recent,Desktop,Start Menu}}/**/*.lnk",
        # beside Tor Browser wherever it was unpacked, and on sticks
        "**/{Tor Browser*,Start Tor Browser*}.lnk",
    ),
    yields=(ProgramPresent,),
)
def shortcuts(artifact: Artifact) -> Iterator[ProgramPresent]:
    """Read shortcuts to listed programs: target, volume, machine, times of the target."""
    link = shell_link.parse(artifact.read(shell_link.SIZE_LIMIT))
    known = _known.PROGRAMS.path(link.target) or _known.PROGRAMS.file(artifact.entry.name)
    if known is None:
        return
    yield _known.present(
        known,
        "shortcut",
        link.target[:1000],
        locator="shell link",
        times=(
            *stamp("target_created", link.created, "filetime"),
            *stamp("target_modified", link.modified, "filetime"),
            *stamp("target_accessed", link.accessed, "filetime"),
        ),
        file_size=link.file_size or None,
        stored_on=stored_on(link),
        on_disk=_known.on_disk(artifact, link.target),
    )


@extractor(
    name="program.windows.jump-lists",
    paths=(
        # Windows 7 and later
        f"{_SHELL}/Recent/AutomaticDestinations/*.automaticDestinations-ms",
        f"{_SHELL}/Recent/CustomDestinations/*.customDestinations-ms",
    ),
    yields=(ProgramExecuted, ProgramPresent),
)
def jump_lists(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramPresent]:
    """Find listed programs in jump lists: as the list's own program, and as what was opened."""
    own, _, kind = artifact.entry.name.partition(".")
    automatic = kind.casefold().startswith("auto")
    if automatic:
        entries = tuple(jump_list.automatic(artifact.open()))
    else:
        entries = tuple(jump_list.custom(artifact.read(jump_list.SIZE_LIMIT)))
    program = _known.PROGRAMS.app(own)
    if program:
        times = [entry.opened for entry in entries if entry.opened]
        yield _known.executed(
            program,
            "jump-list-of-program",
            own,
            locator=f"{len(entries)} entries",
            times=stamp("last_opened", max(times, default=0), "filetime"),
            loaded_from=tuple(dict.fromkeys(entry.path[:300] for entry in entries if entry.path))[
                :10
            ],
        )
    for number, entry in enumerate(entries):
        known = _known.PROGRAMS.path(entry.path)
        if known is None and entry.link:
            known = _known.PROGRAMS.path(entry.link.target)
        if known is None:
            continue
        yield _known.present(
            known,
            "jump-list",
            (entry.path or (entry.link.target if entry.link else ""))[:1000],
            locator=f"entry {number}",
            times=stamp("opened", entry.opened, "filetime"),
            stored_on=stored_on(entry.link) if entry.link else entry.machine,
            on_disk=_known.on_disk(artifact, entry.path),
        )


def stored_on(link: ShellLink) -> str | None:
    """Return volume label, serial number and machine in one line."""
    serial = link.volume_serial
    told = (
        f"volume {link.volume_label}" if link.volume_label else None,
        f"serial {serial >> 16:04X}-{serial & 0xFFFF:04X}" if serial else None,
        f"machine {link.machine}" if link.machine else None,
    )
    return ", ".join(filter(None, told)) or None
