"""macOS: listed programs that were downloaded, installed, used, or left changes behind.

Written from the schemas of `LSQuarantineEvent` and of `knowledgeC.db` (macOS 10.12 to 13; later
ones keep usage in Biome, see `macos_usage`), Apple's property lists, and libyal's description of
FSEvents (version 1 to 3); tested with a quarantine database, a knowledgeC and an FSEvents page of
macOS and with files made by us. Not read: the database of LaunchServices, unified logs.

References: https://github.com/log2timeline/plaso/tree/main/plaso/parsers and
https://github.com/libyal/dtformats
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from triage.api import (
    Artifact,
    ParseError,
    ProgramExecuted,
    ProgramPresent,
    ProgramRemoved,
    ProgramTraces,
    extractor,
)
from triage.formats import fs_events, plist
from triage.formats.indicators import Indicator
from triage.formats.stamps import plist_date, stamp

from . import _known

_QUARANTINE = "LSQuarantineEvent"
_Q = "LSQuarantine"
_COLUMNS = {
    f"{_Q}TimeStamp",
    f"{_Q}AgentName",
    f"{_Q}DataURLString",
    f"{_Q}OriginURLString",
}
_KNOWLEDGE = {"ZSTREAMNAME", "ZVALUESTRING", "ZSTARTDATE", "ZENDDATE"}
_IN_FRONT = frozenset({"/app/inFocus", "/app/usage"})
_MOST_PATHS = 5_000
_ITEM_REMOVED = 0x02


@extractor(
    name="program.macos.quarantine",
    paths=(
        # macOS 10.7 and later
        "Users/*/Library/Preferences/com.apple.LaunchServices.QuarantineEventsV2",
    ),
    yields=(ProgramPresent, ProgramTraces),
)
def quarantine(artifact: Artifact) -> Iterator[ProgramPresent | ProgramTraces]:
    """List downloads of listed programs: from where, by which program, when."""
    total = listed = 0
    with artifact.sqlite() as database:
        if not database.has({_QUARANTINE: _COLUMNS}):
            raise ParseError("no table of downloads")
        for row in database.rows(_QUARANTINE, sorted(_COLUMNS)):
            total += 1
            url, origin = (_text(row.values[f"{_Q}{part}URLString"]) for part in ("Data", "Origin"))
            known = _download(url)
            if known is None:
                continue
            listed += 1
            when = row.values[f"{_Q}TimeStamp"]
            yield _known.present(
                known,
                "quarantine",
                _name(url),
                locator=f"{_QUARANTINE} row {row.key!r}",
                times=stamp("downloaded", when if isinstance(when, int | float) else None, "cocoa"),
                url=url[:2000] or None,
                referrer=origin[:2000] or None,
            )
    yield _known.counted("quarantine", _QUARANTINE, entries=total, listed=listed)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name(url: str) -> str:
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2][:500]
    except ValueError:
        return ""


def _download(url: str) -> Indicator | None:
    name = _name(url)
    return _known.PROGRAMS.file(name) if name else None


@dataclass(slots=True, kw_only=True)
class _Use:
    known: Indicator
    place: str
    first: float
    last: float
    count: int = 0
    seconds: float = 0


@extractor(
    name="program.macos.knowledge",
    paths=(
        # macOS 10.12 to 13: of the machine, of an account
        "private/var/db/CoreDuet/Knowledge/knowledgeC.db",
        "Users/*/Library/Application Support/Knowledge/knowledgeC.db",
    ),
    yields=(ProgramExecuted, ProgramTraces),
)
def knowledge(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """Sum up how long listed programs were in front: sessions, seconds, first and last time."""
    uses: dict[str, _Use] = {}
    total = listed = 0
    with artifact.sqlite() as database:
        if not database.has({"ZOBJECT": _KNOWLEDGE}):
            raise ParseError("no table of usage")
        for row in database.rows("ZOBJECT", sorted(_KNOWLEDGE)):
            values = row.values
            program, start, end = values["ZVALUESTRING"], values["ZSTARTDATE"], values["ZENDDATE"]
            if values["ZSTREAMNAME"] not in _IN_FRONT or not isinstance(program, str):
                continue
            total += 1
            known = _known.PROGRAMS.app(program)
            if known is None or not isinstance(start, int | float):
                continue
            listed += 1
            use = uses.setdefault(
                program, _Use(known=known, place=f"ZOBJECT {row.key!r}", first=start, last=start)
            )
            until = end if isinstance(end, int | float) and end >= start else start
            use.count += 1
            use.seconds += until - start
            use.first, use.last = min(use.first, start), max(use.last, until)
    for program, use in uses.items():
        yield _known.executed(
            use.known,
            "knowledge",
            program,
            locator=use.place,
            times=(
                *stamp("first_used", use.first, "cocoa"),
                *stamp("last_used", use.last, "cocoa"),
            ),
            run_count=use.count,
            active_seconds=int(use.seconds),
        )
    yield _known.counted("knowledge", "ZOBJECT", entries=total, listed=listed)


@extractor(
    name="program.macos.installed",
    paths=(
        # macOS 10.6 and later
        "Library/Receipts/InstallHistory.plist",
        "private/var/db/receipts/*.plist",
    ),
    yields=(ProgramPresent,),
)
def installed(artifact: Artifact) -> Iterator[ProgramPresent]:
    """List listed programs that installers of macOS noted or left a receipt of."""
    value = plist.parse(artifact.read())
    history = isinstance(value, list)
    for number, item in enumerate(value if history else [value]):
        if not isinstance(item, dict):
            continue
        identifiers = item.get("packageIdentifiers") if history else [item.get("PackageIdentifier")]
        name = item.get("displayName") if history else item.get("PackageFileName")
        known = _installed(identifiers, name)
        if known is None:
            continue
        when = item.get("date") if history else item.get("InstallDate")
        yield _known.present(
            known,
            "install-history" if history else "install-receipt",
            str(name or "")[:500] or None,
            locator=f"item {number}",
            times=plist_date("installed", when),
            software_version=str(item.get("displayVersion") or item.get("PackageVersion") or "")[
                :100
            ]
            or None,
        )


def _installed(identifiers: Any, name: Any) -> Indicator | None:
    for identifier in identifiers if isinstance(identifiers, list) else ():
        if isinstance(identifier, str) and (known := _known.PROGRAMS.app(identifier)):
            return known
    if not isinstance(name, str) or not name:
        return None
    by_name = (e for e in _known.PROGRAMS.entries if e.note.casefold() == name.casefold())
    return _known.PROGRAMS.file(name) or next(by_name, None)


@extractor(
    name="program.macos.dock",
    paths=(
        # macOS 10.5 and later
        "Users/*/Library/Preferences/com.apple.dock.plist",
    ),
    yields=(ProgramPresent,),
)
def dock(artifact: Artifact) -> Iterator[ProgramPresent]:
    """List listed programs in an account's Dock, also those that only ran of late."""
    value = plist.parse(artifact.read())
    if not isinstance(value, dict):
        raise ParseError("not the settings of a Dock")
    for group in ("persistent-apps", "recent-apps"):
        items = value.get(group)
        for number, item in enumerate(items if isinstance(items, list) else ()):
            tile = item.get("tile-data") if isinstance(item, dict) else None
            data = tile.get("file-data") if isinstance(tile, dict) else None
            url = data.get("_CFURLString") if isinstance(data, dict) else None
            identifier = tile.get("bundle-identifier") if isinstance(tile, dict) else None
            path = unquote(urlsplit(url).path).rstrip("/") if isinstance(url, str) else ""
            known = _known.PROGRAMS.app(identifier) if isinstance(identifier, str) else None
            known = known or (_known.PROGRAMS.path(path) if path else None)
            if known:
                yield _known.present(
                    known, "dock", path[:1000] or str(identifier), locator=f"{group} {number}"
                )


@extractor(
    name="program.macos.fs-events",
    paths=(
        # macOS 10.5 and later, on every volume
        ".fseventsd/*",
        "System/Volumes/Data/.fseventsd/*",
    ),
    yields=(ProgramPresent, ProgramRemoved),
)
def file_events(artifact: Artifact) -> Iterator[ProgramPresent | ProgramRemoved]:
    """Find paths of listed programs among the changes that macOS noted, without times.

    Between the times of this page and the one before it they happened.
    """
    if artifact.entry.name == "fseventsd-uuid":
        return
    seen: dict[str, tuple[Indicator, int, int]] = {}
    for event in fs_events.parse(artifact.read(fs_events.SIZE_LIMIT)):
        known = _known.PROGRAMS.path(f"/{event.path}")
        if known is None or (event.path not in seen and len(seen) >= _MOST_PATHS):
            continue
        _, flags, identifier = seen.get(event.path, (known, 0, event.identifier))
        seen[event.path] = (known, flags | event.flags, identifier)
    for path, (known, flags, identifier) in seen.items():
        make = _known.removed if flags & _ITEM_REMOVED else _known.present
        yield make(known, "fs-events", f"/{path}"[:1000], locator=f"event {identifier}")
