"""Objects that macOS archived with NSKeyedArchiver, as plain values.

Dictionaries, arrays, sets, texts, data and the relative part of URLs are given as such; of any
other object its fields. Format: a property list with `$objects` and references between them
(Apple, "Archives and Serializations Programming Guide").
"""

from __future__ import annotations

import plistlib
from typing import Any, Final

from triage.errors import LimitError, ParseError

OBJECT_LIMIT: Final = 200_000
"""Objects of one archive, each counted as often as it is referred to."""
DEPTH_LIMIT: Final = 40


def unarchive(value: Any) -> Any:
    """Return the root object of a property list that `plist.parse` gave.

    Raises ParseError when it is no archive, LimitError when it is too deep or too large.
    """
    objects = value.get("$objects") if isinstance(value, dict) else None
    top = value.get("$top") if isinstance(value, dict) else None
    if not isinstance(objects, list) or not isinstance(top, dict):
        raise ParseError("not a keyed archive")
    return _Archive(objects).resolve(top.get("root"), DEPTH_LIMIT)


class _Archive:
    def __init__(self, objects: list[Any]) -> None:
        self._objects = objects
        self._left = OBJECT_LIMIT

    def resolve(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth == 0:
            raise LimitError("a keyed archive that is too large or refers to itself")
        if isinstance(value, plistlib.UID):
            number = value.data
            value = self._objects[number] if number < len(self._objects) else None
            if value == "$null":
                return None
        if isinstance(value, list):
            return [self.resolve(each, depth - 1) for each in value]
        return self._object(value, depth - 1) if isinstance(value, dict) else value

    def _object(self, value: dict[str, Any], depth: int) -> Any:
        if "NS.keys" in value and "NS.objects" in value:
            keys = self.resolve(value["NS.keys"], depth)
            items = self.resolve(value["NS.objects"], depth)
            if not isinstance(keys, list) or not isinstance(items, list):
                raise ParseError("a dictionary of a keyed archive is damaged")
            pairs = zip(keys, items, strict=False)
            return {key: item for key, item in pairs if isinstance(key, str)}
        for name in ("NS.objects", "NS.string", "NS.data", "NS.relative", "NS.time"):
            if name in value:
                return self.resolve(value[name], depth)
        return {name: self.resolve(item, depth) for name, item in value.items() if name != "$class"}
