"""ASCII armor of OpenPGP: blocks between `-----BEGIN PGP …-----` and `-----END PGP …-----`.

Base64 with a CRC-24 that newer programs leave out. Source: RFC 4880 section 6, RFC 9580 section 6.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BLOCK = 4 << 20
"""Characters of one block; longer ones are cut."""
MAX_BLOCKS = 10_000

_BEGIN = re.compile(
    r"^[ \t]{0,8}-----BEGIN PGP "
    r"(PUBLIC KEY BLOCK|PRIVATE KEY BLOCK|SECRET KEY BLOCK|MESSAGE(?:, PART [0-9/]{1,9})?"
    r"|SIGNATURE|SIGNED MESSAGE)-----[ \t]*\r?$",
    re.MULTILINE,
)
_END = re.compile(r"^[ \t]{0,8}-----END PGP [A-Z ,0-9/]{1,40}-----", re.MULTILINE)
_HEADER = re.compile(r"[A-Za-z][A-Za-z-]{0,30}: .*")
_DATA = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_CRC_LINE = re.compile(r"=([A-Za-z0-9+/]{4})")
_CRC_START, _CRC_POLY, _CRC_MASK = 0xB704CE, 0x1864CFB, 0xFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One armored block. `data` are the bytes it decodes to, as far as they decode.

    `crc_ok` is None without a checksum; `ended` is false when the END line is missing.
    """

    kind: str  # MESSAGE, PUBLIC KEY BLOCK, PRIVATE KEY BLOCK, SIGNATURE, SIGNED MESSAGE
    data: bytes
    headers: tuple[tuple[str, str], ...]  # Version, Comment, Charset …
    line: int  # of BEGIN, from 1
    start: int  # character where the BEGIN line starts
    end: int  # character after the END line, or after what was looked at
    crc_ok: bool | None
    ended: bool


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text, in order; a quoted one (`> -----BEGIN`) is none.

    A SIGNED MESSAGE has no data of its own: the SIGNATURE after it follows as a block.
    """
    line, counted = 1, 0
    at = 0
    for _ in range(MAX_BLOCKS):
        begin = _BEGIN.search(text, at)
        if begin is None:
            return
        line += text.count("\n", counted, begin.start())
        counted = begin.start()
        kind = begin[1].partition(",")[0].replace("SECRET", "PRIVATE")
        at = begin.end()
        if kind == "SIGNED MESSAGE":
            yield Block(
                kind=kind,
                data=b"",
                headers=(),
                line=line,
                start=begin.start(),
                end=begin.end(),
                crc_ok=None,
                ended=True,
            )
            continue
        limit = min(len(text), at + MAX_BLOCK)
        # The next BEGIN bounds the search for END, else hostile text costs quadratic time.
        following = _BEGIN.search(text, at, limit)
        limit = following.start() if following else limit
        end = _END.search(text, at, limit)
        stop = end.start() if end else limit
        headers, data, crc = _body(text[at:stop])
        yield Block(
            kind=kind,
            data=data,
            headers=headers,
            line=line,
            start=begin.start(),
            end=end.end() if end else stop,
            crc_ok=None if crc is None else crc24(data) == crc,
            ended=end is not None,
        )
        at = stop


def _body(text: str) -> tuple[tuple[tuple[str, str], ...], bytes, int | None]:
    headers: list[tuple[str, str]] = []
    parts: list[str] = []
    crc = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line:
            continue
        if not parts and _HEADER.fullmatch(line):
            name, _, value = line.partition(": ")
            headers.append((name, value[:200]))
            continue
        found = _CRC_LINE.fullmatch(line)
        if found:
            crc = int.from_bytes(base64.b64decode(found[1]), "big")
            break
        if not _DATA.fullmatch(line):
            break
        parts.append(line)
    packed = "".join(parts)
    packed = packed[: len(packed) - len(packed) % 4]
    try:
        data = base64.b64decode(packed)
    except binascii.Error:
        data = b""
    return tuple(headers[:20]), data, crc


def crc24(data: bytes) -> int:
    """Return OpenPGP's CRC-24 (RFC 4880, section 6.1)."""
    crc = _CRC_START
    for octet in data:
        crc = ((crc << 8) & _CRC_MASK) ^ _TABLE[(crc >> 16) ^ octet]
    return crc


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        crc = octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLY
        table.append(crc & _CRC_MASK)
    return tuple(table)


_TABLE = _table()
