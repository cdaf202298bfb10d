"""Strict reading of our own YAML and JSON: errors point at the key. Raises ProfileError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import yaml

from triage.errors import ProfileError


def from_yaml(text: str, name: str) -> Any:
    """Return what a YAML text holds; an error names the line."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        raise ProfileError(f"not YAML{at}", where=name) from None
    except RecursionError:
        raise ProfileError("not YAML: too deep", where=name) from None


class Reader:
    """Reads one YAML mapping key by key, and complains about what is left over."""

    def __init__(self, value: Any, where: str) -> None:
        """Take a mapping; `where` is how errors name it. Raises ProfileError when it is none."""
        if not isinstance(value, Mapping):
            raise ProfileError("must be a mapping", where=where)
        self._left = dict(value)
        self._where = where

    def place(self, key: str) -> str:
        """Return how an error names a key."""
        return f"{self._where}.{key}"

    def take(self, key: str, kind: type[Any], default: Any) -> Any:
        """Return what a key holds, of exactly this type."""
        value = self._left.pop(key, default)
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise ProfileError(f"must be {kind.__name__}", where=self.place(key))
        return value

    def anything(self, key: str) -> Any:
        """Return what a key holds, of whatever type; None without the key."""
        return self._left.pop(key, None)

    def choice(self, key: str, choices: Sequence[str], default: str | None) -> str | None:
        """Return one of some words."""
        value: str | None = self.take(key, str, default)
        if value is not None and value not in choices:
            raise ProfileError(f"must be one of {', '.join(choices)}", where=self.place(key))
        return value

    def strings(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._left.pop(key, None)
        if value is None:
            return default
        if not isinstance(value, list | tuple):
            raise ProfileError("must be list", where=self.place(key))
        for number, item in enumerate(value):
            if not isinstance(item, str) or not item:
                raise ProfileError("must be text", where=f"{self.place(key)}[{number}]")
        return tuple(value)

    def day(self, key: str) -> str | None:
        """Return a day or a time as RFC 3339 UTC."""
        value = self._left.pop(key, None)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise ProfileError("must be a date", where=self.place(key)) from None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            raise ProfileError("must be a date", where=self.place(key))
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def mapping(self, key: str) -> Reader:
        """Return a reader of the mapping that a key holds; without the key it is empty."""
        return Reader(self._left.pop(key, {}), self.place(key))

    def done(self) -> None:
        """Complain of the first key that was not taken."""
        for key in self._left:
            raise ProfileError("unknown key", where=self.place(str(key)))

    def flag(self, key: str) -> bool:
        """Return true or false, which must be there."""
        value = self._left.pop(key, None)
        if not isinstance(value, bool):
            raise ProfileError("must be true or false", where=self.place(key))
        return value

    def mappings(self, key: str, most: int) -> list[Reader]:
        """Return readers of a list of mappings, at most so many."""
        value = self._left.pop(key, [])
        if not isinstance(value, list | tuple) or len(value) > most:
            raise ProfileError(f"must be a list of at most {most}", where=self.place(key))
        return [Reader(item, f"{self.place(key)}[{number}]") for number, item in enumerate(value)]

    def keys(self, most: int) -> tuple[str, ...]:
        """Return the keys that are left, which are text and at most so many."""
        found = tuple(self._left)
        if len(found) > most or not all(isinstance(key, str) for key in found):
            raise ProfileError(f"must be at most {most} names", where=self._where)
        return found
