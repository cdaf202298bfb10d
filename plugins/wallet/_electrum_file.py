r"""The storage layer of Electrum's wallet files: how the bytes become one dictionary.

Written from `storage.py` and `json_db.py` of Electrum (4.3.4 as Debian ships it; the development
line for patches and the `Electrum` header). Five generations:

- before 2.0: `str()` of a Python dictionary;
- 2.0 to 4.4: one JSON object;
- since 4.5: one JSON object, then changes appended as JSON patches (RFC 6902), each after `,\n`;
  a change that was being written at a crash is cut off;
- 2.8 and later, with a password on the file: base64 of `BIE1` (user's password) or `BIE2` (a key
  that a hardware wallet derives), a 33-byte ephemeral public key, AES-CBC, a 32-byte HMAC;
- development line, 2026: `Electrum`, version 0, flags, 16 bytes of salt, up to five passwords.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from triage.api import ParseError

from . import _literal

_VALUES: Final = 5_000_000  # values of one file, counted by their separators
_PATCHES: Final = 200_000
_LONG_LIST: Final = 10_000  # inserting inside longer ones would cost quadratic time
_MARKERS: Final = ("seed_version", "wallet_type", "master_public_key", "keystore", "addr_history")

_HEADER = b"Electrum"
_PASSWORD_TYPES: Final = {1: "password", 2: "hardware"}
_MAX_PASSWORDS = 5
_BIE: Final = {b"BIE1": "password", b"BIE2": "hardware"}
_BIE_FIXED = 4 + 33 + 32
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_P = 2**256 - 2**32 - 977  # secp256k1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A file that is encrypted as a whole."""

    opened_by: tuple[str, ...]  # password, hardware
    checks: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that can be read. `original` is its state before patches; the same if there are none.

    `unread` counts the characters behind the last whole value; `skipped` the patches that did not
    fit, which leave `data` at an older state.
    """

    data: dict[str, Any]
    original: dict[str, Any]
    form: str  # json, literal
    complete: bool
    patches: int = 0
    skipped: int = 0
    unread: int = 0


def read(data: bytes) -> Sealed | Stored | None:
    """Return what a file holds, None when it is no wallet of this family.

    Raises ParseError when it is one, and cannot be read at all.
    """
    if data.startswith(_HEADER):
        return _sealed_by_header(data)
    text = data.lstrip()
    if text.startswith(b"QklF"):  # base64 of BIE
        return _sealed_by_ecies(text)
    if not text.startswith(b"{"):
        return None
    return _stored(text.decode("utf-8", "surrogateescape"))


def _sealed_by_header(data: bytes) -> Sealed | None:
    passwords = data[26] if len(data) > 26 else 0  # noqa: PLR2004 - magic, version, flags, salt
    if data[8:9] != b"\0" or not 0 < passwords <= _MAX_PASSWORDS:
        return None
    kinds = [_PASSWORD_TYPES.get(kind) for kind in data[27 : 27 + 35 * passwords : 35]]
    body = 27 + 35 * passwords + 2 * 32 + 16
    if None in kinds:
        return None
    return Sealed(
        opened_by=tuple(sorted({kind for kind in kinds if kind})),
        checks=("header",),
        complete=len(data) > body and not (len(data) - body) % 16,
    )


def _sealed_by_ecies(text: bytes) -> Sealed | None:
    if not _BASE64.fullmatch(text):
        return None
    compact = b"".join(text.split())
    try:
        raw = base64.b64decode(compact[: len(compact) & ~3], validate=True)
    except binascii.Error:
        return None
    opened_by = _BIE.get(raw[:4])
    if opened_by is None:
        return None
    body = len(raw) - _BIE_FIXED
    return Sealed(
        opened_by=(opened_by,),
        checks=("secp256k1 point",) if _on_curve(raw[4:37]) else (),
        complete=body > 0 and body % 16 == 0 and len(compact) % 4 == 0,
    )


def _on_curve(point: bytes) -> bool:
    """Whether 33 bytes are a compressed point of secp256k1: half of random x are."""
    x = int.from_bytes(point[1:], "big")
    if len(point) != 33 or point[0] not in {2, 3} or x >= _P:  # noqa: PLR2004 - a compressed point
        return False
    return pow(pow(x, 3, _P) + 7, (_P - 1) // 2, _P) == 1


def on_curve(public_key: str) -> bool:
    """Whether 128 hex digits, x and y, are a point of secp256k1; no random ones are."""
    x, y = int(public_key[:64], 16), int(public_key[64:], 16)
    return max(x, y) < _P and (y * y - x * x * x - 7) % _P == 0


_PARTS: Final = {
    *("addr_history", "addresses", "accounts", "keystore", "x1/", "master_public_keys"),
    *("labels", "channels", "contacts", "invoices", "stored_height", "transactions", "txi"),
}


def is_part_of_wallet(data: Any) -> bool:
    """Whether what is left of a file that was cut off has three of the parts of a wallet.

    Keys are sorted, so `seed_version` and `wallet_type` are the first to be lost.
    """
    return isinstance(data, dict) and len(_PARTS & data.keys()) > 2  # noqa: PLR2004 - said above


def is_wallet(data: Any) -> bool:
    """Whether a dictionary has the keys that make a wallet of this family."""
    if not isinstance(data, dict):
        return False
    keys = any(
        isinstance(data.get(key), (dict, str))
        for key in ("keystore", "x1/", "accounts", "master_public_keys", "master_public_key")
    )
    version, kind = data.get("seed_version"), data.get("wallet_type")
    return (isinstance(version, int) and (keys or isinstance(kind, str))) or (
        isinstance(kind, str) and (keys or isinstance(data.get("addresses"), (dict, list)))
    )


def _stored(text: str) -> Stored | None:
    if not any(marker in text for marker in _MARKERS):
        return None
    if sum(map(text.count, ",[{")) > _VALUES:
        raise ParseError("more values than a wallet has")
    decoder = json.JSONDecoder(parse_float=str)
    try:
        data, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return _stored_literal(text)
    if not is_wallet(data):
        return None
    original = data
    applied = skipped = 0
    for patch, position in _patches(text, end, decoder):
        if data is original:
            data, _ = decoder.raw_decode(text)  # a second copy, to be changed
        end = position
        if applied + skipped == _PATCHES:
            raise ParseError("more patches than a wallet has")
        if _apply(data, patch):
            applied += 1
        else:
            skipped += 1
    unread = len(text[end:].strip())
    return Stored(
        data=data,
        original=original,
        form="json",
        complete=not unread,
        patches=applied,
        skipped=skipped,
        unread=unread,
    )


def _stored_literal(text: str) -> Stored | None:
    found = _literal.parse(text)
    if not is_wallet(found.value) and (found.complete or not is_part_of_wallet(found.value)):
        return None
    return Stored(
        data=found.value,
        original=found.value,
        form="literal",
        complete=found.complete,
        unread=len(text[found.end :].strip()),
    )


def _patches(text: str, end: int, decoder: json.JSONDecoder) -> Iterator[tuple[Any, int]]:
    """Yield each whole value that follows a comma, and where it ends."""
    gap = re.compile(r"\s*,\s*")
    while comma := gap.match(text, end):
        try:
            patch, end = decoder.raw_decode(text, comma.end())
        except (ValueError, RecursionError):
            return
        yield patch, end


def _apply(data: dict[str, Any], patch: Any) -> bool:
    """Apply one patch; False leaves the data as they were. Electrum writes add, replace, remove."""
    if not isinstance(patch, dict) or not isinstance(patch.get("path"), str):
        return False
    operation, path = patch.get("op"), patch["path"].split("/")
    if path[0] or len(path) < 2 or len(path) > _literal.DEPTH:  # noqa: PLR2004 - a slash and a name
        return False
    if operation != "remove" and "value" not in patch:
        return False
    names = [name.replace("~1", "/").replace("~0", "~") for name in path[1:]]
    target: Any = data
    for name in names[:-1]:
        if isinstance(target, list):
            target = target[int(name)] if _is_index(name, len(target)) else None
        elif isinstance(target, dict):
            target = target.get(name)
    if isinstance(target, dict):
        return _apply_to_dict(target, names[-1], operation, patch.get("value"))
    if isinstance(target, list):
        return _apply_to_list(target, names[-1], operation, patch.get("value"))
    return False


def _apply_to_dict(target: dict[str, Any], name: str, operation: Any, value: Any) -> bool:
    if operation == "add" or (operation == "replace" and name in target):
        target[name] = value
        return True
    if operation == "remove" and name in target:
        del target[name]
        return True
    return False


def _apply_to_list(target: list[Any], name: str, operation: Any, value: Any) -> bool:
    if operation == "add" and name in {"-", str(len(target))}:
        target.append(value)
        return True
    if not _is_index(name, len(target)):
        return False
    if operation == "replace":
        target[int(name)] = value
        return True
    if len(target) > _LONG_LIST or operation not in {"add", "remove"}:
        return False
    if operation == "add":
        target.insert(int(name), value)
    else:
        del target[int(name)]
    return True


def _is_index(name: str, length: int) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 10 and int(name) < length  # noqa: PLR2004 - int() of hostile text
