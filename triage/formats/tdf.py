"""The `tdata` folder of Telegram Desktop: its containers, its keys, who is logged in.

A file is `TDF$`, the program's version (i32 little-endian), data, and MD5 over data, its length,
version and magic. Data is a QDataStream of Qt 5.1: big-endian, byte arrays and UTF-16 texts with a
u32 length, 0xFFFFFFFF for none. What is encrypted has a 16 byte SHA-1 of its content in front, and
is AES-256-IGE under a key of 256 bytes, as in MTProto 1. `key_datas` holds that key under another
that is made of the local passcode, which is empty unless the user set one: then it opens.

Sources: tdesktop, `storage/details/storage_file_utilities.cpp`, `storage_domain.cpp`,
`storage_account.cpp`, `serialize_peer.cpp`, `mtproto_auth_key.cpp`. Checked against folders of
Telegram Desktop 3.0 (with a passcode) and 4.6.5 (without).
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from triage.errors import LimitError, ParseError

LIMIT: Final = 4 << 20  # bytes of a file that holds keys, an account or a map
MAGIC: Final = b"TDF$"

_HEADER: Final = 8
_MD5: Final = 16
_BLOCK: Final = 16
_LENGTH: Final = 4  # in front of what was encrypted, itself included, little-endian
_NONE: Final = 0xFFFFFFFF
_SALT: Final = 32
_KEY: Final = 256
ITERATIONS: Final = 100_000
"""Rounds of PBKDF2 with a passcode; one without."""
_WIDE_IDS: Final = 0xFFFFFFFFFFFFFFFF  # stands where a 32-bit user id and the DC once stood
_AUTHORIZATION: Final = 75  # dbiMtpAuthorization
_MOST_ACCOUNTS: Final = 32
_MOST_ENTRIES: Final = 10_000

# Entries of a map: how many file keys (u64) follow the type.
_FILE_KEYS: Final = {
    **dict.fromkeys((0x04, *range(0x07, 0x10), 0x11, 0x12, 0x13, 0x18), 1),
    **dict.fromkeys((0x1A, 0x1B, 0x1C, 0x1E), 1),
    **dict.fromkeys((0x14, 0x19), 2),
    **dict.fromkeys((0x16, 0x17), 3),
    0x10: 4,
}
_DRAFTS, _CURSORS, _BOT_STORAGES = 0x01, 0x02, 0x1D
_LEGACY_MEDIA: Final = (0x03, 0x05, 0x06)
_SELF: Final = 0x15
_LEGACY_MEDIA_ENTRY: Final = 8 + 8 + 8 + 4

_PEER_VERSION_TAG: Final = 0x77FFFFFFFFFFFFFF
_MODERN_LOCATION: Final = 0x80000000
_FILE_REFERENCES_SINCE: Final = 1_003_013
_PEER_KINDS: Final = {0: "user", 1: "chat", 2: "channel"}
_PHONE = re.compile(r"\+?\d{5,16}", re.ASCII)


@dataclass(slots=True)
class Stream:
    """A QDataStream. Each read raises ParseError past the end."""

    data: bytes = field(repr=False)
    at: int = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= length <= len(self.data) - self.at:
            raise ParseError("a stream of Telegram is cut short")
        self.at += length
        return self.data[self.at - length : self.at]

    def u32(self) -> int:
        """Return the next 32-bit number."""
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        """Return the next 64-bit number."""
        return int.from_bytes(self.take(8), "big")

    def bytes(self) -> bytes:
        """Return the next byte array; none is empty."""
        length = self.u32()
        return b"" if length == _NONE else self.take(length)

    def text(self) -> str:
        """Return the next text."""
        return self.bytes().decode("utf-16-be", "replace")

    def done(self) -> bool:
        """Whether nothing follows."""
        return self.at == len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A file whose checksum fits. `version` counts like 4006005 for 4.6.5."""

    version: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """`key_datas`: the key of the folder, and how many accounts there are, both encrypted."""

    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)
    info: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What `key_datas` holds. `accounts` are positions: 0 is `data`, 1 is `data#2`."""

    local_key: bytes = field(repr=False)
    accounts: tuple[int, ...]
    active: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Who is logged in, and in which data centre. The keys behind them are not read."""

    user_id: int
    data_centre: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A chat by its id."""

    kind: str  # user, chat, channel
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The account's own entry."""

    id: int
    first_name: str
    last_name: str
    phone: str
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """What a map says in itself; the files that it names are not read.

    `whole` is false when an entry of an unknown type stopped the reading.
    """

    own: Person | None
    drafts: tuple[Peer, ...]
    whole: bool


def version_text(version: int) -> str:
    """Return a version as the program shows it: 4006005 is 4.6.5."""
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def folder_of(data_name: str) -> str:
    """Return the name of an account's folder and, with `s` behind it, of its file."""
    digest = hashlib.md5(data_name.encode(), usedforsecurity=False).digest()[:8]
    return "".join(f"{byte:02X}"[::-1] for byte in digest)


def container(data: bytes) -> Container:
    """Unpack a file. Raises ParseError when it is none or its checksum is wrong."""
    if len(data) > LIMIT:
        raise LimitError(f"a file of Telegram larger than {LIMIT} bytes")
    if len(data) < _HEADER + _MD5 or data[:4] != MAGIC:
        raise ParseError("not a file of Telegram Desktop")
    body, version = data[_HEADER:-_MD5], data[4:8]
    sealed = body + struct.pack("<I", len(body)) + version + MAGIC
    if hashlib.md5(sealed, usedforsecurity=False).digest() != data[-_MD5:]:
        raise ParseError("the checksum of a file of Telegram Desktop is wrong")
    return Container(version=int.from_bytes(version, "little"), data=body)


def key_file(found: Container) -> KeyFile:
    """Read `key_datas`. Raises ParseError."""
    stream = Stream(found.data)
    salt, key, info = stream.bytes(), stream.bytes(), stream.bytes()
    if len(salt) != _SALT or not _is_encrypted(key) or not _is_encrypted(info):
        raise ParseError("not the key file of Telegram Desktop")
    return KeyFile(salt=salt, key=key, info=info)


def open_key(file: KeyFile, passcode: bytes = b"") -> Opened | None:
    """Open `key_datas` with a local passcode, by default the empty one; None when it is another."""
    digest = hashlib.sha512(file.salt + passcode + file.salt).digest()
    rounds = ITERATIONS if passcode else 1
    outer = hashlib.pbkdf2_hmac("sha512", digest, file.salt, rounds, _KEY)
    local_key = decrypt(file.key, outer)
    return with_key(file, local_key) if local_key is not None else None


def with_key(file: KeyFile, local_key: bytes) -> Opened | None:
    """Open `key_datas` with the key of the folder itself; None when it is that of another.

    Setting a local passcode hides the key anew and does not change it.
    """
    if len(local_key) != _KEY:
        return None
    info = decrypt(file.info, local_key)
    if info is None:
        return None
    stream = Stream(info)
    count = stream.u32()
    if count > _MOST_ACCOUNTS:
        raise ParseError("more accounts than Telegram Desktop allows")
    accounts = tuple(stream.u32() for _ in range(count))
    # Before multiple accounts the active one was not written.
    active = None if stream.done() else stream.u32()
    return Opened(
        local_key=local_key, accounts=accounts, active=None if active == _NONE else active
    )


def authorization(found: Container, local_key: bytes) -> Authorization | None:
    """Read an account's file; None when the key does not open it. Raises ParseError."""
    plain = decrypt(Stream(found.data).bytes(), local_key)
    if plain is None:
        return None
    stream = Stream(plain)
    if stream.u32() != _AUTHORIZATION:
        raise ParseError("an account of Telegram begins with an unknown block")
    inner = Stream(stream.bytes())
    first = inner.u64()
    if first == _WIDE_IDS:
        return Authorization(user_id=inner.u64(), data_centre=inner.u32())
    return Authorization(user_id=first >> 32, data_centre=first & 0xFFFFFFFF)


def read_map(found: Container, local_key: bytes) -> Map | None:
    """Read an account's `maps`; None when the key does not open it. Raises ParseError."""
    outer = Stream(found.data)
    outer.bytes()  # salt and key of versions before 2.1.14
    outer.bytes()
    plain = decrypt(outer.bytes(), local_key)
    if plain is None:
        return None
    stream = Stream(plain)
    own: Person | None = None
    drafts: list[Peer] = []
    while not stream.done():
        kind = stream.u32()
        if kind in (_DRAFTS, _CURSORS, _BOT_STORAGES):
            for _ in range(_count(stream, 16)):
                stream.u64()
                peer = stream.u64()
                if kind == _DRAFTS:
                    drafts.append(peer_of(peer))
        elif kind in _LEGACY_MEDIA:
            stream.take(_count(stream, _LEGACY_MEDIA_ENTRY) * _LEGACY_MEDIA_ENTRY)
        elif kind == _SELF:
            own = _person(Stream(stream.bytes()), found.version)
        elif kind in _FILE_KEYS:
            stream.take(8 * _FILE_KEYS[kind])
        else:
            return Map(own=own, drafts=tuple(drafts), whole=False)
    return Map(own=own, drafts=tuple(drafts), whole=True)


def peer_of(number: int) -> Peer:
    """Return a chat from its id as stored: the kind stands above bit 48."""
    kind = _PEER_KINDS.get(number >> 48 & 0xFF, "unknown")
    return Peer(kind=kind, id=number & (1 << 48) - 1)


def _person(stream: Stream, version: int) -> Person | None:
    """Return the own entry; None when there is no telephone number where one must stand."""
    peer, tag = stream.u64(), stream.u64()
    layout = 0
    if tag == _PEER_VERSION_TAG:
        layout = stream.u32()
        stream.u64()  # id of the photo
    if stream.u32() == _MODERN_LOCATION:
        stream.bytes()
    else:
        stream.take(4 + 4 + 8 + 4 + 8)
        if version >= _FILE_REFERENCES_SINCE:
            stream.bytes()
    if layout:
        stream.u32()  # whether the photo moves
    first, last, phone, handle = (stream.text() for _ in range(4))
    if not _PHONE.fullmatch(phone):
        return None
    return Person(id=peer_of(peer).id, first_name=first, last_name=last, phone=phone, handle=handle)


def _count(stream: Stream, size: int) -> int:
    count = stream.u32()
    if count > _MOST_ENTRIES or count * size > len(stream.data) - stream.at:
        raise ParseError("a map of Telegram counts more than it holds")
    return count


def _is_encrypted(data: bytes) -> bool:
    return len(data) >= 2 * _BLOCK and len(data) % _BLOCK == 0


def decrypt(data: bytes, key: bytes) -> bytes | None:
    """Open what was encrypted under a key of 256 bytes; None when its SHA-1 does not fit."""
    if not _is_encrypted(data) or len(key) != _KEY:
        return None
    mark, cipher = data[:_BLOCK], data[_BLOCK:]
    plain = _ige(cipher, *_aes_of(mark, key))
    if hashlib.sha1(plain, usedforsecurity=False).digest()[:_BLOCK] != mark:
        return None
    length = int.from_bytes(plain[:_LENGTH], "little")
    if not _LENGTH <= length <= len(plain) or length <= len(plain) - _BLOCK:
        return None
    return plain[_LENGTH:length]


def _aes_of(mark: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Return AES key and vectors: the key derivation of MTProto 1, from the receiving side."""

    def sha1(*parts: bytes) -> bytes:
        return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()

    x = 8
    a = sha1(mark, key[x : x + 32])
    b = sha1(key[x + 32 : x + 48], mark, key[x + 48 : x + 64])
    c = sha1(key[x + 64 : x + 96], mark)
    d = sha1(mark, key[x + 96 : x + 128])
    return a[:8] + b[8:20] + c[4:16], a[8:20] + b[:8] + c[16:20] + d[:8]


def _ige(cipher: bytes, key: bytes, vectors: bytes) -> bytes:
    block = Cipher(AES(key), ECB()).decryptor()  # noqa: S305 - the block alone: IGE is built on it
    previous_cipher = int.from_bytes(vectors[:_BLOCK], "big")
    previous_plain = int.from_bytes(vectors[_BLOCK:], "big")
    out = bytearray()
    for at in range(0, len(cipher), _BLOCK):
        current = int.from_bytes(cipher[at : at + _BLOCK], "big")
        mixed = block.update((current ^ previous_plain).to_bytes(_BLOCK, "big"))
        previous_plain = int.from_bytes(mixed, "big") ^ previous_cipher
        previous_cipher = current
        out += previous_plain.to_bytes(_BLOCK, "big")
    return bytes(out)
