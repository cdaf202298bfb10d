"""Lists of known things that ship in `profiles/indicators/`: keys, hosts, services, each dated.

A list is JSON: `name`, `updated` (the day of its last review), `note`, and `entries`, each a
mapping with at least `value`, `name`, `category`, `source` and `last_verified` (a day, or null).
Lists age: whoever cites one says its date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from triage.errors import ParseError
from triage.formats import json

SIZE_LIMIT = 8 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One known thing; `value` is compared as it stands, in lower case."""

    value: str
    name: str
    category: str
    source: str
    last_verified: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicators:
    """One list. `by_value` gives entries by their value in lower case."""

    name: str
    updated: str
    entries: tuple[Indicator, ...]
    by_value: dict[str, Indicator]

    def get(self, value: str) -> Indicator | None:
        """Return the entry of that value, in any case."""
        return self.by_value.get(value.casefold())

    def domain(self, host: str) -> Indicator | None:
        """Return the entry of a host or of the nearest domain above it."""
        labels = host.casefold().rstrip(".").split(".")
        for start in range(max(0, len(labels) - 8), len(labels) - 1):
            found = self.by_value.get(".".join(labels[start:]))
            if found:
                return found
        return None

    def category(self, category: str) -> Iterator[Indicator]:
        """Yield the entries of a category, in the order of the list."""
        return (entry for entry in self.entries if entry.category == category)


@cache
def load(name: str) -> Indicators:
    """Load a list that ships with the program, by its file name without `.json`.

    Call it when a module is imported: a locked worker opens no file. Raises ParseError.
    """
    place = files("triage.profiles").joinpath("indicators", f"{name}.json")
    return parse(place.read_bytes())


def parse(data: bytes) -> Indicators:
    """Read a list. Raises ParseError when a key is missing or of another type."""
    content = json.parse(data, limit=SIZE_LIMIT)
    try:
        if not isinstance(content, dict) or not isinstance(content["entries"], list):
            raise ParseError("not a list of indicators")
        entries = tuple(_entry(item) for item in content["entries"])
        name, updated = content["name"], content["updated"]
    except KeyError as error:
        raise ParseError(f"a list of indicators without {error.args[0]!r}") from error
    if not isinstance(name, str) or not isinstance(updated, str):
        raise ParseError("name and updated must be text")
    by_value = {entry.value.casefold(): entry for entry in entries}
    return Indicators(name=name, updated=updated, entries=entries, by_value=by_value)


def _entry(item: json.Json) -> Indicator:
    if not isinstance(item, dict):
        raise ParseError("an indicator is a mapping")
    texts = [item[key] for key in ("value", "name", "category", "source")]
    verified = item["last_verified"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(verified, str | None):
        raise ParseError("an indicator holds texts")
    value, name, category, source = (str(text) for text in texts)
    return Indicator(
        value=value,
        name=name,
        category=category,
        source=source,
        last_verified=None if verified is None else str(verified),
    )
