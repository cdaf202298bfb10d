"""BitLocker: from a password, recovery key, start-up key or clear key to the bytes of a volume.

Sources: libbde, "BitLocker Drive Encryption (BDE) format"; N. Ferguson, "AES-CBC + Elephant
diffuser". Checked against the volumes of Windows 7 to 11 in the tests of cryptsetup: each whole
decrypted volume has the hash given there. Not read: fixed volumes of Vista (metadata of version 1),
volumes whose encryption of used space has only begun, and keys in a TPM or on a smart
card.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from triage.errors import EvidenceError, ParseError
from triage.evidence.arrays import Array
from triage.evidence.decrypted import CHUNK, Area, Areas
from triage.evidence.layers import Layer
from triage.evidence.locks import Secret, SecretKind, VolumeKey
from triage.evidence.sectors import Sectors, aes_cbc, aes_xts, encrypted_numbers
from triage.model import Reader, Volume

NAME: Final = "bitlocker"

_SIGNATURE: Final = b"-FVE-FS-"
_BOOTS: Final = b"\x55\xaa"  # the end of a boot sector
_BLOCK: Final = 64 << 10  # of metadata; there are three
_HEAD, _BLOCK_HEAD = 112, 64
_ENTRIES: Final = 256
_ROUNDS: Final = 0x100000
_VMK, _FVEK, _EXTERNAL, _VOLUME_HEADER = 0x2, 0x3, 0x6, 0xF  # types of entries
_IS_KEY, _IS_STRETCH, _IS_ENCRYPTED, _IS_VMK, _IS_EXTERNAL = 0x1, 0x3, 0x5, 0x8, 0x9  # values
_CLEAR, _STARTUP, _RECOVERY, _PASSWORD = 0x0000, 0x0200, 0x0800, 0x2000
_KEY_HEAD: Final = 12  # of a decrypted key: size, version, method
_BEK_HEAD: Final = 48
_GROUPS: Final = re.compile(rb"\d{6}(?:-\d{6}){7}", re.ASCII)

_Entry = tuple[int, int, bytes]  # type, value, content


@dataclass(frozen=True, slots=True, kw_only=True)
class _Protector:
    """One way to the master key: how it is protected, salt, and its encrypted form."""

    kind: int
    clear: bytes | None
    salt: bytes | None
    encrypted: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BitLocker:
    """A volume whose metadata were read."""

    reader: Reader
    volume: Volume
    method: int
    sector: int
    size: int  # bytes of the volume
    encrypted: int  # bytes from its start; behind them it is not encrypted yet, or any more
    metadata: tuple[int, ...]  # where the three blocks lie
    head: tuple[int, int]  # where the first bytes of the volume went, and how many
    protectors: tuple[_Protector, ...]
    key: bytes  # of the sectors, encrypted with the master key

    def clear(self) -> VolumeKey | None:
        """Return the key where the protection is suspended."""
        for protector in self.protectors:
            if protector.kind == _CLEAR and protector.clear is not None:
                key = self._through(protector, protector.clear)
                if key is not None:
                    by = "clear key on the volume: the protection is suspended"
                    return VolumeKey(volume=self.volume.name, key=key, opened_by=by)
        return None

    def opened(self, secret: Secret, *, memory: int) -> bytes | None:
        """Try a secret on the protectors of its kind."""
        del memory
        kinds = {
            SecretKind.PASSWORD: (_PASSWORD, _RECOVERY),
            SecretKind.RECOVERY_KEY: (_RECOVERY,),
            SecretKind.KEY_FILE: (_STARTUP, _RECOVERY),
            SecretKind.KEY: (),
        }[secret.kind]
        if secret.kind is SecretKind.KEY:
            return secret.value if self._boots(secret.value) else None
        for protector in self.protectors:
            if protector.kind not in kinds:
                continue
            for derived in _derived(protector, secret):
                key = self._through(protector, derived)
                if key is not None:
                    return key
        return None

    def _boots(self, key: bytes) -> bool:
        """Whether a key gives a boot sector."""
        wanted = 64 if self.method in _DIFFUSED else _CBC.get(self.method) or _XTS.get(self.method)
        if len(key) != wanted:
            return False
        return self._areas_of(key).read_at(510, 2) == _BOOTS

    def _through(self, protector: _Protector, derived: bytes) -> bytes | None:
        """Return the key of the sectors, by the master key that a protector keeps."""
        master = protector.encrypted and _unwrapped(derived, protector.encrypted)
        return _unwrapped(master, self.key) if master else None

    def layer(self, key: bytes) -> Layer:
        """Return the decrypted volume; the metadata in it are zeros, as Windows shows it."""
        made = self._areas_of(key)
        if made.read_at(510, 2) != _BOOTS:
            raise ParseError("decrypted it has no boot sector: it is not encrypted yet, or damaged")
        return made

    def _areas_of(self, key: bytes) -> Areas:
        return Areas(
            self.reader,
            list(self._areas(_sectors(self.method, key, self.sector))),
            name=NAME,
            description="content of the BitLocker volume",
            details={},
            # The diffuser works on columns: what it costs hardly grows with their number.
            chunk=8 * CHUNK if self.method in _DIFFUSED else CHUNK,
        )

    def _areas(self, cipher: Sectors) -> Iterator[Area]:
        place, length = self.head
        holes = sorted({*((at, _BLOCK) for at in self.metadata), (place, length)})
        yield self._area(0, length, place, cipher)
        at = length
        for hole, size in [*holes, (self.size, 0)]:
            start, end = min(hole, self.size), min(hole + size, self.size)
            if at < start:
                yield from self._run(at, start, cipher)
            if max(at, start) < end:
                yield Area(at=max(at, start), length=end - max(at, start), below=None)
            at = max(at, end)

    def _run(self, at: int, end: int, cipher: Sectors) -> Iterator[Area]:
        border = min(max(at, self.encrypted), end)
        if at < border:
            yield self._area(at, border - at, at, cipher)
        if border < end:
            below = self.volume.offset + border
            yield Area(at=border, length=end - border, below=below)

    def _area(self, at: int, length: int, place: int, cipher: Sectors) -> Area:
        return Area(
            at=at,
            length=length,
            below=self.volume.offset + place,
            sectors=cipher,
            first=place // self.sector,
            sector=self.sector,
        )


def read_bitlocker(reader: Reader, volume: Volume) -> BitLocker:
    """Read the metadata of a volume, from the first block that is sound.

    Raises ParseError and EvidenceError.
    """
    head = reader.read_at(volume.offset, 512)
    if len(head) < 512:  # noqa: PLR2004
        raise EvidenceError("the volume ends early")
    places = struct.unpack_from("<3Q", head, 176 if head[3:11] == _SIGNATURE else 440)
    (sector,) = struct.unpack_from("<H", head, 11)
    if sector not in {512, 1024, 2048, 4096}:
        raise ParseError("BitLocker with odd sectors")
    problem: ParseError | EvidenceError | struct.error | None = None
    for place in places:
        try:
            return _metadata(reader, volume, place, sector)
        except (ParseError, EvidenceError, struct.error) as error:
            problem = problem or error
    text = problem.message if isinstance(problem, ParseError) else "none can be read"
    raise ParseError(f"the metadata of BitLocker: {text}")


def _metadata(reader: Reader, volume: Volume, place: int, sector: int) -> BitLocker:
    if not 0 < place <= volume.length - _HEAD:
        raise ParseError("they lie outside of the volume")
    block = reader.read_at(volume.offset + place, min(_BLOCK, volume.length - place))
    if block[:8] != _SIGNATURE:
        raise ParseError("no signature")
    (version,) = struct.unpack_from("<H", block, 10)
    if version != 2:  # noqa: PLR2004
        raise ParseError(f"version {version}, which is not read")
    (encrypted,) = struct.unpack_from("<Q", block, 16)
    (sectors,) = struct.unpack_from("<I", block, 28)
    metadata = struct.unpack_from("<3Q", block, 32)
    (header,) = struct.unpack_from("<Q", block, 56)
    (size,) = struct.unpack_from("<I", block, _BLOCK_HEAD)
    (method,) = struct.unpack_from("<H", block, 100)
    length = sectors * sector
    key, protectors, whole = None, [], volume.length // sector * sector
    for kind, value, content in _entries(block[_HEAD : _BLOCK_HEAD + size]):
        if (kind, value) == (_VMK, _IS_VMK) and len(content) > 28:  # noqa: PLR2004
            protectors.append(_protector(content))
        elif (kind, value) == (_FVEK, _IS_ENCRYPTED):
            key = content
        elif kind == _VOLUME_HEADER and len(content) >= 16:  # noqa: PLR2004
            header, length = struct.unpack_from("<QQ", content)
    if key is None or not 0 <= length <= whole - header:
        raise ParseError("they do not add up")
    if any(number % sector for number in (header, length, *metadata)):
        raise ParseError("odd places")
    return BitLocker(
        reader=reader,
        volume=volume,
        method=method,
        sector=sector,
        size=whole,
        encrypted=encrypted // sector * sector,
        metadata=metadata,
        head=(header, length),
        protectors=tuple(protectors),
        key=key,
    )


def _entries(data: bytes) -> Iterator[_Entry]:
    at = 0
    for _ in range(_ENTRIES):
        if at + 8 > len(data):
            return
        size, kind, value, _ = struct.unpack_from("<4H", data, at)
        if size < 8 or at + size > len(data):  # noqa: PLR2004 - its own head
            return
        yield kind, value, data[at + 8 : at + size]
        at += size


def _protector(content: bytes) -> _Protector:
    (kind,) = struct.unpack_from("<H", content, 26)
    clear = salt = encrypted = None
    for _, value, data in _entries(content[28:]):
        if value == _IS_KEY:
            clear = data[4:]
        elif value == _IS_STRETCH:
            salt = data[4:20]
        elif value == _IS_ENCRYPTED:
            encrypted = data
    return _Protector(kind=kind, clear=clear, salt=salt, encrypted=encrypted)


def _unwrapped(key: bytes, data: bytes) -> bytes | None:
    """Open a wrapped key: nonce, authentication code, content. None where the key is wrong."""
    nonce, code, content = data[:12], data[12:28], data[28:]
    if len(key) not in {16, 24, 32} or not content:
        return None
    try:
        plain = AESCCM(key, tag_length=16).decrypt(nonce, content + code, None)
    except (InvalidTag, ValueError):
        return None
    return plain[_KEY_HEAD:]


def _derived(protector: _Protector, secret: Secret) -> Iterator[bytes]:
    """Yield the keys that a secret may give for a protector."""
    if protector.kind == _STARTUP:
        yield from _startup_keys(secret.value)
    if protector.salt is None or len(protector.salt) != 16:  # noqa: PLR2004
        return
    if protector.kind == _PASSWORD:
        text = secret.value.decode("utf-8", "replace").encode("utf-16-le")
        yield _stretched(hashlib.sha256(hashlib.sha256(text).digest()).digest(), protector.salt)
    elif protector.kind == _RECOVERY:
        found = _GROUPS.search(secret.value)
        numbers = [int(group) for group in found[0].split(b"-")] if found else []
        if numbers and all(number % 11 == 0 and number < 11 << 16 for number in numbers):
            packed = struct.pack("<8H", *(number // 11 for number in numbers))
            yield _stretched(hashlib.sha256(packed).digest(), protector.salt)


def _stretched(start: bytes, salt: bytes) -> bytes:
    """Return the key after a million rounds: last hash, first hash, salt, count."""
    last, behind, sha256 = bytes(32), start + salt, hashlib.sha256
    for count in range(_ROUNDS):
        last = sha256(last + behind + count.to_bytes(8, "little")).digest()
    return last


def _startup_keys(data: bytes) -> Iterator[bytes]:
    """Yield the keys of a BEK file."""
    for kind, value, content in _entries(data[_BEK_HEAD:]):
        if (kind, value) == (_EXTERNAL, _IS_EXTERNAL):
            for _, what, key in _entries(content[24:]):
                if what == _IS_KEY:
                    yield key[4:]


_CBC: Final = {0x8000: 16, 0x8001: 32, 0x8002: 16, 0x8003: 32}  # bytes of the key
_XTS: Final = {0x8004: 32, 0x8005: 64}
_DIFFUSED: Final = (0x8000, 0x8001)


def _sectors(method: int, key: bytes, size: int) -> Sectors:
    """Return what decrypts sectors; the vectors of CBC are byte offsets, encrypted."""
    if method in _XTS:
        return aes_xts(key[: _XTS[method]])
    if method not in _CBC:
        raise ParseError(f"the method 0x{method:04x} of BitLocker, which is not read")
    first = key[: _CBC[method]]
    vectors = encrypted_numbers(first)
    plain = aes_cbc(first, lambda numbers: vectors(numbers * np.uint64(size)))
    if method not in _DIFFUSED:
        return plain
    tweak = _tweaks(key[32 : 32 + _CBC[method]])

    def decrypt(data: bytes, numbers: Array) -> bytes:
        words = np.frombuffer(plain(data, numbers), "<u4").reshape(len(numbers), -1).T.copy()
        _undiffused(words)
        words ^= np.resize(tweak(numbers * np.uint64(size)).T, words.shape)
        return words.T.tobytes()

    return decrypt


def _tweaks(key: bytes) -> Callable[[Array], Array]:
    vectors = encrypted_numbers(key)
    marked = encrypted_numbers(key, last=0x80)

    def tweak(offsets: Array) -> Array:
        halves = [np.frombuffer(make(offsets), "<u4").reshape(-1, 4) for make in (vectors, marked)]
        return np.concatenate(halves, axis=1)

    return tweak


def _undiffused(words: Array) -> None:
    """Undo both diffusers in place; `words` has one row for each word, one column for a sector."""
    count = len(words)
    for cycles, near, far, turns in ((3, 2, 5, (0, 10, 0, 25)), (5, -2, -5, (9, 0, 13, 0))):
        for at in range(cycles * count):
            place, turn = at % count, turns[at % 4]
            other = words[(place + far) % count]
            if turn:
                other = (other << np.uint32(turn)) | (other >> np.uint32(32 - turn))
            words[place] += words[(place + near) % count] ^ other
