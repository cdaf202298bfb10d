"""OpenPGP packets: what stands in clear, without checking any signature.

Old and new packet headers, what signatures state, and to whom a message is encrypted. Sources:
RFC 1991, RFC 4880, RFC 9580; version 5 from draft-koch-librepgp. For keys see
`triage.formats.openpgp_keys`, for the armored form `triage.formats.armor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from triage.errors import LimitError, ParseError

MAX_PACKETS = 500_000
MAX_RECIPIENTS = 1000

PKESK, SIGNATURE, SKESK, ONE_PASS, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY = 1, 2, 3, 4, 5, 6, 7
COMPRESSED, ENCRYPTED, MARKER, LITERAL, USER_ID, PUBLIC_SUBKEY = 8, 9, 10, 11, 13, 14
ENCRYPTED_MDC, ENCRYPTED_AEAD = 18, 20
_DATA = frozenset({COMPRESSED, ENCRYPTED, LITERAL, ENCRYPTED_MDC, ENCRYPTED_AEAD})

_V3, _V4, _V5, _V6 = 3, 4, 5, 6
_TWO_OCTETS, _FIVE_OCTETS, _PARTIAL = 192, 255, 224
_KEY_ID = 8  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet; `whole` is false when the data ended before the packet did."""

    tag: int
    body: bytes
    offset: int
    whole: bool = True


def packets(data: bytes) -> Iterator[Packet]:
    """Yield packets in order, the last one perhaps cut short.

    Raises ParseError where no packet begins, LimitError beyond `MAX_PACKETS`; what was yielded
    until then stands.
    """
    at = 0
    for _ in range(MAX_PACKETS):
        if at >= len(data):
            return
        first = data[at]
        if not first & 0x80:
            raise ParseError("not an OpenPGP packet", where=f"byte {at}")
        if first & 0x40:
            tag = first & 0x3F
            body, end, whole = _new_body(data, at + 1, partial=tag in _DATA)
        else:
            tag = (first >> 2) & 0x0F
            body, end, whole = _old_body(data, at + 1, first & 3)
        if tag == 0:
            raise ParseError("an OpenPGP packet of the reserved type", where=f"byte {at}")
        yield Packet(tag=tag, body=body, offset=at, whole=whole)
        at = end
    raise LimitError(f"more than {MAX_PACKETS} OpenPGP packets")


def _old_body(data: bytes, at: int, kind: int) -> tuple[bytes, int, bool]:
    if kind == 3:  # noqa: PLR2004 - without a length: to the end of the data
        return data[at:], len(data), True
    start = at + (1 << kind)
    length = int.from_bytes(data[at:start], "big")
    whole = start <= len(data) and start + length <= len(data)
    return data[start : start + length], start + length, whole


def _new_body(data: bytes, at: int, *, partial: bool) -> tuple[bytes, int, bool]:
    chunks: list[bytes] = []
    while True:
        if at >= len(data):
            return b"".join(chunks), at, False
        octet = data[at]
        more = _PARTIAL <= octet < _FIVE_OCTETS
        if more:
            if not partial:
                raise ParseError("a partial length where none is allowed", where=f"byte {at}")
            start, length = at + 1, 1 << (octet & 0x1F)
        elif octet < _TWO_OCTETS:
            start, length = at + 1, octet
        elif octet < _PARTIAL:
            start = at + 2
            length = ((octet - _TWO_OCTETS) << 8) + int.from_bytes(data[at + 1 : start], "big")
            length += _TWO_OCTETS
        else:
            start, length = at + 5, int.from_bytes(data[at + 1 : at + 5], "big")
        chunks.append(data[start : start + length])
        at = start + length
        if start > len(data) or at > len(data):
            return b"".join(chunks), at, False
        if not more:
            return b"".join(chunks), at, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a signature packet states in clear."""

    kind: int  # 0x13 certification, 0x18 subkey binding, 0x20 revocation …
    created: int | None  # seconds since 1970
    issuer: str | None  # key id, 16 digits
    lifetime: int | None  # seconds from the creation of the key until it expires
    version: int


def signature(packet: Packet) -> Signature:
    """Read a signature of version 2 to 6. Raises ParseError."""
    body = packet.body
    version = body[0] if body else 0
    if version in {2, _V3} and len(body) >= 15:  # noqa: PLR2004 - through the key id
        return Signature(
            kind=body[2],
            created=int.from_bytes(body[3:7], "big"),
            issuer=body[7:15].hex().upper(),
            lifetime=None,
            version=version,
        )
    if version not in {_V4, _V5, _V6} or len(body) < 6:  # noqa: PLR2004
        raise ParseError("a signature of unknown form", where=f"byte {packet.offset}")
    width = 4 if version == _V6 else 2
    hashed_end = 4 + width + int.from_bytes(body[4 : 4 + width], "big")
    hashed = body[4 + width : hashed_end]
    rest = int.from_bytes(body[hashed_end : hashed_end + width], "big")
    unhashed = body[hashed_end + width : hashed_end + width + rest]
    stated = dict(_subpackets(hashed))
    issuer = None
    for kind, value in (*stated.items(), *_subpackets(unhashed)):
        if kind == 16 and len(value) == 8:  # noqa: PLR2004 - issuer's key id
            issuer = value.hex().upper()
        elif kind == 33 and len(value) > 20:  # noqa: PLR2004 - issuer's fingerprint
            issuer = (value[-8:] if value[0] == _V4 else value[1:9]).hex().upper()
    return Signature(
        kind=body[1],
        created=int.from_bytes(stated[2], "big") if len(stated.get(2, b"")) == 4 else None,  # noqa: PLR2004
        issuer=issuer,
        lifetime=int.from_bytes(stated[9], "big") if len(stated.get(9, b"")) == 4 else None,  # noqa: PLR2004
        version=version,
    )


def _subpackets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        octet = data[at]
        if octet < _TWO_OCTETS:
            at, length = at + 1, octet
        elif octet < _FIVE_OCTETS:
            length = ((octet - _TWO_OCTETS) << 8) + int.from_bytes(data[at + 1 : at + 2], "big")
            at, length = at + 2, length + _TWO_OCTETS
        else:
            at, length = at + 5, int.from_bytes(data[at + 1 : at + 5], "big")
        if length == 0 or at + length > len(data):
            return
        yield data[at] & 0x7F, data[at + 1 : at + length]
        at += length


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """To whom a message is encrypted, as it states in clear."""

    key_ids: tuple[str, ...]  # 16 digits each; a version 6 recipient by its fingerprint's first 16
    hidden: int  # recipients without an id
    passwords: int  # ways to open it by password
    data: bool  # encrypted data follows


def recipients(found: Iterable[Packet]) -> Recipients | None:
    """Read the head of an encrypted message; None when the packets are something else."""
    ids: list[str] = []
    hidden = passwords = 0
    data = False
    try:
        for packet in found:
            if packet.tag == PKESK and packet.body[:1] == b"\x03":
                key_id = packet.body[1:9].hex().upper()
                hidden += key_id == "0" * 16
                ids += [key_id] if key_id.strip("0") and len(key_id) == 16 else []  # noqa: PLR2004
            elif packet.tag == PKESK and packet.body[:1] == b"\x06":
                name = packet.body[3 : 2 + packet.body[1]] if len(packet.body) > 1 else b""
                hidden += not name
                ids += [name[:8].hex().upper()] if len(name) == 32 else []  # noqa: PLR2004
                ids += [name[-8:].hex().upper()] if len(name) == 20 else []  # noqa: PLR2004
            elif packet.tag == SKESK:
                passwords += 1
            elif packet.tag in {ENCRYPTED, ENCRYPTED_MDC, ENCRYPTED_AEAD}:
                data = True
                break
            elif packet.tag != MARKER:
                return None
            if len(ids) >= MAX_RECIPIENTS:
                break
    except ParseError:
        pass  # what follows the head may be anything; without data it counts for less
    if not (ids or hidden or passwords or data):
        return None
    return Recipients(
        key_ids=tuple(dict.fromkeys(ids)), hidden=hidden, passwords=passwords, data=data
    )
