"""Times as MS-DOS wrote them: the clock on the wall, since 1980, in two seconds and hundredths."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from triage.errors import TrainingError

_YEARS = range(1980, 2108)


@dataclass(frozen=True, slots=True)
class DosTime:
    """A date and a time of 16 bits each, and the hundredths (0 to 199) that the time leaves out."""

    date: int
    time: int
    hundredths: int

    @property
    def whole(self) -> int:
        """Date and time in 32 bits, as exFAT keeps them."""
        return self.date << 16 | self.time


def dos_time(ns: int, utc_offset: int) -> DosTime:
    """Return what a clock `utc_offset` minutes east of UTC shows `ns` after 1970.

    Raises TrainingError for a year before 1980 or after 2107.
    """
    seconds, rest = divmod(ns, 10**9)
    at = datetime.fromtimestamp(seconds, UTC) + timedelta(minutes=utc_offset)
    if at.year not in _YEARS:
        raise TrainingError(f"{at:%Y-%m-%d} is no date that FAT can write")
    return DosTime(
        date=(at.year - _YEARS.start) << 9 | at.month << 5 | at.day,
        time=at.hour << 11 | at.minute << 5 | at.second // 2,
        hundredths=at.second % 2 * 100 + rest // 10**7,
    )
