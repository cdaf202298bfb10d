"""Times as applications store them, turned into RFC 3339 by exact integer arithmetic.

No floats: a float is taken as its decimal text (`repr`), so the same bytes give the same answer on
every host, and what a unit cannot express is never invented. Zero means "not set" in every
numeric unit, and a time outside the years 1 to 9999 (such as the "never" of FILETIME) has no UTC
form; in both cases the answer is None and the raw value stays the only truth.

unit       raw value
s_unix     seconds since 1970-01-01 (also ms_unix, us_unix, ns_unix)
filetime   100 nanoseconds since 1601-01-01 (Windows)
webkit     microseconds since 1601-01-01 (Chromium)
cocoa      seconds since 2001-01-01, often with a fraction (Apple)
cocoa_ns   nanoseconds since 2001-01-01 (Apple, since 2017)
dos        date << 16 | time, in steps of 2 seconds, the wall clock of the writer (FAT, ZIP)
ole        days since 1899-12-30, the fraction is the time of day (OLE automation date)
text       ISO 8601 or `YYYY-MM-DD HH:MM:SS`

A raw value that carries no zone of its own (`dos`, `text` without offset) is taken as UTC: do not
ask for UTC where the format means local time.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

Unit: TypeAlias = Literal[
    "s_unix",
    "ms_unix",
    "us_unix",
    "ns_unix",
    "filetime",
    "cocoa",
    "cocoa_ns",
    "webkit",
    "dos",
    "ole",
    "text",
]
UNITS: tuple[str, ...] = get_args(Unit)

_SECOND = 10**9  # nanoseconds
_DAY = 86_400 * _SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = -62_135_596_800 * _SECOND  # 0001-01-01T00:00:00Z
_LAST = 253_402_300_800 * _SECOND  # 10000-01-01T00:00:00Z, excluded

_SCALES: dict[str, tuple[int, int]] = {  # unit → nanoseconds of one, seconds from 1970 to its zero
    "s_unix": (_SECOND, 0),
    "ms_unix": (10**6, 0),
    "us_unix": (10**3, 0),
    "ns_unix": (1, 0),
    "filetime": (100, -11_644_473_600),
    "webkit": (10**3, -11_644_473_600),
    "cocoa": (_SECOND, 978_307_200),
    "cocoa_ns": (1, 978_307_200),
}
_OLE_ZERO = -2_209_161_600  # 1899-12-30, seconds from 1970
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TEXT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?)?"
    r" ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def utc(raw: float | str, unit: Unit) -> str | None:
    """Return a time as `2024-02-21T08:15:00Z`, with a fraction only when it is not zero.

    `raw` is an integer, a decimal text, or a float as the format stores it. None when it is not
    set, out of range, or not a number. What is finer than a nanosecond is cut off.
    """
    value = nanoseconds(raw, unit)
    return None if value is None else rfc3339(value)


def nanoseconds(raw: float | str, unit: Unit) -> int | None:
    """Return a time as nanoseconds since 1970-01-01 UTC, or None: see `utc`."""
    if unit == "text":
        return from_text(raw) if isinstance(raw, str) else None
    value = _exact(raw)
    if not value:
        return None
    match unit:
        case "dos":
            result = _from_dos(value)
        case "ole":
            result = _from_ole(value)
        case _:
            scale, zero = _SCALES[unit]
            result = math.floor(value * scale) + zero * _SECOND
    return result if result is not None and _FIRST <= result < _LAST else None


def rfc3339(nanoseconds: int) -> str | None:
    """Return nanoseconds since 1970-01-01 UTC as RFC 3339, None outside the years 1 to 9999."""
    if not _FIRST <= nanoseconds < _LAST:
        return None
    seconds, rest = divmod(nanoseconds, _SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment.isoformat()[:19]}{fraction}Z"


def from_text(text: str) -> int | None:
    """Return an ISO 8601 text as nanoseconds since 1970-01-01, without an offset as if UTC.

    The date alone, `T` or a space before the time, a fraction, and `Z`, `UTC`, `GMT` or an offset
    after it are understood; anything else is None.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction, zone = found[7] or "", found[8] or "Z"
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    result = _since_epoch(moment) + int(fraction.ljust(9, "0"))
    if zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        result -= (minutes if zone[0] == "+" else -minutes) * 60 * _SECOND
    return result if _FIRST <= result < _LAST else None


def _exact(raw: float | str) -> Fraction | None:
    """Return the number that is written, or None when it is not a number."""
    if isinstance(raw, int):
        return Fraction(raw)
    text = repr(raw) if isinstance(raw, float) else raw.strip()
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1) * _SECOND


def _from_dos(value: Fraction) -> int | None:
    number = math.floor(value)
    if not 0 <= number < 1 << 32:
        return None
    date, time = number >> 16, number & 0xFFFF
    try:
        moment = datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            time >> 11,
            time >> 5 & 63,
            (time & 31) * 2,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return _since_epoch(moment)


def _from_ole(value: Fraction) -> int:
    """Before the epoch only the whole days are negative: -1.25 is 06:00 on 1899-12-29.

    Rounded to the millisecond: a double holds no more, and 08:00 would become 07:59:59.999999.
    """
    days = math.trunc(value)
    milliseconds = round(abs(value - days) * 86_400_000)
    return days * _DAY + milliseconds * 10**6 + _OLE_ZERO * _SECOND
