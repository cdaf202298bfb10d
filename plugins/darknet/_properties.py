"""Java properties and INI files: `key=value` lines, the last one of a key wins."""

from __future__ import annotations

from collections.abc import Iterator

SETTINGS_LIMIT = 4 << 20
"""Bytes of a settings file."""

_MAX_LINES = 50_000
_VALUE = 2000


def properties(text: str) -> dict[str, str]:
    """Read properties; comments begin with `#` or `!`. Escapes stay as they are."""
    found: dict[str, str] = {}
    for line in text.splitlines()[:_MAX_LINES]:
        key, equals, value = line.partition("=")
        if equals and key.strip() and key.lstrip()[0] not in "#!;[":
            found[key.strip()] = value.strip()[:_VALUE]
    return found


def sections(text: str) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Yield (name, line from 1, values) of an INI file's sections, in order, repeated ones too."""
    name, start, values = "", 1, dict[str, str]()
    for number, raw in enumerate(text.splitlines()[:_MAX_LINES], 1):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            if values or name:
                yield name, start, values
            name, start, values = line[1:-1].strip(), number, {}
        elif line[:1] not in {"#", ";"}:
            key, equals, value = line.partition("=")
            if equals:
                values[key.strip().casefold()] = value.strip()[:_VALUE]
    if values or name:
        yield name, start, values


def told(values: dict[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `name=value` of the settings that are named, in that order, where they are set."""
    return tuple(f"{name}={values[name]}" for name in names if values.get(name))
