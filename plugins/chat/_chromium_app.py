"""What chat programs built on Chromium share: their storage, and how its values are told.

A program of Electron, and WebView2, keeps a browser's profile: `Local Storage/leveldb`, one
`IndexedDB/<site>.indexeddb.leveldb` a site, `Cache`. An extractor asks for the file `CURRENT` of a
LevelDB or `index` of a cache, and reads what lies around it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from triage.api import (
    Artifact,
    ChatProfile,
    Confidence,
    Finding,
    LimitError,
    ParseError,
    Protection,
    RowState,
    Shows,
    Time,
    Unit,
)
from triage.formats import block_cache, indexeddb, json, leveldb, local_storage, simple_cache
from triage.formats.http_cache import Entry
from triage.formats.json import Json
from triage.formats.structured_clone import Date, Value

from ._rows import moment, written

BLOB_LIMIT: Final = 64 << 20
"""Bytes of a value in a file of its own that are read."""

_PROBLEMS: Final = 5
_DAMAGED_VALUES: Final = 20
_CHECK: Final = ("LevelDB checksums",)
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]{0,100}>", re.IGNORECASE)


def homes(*names: str, flatpak: str | None = None) -> tuple[str, ...]:
    """Return patterns of a program's folder: Windows, macOS, Linux with Snap, and Flatpak."""
    name = names[0] if len(names) == 1 else "{" + ",".join(names) + "}"
    found = (
        f"**/AppData/Roaming/{name}",  # Windows
        f"**/Library/Application Support/{name}",  # macOS
        f"**/.config/{name}",  # Linux, and Snap below its own folder
    )
    return (*found, f"**/{flatpak}/config/{name}") if flatpak else found  # Flatpak


def member(value: object, *names: str) -> Any:
    """Return what lies at the end of a chain of names, None where there is nothing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def level(artifact: Artifact) -> leveldb.Contents:
    """Read the LevelDB that the artifact, its `CURRENT`, belongs to. Raises like `leveldb.read`."""
    contents = leveldb.read(
        {
            each.entry.name: each.open()
            for each in artifact.directory()
            if leveldb.is_part(each.entry.name)
        }
    )
    tell(artifact, contents.problems)
    return contents


def tell(artifact: Artifact, problems: list[str]) -> None:
    """Pass on the first few problems of a reader."""
    for text in problems[:_PROBLEMS]:
        artifact.problem(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One version of a record, decoded, with what its findings share."""

    database: str
    store: str
    key: indexeddb.Key
    value: Value
    frame: dict[str, Any] = field(repr=False)


def indexed(
    artifact: Artifact, contents: leveldb.Contents, wanted: Callable[[str, str], bool]
) -> Iterator[Found]:
    """Yield the records of the stores that are `wanted` (database, store).

    A record that cannot be decoded is passed over and noted.
    """
    folder = artifact.path.rpartition("/")[0].rpartition("/")[2]
    blobs = f"../{folder.removesuffix('.leveldb')}.blob/"

    def outside(path: str) -> bytes | None:
        found = artifact.resolve(blobs + path)
        return found.read(BLOB_LIMIT) if found else None

    damaged = 0
    for record in indexeddb.records(
        contents, outside=outside, wanted=lambda one, two: wanted(one or "", two or "")
    ):
        old = "" if record.live else f", superseded, write {record.sequence}"
        place = f"{record.file} {record.offset}"
        locator = f"{place}, {record.database} {record.store} {record.key!r:.200}{old}"
        try:
            value = record.value()
        except (ParseError, LimitError) as error:
            damaged += 1
            if damaged <= _DAMAGED_VALUES and record.live:
                artifact.problem(error.message, locator=locator)
            continue
        yield Found(
            database=record.database or "",
            store=record.store or "",
            key=record.key,
            value=value,
            frame=frame(locator, live=record.live),
        )


def frame(locator: str, *, live: bool, checks: tuple[str, ...] = _CHECK) -> dict[str, Any]:
    """Return what the findings of one place share."""
    return {
        "confidence": Confidence.CONFIRMED,
        "checks": checks,
        "locator": locator,
        "row": RowState.LIVE if live else RowState.SUPERSEDED,
        "protection": Protection.PLAIN,
    }


def stored(artifact: Artifact, site: re.Pattern[str]) -> Iterator[local_storage.Item]:
    """Yield the Local Storage of the sites that match, newest version of each key first."""
    for item in local_storage.items(level(artifact)):
        if site.search(item.site) and item.value is not None:
            yield item


def stored_at(item: local_storage.Item) -> dict[str, Any]:
    """Return what the findings of one item share."""
    old = "" if item.live else f", superseded, write {item.sequence}"
    return frame(f"{item.file} {item.offset}, {item.key}{old}", live=item.live)


def profile_of(
    artifact: Artifact,
    application: str,
    *,
    used: bool = True,
    protection: Protection = Protection.PLAIN,
    **told: Any,
) -> ChatProfile:
    """Return the profile of a program: the third folder above the files of a LevelDB."""
    return ChatProfile(
        shows=Shows.USED if used else Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=_CHECK,
        times=written("storage_last_written", artifact),
        protection=protection,
        application=application,
        profile=artifact.path.rsplit("/", 3)[0],
        **told,
    )


def whole(value: object) -> Any:
    """Return a number of JavaScript as an integer where it is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def same(finding: Finding) -> tuple[str, ...]:
    """Return what makes two versions of a record tell the same."""
    return (finding.kind, *(str(getattr(finding, name)) for name in finding.identity))


def parsed(text: str | None) -> Json:
    """Return a text as JSON, None when it is none."""
    try:
        return json.parse(text or "null")
    except (ParseError, LimitError):
        return None


def cached(artifact: Artifact) -> Iterator[Entry]:
    """Yield the entries of the HTTP cache that the artifact, its `index`, belongs to."""
    files = list(artifact.directory())
    if any(each.entry.name.lower() == "data_1" for each in files):
        cache = block_cache.Cache(
            {
                each.entry.name.lower(): each.open()
                for each in files
                if block_cache.is_part(each.entry.name)
            }
        )
        yield from block_cache.entries(cache)
        tell(artifact, cache.problems)
        return
    problems: list[str] = []
    for each in files:
        if simple_cache.is_entry(each.entry.name):
            try:
                yield simple_cache.read(each.open(), each.entry.name)
            except ParseError as error:
                problems.append(f"{each.entry.name}: {error.message}")
    tell(artifact, problems)


def when(event: str, value: object) -> tuple[Time, ...]:
    """Return a time as these programs store it: a Date, milliseconds since 1970, or ISO 8601."""
    if isinstance(value, Date):
        value = value.milliseconds
    if isinstance(value, float):
        value = int(value) if value.is_integer() else 0
    if isinstance(value, str) and value.isdecimal():
        value = int(value) if len(value) < 16 else 0  # noqa: PLR2004 - milliseconds for long
    unit = Unit.TEXT if isinstance(value, str) else Unit.MS_UNIX
    return moment(event, value, unit) if isinstance(value, int | str) else ()


def raw(value: object) -> str | None:
    """Return a time as text, to tell equal messages apart."""
    if isinstance(value, Date):
        value = value.milliseconds
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)[:40] if isinstance(value, int | float | str) and value != "" else None


def plain(text: str) -> str:
    """Return the text of a message that is HTML, as one would read it."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()
