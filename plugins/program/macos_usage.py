"""macOS: listed programs that were in front (Biome) or stand among the recent items.

Written from CCL Solutions' description of SEGB and from iLEAPP's reading of the streams
`App.InFocus` (macOS 13, iOS 16 and later) and `_DKEvent.App.InFocus`, which hold about 28 days; and
from published descriptions of shared file lists (`.sfl2`, `.sfl3`, macOS 10.13 and later) and of
bookmarks. Tested with files made by us and with bookmarks of mac_alias; there was no sample. Biome
proves that the program was in front for some account of this device: streams below `remote` come
from other devices of the same Apple account and are not read. Recent items prove that the account
opened it; their order is that of use, they have no times. Not read: the other streams, lists of
macOS 10.12 and before (`.sfl`), the database of LaunchServices (`.csstore`), whose format is not
described: which applications macOS knew stands in Spotlight and FSEvents as well.

References: https://github.com/cclgroupltd/ccl-segb, abrignoni/iLEAPP `biomeInfocus.py` and
ydkhatri/mac_apt `recentitems.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    ProgramExecuted,
    ProgramPresent,
    ProgramTraces,
    extractor,
)
from triage.formats import bookmark, plist, protobuf, segb
from triage.formats.indicators import Indicator
from triage.formats.keyed_archive import unarchive
from triage.formats.stamps import stamp

from . import _known

_DAY = 86_400  # seconds
_MOST = 10_000
_LATEST = 1e11  # seconds since 2001: beyond the year 5000
_LISTS = "Users/*/Library/Application Support/com.apple.sharedfilelist/com.apple.LSSharedFileList"
_STREAMS = "{App.InFocus,_DKEvent.App.InFocus}"


@dataclass(slots=True, kw_only=True)
class _Use:
    """Times are seconds since 2001-01-01; `since` while it is in front."""

    known: Indicator
    place: int
    first: float
    last: float
    count: int = 0
    seconds: float = 0
    since: float | None = None
    sound: bool = True


@extractor(
    name="program.apple.biome",
    paths=(
        # macOS 13 and later; an account's own; iOS 16 and later in a full extraction
        f"private/var/db/biome/streams/restricted/{_STREAMS}/local/*",
        f"Users/*/Library/Biome/streams/restricted/{_STREAMS}/local/*",
        f"**/mobile/Library/Biome/streams/restricted/{_STREAMS}/local/*",
    ),
    yields=(ProgramExecuted, ProgramTraces),
)
def biome(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """Sum up when listed programs were in front: how often, seconds, first and last time."""
    if artifact.entry.name.startswith(".") or artifact.entry.name == "tombstone":
        return
    read = _event if "_dkevent." in artifact.path.casefold() else _focus
    uses: dict[str, _Use] = {}
    total = listed = 0
    for record in segb.parse(artifact.read(segb.SIZE_LIMIT)):
        total += 1
        try:
            found = None if record.deleted else read(protobuf.parse(record.data))
        except ParseError:
            artifact.problem("a record that cannot be read", locator=f"byte {record.place}")
            continue
        known = _known.PROGRAMS.app(found[0]) if found else None
        if found is None or known is None or len(uses) >= _MOST:
            continue
        listed += 1
        program, start, end, front = found
        use = uses.setdefault(
            program, _Use(known=known, place=record.place, first=start, last=start)
        )
        use.sound &= record.sound
        _add(use, start, end, front=front)
    for program, use in uses.items():
        yield _known.executed(
            use.known,
            "biome",
            program[:500],
            confidence=Confidence.CONFIRMED if use.sound else Confidence.PROBABLE,
            locator=f"byte {use.place}",
            times=(
                *stamp("first_used", use.first, "cocoa"),
                *stamp("last_used", use.last, "cocoa"),
            ),
            run_count=use.count,
            active_seconds=int(use.seconds) or None,
            checks=("crc32",) if use.sound else (),
        )
    yield _known.counted("biome", artifact.path, entries=total, listed=listed)


def _add(use: _Use, start: float, end: float | None, *, front: bool) -> None:
    """Count a record: a session with its end, or one of the two edges of one."""
    use.first, use.last = min(use.first, start), max(use.last, start, end or start)
    if front:
        use.count += 1
        use.since = start
    if end is None and not front:
        end, start, use.since = start, use.since if use.since is not None else start, None
    if end is not None and 0 <= end - start <= _DAY:
        use.seconds += end - start


def _focus(message: protobuf.Message) -> tuple[str, float, float | None, bool] | None:
    """Read a record of `App.InFocus`: program, when, no end, whether it came to the front."""
    program, when = message.text(6), _double(message, 4)
    if not program or when is None:
        return None
    return program, when, None, message.integer(3) == 1


def _event(message: protobuf.Message) -> tuple[str, float, float | None, bool] | None:
    """Read a record of `_DKEvent.App.InFocus`: program, start, end, true."""
    value, start, end = message.message(4), _double(message, 2), _double(message, 3)
    program = value.text(3) if value else None
    if not program or start is None:
        return None
    return program, start, end, True


def _double(message: protobuf.Message, number: int) -> float | None:
    raw = message.data(number)
    (value,) = struct.unpack("<d", raw) if raw is not None and len(raw) == 8 else (None,)  # noqa: PLR2004 - a double
    return value if value is not None and 0 < value < _LATEST else None


@extractor(
    name="program.macos.recent-items",
    paths=(
        # macOS 10.13 and later: applications and documents; documents by application
        f"{_LISTS}.Recent{{Applications,Documents}}.sfl[234]",
        f"{_LISTS}.ApplicationRecentDocuments/*.sfl[234]",
    ),
    yields=(ProgramExecuted, ProgramPresent),
)
def recent_items(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramPresent]:
    """List listed programs among the recent items of an account, and lists of their own."""
    value = unarchive(plist.parse(artifact.read()))
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise ParseError("not a list of recent items")
    name = artifact.entry.name
    owner = _known.PROGRAMS.app(name.rpartition(".")[0])
    if owner and items:
        yield _known.executed(owner, "recent-items-of-program", name, locator=f"{len(items)} items")
    applications = "RecentApplications" in name
    for number, item in enumerate(items[:_MOST]):
        path, volume = _place(item)
        known = _known.PROGRAMS.path(path) if path else None
        if known is None:
            continue
        if applications:
            yield _known.executed(known, "recent-items", path, locator=f"item {number}")
        else:
            yield _known.present(
                known, "recent-items", path, locator=f"item {number}", stored_on=volume
            )


def _place(item: object) -> tuple[str, str | None]:
    """Return the path of an item, else its name, and the volume it lay on when not the first."""
    if not isinstance(item, dict):
        return "", None
    raw, name = item.get("Bookmark"), item.get("Name")
    try:
        found = bookmark.parse(raw) if isinstance(raw, bytes) else None
    except ParseError:
        found = None
    if found is None:
        return (name[:1000] if isinstance(name, str) else ""), None
    volume = found.volume_name if found.volume_path not in {None, "/"} else None
    return found.path[:1000], f"volume {volume}" if volume else None
