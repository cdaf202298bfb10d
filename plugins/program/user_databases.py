"""Windows 10 and 11: listed programs in the timeline and among those that show messages.

Written from the schemas of `ActivitiesCache.db` (Windows 10 1803 and later) and `wpndatabase.db`
(1607 and later); tested with an ActivitiesCache of Windows 10 and databases made by us. Times are
UTC. Not read: contents of messages, the clipboard in the timeline.

References: https://kacos2000.github.io/WindowsTimeline/ and
https://github.com/log2timeline/plaso/tree/main/plaso/parsers/sqlite_plugins
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    ParseError,
    ProgramExecuted,
    ProgramPresent,
    ProgramTraces,
    extractor,
)
from triage.formats import json
from triage.formats.indicators import Indicator
from triage.formats.stamps import stamp, utc_text

from . import _known
from .user_hive import known_path

_ACTIVITY = "Activity"
_COLUMNS = {"AppId", "ActivityType", "StartTime", "EndTime", "Payload"}
_IN_FRONT = 6  # type of an activity: the program was in front
_HANDLER = {"PrimaryId", "CreatedTime", "ModifiedTime"}


@dataclass(slots=True, kw_only=True)
class _Use:
    known: Indicator
    place: str
    count: int = 0
    first: int = 0
    last: int = 0
    seconds: int = 0


@extractor(
    name="program.windows.activities",
    paths=(
        # Windows 10 1803 and later
        "Users/*/AppData/Local/ConnectedDevicesPlatform/*/ActivitiesCache.db",
    ),
    yields=(ProgramExecuted, ProgramTraces),
)
def activities(artifact: Artifact) -> Iterator[ProgramExecuted | ProgramTraces]:
    """Sum up listed programs in Windows' timeline: how often, how long in front, first and last."""
    uses: dict[str, _Use] = {}
    total = listed = 0
    with artifact.sqlite() as database:
        if not database.has({_ACTIVITY: _COLUMNS}):
            raise ParseError("no table of activities")
        for row in database.rows(_ACTIVITY, sorted(_COLUMNS)):
            total += 1
            values = row.values
            path = _application(values["AppId"])
            known = _known.PROGRAMS.path(path) or _known.PROGRAMS.app(path) if path else None
            if known is None:
                continue
            listed += 1
            use = uses.setdefault(path, _Use(known=known, place=f"Activity row {row.key!r}"))
            start, end = values["StartTime"], values["EndTime"]
            use.count += 1
            if isinstance(start, int) and start > 0:
                use.first = min(use.first or start, start)
                use.last = max(use.last, start, end if isinstance(end, int) else 0)
            if values["ActivityType"] == _IN_FRONT:
                use.seconds += _seconds(values["Payload"])
    for path, use in uses.items():
        yield _known.executed(
            use.known,
            "activities",
            path[:1000],
            locator=use.place,
            times=(
                *stamp("first_used", use.first, "s_unix"),
                *stamp("last_used", use.last, "s_unix"),
            ),
            run_count=use.count,
            active_seconds=use.seconds or None,
            on_disk=_known.on_disk(artifact, path),
        )
    yield _known.counted("activities", _ACTIVITY, entries=total, listed=listed)


def _application(raw: object) -> str:
    """Return the path or id of the program in an AppId, a JSON list of one name per platform."""
    if not isinstance(raw, str):
        return ""
    try:
        names = json.parse(raw.encode("utf-8", "surrogateescape"))
    except ParseError:
        return ""
    for platform in ("x_exe_path", "windows_win32", "packageId", "windows_universal"):
        for name in names if isinstance(names, list) else ():
            if isinstance(name, dict) and name.get("platform") == platform:
                found = name.get("application")
                if isinstance(found, str) and found:
                    return known_path(found)
    return ""


def _seconds(raw: object) -> int:
    """Return how long the program was in front."""
    data = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else raw
    try:
        payload = json.parse(data) if isinstance(data, bytes) else None
    except ParseError:
        return 0
    seconds = payload.get("activeDurationSeconds") if isinstance(payload, dict) else None
    return seconds if isinstance(seconds, int) and 0 < seconds < 1 << 31 else 0


@extractor(
    name="program.windows.notifications",
    paths=(
        # Windows 10 1607 and later
        "Users/*/AppData/Local/Microsoft/Windows/Notifications/wpndatabase.db",
    ),
    yields=(ProgramPresent,),
)
def notifications(artifact: Artifact) -> Iterator[ProgramPresent]:
    """List listed programs that registered to show messages to an account."""
    with artifact.sqlite() as database:
        if not database.has({"NotificationHandler": _HANDLER}):
            raise ParseError("no table of programs that show messages")
        for row in database.rows("NotificationHandler", sorted(_HANDLER)):
            path = row.values["PrimaryId"]
            if not isinstance(path, str):
                continue
            path = known_path(path)
            known = _known.PROGRAMS.path(path) or _known.PROGRAMS.app(path)
            if known:
                created, changed = row.values["CreatedTime"], row.values["ModifiedTime"]
                yield _known.present(
                    known,
                    "notification",
                    path[:1000],
                    locator=f"NotificationHandler row {row.key!r}",
                    times=(
                        *utc_text("created", created if isinstance(created, str) else None),
                        *utc_text("modified", changed if isinstance(changed, str) else None),
                    ),
                    on_disk=_known.on_disk(artifact, path),
                )
