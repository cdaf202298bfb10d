"""JSON from evidence, within bounds."""

from __future__ import annotations

import json
from typing import NoReturn, TypeAlias

from triage.errors import LimitError, ParseError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

SIZE_LIMIT = 32 << 20  # bytes


def parse(data: bytes | str, *, limit: int = SIZE_LIMIT) -> Json:
    """Parse JSON of at most `limit` bytes (characters of text).

    Bytes are UTF-8, UTF-16 or UTF-32. Lone surrogates in escapes stay as they are. Raises
    ParseError when it is not JSON, is nested too deeply or holds NaN, LimitError when too large.
    """
    if len(data) > limit:
        raise LimitError(f"JSON larger than {limit} bytes")
    try:
        value: Json = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ParseError("not JSON, or too deep") from error
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
