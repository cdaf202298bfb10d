"""Canonical JSON: one value, one sequence of bytes, on every host.

UTF-8, keys sorted by code point, no spaces, no floats; integers beyond 2^53 as decimal strings
(a JSON number that large is read differently by different programs). Text that is not valid
Unicode (lone surrogates stand for undecodable bytes, PEP 383) is escaped in the readable field,
and its exact bytes stand beside it in a `_raw` twin, base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

_EXACT = 2**53


def jsonable(value: Any) -> Json:
    """Turn dataclasses, enums, mappings, sequences and bytes (base64) into plain JSON values.

    A mapping value or dataclass field holding text that is not valid Unicode gains a twin
    `<name>_raw`; list items are escaped without one. Raises TypeError on a float or unknown type.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if is_dataclass(value) and not isinstance(value, type):
        return _object({f.name: getattr(value, f.name) for f in fields(value)})
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((jsonable(item) for item in value), key=encode)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _object(value: Mapping[str, Any]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, item in value.items():
        result[name] = jsonable(item)
        if isinstance(item, str) and result[name] != item:
            result[f"{name}_raw"] = base64.b64encode(raw_bytes(item)).decode("ascii")
    return result


def escaped(text: str) -> str:
    r"""Replace each lone surrogate: `\xNN` for an undecodable byte, `\uNNNN` for any other."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return "".join(
        f"\\x{ord(char) - 0xDC00:02x}"
        if "\udc80" <= char <= "\udcff"
        else f"\\u{ord(char):04x}"
        if "\ud800" <= char <= "\udfff"
        else char
        for char in text
    )


def raw_bytes(text: str) -> bytes:
    """Return the exact bytes behind evidence text: PEP 383 bytes, other surrogates as WTF-8."""
    return b"".join(
        bytes([ord(char) - 0xDC00])
        if "\udc80" <= char <= "\udcff"
        else char.encode("utf-8", "surrogatepass")
        for char in text
    )


def encode(value: Any) -> bytes:
    """Encode as canonical JSON, without a newline."""
    return json.dumps(
        jsonable(value),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode("utf-8")


def line(value: Any) -> bytes:
    """Encode as one line of a JSONL file."""
    return encode(value) + b"\n"
