"""Secrets never leave in clear: the rule that the engine applies to every string it writes.

`[secret: bip39, 12 words]` stands where a seed phrase stood, `[secret: wif]` where a key. Replaced
is what proves itself or gives itself away: seed phrases whose checksum holds, private keys, session
tokens (`triage.formats.mnemonic`, `triage.formats.private_keys`), in capitals or small letters,
percent-encoded up to three times over, numbered, or cut by tags and line breaks. Addresses,
extended public keys, onion addresses and digests stay.

What cannot be recognised: passwords and passphrases in free text; seeds that are incomplete,
mistyped, abbreviated or written without anything between the words; raw hexadecimal keys without
a word such as "private key" before them; anything encoded as hexadecimal, base64, or an image.

A text of weak proof is replaced too (Electrum's phrases pass by chance once in 256): here,
unlike in a finding, too much is better than too little. Redact before a text is cut short, since
half a seed proves nothing, and before `triage.canonical`, whose base64 twins of undecodable text
would otherwise repeat what was there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import unquote

from triage.errors import ParseError
from triage.formats.mnemonic import clusters
from triage.formats.private_keys import (
    find_broken,
    find_secrets,
    is_hex_key,
    is_secret_name,
)

DEEPEST = 64
"""Nesting of containers that `redact_value` follows."""

_SHORTEST = 20  # the shortest secret known here
_PASSES = 4  # a replacement joins nothing, so the second pass finds nothing: this only bounds
_DECODINGS = 3
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

_Extent = tuple[int, int, str]  # start, end, label


def redact(text: str) -> str:
    """Return the text with every recognised secret replaced; the same object when there is none.

    Applying it twice changes nothing more. Time grows with the length of the text alone.
    """
    if len(text) < _SHORTEST:
        return text
    for _ in range(_PASSES):
        extents = _extents(text)
        if not extents:
            break
        text = _replaced(text, extents)
    return text


def redact_value(value: Any) -> Any:
    """Return plain data with every string in it redacted, keys of mappings included.

    Takes what JSON can say, plus tuples, sets, enums and bytes. In a mapping, 16 to 64 bytes of
    hexadecimal under a name such as `private_key` are a secret as well, and a `_raw` twin is
    looked at decoded. Keys that become equal are numbered. Raises ParseError beyond `DEEPEST`,
    TypeError for any other type: what is not understood must not pass unseen.
    """
    return _redacted(value, DEEPEST)


def _redacted(value: Any, depth: int) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return redact(value)
    if value is None or isinstance(value, (bool, int, float, Enum)):
        return value
    if isinstance(value, bytes):
        return redact(value.decode("latin-1")).encode("latin-1")
    if depth == 0:
        raise ParseError(f"a value is nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        return _redacted_mapping(value, depth - 1)
    if isinstance(value, list):
        return [_redacted(item, depth - 1) for item in value]
    if isinstance(value, tuple):
        return tuple(_redacted(item, depth - 1) for item in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(_redacted(item, depth - 1) for item in value)
    raise TypeError(f"{type(value).__name__} cannot be searched for secrets")


def _redacted_mapping(value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    met: dict[Any, int] = {}
    for name, item in value.items():
        key = _redacted(name, depth)
        while key in result:
            met[key] = met.get(key, 1) + 1
            key = f"{key} #{met[key]}"
        if isinstance(name, str) and isinstance(item, str):
            result[key] = _redacted_field(name, item)
        else:
            result[key] = _redacted(item, depth)
    return result


def _redacted_field(name: str, text: str) -> str:
    if is_hex_key(text) and is_secret_name(name):
        return "[secret: hex key]"
    if name.endswith("_raw"):
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError:
            return redact(text)
        clean = redact(raw.decode("latin-1")).encode("latin-1")
        clean = redact(clean.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return text if clean == raw else base64.b64encode(clean).decode("ascii")
    return redact(text)


def _extents(text: str) -> list[_Extent]:
    extents = _found(text)
    if "%" in text:
        extents += _found_decoded(text)
    extents.sort(key=lambda extent: (extent[0], -extent[1]))
    merged: list[_Extent] = []
    for start, end, label in extents:
        if merged and start < merged[-1][1]:
            before = merged[-1]
            merged[-1] = (before[0], max(before[1], end), before[2])
        else:
            merged.append((start, end, label))
    return merged


def _found(text: str) -> list[_Extent]:
    extents = [(span.start, span.end, span.kind) for span in find_secrets(text)]
    if "\n" in text or "<" in text or "\\n" in text:
        extents += [(span.start, span.end, span.kind) for span in find_broken(text)]
    for cluster in clusters(text):
        best = cluster[0]
        label = f"{best.kind}, {len(best.words)} words"
        extents.append(
            (min(span.start for span in cluster), max(span.end for span in cluster), label)
        )
    return extents


def _found_decoded(text: str) -> list[_Extent]:
    """Search the text without its percent escapes; the extents are those of the original."""
    extents: list[_Extent] = []
    layers: list[str] = []
    for _ in range(_DECODINGS):
        plain = unquote(text, errors="surrogateescape")
        if plain == text:
            break
        layers.append(text)
        text = plain
        found = _found(text)
        if found:
            places = list(range(len(layers[0]) + 1))
            for layer in layers:
                places = [places[step] for step in _decoded_places(layer)]
            extents += [(places[start], places[end], label) for start, end, label in found]
    return extents


def _decoded_places(text: str) -> list[int]:
    """Return where in a text each character began that `unquote` makes of it, and the end."""
    places: list[int] = []
    end = 0
    for found in _ESCAPES.finditer(text):
        start = found.start()
        places.extend(range(end, start))
        for char in unquote(found[0], errors="surrogateescape"):
            places.append(start)
            start += 3 * len(char.encode("utf-8", "surrogateescape"))
        end = found.end()
    places.extend(range(end, len(text) + 1))
    return places


def _replaced(text: str, extents: list[_Extent]) -> str:
    pieces = []
    last = 0
    for start, end, label in extents:
        pieces += [text[last:start], f"[secret: {label}]"]
        last = end
    pieces.append(text[last:])
    return "".join(pieces)
