"""LUKS 1 and 2: from a passphrase or key file to the key of the volume, and to its bytes.

Sources: "LUKS1 On-Disk Format Specification" 1.2.3, "LUKS2 On-Disk Format Specification" 1.1.2;
checked against volumes of cryptsetup 2.6 (PBKDF2, Argon2i and Argon2id, XTS and CBC-ESSIV, sectors
of 512 and 4096 bytes, detached areas). AES only; no dm-integrity, no volume amid re-encryption.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2i, Argon2id

from triage.errors import EvidenceError, ParseError
from triage.evidence.decrypted import Area, Areas
from triage.evidence.layers import Layer
from triage.evidence.locks import Secret, SecretKind, VolumeKey
from triage.evidence.sectors import Sectors, sectors
from triage.model import Reader, Volume

NAME: Final = "luks"
SCHEMES: Final = ("luks1", "luks2")

_SECTOR: Final = 512
_SLOTS: Final = 8
_ACTIVE: Final = 0x00AC71F3
_MOST_KEY: Final = 64  # bytes
_MOST_STRIPES: Final = 16_000
_MOST_ROUNDS: Final = 200_000_000  # of PBKDF2: some minutes
_MOST_LANES: Final = 16
_MOST_PASSES: Final = 1000
_MOST_JSON: Final = 4 << 20
_HASHES: Final = ("sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160")
_SECOND: Final = tuple(0x4000 << shift for shift in range(9))  # where a second header may stand
_TYPED: Final = (SecretKind.PASSWORD, SecretKind.KEY_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One place of the key, encrypted with what is derived from a passphrase."""

    derive: Callable[[bytes, int], bytes]  # passphrase, bytes of memory → key of the area
    place: int  # bytes from the start of the volume
    cipher: str
    size: int  # bytes of the key that it keeps
    stripes: int
    hash: str
    fits: Callable[[bytes], bool]  # whether a key is that of the volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Luks:
    """A volume. `areas` makes its content readable with the key."""

    reader: Reader
    volume: Volume
    slots: tuple[_Slot, ...]
    areas: Callable[[bytes], list[Area]]

    def clear(self) -> VolumeKey | None:
        """Return None: the key never lies in clear."""
        return None

    def opened(self, secret: Secret, *, memory: int) -> bytes | None:
        """Try a passphrase or key file on all slots, or the key itself."""
        if secret.kind is SecretKind.KEY:
            return secret.value if any(slot.fits(secret.value) for slot in self.slots) else None
        if secret.kind not in _TYPED:
            return None
        problem: ParseError | EvidenceError | None = None
        for slot in self.slots:
            try:
                key = self._from(slot, slot.derive(secret.value, memory))
            except (ParseError, EvidenceError) as error:
                problem = error
                continue
            if slot.fits(key):
                return key
        if problem is not None:
            raise problem
        return None

    def _from(self, slot: _Slot, area_key: bytes) -> bytes:
        """Return the key that a slot keeps, right or wrong: 5.2 and 4.1 of the specification."""
        length = -(-slot.size * slot.stripes // _SECTOR) * _SECTOR
        data = self.reader.read_at(self.volume.offset + slot.place, length)
        if len(data) != length:
            raise EvidenceError("a key slot lies outside of the volume")
        cipher = sectors(slot.cipher, area_key)
        area = Area(at=0, length=length, below=0, sectors=cipher)
        plain = area.read(_Bytes(data), 0, slot.size * slot.stripes)
        return _merged(plain, slot.size, slot.hash)

    def layer(self, key: bytes) -> Layer:
        """Return the decrypted volume."""
        return Areas(
            self.reader,
            self.areas(key),
            name=NAME,
            description="content of the LUKS volume",
            details={},
        )


@dataclass(frozen=True, slots=True)
class _Bytes:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def _merged(stripes: bytes, size: int, name: str) -> bytes:
    """Undo the anti-forensic splitter: each stripe is mixed through the hash of those before."""
    mixed = bytes(size)
    for at in range(0, len(stripes), size):
        mixed = bytes(a ^ b for a, b in zip(mixed, stripes[at : at + size], strict=True))
        if at + size < len(stripes):
            mixed = _diffused(mixed, name)
    return mixed


def _diffused(data: bytes, name: str) -> bytes:
    size = hashlib.new(name, usedforsecurity=False).digest_size
    parts = []
    for number, at in enumerate(range(0, len(data), size)):
        part = data[at : at + size]
        digest = hashlib.new(name, struct.pack(">I", number) + part, usedforsecurity=False)
        parts.append(digest.digest()[: len(part)])
    return b"".join(parts)


def _hash(name: str) -> str:
    name = name.lower()
    if name not in _HASHES or name not in hashlib.algorithms_available:
        raise ParseError(f"the hash {name[:32]}, which is not read")
    return name


def _pbkdf2(name: str, salt: bytes, rounds: int, size: int) -> Callable[[bytes, int], bytes]:
    if not 0 < rounds <= _MOST_ROUNDS or not 0 < size <= _MOST_KEY:
        raise ParseError("odd parameters of PBKDF2")
    return lambda secret, _: hashlib.pbkdf2_hmac(name, secret, salt, rounds, size)


def _digest(name: str, salt: bytes, rounds: int, expected: bytes) -> Callable[[bytes], bool]:
    derive = _pbkdf2(name, salt, rounds, len(expected))
    return lambda key: hmac.compare_digest(derive(key, 0), expected)


def read_luks(reader: Reader, volume: Volume) -> Luks:
    """Read the header of a volume. Raises ParseError and EvidenceError."""
    head = reader.read_at(volume.offset, 4096)
    if head[:8] == b"LUKS\xba\xbe\x00\x01":
        return _luks1(reader, volume, head)
    if head[:8] == b"LUKS\xba\xbe\x00\x02":
        return _luks2(reader, volume, head, 0)
    for place in _SECOND:
        head = reader.read_at(volume.offset + place, 4096)
        if head[:8] == b"SKUL\xba\xbe\x00\x02":
            return _luks2(reader, volume, head, place)
    raise ParseError("no header of LUKS")


def _luks1(reader: Reader, volume: Volume, head: bytes) -> Luks:
    name, mode, hashed = (_text(head[at : at + 32]) for at in (8, 40, 72))
    payload, size = struct.unpack_from(">II", head, 104)
    (rounds,) = struct.unpack_from(">I", head, 164)
    if not 0 < size <= _MOST_KEY:
        raise ParseError(f"LUKS with a key of {size} bytes")
    hashed, cipher = _hash(hashed), f"{name}-{mode}"
    fits = _digest(hashed, head[132:164], rounds, head[112:132])
    slots = []
    for number in range(_SLOTS):
        entry = struct.unpack_from(">II32sII", head, 208 + 48 * number)
        active, count, salt, place, stripes = entry
        if active == _ACTIVE and 0 < stripes <= _MOST_STRIPES:
            slots.append(
                _Slot(
                    derive=_pbkdf2(hashed, salt, count, size),
                    place=place * _SECTOR,
                    cipher=cipher,
                    size=size,
                    stripes=stripes,
                    hash=hashed,
                    fits=fits,
                )
            )
    start = payload * _SECTOR
    length = max(0, volume.length - start) // _SECTOR * _SECTOR

    def areas(key: bytes) -> list[Area]:
        below = volume.offset + start
        return [Area(at=0, length=length, below=below, sectors=sectors(cipher, key))]

    return Luks(reader=reader, volume=volume, slots=tuple(slots), areas=areas)


def _luks2(reader: Reader, volume: Volume, head: bytes, place: int) -> Luks:
    size = min(int.from_bytes(head[8:16], "big"), _MOST_JSON)
    raw = reader.read_at(volume.offset + place + 4096, max(0, size - 4096)).split(b"\x00")[0]
    try:
        area = json.loads(raw)
        slots = tuple(_luks2_slots(area))
        segments = list(_segments(area["segments"], volume))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise ParseError("the header of LUKS2 is damaged") from None

    def areas(key: bytes) -> list[Area]:
        return [segment(sectors(cipher, key)) for cipher, segment in segments]

    return Luks(reader=reader, volume=volume, slots=slots, areas=areas)


def _luks2_slots(area: dict[str, Any]) -> Iterator[_Slot]:
    used = {name for name, _ in _numbered(area["segments"])}
    for digest in area["digests"].values():
        if digest["type"] != "pbkdf2" or not used.intersection(digest["segments"]):
            continue  # of a key that re-encryption has not come to, or has left behind
        fits = _digest(
            _hash(digest["hash"]),
            _base64(digest["salt"]),
            int(digest["iterations"]),
            _base64(digest["digest"]),
        )
        for name in digest["keyslots"][:32]:
            slot = area["keyslots"].get(name)
            if slot is None or slot["type"] != "luks2" or slot["area"]["type"] != "raw":
                continue
            size, stripes = int(slot["key_size"]), int(slot["af"]["stripes"])
            if not 0 < size <= _MOST_KEY or not 0 < stripes <= _MOST_STRIPES:
                raise ParseError("odd sizes in a key slot")
            yield _Slot(
                derive=_kdf(slot["kdf"], int(slot["area"]["key_size"])),
                place=int(slot["area"]["offset"]),
                cipher=str(slot["area"]["encryption"]),
                size=size,
                stripes=stripes,
                hash=_hash(slot["af"]["hash"]),
                fits=fits,
            )


def _kdf(kdf: dict[str, Any], size: int) -> Callable[[bytes, int], bytes]:
    kind, salt = kdf["type"], _base64(kdf["salt"])
    if kind == "pbkdf2":
        return _pbkdf2(_hash(kdf["hash"]), salt, int(kdf["iterations"]), size)
    algorithm: Any = {"argon2i": Argon2i, "argon2id": Argon2id}.get(kind)
    passes, kilobytes, lanes = int(kdf["time"]), int(kdf["memory"]), int(kdf["cpus"])
    sound = 0 < passes <= _MOST_PASSES and 0 < lanes <= _MOST_LANES and 0 < size <= _MOST_KEY
    if algorithm is None or not sound or kilobytes < 8 * lanes:
        raise ParseError(f"the key derivation {str(kind)[:32]} with odd parameters")

    def derive(secret: bytes, memory: int) -> bytes:
        if kilobytes << 10 > memory:
            needed = f"{kilobytes >> 10} MiB"
            raise ParseError(f"a key slot needs {needed} to try a password: more than allowed")
        try:
            derivation = algorithm(
                salt=salt, length=size, iterations=passes, lanes=lanes, memory_cost=kilobytes
            )
            key: bytes = derivation.derive(secret)
        except (UnsupportedAlgorithm, ValueError):
            raise ParseError(f"{kind} is not available") from None
        return key

    return derive


def _numbered(segments: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the segments that make up the volume, in their order."""
    kept = [
        (name, segment)
        for name, segment in segments.items()
        if not any(str(flag).startswith("backup-") for flag in segment.get("flags", ()))
    ]
    return sorted(kept, key=lambda item: int(item[0]))


def _segments(
    segments: dict[str, Any], volume: Volume
) -> Iterator[tuple[str, Callable[[Sectors], Area]]]:
    found = _numbered(segments)
    if len(found) != 1 or found[0][1]["type"] != "crypt":
        raise ParseError("LUKS2 in the middle of a re-encryption, which is not read")
    segment = found[0][1]
    if "integrity" in segment:
        raise ParseError("LUKS2 with integrity (dm-integrity), which is not read")
    start, sector = int(segment["offset"]), int(segment["sector_size"])
    if sector not in {512, 1024, 2048, 4096} or not 0 <= start <= volume.length:
        raise ParseError("odd sizes of a segment")
    most = volume.length - start
    length = most if segment["size"] == "dynamic" else min(most, int(segment["size"]))
    first = int(segment["iv_tweak"])

    def area(cipher: Sectors) -> Area:
        return Area(
            at=0,
            length=length // sector * sector,
            below=volume.offset + start,
            sectors=cipher,
            first=first,
            step=sector // _SECTOR,
            sector=sector,
        )

    yield str(segment["encryption"]), area


def _text(data: bytes) -> str:
    return data.split(b"\x00")[0].decode("ascii", "replace").lower()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ParseError("the header of LUKS2 is damaged") from None
