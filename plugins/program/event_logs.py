r"""Windows event logs: listed programs that started or were installed, logons, steps of the clock.

Written from Microsoft's descriptions of the events, Windows Vista to 11: of the log Security 4624
and 4625 (logons), 4688 (a process started) and 4616 (the clock); of System 7045 (a service
installed) and Kernel-General 1 (the clock); of Application those of the installer; Sysmon 1. Tested
with logs made by us, which libevtx reads alike; not yet with one of Windows. Logons of services and
of the system itself are left out.

Reference: https://learn.microsoft.com/windows/security/threat-protection/auditing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    ProgramExecuted,
    ProgramPresent,
    ProgramRemoved,
    ProgramTraces,
    Shows,
    SystemClockChange,
    SystemLogon,
    extractor,
)
from triage.formats.event_log import Event, EventLog
from triage.formats.indicators import Indicator
from triage.formats.stamps import stamp

from . import _known
from ._lines import without_secrets

Found = (
    ProgramExecuted
    | ProgramPresent
    | ProgramRemoved
    | ProgramTraces
    | SystemLogon
    | SystemClockChange
)

_LOGON, _FAILED, _CLOCK, _PROCESS = 4624, 4625, 4616, 4688
_KERNEL_CLOCK = _SYSMON_PROCESS = 1
_SERVICE = 7045
_INSTALLED: Final = {11707: "installed", 1033: "installed", 11724: "removed", 1034: "removed"}
_WANTED = frozenset({_LOGON, _FAILED, _CLOCK, _PROCESS, _KERNEL_CLOCK, _SERVICE, *_INSTALLED})
_WAYS: Final = {
    "2": "at the screen",
    "3": "over the network",
    "7": "unlocked",
    "8": "over the network, in clear",
    "9": "with other credentials",
    "10": "remote desktop",
    "11": "at the screen, domain not reached",
}
_SERVICES = re.compile(r"S-1-0-0|S-1-5-(?:7|18|19|20|80-.*|90-.*|96-.*)")
_MACHINE = re.compile(r".*\$")
_STEP = 600_000_000  # FILETIME of a minute; less is ordinary drift
_STEPS = 100
_MOST = 10_000  # groups of events of one log


@dataclass(slots=True, kw_only=True)
class _Group:
    """Events that say the same: how many, first and last FILETIME, where the first stands."""

    first: int
    last: int
    place: str
    count: int = 0
    more: dict[str, str] = field(default_factory=dict)


@extractor(
    name="program.windows.event-logs",
    paths=(
        # Windows Vista and later; Sysmon where it was installed
        "Windows/System32/winevt/Logs/{Security,System,Application}.evtx",
        "Windows/System32/winevt/Logs/Microsoft-Windows-Sysmon%4Operational.evtx",
        # archived by Windows when full
        "Windows/System32/winevt/Logs/Archive-{Security,System,Application}-*.evtx",
    ),
    yields=(
        ProgramExecuted,
        ProgramPresent,
        ProgramRemoved,
        ProgramTraces,
        SystemLogon,
        SystemClockChange,
    ),
)
def event_logs(artifact: Artifact) -> Iterator[Found]:
    """Read starts and installations of listed programs, logons and steps of the clock."""
    log = EventLog(artifact.open())
    gathered = _Gathered()
    for event in log.events(_WANTED):
        match event.event_id:
            case 4624 | 4625:
                gathered.logon(event)
            case 4688:
                gathered.process(event, "NewProcessName", "SubjectUserSid")
            case 7045:
                yield from _service(event)
            case 4616:
                yield from gathered.clock(event, "PreviousTime")
            case 1 if event.provider == "Microsoft-Windows-Kernel-General":
                yield from gathered.clock(event, "OldTime")
            case 1 if event.provider == "Microsoft-Windows-Sysmon":
                gathered.process(event, "Image", "")
            case _:
                yield from _installer(event)
    yield from gathered.programs()
    yield from gathered.logons_found()
    if log.damaged:
        artifact.problem(f"{log.damaged} chunks or records cannot be read")
    if gathered.entries:
        yield _known.counted(
            "event-log", artifact.entry.name, entries=gathered.entries, listed=gathered.listed
        )


@dataclass(slots=True)
class _Gathered:
    """What one log says, summed up."""

    runs: dict[tuple[str, str], tuple[Indicator, _Group]] = field(default_factory=dict)
    logons: dict[tuple[str, str, str, str], _Group] = field(default_factory=dict)
    entries: int = 0  # processes
    listed: int = 0
    steps: int = 0

    def process(self, event: Event, path_field: str, sid_field: str) -> None:
        """Count the start of a process."""
        path, sid = event.text(path_field), event.text(sid_field)
        self.entries += 1
        known = _known.PROGRAMS.path(path) if path else None
        if known is None:
            return
        self.listed += 1
        if (path, sid) in self.runs or len(self.runs) < _MOST:
            _, group = self.runs.setdefault((path, sid), (known, _group(event)))
            _add(group, event)
            line = event.text("CommandLine")
            if line:
                group.more["line"] = without_secrets(line.split())[0]

    def logon(self, event: Event) -> None:
        """Count a logon of a person's account, or one that failed."""
        name, sid = event.text("TargetUserName"), event.text("TargetUserSid")
        way = _WAYS.get(event.text("LogonType"))
        failed = event.event_id == _FAILED
        if way is None or _MACHINE.fullmatch(name) or (not failed and _SERVICES.fullmatch(sid)):
            return
        key = (name, "" if failed else sid, way, event.text("IpAddress"))
        if key in self.logons or len(self.logons) < _MOST:
            _add(self.logons.setdefault(key, _group(event)), event)

    def clock(self, event: Event, before_field: str) -> Iterator[SystemClockChange]:
        """Yield a step of the clock."""
        before, after = event.values.get(before_field), event.values.get("NewTime")
        if not isinstance(before, int) or not isinstance(after, int):
            return
        if abs(after - before) >= _STEP and self.steps < _STEPS:
            self.steps += 1
            yield SystemClockChange(
                shows=Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=f"record {event.record}",
                times=(
                    *stamp("clock_before", before, "filetime"),
                    *stamp("clock_after", after, "filetime"),
                ),
                trace=f"event {event.event_id}",
                seconds=(after - before) // 10_000_000,
            )

    def programs(self) -> Iterator[ProgramExecuted]:
        """Yield the listed programs that started."""
        for (path, sid), (known, group) in self.runs.items():
            yield _known.executed(
                known,
                "event-log",
                path[:1000],
                locator=group.place,
                times=(
                    *stamp("first_executed", group.first, "filetime"),
                    *stamp("last_executed", group.last, "filetime"),
                ),
                belongs_to=sid or None,
                run_count=group.count,
                command_line=group.more.get("line"),
            )

    def logons_found(self) -> Iterator[SystemLogon]:
        """Yield the logons by account, way and origin."""
        for (name, sid, way, origin), group in self.logons.items():
            yield SystemLogon(
                shows=Shows.USED,
                confidence=Confidence.PROBABLE,
                locator=group.place,
                times=(
                    *stamp("first_logon", group.first, "filetime"),
                    *stamp("last_logon", group.last, "filetime"),
                ),
                belongs_to=sid or None,
                account_name=name[:200],
                terminal=way,
                origin=origin or None,
                trace="security-log" if sid else "security-log, failed",
                logons=group.count,
                failed=not sid,
            )


def _group(event: Event) -> _Group:
    return _Group(first=event.written, last=event.written, place=f"record {event.record}")


def _add(group: _Group, event: Event) -> None:
    group.count += 1
    group.first, group.last = min(group.first, event.written), max(group.last, event.written)


def _service(event: Event) -> Iterator[ProgramPresent]:
    path = event.text("ImagePath").strip('"')
    known = _known.PROGRAMS.path(path.partition('"')[0]) if path else None
    if known:
        yield _known.present(
            known,
            "service",
            path.partition('"')[0][:1000],
            locator=f"record {event.record}",
            times=stamp("installed", event.written, "filetime"),
        )


def _installer(event: Event) -> Iterator[ProgramPresent | ProgramRemoved]:
    """Yield what the installer of Windows did: the first text names the product."""
    action = _INSTALLED.get(event.event_id)
    if action is None or event.provider != "MsiInstaller":
        return
    told = event.text("Data1").removeprefix("Product: ")
    product = re.split(r" \| | -- ", told)[0]
    known = _known.product(product)
    if known:
        make = _known.removed if action == "removed" else _known.present
        yield make(
            known,
            "installer-log",
            product[:500],
            locator=f"record {event.record}",
            times=stamp(action, event.written, "filetime"),
        )
