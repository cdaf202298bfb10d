"""OpenPGP keys: primary keys with their user ids, subkeys and what self-signatures state.

Versions 2 to 6. Signatures are not verified: an expiry or a revocation is what the bytes state, and
anybody can add a user id to a key. Of a secret key only its protection is read. Sources: RFC 1991,
RFC 4880, RFC 9580; version 5 from draft-koch-librepgp; the `GNU` S2K modes from GnuPG's
`doc/DETAILS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from triage.errors import LimitError, ParseError
from triage.formats.openpgp import (
    PUBLIC_KEY,
    PUBLIC_SUBKEY,
    SECRET_KEY,
    SECRET_SUBKEY,
    SIGNATURE,
    USER_ID,
    Packet,
    signature,
)

MAX_PARTS = 1000
"""User ids, and subkeys, that are kept of one key."""
MAX_USER_ID = 2048
"""Bytes of a user id that are kept; OpenPGP sets no limit, GnuPG stops here."""

_MAX_GROUP = 50_000  # packets of one key; signature spam reached 150,000 on key servers
_PRIMARY = frozenset({SECRET_KEY, PUBLIC_KEY})
_SUBKEYS = frozenset({SECRET_SUBKEY, PUBLIC_SUBKEY})
_SECRET = frozenset({SECRET_KEY, SECRET_SUBKEY})

_NAMES = {
    1: "rsa",
    2: "rsa",
    3: "rsa",
    16: "elgamal",
    17: "dsa",
    18: "ecdh",
    19: "ecdsa",
    20: "elgamal",
    22: "eddsa",
    25: "x25519",
    26: "x448",
    27: "ed25519",
    28: "ed448",
}
_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4, 20: 3}  # algorithm → how many MPIs are public
_RAW = {25: 32, 26: 56, 27: 32, 28: 57}  # algorithm → bytes of a plain public key
_WITH_CURVE = frozenset({18, 19, 22})
CURVES = {
    "2b06010401da470f01": "ed25519",
    "2b060104019755010501": "cv25519",
    "2b656e": "cv25519",
    "2b6570": "ed25519",
    "2b6571": "ed448",
    "2b656f": "cv448",
    "2a8648ce3d030107": "nistp256",
    "2b81040022": "nistp384",
    "2b81040023": "nistp521",
    "2b8104000a": "secp256k1",
    "2b2403030208010107": "brainpoolP256r1",
    "2b240303020801010b": "brainpoolP384r1",
    "2b240303020801010d": "brainpoolP512r1",
}
"""Object identifier in hexadecimal → GnuPG's name of the curve."""

_V3, _V4, _V5, _V6 = 3, 4, 5, 6
_GNU_S2K = 101
_CARD = 2  # mode of GNU's S2K: the key is on a smart card
_CERTIFICATIONS = frozenset({0x10, 0x11, 0x12, 0x13, 0x1F})
_KEY_REVOKED, _BINDING = 0x20, 0x18


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key or subkey. `created` is seconds since 1970; `numbers` are the public parts as stored.

    `protection` is None for a public key, else plain, encrypted, card or stub (secret part
    elsewhere); `card` is the serial number of the smart card, hexadecimal.
    """

    version: int
    created: int
    number: int  # of the algorithm
    algorithm: str  # rsa4096, ed25519, algorithm-99
    fingerprint: str  # upper-case hexadecimal
    key_id: str  # 16 digits, upper case
    curve: str | None = None
    numbers: tuple[bytes, ...] = field(default=(), repr=False)
    expires: int | None = None  # seconds since 1970, as a self-signature or a version 3 key states
    revoked: bool = False
    protection: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A primary key with what follows it, in the order of the packets."""

    key: PublicKey
    user_ids: tuple[str, ...]  # undecodable bytes are lone surrogates
    subkeys: tuple[PublicKey, ...]
    signers: int  # other keys that certified it
    offset: int


def public_key(packet: Packet) -> PublicKey:
    """Read the packet of a key or subkey, secret or public. Raises ParseError."""
    body = packet.body
    if len(body) < 6 or not packet.whole:  # noqa: PLR2004 - version, time, algorithm
        raise ParseError("a key packet is cut short", where=f"byte {packet.offset}")
    version, created = body[0], int.from_bytes(body[1:5], "big")
    if version in {2, _V3}:
        key, end = _old_key(body, created, packet)
    elif version in {_V4, _V5, _V6}:
        key, end = _key(body, created, packet)
    else:
        raise ParseError(f"a key of unknown version {version}", where=f"byte {packet.offset}")
    if packet.tag in _SECRET:
        protection, card = _protection(body[end:], version)
        return replace(key, protection=protection, card=card)
    return key


def _old_key(body: bytes, created: int, packet: Packet) -> tuple[PublicKey, int]:
    if len(body) < 8:  # noqa: PLR2004 - two more bytes of validity
        raise ParseError("a key packet is too short", where=f"byte {packet.offset}")
    days, number = int.from_bytes(body[5:7], "big"), body[7]
    numbers, end = _mpis(body, 8, _NUMBERS.get(number, 2), packet)
    modulus = numbers[0]
    # RFC 4880, 12.2: MD5 over the numbers without their lengths; the id is the end of the modulus.
    digest = hashlib.md5(b"".join(numbers), usedforsecurity=False).hexdigest()
    key = PublicKey(
        version=body[0],
        created=created,
        number=number,
        algorithm=_described(number, numbers, None),
        fingerprint=digest.upper(),
        key_id=modulus[-8:].hex().upper().rjust(16, "0"),
        numbers=numbers,
        expires=created + days * 86_400 if days else None,
    )
    return key, end


def _key(body: bytes, created: int, packet: Packet) -> tuple[PublicKey, int]:
    version, number = body[0], body[5]
    start = 6 if version == _V4 else 10
    curve = None
    numbers: tuple[bytes, ...]
    if number in _NUMBERS:
        numbers, end = _mpis(body, start, _NUMBERS[number], packet)
    elif number in _RAW:
        end = start + _RAW[number]
        numbers = (body[start:end],)
    elif number in _WITH_CURVE:
        at = start + 1 + (body[start] if start < len(body) else 0)
        oid = body[start + 1 : at].hex()
        curve = CURVES.get(oid, f"oid-{oid[:40]}")
        numbers, end = _mpis(body, at, 1, packet)
        if number == 18:  # noqa: PLR2004 - ECDH has parameters of its key derivation
            end += 1 + (body[end] if end < len(body) else 0)
    elif packet.tag in _SECRET and version == _V4:
        raise ParseError(f"a secret key of unknown algorithm {number}")
    else:
        numbers = ()
        end = len(body)
        if version != _V4:
            end = start + int.from_bytes(body[6:10], "big")
    if end > len(body):
        raise ParseError("a key packet is cut short", where=f"byte {packet.offset}")
    public = body[:end]
    if version == _V4:
        mark = b"\x99" + len(public).to_bytes(2, "big")
        if len(public) > 0xFFFF:  # noqa: PLR2004 - what two bytes can say
            raise ParseError("a key packet is too long", where=f"byte {packet.offset}")
        digest = hashlib.sha1(mark + public, usedforsecurity=False).hexdigest().upper()
        key_id = digest[-16:]
    else:
        mark = (b"\x9a" if version == _V5 else b"\x9b") + len(public).to_bytes(4, "big")
        digest = hashlib.sha256(mark + public).hexdigest().upper()
        key_id = digest[:16]
    key = PublicKey(
        version=version,
        created=created,
        number=number,
        algorithm=_described(number, numbers, curve),
        fingerprint=digest,
        key_id=key_id,
        curve=curve,
        numbers=numbers,
    )
    return key, end


def _mpis(body: bytes, at: int, count: int, packet: Packet) -> tuple[tuple[bytes, ...], int]:
    """Return multi-precision integers, without leading zeros, and where they end."""
    numbers = []
    for _ in range(count):
        length = (int.from_bytes(body[at : at + 2], "big") + 7) // 8
        number = body[at + 2 : at + 2 + length]
        if at + 2 > len(body) or len(number) < length:
            raise ParseError("a key packet is cut short", where=f"byte {packet.offset}")
        numbers.append(number)
        at += 2 + length
    return tuple(numbers), at


def _described(number: int, numbers: tuple[bytes, ...], curve: str | None) -> str:
    """Return the algorithm as GnuPG writes it: rsa4096, ed25519, cv25519."""
    name = _NAMES.get(number, f"algorithm-{number}")
    if curve:
        return curve if curve in CURVES.values() else f"{name} {curve}"
    if number in _NUMBERS:
        return f"{name}{int.from_bytes(numbers[0], 'big').bit_length()}"
    return name


def _protection(rest: bytes, version: int) -> tuple[str, str | None]:
    """Return how the secret part is kept, and the serial number of a card."""
    if not rest:
        return "stub", None
    usage = rest[0]
    if usage == 0:
        return "plain", None
    if usage not in {253, 254, 255}:
        return "encrypted", None  # the number of a cipher, as PGP 2 wrote it
    at = 1
    at += version >= _V5  # length of what follows
    at += 1 + (usage == 253)  # noqa: PLR2004 - cipher, and mode of an AEAD
    at += version == _V6
    s2k = rest[at : at + 7]
    if s2k[:1] == bytes((_GNU_S2K,)) and s2k[2:5] == b"GNU":
        if s2k[5:6] == bytes((_CARD,)):
            serial = rest[at + 7 : at + 7 + min(16, s2k[6] if len(s2k) > 6 else 0)]  # noqa: PLR2004
            return "card", serial.hex().upper() or None
        return "stub", None
    return "encrypted", None


def certificates(found: Iterable[Packet]) -> Iterator[Certificate | ParseError]:
    """Put packets together to keys with user ids and subkeys.

    A packet that cannot be read is yielded as the error it is, and reading goes on. Errors of the
    packet reader itself are raised after the key before them.
    """
    group: list[Packet] = []
    failure: ParseError | LimitError | None = None
    source = iter(found)
    while True:
        packet = None
        try:
            packet = next(source, None)
        except (ParseError, LimitError) as error:
            failure = error
        if packet is None or packet.tag in _PRIMARY:
            if group:
                yield from _certificate(group)
            group = []
        if packet is None:
            break
        if (packet.tag in _PRIMARY or group) and len(group) < _MAX_GROUP:
            group.append(packet)
    if failure:
        raise failure


def _certificate(group: list[Packet]) -> Iterator[Certificate | ParseError]:
    first, *rest = group
    try:
        parts = _Parts(key=public_key(first))
    except ParseError as error:
        yield error
        return
    for packet in rest:
        try:
            parts.add(packet)
        except ParseError as error:
            yield error
    yield parts.certificate(first.offset)


@dataclass(slots=True, kw_only=True)
class _Parts:
    """A key while its packets come in."""

    key: PublicKey
    user_ids: list[str] = field(default_factory=list)
    subkeys: list[PublicKey] = field(default_factory=list)
    signers: set[str] = field(default_factory=set)
    stated: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    # subkey, -1 for the primary key → time of the latest self-signature, lifetime it states

    def add(self, packet: Packet) -> None:
        """Take what follows the primary key. Raises ParseError."""
        if packet.tag == USER_ID and len(self.user_ids) < MAX_PARTS:
            self.user_ids.append(packet.body[:MAX_USER_ID].decode("utf-8", "surrogateescape"))
        elif packet.tag in _SUBKEYS and len(self.subkeys) < MAX_PARTS:
            self.subkeys.append(public_key(packet))
        elif packet.tag == SIGNATURE:
            self._sign(packet)
        if not packet.whole:
            raise ParseError("a packet is cut short", where=f"byte {packet.offset}")

    def _sign(self, packet: Packet) -> None:
        sig = signature(packet)
        if sig.issuer != self.key.key_id:
            if sig.issuer and sig.kind in _CERTIFICATIONS and len(self.signers) < MAX_PARTS:
                self.signers.add(sig.issuer)
            return
        if sig.kind == _KEY_REVOKED:
            self.key = replace(self.key, revoked=True)
        if sig.kind in _CERTIFICATIONS or sig.kind == _BINDING:
            target = len(self.subkeys) - 1 if sig.kind == _BINDING else -1
            made = sig.created or 0
            if made > self.stated.get(target, (-1, None))[0]:
                self.stated[target] = (made, sig.lifetime)

    def certificate(self, offset: int) -> Certificate:
        """Return what was put together."""
        return Certificate(
            key=_expiring(self.key, self.stated.get(-1)),
            user_ids=tuple(self.user_ids),
            subkeys=tuple(
                _expiring(key, self.stated.get(at)) for at, key in enumerate(self.subkeys)
            ),
            signers=len(self.signers),
            offset=offset,
        )


def _expiring(key: PublicKey, stated: tuple[int, int | None] | None) -> PublicKey:
    if stated is None or not stated[1]:
        return key
    return replace(key, expires=key.created + stated[1])
