r"""Local Storage of Chromium: what each site kept as text, old versions included.

One LevelDB for a whole profile. `_<site>\0<key>` holds a value; key and value begin with a byte
that says how they are written: 0 UTF-16, 1 Latin-1. `META:<site>` holds when the site last wrote.

Source: Chromium's `components/services/storage/dom_storage/local_storage_impl.cc` and
`local_storage_database.proto`. Tested with what Chromium 156 wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.errors import LimitError, ParseError
from triage.formats import protobuf
from triage.formats.leveldb import Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One version of one key of a site. `value` is None where it was removed."""

    site: str  # an origin, in newer versions with `^` and what separates it
    key: str
    value: str | None = field(repr=False)
    live: bool
    sequence: int
    file: str  # of LevelDB, and where in it
    offset: int


def items(contents: Contents) -> Iterator[Item]:
    """Yield the keys and values of every site, sorted by key, newest first."""
    for record in contents.records:
        site, zero, key = record.key.partition(b"\0")
        if not site.startswith(b"_") or not zero:
            continue
        try:
            yield Item(
                site=site[1:].decode("utf-8", "replace"),
                key=_text(key),
                value=None if record.value is None else _text(record.value),
                live=record.live,
                sequence=record.sequence,
                file=record.file,
                offset=record.offset,
            )
        except ParseError as error:
            contents.note(f"{record.file}: {error.message}")


def last_written(contents: Contents) -> dict[str, int]:
    """Return when each site last wrote, microseconds since 1601 UTC."""
    found: dict[str, int] = {}
    for record in contents.records:
        if not record.key.startswith(b"META:") or not record.value or not record.live:
            continue
        try:
            when = protobuf.parse(record.value).integer(1)
        except (ParseError, LimitError):
            continue
        if when:
            found[record.key[5:].decode("utf-8", "replace")] = when
    return found


def _text(data: bytes) -> str:
    match data[:1]:
        case b"\0":
            return data[1:].decode("utf-16-le", "replace")
        case b"\1":
            return data[1:].decode("latin-1")
        case b"":
            return ""
        case _:
            raise ParseError("a text written in a way that is not known")
