"""Encrypted backups of WhatsApp on Android, `msgstore.db.crypt12`, `.crypt14`, `.crypt15`.

crypt12 begins with fixed fields: cipher version (2 bytes), key version, server salt (32), Google id
salt (16), vector (16). crypt14 and 15 begin with a message of Protocol Buffers and its length as a
varint: field 2 (crypt14) has the same values, field 3 (crypt15) the vector alone, field 4 the
program's version and the last digits of the telephone number. Then follows AES-256-GCM, within it a
zlib stream or a ZIP archive. The key lies in the app's own folder: `files/key` (158 bytes, for 12
and 14, which names the same server salt as the backup), or `files/encrypted_backup.key` (a root
key, for 15, when the user asked for end-to-end encrypted backups). Both are a Java byte array.

Sources: WhatsApp's files; facts of ElDavoo/wa-crypt-tools (`docs`). Checked with a crypt14 backup,
its key and the database in it; crypt12 and crypt15 with backups made after them.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from triage.errors import LimitError, ParseError
from triage.formats import protobuf

ENCRYPTED_LIMIT: Final = 256 << 20
PLAIN_LIMIT: Final = 512 << 20
HEADER: Final = 4096  # bytes in which the header of a backup ends
KEY_LIMIT: Final = 1024  # bytes of a key file

_JAVA = bytes.fromhex("aced0005757200025b42acf317f8060854e00200007870")
_PAYLOAD: Final = len(_JAVA) + 4
_KEY_LENGTH: Final = 131
_ROOT_LENGTH: Final = 32
_CRYPT12: Final = 67
_IV: Final = 16
_CHUNK: Final = 1 << 20
_ZIP_HEADER: Final = 30
_DEFLATED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key. `server_salt` names the backups it opens, where they name one."""

    aes: bytes = field(repr=False)
    server_salt: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup says in clear. The encrypted part begins at `offset`."""

    form: str  # crypt12, crypt14, crypt15
    iv: bytes = field(repr=False)
    server_salt: bytes | None = field(repr=False)
    offset: int
    version: str | None
    number_ends_with: str | None


def key_of(data: bytes) -> Key:
    """Read a key file of either kind. Raises ParseError when it is none."""
    payload = data[_PAYLOAD:]
    declared = int.from_bytes(data[len(_JAVA) : _PAYLOAD], "big")
    if not data.startswith(_JAVA) or declared != len(payload):
        raise ParseError("not a key of WhatsApp")
    if declared == _ROOT_LENGTH:
        return root_key(payload)
    if declared != _KEY_LENGTH:
        raise ParseError("not a key of WhatsApp")
    server_salt, google_salt, digest = payload[3:35], payload[35:51], payload[51:83]
    if hashlib.sha256(google_salt).digest() != digest:
        raise ParseError("the checksum of a key of WhatsApp is wrong")
    return Key(aes=payload[99:131], server_salt=server_salt)


def root_key(root: bytes) -> Key:
    """Return the key of 32 bytes, the 64 digits that WhatsApp shows its user for crypt15.

    Raises ParseError for another length.
    """
    if len(root) != _ROOT_LENGTH:
        raise ParseError("not a key of WhatsApp")
    inner = hmac.digest(bytes(_ROOT_LENGTH), root, "sha256")
    return Key(aes=hmac.digest(inner, b"backup encryption\x01", "sha256"), server_salt=None)


def backup_of(head: bytes) -> Backup:
    """Read the first `HEADER` bytes of a backup. Raises ParseError when it is none."""
    if head[:2] == b"\x00\x01":
        if len(head) < _CRYPT12:
            raise ParseError("a backup of WhatsApp is cut short")
        return Backup(
            form="crypt12",
            iv=head[51:67],
            server_salt=head[3:35],
            offset=_CRYPT12,
            version=None,
            number_ends_with=None,
        )
    length, at = _varint(head)
    if not 0 < length <= len(head) - at:
        raise ParseError("not a backup of WhatsApp")
    message = protobuf.parse(head[at : at + length])
    old, new, about = message.message(2), message.message(3), message.message(4)
    iv = old.data(5) if old else new.data(1) if new else None
    if iv is None or len(iv) != _IV:
        raise ParseError("not a backup of WhatsApp")
    return Backup(
        form="crypt14" if old else "crypt15",
        iv=iv,
        server_salt=old.data(3) if old else None,
        offset=at + length,
        version=_ascii(about.text(1)) if about else None,
        number_ends_with=_ascii(about.text(3)) if about else None,
    )


def opens(key: Key, backup: Backup) -> bool:
    """Whether a key may open a backup: of those that name a salt, only if it is the same."""
    return (backup.form == "crypt15") == (key.server_salt is None) and (
        key.server_salt == backup.server_salt
    )


def decrypt(data: bytes, backup: Backup, key: Key) -> bytes | None:
    """Return the database of a backup, given whole; None when the key is another.

    Its zlib checksum, or that of the ZIP archive, is checked. Raises LimitError.
    """
    if len(data) > ENCRYPTED_LIMIT:
        raise LimitError(f"a backup larger than {ENCRYPTED_LIMIT} bytes")
    # The tag is not checked: what stands behind the stream differs between versions.
    decryptor = Cipher(AES(key.aes), GCM(backup.iv)).decryptor()
    view = memoryview(data)[backup.offset :]
    first = decryptor.update(view[:_CHUNK])
    checksum: int | None = None
    if first[:4] == b"PK\x03\x04" and int.from_bytes(first[8:10], "little") == _DEFLATED:
        skip = _ZIP_HEADER + sum(int.from_bytes(first[at : at + 2], "little") for at in (26, 28))
        checksum = int.from_bytes(first[14:18], "little")
        first, inflate = first[skip:], zlib.decompressobj(-zlib.MAX_WBITS)
    elif first[:1] == b"\x78":
        inflate = zlib.decompressobj()
    else:
        return None
    out = bytearray()
    try:
        for at in range(0, len(view) or 1, _CHUNK):
            piece = first if at == 0 else decryptor.update(view[at : at + _CHUNK])
            while piece and not inflate.eof:
                out += inflate.decompress(piece, _CHUNK)
                piece = inflate.unconsumed_tail
                if len(out) > PLAIN_LIMIT:
                    raise LimitError(f"a database larger than {PLAIN_LIMIT} bytes")
            if inflate.eof:
                break
        out += inflate.flush() if not inflate.eof else b""
    except zlib.error:
        return None
    if not inflate.eof or (checksum and zlib.crc32(out) != checksum):
        return None
    return bytes(out)


def _varint(data: bytes) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data[:3]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at + 1
    return 0, 0


def _ascii(value: str | None) -> str | None:
    return value if value and value.isascii() and value.isprintable() else None
