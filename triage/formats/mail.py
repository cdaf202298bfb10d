"""Mail on disk: mbox, single messages (eml, Maildir, emlx), headers and text parts.

Folders of many gigabytes are read as a stream; of each message only its beginning is kept. Sources:
RFC 4155 (mbox), RFC 5322, RFC 2045 to 2047; Apple's emlx puts a byte count before the message and
a property list after it. The reader is its own: what the standard library's does with hostile
nesting and encodings is not bounded.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage.model import Reader

KEPT = 512 << 10
"""Bytes that are kept of one message."""
MAX_HEADERS = 500
MAX_PARTS = 200
MAX_DEPTH = 8
TEXT_LIMIT = 1 << 20
"""Characters of the text parts of one message together."""

_BLOCK = 1 << 20
_OVERLAP = 1024  # longer than any separator with the lines around it
_VALUE_LIMIT = 8192
_FROM_LINE = rb"From [^\n]{0,500}\n(?=>?[!-9;-~]{1,76}:|>From )"
_FIRST = re.compile(_FROM_LINE)
_SEPARATOR = re.compile(rb"\n\r?\n(" + _FROM_LINE + rb")")
_HEADER = re.compile(r"([!-9;-~]{1,76})[ \t]{0,8}:[ \t]?(.*)", re.DOTALL)
_STARTS = re.compile(rb"(?:[!-9;-~]{1,76}:[ \t]?[^\n]*\r?\n){1,2}")
_LIKELY = re.compile(
    rb"^(?:From|To|Date|Received|Return-Path|Message-ID|Subject|MIME-Version|Delivered-To"
    rb"|X-[A-Za-z0-9-]{1,40}|Newsgroups|Path|Cc|Bcc|Content-Type|User-Agent|DKIM-Signature):",
    re.IGNORECASE | re.MULTILINE,
)
_COUNT = re.compile(rb"\d{1,12}[ \t]{0,20}\r?\n")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[^?]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s{1,10}(?==\?)")
_PARAMETER = re.compile(
    r';\s{0,20}([A-Za-z0-9*-]{1,40})\s{0,4}=\s{0,4}(?:"([^"]{0,300})"|([^\s;]+))'
)
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9!#$%&'*+/=?^_`{|}~.-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"@[A-Za-z0-9][A-Za-z0-9.-]{0,253}[A-Za-z0-9]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a folder: where it begins, how long it is, and its first bytes."""

    offset: int
    length: int
    raw: bytes  # at most `KEPT` bytes, with the `From ` line of an mbox


def messages(reader: Reader) -> Iterator[Message]:
    """Yield the messages of a file, whatever form it has; none when it is not mail.

    Raises EvidenceError when bytes cannot be read.
    """
    head = reader.read_at(0, min(4096, reader.size))
    if _FIRST.match(head):
        yield from _mbox(reader)
        return
    start = 0
    length = reader.size
    count = _COUNT.match(head)
    if count:
        start = count.end()
        length = min(int(count[0]), reader.size - start)
    if _STARTS.match(head, start) and _LIKELY.search(head, start):
        yield Message(offset=start, length=length, raw=reader.read_at(start, min(length, KEPT)))


def _mbox(reader: Reader) -> Iterator[Message]:
    """Cut at `From ` lines after an empty line and before a header."""
    size, position = reader.size, 0
    block = b""  # not yet given away
    base = 0  # offset of `block`
    start, head = 0, bytearray()
    while position < size:
        fresh = reader.read_at(position, min(_BLOCK, size - position))
        if not fresh:
            break
        position += len(fresh)
        block += fresh
        at = 0
        for found in _SEPARATOR.finditer(block):
            cut = found.start(1)
            _keep(head, block[at:cut])
            yield Message(offset=start, length=base + cut - start, raw=bytes(head))
            start, at, head = base + cut, cut, bytearray()
        end = max(at, len(block) - _OVERLAP) if position < size else len(block)
        _keep(head, block[at:end])
        # The overlap begins before what was kept ends, so a separator is never cut in two; the
        # last one found is not found again, for its empty line lies before the new block.
        block, base = block[end:], base + end
    if start < size:
        yield Message(offset=start, length=base + len(block) - start, raw=bytes(head))


def _keep(head: bytearray, data: bytes) -> None:
    room = KEPT - len(head)
    if room > 0:
        head += data[:room]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message taken apart. Header names are as written; values are decoded and unfolded."""

    headers: tuple[tuple[str, str], ...]
    texts: tuple[str, ...]  # bodies and parts that are text, in order

    def get(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[str]:
        """Yield the headers of that name."""
        wanted = name.casefold()
        return (value for found, value in self.headers if found.casefold() == wanted)


def parse(raw: bytes) -> Mail:
    """Take a message apart; a damaged or cut one as far as it goes."""
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    found, body = _split(raw)
    texts: list[str] = []
    _walk(found, body, texts, MAX_DEPTH)
    return Mail(
        headers=tuple((name, decode_words(value)) for name, value in found), texts=tuple(texts)
    )


def headers(raw: bytes) -> Mail:
    """Take the headers of a message alone, which costs little; `texts` is empty."""
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    found, _ = _split(raw)
    return Mail(headers=tuple((name, decode_words(value)) for name, value in found), texts=())


def _split(raw: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers, unfolded and not decoded, and the body."""
    headers: list[tuple[str, str]] = []
    at = 0
    while at < len(raw):
        end = raw.find(b"\n", at)
        end = len(raw) if end < 0 else end + 1
        line = raw[at : min(end, at + _VALUE_LIMIT)].decode("utf-8", "surrogateescape")
        if not line.strip("\r\n"):
            return headers, raw[end:]
        if line[0] in " \t" and headers:
            name, value = headers[-1]
            if len(value) < _VALUE_LIMIT:
                headers[-1] = (name, f"{value} {line.strip()}")
        else:
            found = _HEADER.fullmatch(line.rstrip("\r\n"))
            if found is None:
                if line.startswith(">From "):
                    at = end
                    continue
                return headers, raw[at:]
            if len(headers) < MAX_HEADERS:
                headers.append((found[1], found[2].strip()))
        at = end
    return headers, b""


def _walk(headers: list[tuple[str, str]], body: bytes, texts: list[str], depth: int) -> None:
    """Collect the text parts below one entity."""
    by_name = {name.casefold(): value for name, value in reversed(headers)}
    content = by_name.get("content-type", "text/plain")
    kind = content.partition(";")[0].strip().casefold()
    if depth == 0 or len(texts) >= MAX_PARTS or sum(map(len, texts)) >= TEXT_LIMIT:
        return
    parameters = {
        name.casefold(): quoted or plain for name, quoted, plain in _PARAMETER.findall(content)
    }
    if kind.startswith("multipart/"):
        boundary = parameters.get("boundary")
        if boundary:
            for part in _parts(body, boundary):
                _walk(*_split(part), texts, depth - 1)
        return
    if kind == "message/rfc822":
        _walk(*_split(body), texts, depth - 1)
        return
    plain = kind.startswith("text/") or "/" not in kind
    if not plain and not kind.startswith(("application/pgp", "application/octet-stream")):
        return
    data = _decoded(body, by_name.get("content-transfer-encoding", "").strip().casefold())
    if plain or b"-----BEGIN PGP" in data[:4096]:
        texts.append(_text(data, parameters.get("charset"))[:TEXT_LIMIT])


def _parts(body: bytes, boundary: str) -> Iterator[bytes]:
    mark = b"--" + boundary.encode("utf-8", "surrogateescape")
    at = 0 if body.startswith(mark) else body.find(b"\n" + mark) + 1
    if at == 0 and not body.startswith(mark):
        return
    for _ in range(MAX_PARTS):
        line_end = body.find(b"\n", at)
        if line_end < 0 or body[at + len(mark) : at + len(mark) + 2] == b"--":
            return
        following = body.find(b"\n" + mark, line_end)
        yield body[line_end + 1 : following if following >= 0 else len(body)]
        if following < 0:
            return
        at = following + 1


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    if encoding == "base64":
        packed = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        packed = packed[: len(packed) - (len(packed) % 4 == 1)]
        try:
            return base64.b64decode(packed + b"=" * (-len(packed) % 4))
        except binascii.Error:
            return b""
    return body


def _text(data: bytes, charset: str | None) -> str:
    name = (charset or "utf-8").casefold()
    if name in {"utf-8", "us-ascii", "ascii"}:
        return data.decode("utf-8", "surrogateescape")
    try:
        return data.decode(name, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "surrogateescape")


def decode_words(value: str) -> str:
    """Decode RFC 2047 words (`=?utf-8?B?…?=`) in a header; what does not decode stays."""
    if "=?" not in value:
        return value

    def decode(found: re.Match[str]) -> str:
        charset, kind, text = found.groups()
        data = text.encode("utf-8", "surrogateescape")
        if kind in "bB":
            return _text(_decoded(data, "base64"), charset)
        return _text(quopri.decodestring(data.replace(b"_", b" ")), charset)

    return _WORD.sub(decode, _BETWEEN_WORDS.sub(r"\1", value))


def addresses(value: str | None, limit: int = 100) -> tuple[str, ...]:
    """Return the mail addresses in a header, each once, in lower case."""
    found = (match[0].casefold() for match in _ADDRESS.finditer(value or ""))
    return tuple(dict.fromkeys(found))[:limit]


def date(value: str | None) -> int | None:
    """Return a Date header as seconds since 1970; None without an offset or when it is none."""
    if not value or len(value) > 200:  # noqa: PLR2004 - a date is short
        return None
    try:
        when = parsedate_to_datetime(value)
        return None if when.tzinfo is None else int(when.timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
