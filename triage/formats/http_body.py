"""Bodies of HTTP answers as they were sent: packed with gzip, deflate, Brotli or Zstandard.

`Content-Encoding` names the ways, the last one outermost (RFC 9110, 8.4). What is longer than the
limit is cut; a body that ends early gives what could be unpacked of it.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Final

from triage.errors import LimitError, ParseError

BODY_LIMIT: Final = 32 << 20
"""Bytes of one body, unpacked."""

_CODINGS_LIMIT: Final = 4
_STEP: Final = 64 << 10


def unpack(body: bytes, encoding: str, *, limit: int = BODY_LIMIT) -> bytes:
    """Return the body without its packing.

    Raises ParseError when it is damaged from the start or packed in a way that is not read,
    LimitError when it is larger than `limit`.
    """
    codings = [each.strip().lower() for each in encoding.split(",") if each.strip()]
    if len(codings) > _CODINGS_LIMIT:
        raise ParseError("a body that was packed too often")
    for coding in reversed(codings):
        match coding:
            case "identity":
                continue
            case "gzip" | "x-gzip":
                body = _inflate(body, 16 + zlib.MAX_WBITS, limit)
            case "deflate":  # some servers leave out the head of zlib
                raw = not _is_zlib(body)
                body = _inflate(body, -zlib.MAX_WBITS if raw else zlib.MAX_WBITS, limit)
            case "br":
                body = _brotli(body, limit)
            case "zstd":
                body = _zstandard(body, limit)
            case _:
                raise ParseError("a body packed in a way that is not read")
    return body


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0  # noqa: PLR2004 - RFC 1950


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        out = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise ParseError("a damaged gzip or deflate body") from error
    return _within(out, limit)


def _within(out: bytes, limit: int) -> bytes:
    if len(out) > limit:
        raise LimitError(f"a body that unpacks to more than {limit} bytes")
    return out


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ParseError(f"a body that only the package {name} unpacks") from error


def _brotli(body: bytes, limit: int) -> bytes:
    library = _library("brotli")
    unpacker = library.Decompressor()
    out = bytearray()
    try:
        data = body
        while not unpacker.is_finished():
            part = unpacker.process(data, output_buffer_limit=_STEP)
            out += part
            if len(out) > limit:
                raise LimitError(f"a body that unpacks to more than {limit} bytes")
            if not part and unpacker.can_accept_more_data() and not data:
                break  # cut off
            data = b""
    except library.error as error:
        if not out:
            raise ParseError("a damaged Brotli body") from error
    return bytes(out)


def _zstandard(body: bytes, limit: int) -> bytes:
    library = _library("zstandard")
    unpacker = library.ZstdDecompressor(max_window_size=8 << 20)  # RFC 9659
    out = bytearray()
    try:
        for part in unpacker.read_to_iter(body, write_size=_STEP):
            out += part
            if len(out) > limit:
                raise LimitError(f"a body that unpacks to more than {limit} bytes")
    except library.ZstdError as error:
        if not out:
            raise ParseError("a damaged Zstandard body") from error
    return bytes(out)
