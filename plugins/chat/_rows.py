"""Rows of chat databases as findings carry them: values, times, places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from triage.api import Artifact, Confidence, Protection, RowState, Time, Unit, Zone
from triage.formats import times
from triage.formats.json import Json
from triage.formats.sqlite import Database, Row

TEXT_LIMIT: Final = 100_000
"""Characters of one message that are taken."""

_LAST_INTEGER: Final = 1 << 63


def text(value: object) -> str | None:
    """Return what a row or a JSON object holds as text; None when it is empty or something else."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return value.strip() or None if isinstance(value, str) else None


def number(value: object) -> int | None:
    """Return a whole number that SQLite could have stored, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_LAST_INTEGER <= value < _LAST_INTEGER else None


def moment(event: str, raw: object, unit: Unit) -> tuple[Time, ...]:
    """Return a time that the program stored in UTC; none when it is not set."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or raw in (0, ""):
        return ()
    said = cast("times.Unit", unit.value)
    return (
        Time(event=event, utc=times.utc(raw, said), raw=str(raw)[:40], unit=unit, zone=Zone.UTC),
    )


def written(event: str, artifact: Artifact) -> tuple[Time, ...]:
    """Return when a file was last written, as its file system says."""
    modified = artifact.entry.times.modified
    if modified is None:
        return ()
    local = artifact.entry.times.zone == "local"
    return (
        Time(
            event=event,
            utc=None if local else times.utc(modified, "ns_unix"),
            raw=str(modified),
            unit=Unit.NS_UNIX,
            zone=Zone.LOCAL if local else Zone.UTC,
        ),
    )


def place(table: str, row: Row) -> str:
    """Name a row. One that was replaced needs a name of its own beside what replaced it."""
    old = ", superseded" if row.state.value == RowState.SUPERSEDED.value else ""
    return f"{table} row {row.key!r}{old}"


def frame(
    row: Row,
    table: str,
    *,
    protection: Protection = Protection.PLAIN,
    checks: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return what the findings of a row share; with a check its structure is confirmed."""
    return {
        "confidence": Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        "checks": checks,
        "locator": place(table, row),
        "row": RowState(row.state.value),
        "protection": protection,
    }


def rows(
    database: Database,
    table: str,
    columns: Sequence[str],
    *,
    where: str | None = None,
) -> Iterator[Row]:
    """Yield rows with those of the columns that this version of the schema has.

    Nothing when the table is not there. Raises like `Database.rows`.
    """
    there = {column.lower() for column in database.columns(table)}
    wanted = [column for column in columns if column.lower() in there]
    if not wanted:
        return
    yield from database.rows(table, wanted, where=where)


def first(row: Row, *columns: str) -> str | None:
    """Return the first of these columns that holds text."""
    return next(filter(None, (text(row.values.get(column)) for column in columns)), None)


def member(value: Json, name: str) -> Json:
    """Return a member of a JSON object, None when it is no object or has none."""
    return value.get(name) if isinstance(value, dict) else None
