"""Snappy: the raw block format, as LevelDB and Firefox's storage use it, and its frames.

A length as a varint, then elements: literals and copies from what is already there. Frames are
chunks of a kind (u8), a length (u24) and a masked CRC-32C, which is not checked. Sources:
https://github.com/google/snappy/blob/main/format_description.txt and `framing_format.txt` there.
"""

from __future__ import annotations

from triage.errors import LimitError, ParseError

UNPACKED_LIMIT = 64 << 20  # bytes
_RATIO = 64  # a copy of three bytes makes 64 at most
_VARINT32 = 5  # bytes
_STREAM = b"\xff\x06\x00\x00sNaPpY"
_COMPRESSED, _UNCOMPRESSED = 0, 1
_RESERVED = range(2, 0x80)  # those above may be skipped


def decompress(data: bytes, *, limit: int = UNPACKED_LIMIT) -> bytes:
    """Unpack one block. Raises ParseError when damaged, LimitError when larger than `limit`."""
    size, position = _length(data)
    if size > limit:
        raise LimitError(f"a Snappy block that unpacks to more than {limit} bytes")
    if size > _RATIO * len(data):
        raise ParseError("the Snappy block claims more than it can hold")
    out = bytearray()
    while position < len(data) and len(out) <= size:
        if data[position] & 3 == 0:
            position = _literal(data, position, out)
        else:
            position = _copy(data, position, out)
    if len(out) != size or position != len(data):
        raise ParseError("a Snappy block whose length is not what it claims")
    return bytes(out)


def decompress_frames(data: bytes, *, limit: int = UNPACKED_LIMIT) -> bytes:
    """Unpack a stream of frames. Raises ParseError when damaged, LimitError beyond `limit`."""
    if not data.startswith(_STREAM):
        raise ParseError("not a stream of Snappy frames")
    out = bytearray()
    position = 0
    while position < len(data):
        kind, size = data[position], int.from_bytes(data[position + 1 : position + 4], "little")
        content = data[position + 4 : position + 4 + size]
        if len(content) < size:
            raise ParseError("a Snappy frame that runs past the end")
        if kind == _COMPRESSED:
            out += decompress(content[4:], limit=limit)
        elif kind == _UNCOMPRESSED:
            out += content[4:]
        elif kind in _RESERVED:
            raise ParseError("a Snappy frame of an unknown kind")
        if len(out) > limit:
            raise LimitError(f"Snappy frames that unpack to more than {limit} bytes")
        position += 4 + size
    return bytes(out)


def _literal(data: bytes, position: int, out: bytearray) -> int:
    length = (data[position] >> 2) + 1
    position += 1
    if length > 60:  # noqa: PLR2004 - 60 to 63: the length follows in 1 to 4 bytes
        extra = length - 60
        length = int.from_bytes(data[position : position + extra], "little") + 1
        position += extra
    if length > len(data) - position:
        raise ParseError("a Snappy literal runs past the end")
    out += data[position : position + length]
    return position + length


def _copy(data: bytes, position: int, out: bytearray) -> int:
    tag = data[position]
    length, width = (tag >> 2) + 1, 2 if tag & 3 == 2 else 4  # noqa: PLR2004 - kinds of copy
    if tag & 3 == 1:
        length, width = (tag >> 2 & 7) + 4, 1
    end = position + 1 + width
    offset = int.from_bytes(data[position + 1 : end], "little")
    if width == 1:
        offset |= tag >> 5 << 8
    if end > len(data) or not 0 < offset <= len(out):
        raise ParseError("a Snappy copy from outside the block")
    pattern = bytes(out[-offset:][:length])
    out += (pattern * (length // offset + 1))[:length]  # it may overlap itself: a repetition
    return end


def _length(data: bytes) -> tuple[int, int]:
    value = 0
    for position, byte in enumerate(data[:_VARINT32]):
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            return value, position + 1
    raise ParseError("a Snappy block without a length")
