"""Save files of Tox: own id, name, friends.

Little-endian: zero, the magic 0x15ED1B1F, then sections of length (u32), type (u16), cookie 0x01CE.
Section 1 holds nospam, public and secret key; 3 the friends, 2216 bytes each, whose numbers are
big-endian; 4 the name, 5 the status message. A Tox id is public key, nospam, and a checksum that is
the XOR of their pairs of bytes. A save that begins with `toxEsave` is encrypted with a password.

Sources: TokTok/c-toxcore, `state.h`, `Messenger.c` (`saved_friend_*`), `toxencryptsave.c`. Checked
against saves of c-toxcore's own tests and of Toxic 0.11.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from triage.errors import LimitError, ParseError

LIMIT: Final = 16 << 20
ENCRYPTED: Final = b"toxEsave"
MAGIC: Final = bytes(4) + bytes.fromhex("1f1bed15")

_COOKIE: Final = 0x01CE
_SECTION: Final = 8
_KEYS, _FRIENDS, _NAME, _STATUS, _END = 1, 3, 4, 5, 255
_KEY: Final = 32
_NOSPAM: Final = 4
_FRIEND: Final = 2216
_MOST_FRIENDS: Final = 5000
_CONFIRMED: Final = 3  # also 4, online; below, a request that was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Friend:
    """One friend. `last_seen` is seconds since 1970 UTC, 0 for never."""

    position: int
    public_key: str
    confirmed: bool
    request: str  # the words of the request, while it is one
    name: str
    status: str
    last_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """A save file. `proven`: the public key belongs to the secret one, which is not kept."""

    tox_id: str  # 76 hexadecimal digits, capitals
    proven: bool
    name: str
    status: str
    friends: tuple[Friend, ...] = field(default=())

    @property
    def public_key(self) -> str:
        """The part of the id that stays when nospam is changed."""
        return self.tox_id[: 2 * _KEY]


def read(data: bytes) -> Save:
    """Read a plain save. Raises ParseError when it is none, is cut short, or has no keys."""
    if len(data) > LIMIT:
        raise LimitError(f"a save of Tox larger than {LIMIT} bytes")
    if not data.startswith(MAGIC):
        raise ParseError("not a save of Tox")
    sections = _sections(data)
    keys = sections.get(_KEYS, b"")
    if len(keys) != _NOSPAM + 2 * _KEY:
        raise ParseError("a save of Tox without keys")
    public = keys[_NOSPAM : _NOSPAM + _KEY]
    return Save(
        tox_id=tox_id(public, keys[:_NOSPAM]),
        proven=_belongs(public, keys[_NOSPAM + _KEY :]),
        name=_text(sections.get(_NAME, b"")),
        status=_text(sections.get(_STATUS, b"")),
        friends=tuple(_friends(sections.get(_FRIENDS, b""))),
    )


def tox_id(public_key: bytes, nospam: bytes) -> str:
    """Return the id of a public key (32 bytes) and nospam (4 bytes)."""
    data = public_key + nospam
    checksum = bytearray(2)
    for at, byte in enumerate(data):
        checksum[at % 2] ^= byte
    return (data + checksum).hex().upper()


def _sections(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = len(MAGIC)
    while at + _SECTION <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        kind = int.from_bytes(data[at + 4 : at + 6], "little")
        cookie = int.from_bytes(data[at + 6 : at + 8], "little")
        if cookie != _COOKIE or length > len(data) - at - _SECTION:
            raise ParseError("a section of a save of Tox is damaged")
        at += _SECTION
        if kind == _END:
            return found
        found.setdefault(kind, data[at : at + length])
        at += length
    raise ParseError("a save of Tox is cut short")


def _friends(data: bytes) -> list[Friend]:
    if len(data) % _FRIEND:
        raise ParseError("the friends of a save of Tox are not whole")
    found = []
    for position in range(min(len(data) // _FRIEND, _MOST_FRIENDS)):
        entry = data[position * _FRIEND : (position + 1) * _FRIEND]
        if entry[0]:  # 0 is an empty place
            confirmed = entry[0] >= _CONFIRMED
            found.append(
                Friend(
                    position=position,
                    public_key=entry[1:33].hex().upper(),
                    confirmed=confirmed,
                    request="" if confirmed else _part(entry, 33, 1024, 1058),
                    name=_part(entry, 1060, 128, 1188),
                    status=_part(entry, 1190, 1007, 2198),
                    last_seen=int.from_bytes(entry[2208:2216], "big"),
                )
            )
    return found


def _part(entry: bytes, at: int, most: int, length_at: int) -> str:
    length = int.from_bytes(entry[length_at : length_at + 2], "big")
    return _text(entry[at : at + min(length, most)])


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _belongs(public: bytes, secret: bytes) -> bool:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw() == public
