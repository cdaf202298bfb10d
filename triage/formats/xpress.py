"""LZ77 with Huffman codes as Windows compresses Prefetch files and memory: "Xpress Huffman".

Format: [MS-XCA] 2.1; the header `MAM` as libscca describes it.
"""

from __future__ import annotations

import struct

from triage.errors import LimitError, ParseError

LIMIT = 64 << 20  # bytes after decompression
_BLOCK = 1 << 16  # bytes of output that share one table of codes
_TABLE = 256  # bytes: 512 lengths of 4 bits
_LONGEST = 15  # bits of a code
_XPRESS_HUFFMAN = 4
_CHECKSUM = 0x80  # in the header's fourth byte: four bytes of checksum follow


def decompress_mam(data: bytes, *, limit: int = LIMIT) -> bytes:
    """Return the content of a file with the header `MAM`. Raises ParseError and LimitError."""
    if len(data) < 8 or data[:3] != b"MAM" or data[3] & 0x0F != _XPRESS_HUFFMAN:  # noqa: PLR2004
        raise ParseError("not compressed with Xpress Huffman")
    size = int.from_bytes(data[4:8], "little")
    if size > limit:
        raise LimitError(f"more than {limit} bytes after decompression")
    return decompress(data[12 if data[3] & _CHECKSUM else 8 :], size)


def decompress(data: bytes, size: int) -> bytes:
    """Return exactly `size` bytes. Raises ParseError when the stream ends or points outside."""
    out = bytearray()
    position = 0
    try:
        while len(out) < size:
            position = _block(data, position, out, size)
    except (IndexError, struct.error):
        raise ParseError("the compressed data is cut short") from None
    return bytes(out[:size])


def _block(data: bytes, position: int, out: bytearray, size: int) -> int:
    """Decode one block; return where the next begins. Its last match may reach beyond its end."""
    end = min(len(out) + _BLOCK, size)
    if len(data) - position < _TABLE + 4:
        raise ParseError("the compressed data is cut short")
    lengths = [n for b in data[position : position + _TABLE] for n in (b & 15, b >> 4)]
    table = _codes(lengths)
    word = struct.Struct("<H").unpack_from
    position += _TABLE
    bits = word(data, position)[0] << 16 | word(data, position + 2)[0]
    position += 4
    spare = 16
    while len(out) < end:
        symbol = table[bits >> 17]
        used = lengths[symbol]
        bits = bits << used & 0xFFFFFFFF
        spare -= used
        if spare < 0:
            bits |= _more(data, position) << -spare
            position += 2
            spare += 16
        if symbol < 256:  # noqa: PLR2004 - a byte
            out.append(symbol)
            continue
        width = symbol - 256 >> 4
        length = symbol & 15
        if length == 15:  # noqa: PLR2004 - more follows
            length, position = _long(data, position)
        distance = (1 << width) + (bits >> 32 - width if width else 0)
        bits = bits << width & 0xFFFFFFFF
        spare -= width
        if spare < 0:
            bits |= _more(data, position) << -spare
            position += 2
            spare += 16
        _copy(out, distance, min(length + 3, size - len(out)))
    return position


def _more(data: bytes, position: int) -> int:
    """Return 16 bits; zeros beyond the end, since the reader is ahead of what it needs."""
    if position > len(data) + 4:
        raise ParseError("the compressed data is cut short")
    return int.from_bytes(data[position : position + 2], "little")


def _long(data: bytes, position: int) -> tuple[int, int]:
    """Return a length that does not fit its code, and the position behind it."""
    length = data[position]
    if length < 255:  # noqa: PLR2004 - more follows
        return length + 15, position + 1
    (length,) = struct.unpack_from("<H", data, position + 1)
    position += 3
    if length == 0:
        (length,) = struct.unpack_from("<I", data, position)
        position += 4
    if length < 15:  # noqa: PLR2004 - it would have fitted
        raise ParseError("a length that cannot be")
    return length, position


def _copy(out: bytearray, distance: int, length: int) -> None:
    start = len(out) - distance
    if start < 0:
        raise ParseError("a reference before the beginning")
    if distance >= length:
        out += out[start : start + length]
        return
    piece = bytes(out[start:])
    out += (piece * (length // distance + 1))[:length]


def _codes(lengths: list[int]) -> list[int]:
    """Return the symbol for each value of the next 15 bits."""
    table: list[int] = []
    for width in range(1, _LONGEST + 1):
        span = 1 << _LONGEST - width
        for symbol, length in enumerate(lengths):
            if length == width:
                table += [symbol] * span
                if len(table) > 1 << _LONGEST:
                    raise ParseError("codes that cannot be")
    if len(table) != 1 << _LONGEST:
        raise ParseError("codes that cannot be")
    return table
