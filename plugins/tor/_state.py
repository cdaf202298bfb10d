"""Read a tor `state` file, both generations of its guard lines.

ASCII, one `Key value` a line, `#` comments, any order; unknown keys are kept by tor itself and
passed over here. Times are UTC but for the first comment, which is the local time of the same
moment. Source: tor 0.4.7 `src/app/config/statefile.c`, `src/feature/client/entrynodes.c`,
`doc/state-contents.txt`; the older guard lines after tor 0.2.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from triage.api import ParseError
from triage.formats.times import from_text

STATE_LIMIT = 4 << 20
"""Bytes; real files are below 100 KB."""

# Days. entrynodes.c, `randomize_time`: a random time in the span before now of a tenth of a guard's
# lifetime (120 days); of a fifth of the 20 days after which an unlisted guard is dropped.
_SET_BACK, _UNLISTED_SET_BACK = 12, 4
_LEGACY_SET_BACK = 30  # before 0.3.0

_HEADER = re.compile(
    r"# Tor state file last generated on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) local time"
)
_FINGERPRINT = re.compile(r"\$?([0-9A-Fa-f]{40})")
_MAX_GUARDS = 5000  # tor keeps 60 of its own; bridges are few
_MOST_MINUTES = 14 * 60  # no zone is farther from UTC; all are whole quarters of an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard line. Dates as written, UTC, each set back by tor at random."""

    line: int
    fingerprint: str  # 40 hex, upper case
    selection: str
    nickname: str | None = None
    bridge_address: str | None = None
    sampled_on: str | None = None
    sampled_by: str | None = None
    confirmed_on: str | None = None
    unlisted_since: str | None = None
    use_attempts: str | None = None
    confirmed: bool = False
    set_back: int = _SET_BACK  # days that a date may lie before the truth, 0: not known
    unlisted_set_back: int = _UNLISTED_SET_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a state file says. Counts are circuits; `measured` stops at 1000."""

    last_written: str | None  # UTC, as written
    local_written: str | None  # the comment line: the same moment in the zone of the process
    version: str | None
    measured: int | None
    abandoned: int | None
    binned: int  # sum over the histogram
    minutes_since_activity: int | None
    dormant: bool | None
    guards: tuple[Guard, ...]
    damaged_lines: tuple[int, ...]

    @property
    def sums_agree(self) -> bool | None:
        """Whether histogram and abandoned add up to the measured total; None without circuits."""
        if not self.measured:
            return None
        return self.binned + (self.abandoned or 0) == self.measured

    @property
    def utc_offset_minutes(self) -> int | None:
        """Minutes that local time was ahead of UTC; None when not told.

        Zero is not told: Tor Browser 8 ran tor with TZ=UTC whatever the machine was set to.
        """
        local, utc = from_text(self.local_written or ""), from_text(self.last_written or "")
        if local is None or utc is None:
            return None
        minutes, rest = divmod((local - utc) // 10**9, 60)
        if not minutes or rest or minutes % 15 or abs(minutes) > _MOST_MINUTES:
            return None
        return minutes


def is_state(text: str) -> bool:
    """Whether the text begins like a tor state file, by its first comment or by its keys."""
    head = text[:4096]
    if _HEADER.match(head):
        return True
    lines = head.splitlines()
    return any(line.startswith("TorVersion Tor ") for line in lines) and any(
        from_text(line.removeprefix("LastWritten ")) for line in lines
    )


def parse_state(text: str) -> State:
    """Read the text of a state file. Raises ParseError when it is not one."""
    if not is_state(text):
        raise ParseError("not a tor state file")
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), 1):
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#") and not reading.take(key, value.strip(), number):
            reading.damaged.append(number)
    single = reading.single
    header = _HEADER.match(text)
    return State(
        last_written=single.get("LastWritten"),
        local_written=header.group(1) if header else None,
        version=single.get("TorVersion") or None,
        measured=_count(single.get("TotalBuildTimes")),
        abandoned=_count(single.get("CircuitBuildAbandonedCount")),
        binned=reading.binned,
        minutes_since_activity=_count(single.get("MinutesSinceUserActivity")),
        dormant={"0": False, "1": True}.get(single.get("Dormant", "")),
        guards=(*reading.guards, *reading.legacy.values()),
        damaged_lines=tuple(reading.damaged),
    )


class _Reading:
    """What has been read so far, line by line."""

    def __init__(self) -> None:
        self.single: dict[str, str] = {}
        self.guards: list[Guard] = []
        self.legacy: dict[str, Guard] = {}
        self.damaged: list[int] = []
        self.binned = 0
        self._open: str | None = None  # the legacy guard that the next lines belong to

    def take(self, key: str, value: str, line: int) -> bool:
        """Take one line in; False when it makes no sense. Raises ParseError on too many guards."""
        if len(self.guards) + len(self.legacy) > _MAX_GUARDS:
            raise ParseError(f"more than {_MAX_GUARDS} guards", where=f"line {line}")
        if key == "Guard":
            guard = _guard(value, line)
            self.guards += [guard] if guard else []
            return guard is not None
        if key == "CircuitBuildTimeBin":
            count = _count(value.partition(" ")[2])
            self.binned += count or 0
            return count is not None
        if key.startswith("EntryGuard"):
            return self._take_legacy(key, value.split(), line)
        self.single.setdefault(key, value)
        return True

    def _take_legacy(self, key: str, words: list[str], line: int) -> bool:
        """Take a line of tor before 0.3.0, which wrote a guard only after it had reached it.

        `EntryGuard` opens a guard; the lines after it name it or just follow it.
        """
        if key == "EntryGuard":
            found = _FINGERPRINT.fullmatch(words[1]) if len(words) > 1 else None
            self._open = found.group(1).upper() if found else None
            if self._open is None:
                return False
            self.legacy[self._open] = Guard(
                line=line,
                fingerprint=self._open,
                selection="default",
                nickname=words[0],
                confirmed=True,
                set_back=_LEGACY_SET_BACK,
                unlisted_set_back=0,
            )
            return True
        if self._open is None:
            return False
        guard = self.legacy[self._open]
        if key == "EntryGuardAddedBy":
            if len(words) < 4 or words[0].lstrip("$").upper() != self._open:  # noqa: PLR2004 - id, version, date, time
                return False
            guard = replace(guard, sampled_by=words[1], sampled_on=" ".join(words[2:4]))
        elif key == "EntryGuardUnlistedSince":
            guard = replace(guard, unlisted_since=" ".join(words[:2]))
        self.legacy[self._open] = guard
        return True


def _count(text: str | None) -> int | None:
    """Return a decimal number of at most nine digits; counters beyond that are damage."""
    text = (text or "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _guard(value: str, line: int) -> Guard | None:
    """Read one `Guard key=value …` line of tor 0.3.0 and later; None when it names no relay."""
    facts = dict(part.split("=", 1) for part in value.split() if "=" in part)
    fingerprint = _FINGERPRINT.fullmatch(facts.get("rsa_id", ""))
    if not fingerprint or not facts.get("in"):
        return None
    return Guard(
        line=line,
        fingerprint=fingerprint.group(1).upper(),
        selection=facts["in"],
        nickname=facts.get("nickname"),
        bridge_address=facts.get("bridge_addr"),
        sampled_on=facts.get("sampled_on"),
        sampled_by=facts.get("sampled_by"),
        confirmed_on=facts.get("confirmed_on"),
        unlisted_since=facts.get("unlisted_since"),
        use_attempts=facts.get("pb_use_attempts"),
        confirmed="confirmed_on" in facts,
    )
