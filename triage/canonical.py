"""Canonical JSON: one value, one sequence of bytes, on every host.

UTF-8, keys sorted by code point, no spaces, no floats; integers beyond 2^53 as decimal strings
(a JSON number that large is read differently by different programs). Text that is not valid
Unicode (lone surrogates stand for undecodable bytes, PEP 383) is escaped in the readable field,
and its exact bytes stand beside it in a `_raw` twin, base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, BinaryIO, NoReturn, TypeAlias

from triage.errors import ParseError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

MAX_LINE = 16 * 2**20
"""Bytes that one line of a JSONL file may have, its newline included."""

_EXACT = 2**53


def jsonable(value: Any) -> Json:
    """Turn dataclasses, enums, mappings, sequences and bytes (base64) into plain JSON values.

    A mapping value or dataclass field holding text that is not valid Unicode gains a twin
    `<name>_raw`, whatever else stood under that name; list items are escaped without one. Raises
    TypeError on a float, an unknown type, or a mapping key that is not text.
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
    twins: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"a key of type {type(key).__name__} has no canonical form")
        name = escaped(key)
        result[name] = plain = jsonable(item)
        if isinstance(item, str) and plain != item:
            twins[f"{name}_raw"] = base64.b64encode(raw_bytes(item)).decode("ascii")
    # Last, so that a field `path_raw: None`, or one that evidence chose, cannot hide the bytes.
    return result | twins


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


def decode(data: bytes) -> Json:
    """Return the value behind canonical JSON.

    Raises ParseError unless `data` is byte for byte what `encode` writes: other spacing or key
    order, duplicate keys, floats, large integers and lone surrogates are all refused.
    """
    try:
        value: Json = json.loads(
            data.decode("utf-8"), parse_int=_small, parse_float=_refuse, parse_constant=_refuse
        )
        again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
            "utf-8"
        )
    except (ValueError, RecursionError) as error:
        raise ParseError("not canonical JSON") from error
    if again != data:
        raise ParseError("JSON, but not in its canonical form")
    return value


def lines(stream: BinaryIO, *, limit: int = MAX_LINE) -> Iterator[bytes]:
    """Yield each line of a JSONL file with its newline.

    Raises ParseError, naming the line, when one is longer than `limit` bytes or the last one has
    no newline.
    """
    number = 0
    while data := stream.readline(limit + 1):
        number += 1
        if len(data) > limit:
            raise ParseError(f"longer than {limit} bytes", where=f"line {number}")
        if not data.endswith(b"\n"):
            raise ParseError("cut off: no newline at its end", where=f"line {number}")
        yield data


def _small(digits: str) -> int:
    value = int(digits) if len(digits) <= len(str(-_EXACT)) else _EXACT + 1
    if not -_EXACT <= value <= _EXACT:
        raise ValueError("beyond 2^53")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} has no canonical form")
