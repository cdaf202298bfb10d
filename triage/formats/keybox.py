"""GnuPG keyboxes (`pubring.kbx`): blobs that hold OpenPGP and X.509 certificates.

All numbers are big endian, times are seconds since 1970. Source: GnuPG's `kbx/keybox-blob.c` and
`kbx/keybox-search.c`; compared with keyboxes of GnuPG 2.2.40.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import LimitError, ParseError

MAX_BLOBS = 200_000
EMPTY, HEADER, OPENPGP, X509 = 0, 1, 2, 3

_PREFIX = struct.Struct(">IBB")  # length, type, version
_FIRST = struct.Struct(">IBBH4s5I")
_BLOB = struct.Struct(">IBBHIIHH")
_SHA1 = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyboxHeader:
    """The first blob of a keybox: when the file was made and last tidied."""

    created: int
    maintained: int
    openpgp: bool  # GnuPG has used it for OpenPGP keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyboxBlob:
    """One certificate in a keybox.

    `created` is when it came into this keybox, or was last changed in it; `trust` the stored owner
    trust. `intact` is None without a checksum.
    """

    kind: int  # OPENPGP or X509
    data: bytes  # OpenPGP packets, or DER
    created: int
    trust: int
    offset: int
    intact: bool | None


def header(data: bytes) -> KeyboxHeader:
    """Read the first blob. Raises ParseError."""
    if len(data) < _FIRST.size:
        raise ParseError("too short for a keybox")
    length, kind, _, flags, magic, _, made, maintained, *_ = _FIRST.unpack_from(data)
    if kind != HEADER or magic != b"KBXf" or length < _FIRST.size:
        raise ParseError("not a keybox")
    return KeyboxHeader(created=made, maintained=maintained, openpgp=bool(flags & 2))


def blobs(data: bytes) -> Iterator[KeyboxBlob]:
    """Yield the certificates; deleted slots and unknown blobs are passed over.

    Raises ParseError where the chain of blobs breaks, LimitError beyond `MAX_BLOBS`.
    """
    at = 0
    for _ in range(MAX_BLOBS):
        if at >= len(data):
            return
        if at + _PREFIX.size > len(data):
            raise ParseError("the keybox is cut short", where=f"byte {at}")
        length, kind, _ = _PREFIX.unpack_from(data, at)
        if length < _PREFIX.size:
            raise ParseError("a keybox blob without length", where=f"byte {at}")
        if at + length > len(data):
            raise ParseError("the keybox is cut short", where=f"byte {at}")
        if kind in {OPENPGP, X509}:
            yield _blob(data[at : at + length], at, kind)
        at += length
    raise LimitError(f"more than {MAX_BLOBS} keybox blobs")


def _blob(blob: bytes, offset: int, kind: int) -> KeyboxBlob:
    if len(blob) < _BLOB.size:
        raise ParseError("a keybox blob is too short", where=f"byte {offset}")
    *_, start, length, keys, key_size = _BLOB.unpack_from(blob)
    if start + length > len(blob):
        raise ParseError("a keybox blob points outside itself", where=f"byte {offset}")
    trust, created = _trailer(blob, _BLOB.size + keys * key_size)
    return KeyboxBlob(
        kind=kind,
        data=blob[start : start + length],
        created=created,
        trust=trust,
        offset=offset,
        intact=_intact(blob, start + length),
    )


def _trailer(blob: bytes, at: int) -> tuple[int, int]:
    """Return (owner trust, time of the blob), which stand behind four tables of varying size."""
    at += 2 + int.from_bytes(blob[at : at + 2], "big")  # serial number
    for _ in range(2):  # user ids, then signatures: count, size of one, table
        count, size = struct.unpack(">HH", blob[at : at + 4].ljust(4, b"\0"))
        at += 4 + count * size
    if at + 20 > len(blob):
        return 0, 0
    return blob[at], int.from_bytes(blob[at + 12 : at + 16], "big")


def _intact(blob: bytes, end: int) -> bool | None:
    """Compare the SHA-1 at the end; blobs of GnuPG 1.9 have an MD5 or nothing there."""
    if end > len(blob) - _SHA1:
        return None
    digest = hashlib.sha1(blob[:-_SHA1], usedforsecurity=False).digest()
    return digest == blob[-_SHA1:]
