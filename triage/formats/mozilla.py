"""Files of a Mozilla profile (Firefox, Tor Browser, Thunderbird) that are not databases.

Formats, from mozilla-central: `modules/libpref/parser/src/lib.rs` (prefs.js), `toolkit/modules`
(jsonlz4), `security/manager/ssl/data_storage/src/lib.rs` and `nsSiteSecurityService.cpp`
(SiteSecurityServiceState). For places.sqlite and bookmark backups see `triage.formats.places`.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import lz4.block

from triage.canonical import raw_bytes
from triage.errors import LimitError, ParseError
from triage.formats import json

if TYPE_CHECKING:
    from collections.abc import Iterator

PrefValue: TypeAlias = "str | int | bool"

UNPACKED_LIMIT = 32 << 20  # bytes
PREF_LIMIT = 100_000
SITE_LIMIT = 100_000

_STRING = r""" "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' """
_PREF = re.compile(
    rf"""(?:user_pref|sticky_pref|pref) \s*+ \( \s*+ ({_STRING}) \s*+ , \s*+
    ({_STRING} | true | false | [+-]?[0-9]{{1,10}}) \s*+
    (?: , \s*+ (?:sticky|locked) \s*+ )*+ \) \s*+ ;""",
    re.VERBOSE | re.DOTALL,
)
_BETWEEN = re.compile(
    r"(?: \s++ | //[^\r\n]*+ | \#[^\r\n]*+ | /\*.*?\*/ )++", re.VERBOSE | re.DOTALL
)
_LINE_END = re.compile(r"[\r\n]")
_ESCAPE = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u([0-9a-fA-F]{4})|([\"'\\nr])|(.|$))",
    re.DOTALL,
)
_PLAIN_ESCAPES = {b"n": b"\n", b"r": b"\r"}
_MOZLZ4 = struct.Struct("<8sI")
_LZ4_RATIO = 255  # no LZ4 block expands more


class Prefs(dict[str, PrefValue]):
    """Settings by name; `skipped` counts what looked like a setting and could not be read."""

    skipped: int = 0


def prefs(text: str) -> Prefs:
    r"""Parse prefs.js or user.js: `user_pref("name", literal);`, the last one of a name wins.

    `\xNN` is a raw byte, `\uNNNN` a UTF-16 unit, as in the browser; bytes that are not UTF-8 become
    lone surrogates. After a syntax error reading goes on at the next line. Raises LimitError.
    """
    result = Prefs()
    text = text.removeprefix("\ufeff")
    position = 0
    while True:
        if between := _BETWEEN.match(text, position):
            position = between.end()
        if position >= len(text):
            return result
        if text.startswith("/*", position):  # a comment without an end hides the rest
            result.skipped += 1
            return result
        setting, position = _setting(text, position)
        if setting is None:
            result.skipped += 1
            continue
        result[setting[0]] = setting[1]
        if len(result) > PREF_LIMIT:
            raise LimitError(f"more than {PREF_LIMIT} settings")


def _setting(text: str, position: int) -> tuple[tuple[str, PrefValue] | None, int]:
    """Return the setting that starts here, or None, and where to go on."""
    found = _PREF.match(text, position)
    if found is not None:
        with suppress(ParseError):
            return (_string(found[1]), _literal(found[2])), found.end()
    end = _LINE_END.search(text, position)
    return None, end.end() if end else len(text)


def _literal(text: str) -> PrefValue:
    if text[0] in "\"'":
        return _string(text)
    if text in {"true", "false"}:
        return text == "true"
    value = int(text)
    if not -(2**31) <= value < 2**31:
        raise ParseError("an integer outside 32 bits")
    return value


def _string(text: str) -> str:
    return _ESCAPE.sub(_unescape, raw_bytes(text[1:-1])).decode("utf-8", "surrogateescape")


def _unescape(found: re.Match[bytes]) -> bytes:
    byte, high, low, unit, plain, _ = found.groups()
    if plain:
        return _PLAIN_ESCAPES.get(plain, plain)
    if byte:
        result = bytes.fromhex(byte.decode())
    elif high:
        result = bytes.fromhex((high + low).decode()).decode("utf-16-be").encode()
    elif unit and not 0xD800 <= int(unit, 16) < 0xE000:  # noqa: PLR2004 - half a pair
        result = chr(int(unit, 16)).encode()
    else:
        raise ParseError("an unknown escape sequence")
    if result == b"\0":
        raise ParseError("a zero byte")
    return result


def ini(text: str) -> dict[str, dict[str, str]]:
    """Parse profiles.ini, compatibility.ini, application.ini: values by section and key.

    Keys before any section are in section ""; the last value of a key wins; lines without `=` and
    comments (`;`, `#`) are skipped.
    """
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for raw_line in text.removeprefix("\ufeff").splitlines():
        line = raw_line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
            sections.setdefault(section, {})
        elif line[:1] not in {";", "#"} and "=" in line:
            key, _, value = line.partition("=")
            sections.setdefault(section, {})[key.strip()] = value.strip()
    return sections


def mozlz4(data: bytes, *, limit: int = UNPACKED_LIMIT) -> bytes:
    """Unpack `mozLz40`: magic, size (u32 little endian), one LZ4 block.

    Raises LimitError when it says to be larger than `limit` bytes, ParseError when it is damaged.
    """
    if len(data) < _MOZLZ4.size:
        raise ParseError("too short for a mozLz4 file")
    magic, size = _MOZLZ4.unpack_from(data)
    if magic != b"mozLz40\0":
        raise ParseError("not a mozLz4 file")
    if size > limit:
        raise LimitError(f"a mozLz4 file that unpacks to more than {limit} bytes")
    block = data[_MOZLZ4.size :]
    if size > _LZ4_RATIO * len(block):
        raise ParseError("the mozLz4 file claims more than it can hold")
    try:
        content: bytes = lz4.block.decompress(block, uncompressed_size=size)
    except (lz4.block.LZ4BlockError, ValueError, OverflowError) as error:
        raise ParseError("the mozLz4 file is damaged") from error
    if len(content) != size:
        raise ParseError("the mozLz4 file holds less than it claims")
    return content


def jsonlz4(data: bytes, *, limit: int = UNPACKED_LIMIT) -> json.Json:
    """Unpack a `.jsonlz4` or `.json.mozlz4` file and parse it. Raises like `mozlz4`."""
    return json.parse(mozlz4(data, limit=limit), limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """What the browser remembers about the security of a host (HSTS, formerly also key pins).

    Private windows keep theirs in memory, so a row on disk comes from an ordinary one.
    """

    host: str
    attributes: str  # origin attributes, `partitionKey=…` as stored, "" for none
    kind: str  # HSTS or HPKP
    score: int  # number of days on which it was used
    last_accessed: int  # days since 1970-01-01
    expires: int | None  # milliseconds since 1970-01-01
    state: int | None  # 0 unset, 1 set, 2 knockout, 3 negative
    subdomains: bool | None
    position: int  # line, or slot of the binary file, from 0


class SiteStates(NamedTuple):
    """The rows, and how many were damaged."""

    sites: tuple[SiteState, ...]
    skipped: int


def hsts(text: str) -> SiteStates:
    """Parse SiteSecurityServiceState.txt: `key TAB score TAB day TAB value`. Raises LimitError."""
    return _sites(enumerate(line.split("\t") for line in text.splitlines() if line.strip()))


_SLOT = struct.Struct(">HHH256s24s")
_SLOT_WORDS = struct.Struct(f">{_SLOT.size // 2}H")


def hsts_bin(data: bytes) -> SiteStates:
    """Parse SiteSecurityServiceState.bin (Firefox 115 and later): slots of 286 bytes.

    Checksum (exclusive or of all 16-bit words is zero), score, day, key of 256 bytes, value of 24
    bytes, big endian, padded with zeros; a slot of zeros is free. Raises LimitError.
    """

    def slots() -> Iterator[tuple[int, list[str]]]:
        for number in range(-(-len(data) // _SLOT.size)):
            slot = data[number * _SLOT.size :][: _SLOT.size]
            if not slot.strip(b"\0"):
                continue
            whole = len(slot) == _SLOT.size and _checksum(slot) == 0
            _, score, day, key, value = _SLOT.unpack(slot.ljust(_SLOT.size, b"\0"))
            texts = [part.rstrip(b"\0").decode("utf-8", "surrogateescape") for part in (key, value)]
            yield number, [texts[0], str(score), str(day), texts[1]] if whole else []

    return _sites(slots())


def _checksum(slot: bytes) -> int:
    result = 0
    for word in _SLOT_WORDS.unpack(slot):
        result ^= word
    return result


_SITE_VALUE = re.compile(r"(-?\d{1,19}),([0-3]),([01])(?:,.*)?", re.ASCII | re.DOTALL)


def _sites(rows: Iterator[tuple[int, list[str]]]) -> SiteStates:
    sites: list[SiteState] = []
    skipped = 0
    for position, fields in rows:
        if len(sites) + skipped >= SITE_LIMIT:
            raise LimitError(f"more than {SITE_LIMIT} site states")
        site = _site(position, fields)
        if site is None:
            skipped += 1
        else:
            sites.append(site)
    return SiteStates(tuple(sites), skipped)


def _site(position: int, fields: list[str]) -> SiteState | None:
    match fields:
        case [key, score, day, value] if _is_u16(score) and _is_u16(day) and key:
            host, _, kind = (
                key.rpartition(":") if key.endswith((":HSTS", ":HPKP")) else (key, "", "")
            )
            host, _, attributes = host.partition("^")
            found = _SITE_VALUE.fullmatch(value)
            return SiteState(
                host=host,
                attributes=attributes,
                kind=kind or "HSTS",
                score=int(score),
                last_accessed=int(day),
                expires=int(found[1]) if found else None,
                state=int(found[2]) if found else None,
                subdomains=found[3] == "1" if found else None,
                position=position,
            )
    return None


def _is_u16(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 1 << 16  # noqa: PLR2004
