"""Texts with names in braces: `{owner}`, `{market}`, `{wallet.path}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from triage.errors import ProfileError

_NAME = re.compile(r"\{([a-z][a-z0-9._-]*)\}")


def fill(text: str, words: Mapping[str, str], *, where: str) -> str:
    """Return a text with its names replaced. Raises ProfileError for a name that nothing bears."""

    def word(found: re.Match[str]) -> str:
        if found[1] not in words:
            raise ProfileError(f"{{{found[1]}}} names nothing", where=where)
        return words[found[1]]

    return _NAME.sub(word, text)


def fill_all(value: Any, words: Mapping[str, str], *, where: str) -> Any:
    """Return what YAML holds with the names in all its texts replaced."""
    match value:
        case str():
            return fill(value, words, where=where)
        case list():
            return [fill_all(item, words, where=f"{where}[{n}]") for n, item in enumerate(value)]
        case dict():
            return {
                key: fill_all(item, words, where=f"{where}.{key}") for key, item in value.items()
            }
        case _:
            return value
