"""Backups of Signal on Android, `signal-2024-06-01-09-00-00.backup`: a stream of encrypted frames.

The file begins with a length (4 bytes, big-endian) and a frame in clear: a vector (16 bytes), a
salt, a version. The user has 30 digits, which 250,000 rounds of SHA-512 over the salt turn into a
key; HKDF makes of it one for AES-256 in counter mode and one for HMAC-SHA256. The first 4 bytes of
the vector count frames. A frame is its length (in clear in version 0, encrypted from 1 on), a
message of Protocol Buffers, and 10 bytes of its HMAC. Statements of SQL rebuild the database;
behind the frame of an attachment, sticker or avatar stands its content, an encrypted run with a
vector of its own. Signal writes the same table by table, so rows are read without running any SQL.

Source: signalapp/Signal-Android, `backup/BackupRecordInputStream.java`, `FullBackupBase.java`,
`FullBackupExporter`, `Backups.proto`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from triage.errors import LimitError, ParseError
from triage.formats import protobuf
from triage.formats.sqlite import Row, RowState, Value
from triage.model import Reader

HEADER: Final = 512  # bytes in which the header ends
PASSPHRASE: Final = re.compile(r"\d{30}", re.ASCII)
ROUNDS: Final = 250_000

_VERSIONS: Final = (0, 1)
_IV: Final = 16
_MAC: Final = 10
_LENGTH: Final = 4
_FRAME_LIMIT: Final = 16 << 20
_KEPT_LIMIT: Final = 512 << 20  # bytes of all statements that are kept
_BLOCK: Final = 1 << 20
_INSERT = re.compile(r'INSERT INTO ["`]?(\w+)["`]?\s*(?:\(([^()]*)\))?\s*VALUES', re.ASCII)
_CREATE = re.compile(
    r'CREATE TABLE (?:IF NOT EXISTS )?["`]?(\w+)["`]?\s*\((.*)\)', re.ASCII | re.DOTALL
)
_NO_COLUMN: Final = frozenset({"PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"})
_STATEMENT, _ATTACHMENT, _VERSION, _END, _AVATAR, _STICKER = 2, 4, 5, 6, 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands in clear. The frames begin at `offset`."""

    iv: bytes = field(repr=False)
    salt: bytes | None = field(repr=False)
    version: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the passphrase becomes."""

    cipher: bytes = field(repr=False)
    mac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """The content of an attachment that lies in the backup."""

    length: int  # bytes
    sha256: str


@dataclass(slots=True)
class Backup:
    """An opened backup: the tables that were asked for, and what else it holds."""

    version: int | None = None  # of the database
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)  # by row of their table
    whole: bool = False  # its last frame says that it ends there
    problem: str | None = None  # why it was not read to the end
    _rows: dict[str, list[bytes]] = field(default_factory=dict)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table; their key is the first column."""
        for statement in self._rows.get(table, ()):
            message = protobuf.parse(statement)
            found = _INSERT.match(message.text(1) or "")
            names: Sequence[str] = self.columns.get(table, ())
            if found and found[2]:
                names = tuple(_unquoted(name) for name in found[2].split(","))
            values = [_value(parameter) for parameter in message.messages(2)]
            if values and len(values) <= len(names):
                row = dict(zip(names, values, strict=False))
                yield Row(key=values[0], values=row, state=RowState.LIVE)

    def keep(self, table: str, statement: bytes) -> None:
        """Keep a row as it stands in the backup."""
        self._rows.setdefault(table, []).append(statement)


def header_of(head: bytes) -> Header:
    """Read the first `HEADER` bytes of a backup. Raises ParseError when it is none."""
    length = int.from_bytes(head[:_LENGTH], "big")
    if not 0 < length <= len(head) - _LENGTH:
        raise ParseError("not a backup of Signal")
    message = protobuf.parse(head[_LENGTH : _LENGTH + length]).message(1)
    iv = message.data(1) if message else None
    if message is None or iv is None or len(iv) != _IV:
        raise ParseError("not a backup of Signal")
    version = message.integer(3) or 0
    if version not in _VERSIONS:
        raise ParseError(f"a backup of Signal of version {version}, which is not known")
    return Header(iv=iv, salt=message.data(2), version=version, offset=_LENGTH + length)


def keys_of(passphrase: str, header: Header) -> Keys:
    """Return what the 30 digits open; spaces between them do not count. Costs `ROUNDS` hashes."""
    digits = passphrase.replace(" ", "").encode()
    digest = hashlib.sha512((header.salt or b"") + digits + digits).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha512(digest + digits).digest()
    derived = HKDF(SHA256(), 64, salt=None, info=b"Backup Export").derive(digest[:32])
    return Keys(cipher=derived[:32], mac=derived[32:])


def opens(reader: Reader, header: Header, keys: Keys) -> bool:
    """Whether the first frame has the HMAC that these keys give."""
    try:
        _Frames(reader, header, keys).next()
    except ParseError:
        return False
    return True


def read(reader: Reader, header: Header, keys: Keys, *, tables: AbstractSet[str]) -> Backup:
    """Read a backup to its end; every frame has the HMAC that the keys give, or reading ends.

    Rows of `tables` are kept. Raises LimitError when they are too many.
    """
    backup, frames, kept = Backup(), _Frames(reader, header, keys), 0
    try:
        while frames.left and not backup.whole:
            frame = protobuf.parse(frames.next())
            for number, place in ((_ATTACHMENT, 3), (_AVATAR, 2), (_STICKER, 2)):
                if about := frame.message(number):
                    content = frames.content(about.integer(place) or 0)
                    if number == _ATTACHMENT:
                        backup.attachments[about.integer(1) or 0] = content
            if version := frame.message(_VERSION):
                backup.version = version.integer(1)
            backup.whole = bool(frame.integer(_END))
            statement = frame.data(_STATEMENT)
            table = _table(statement, backup) if statement else None
            if statement and table and table in tables:
                kept += len(statement)
                if kept > _KEPT_LIMIT:
                    raise LimitError(f"more than {_KEPT_LIMIT} bytes of rows in a backup")
                backup.keep(table, statement)
    except ParseError as error:
        backup.problem = f"read up to byte {frames.at}: {error.message}"
    return backup


def _table(statement: bytes, backup: Backup) -> str | None:
    """Return the table that a statement adds a row to; take note of one that makes a table."""
    text = protobuf.parse(statement).text(1) or ""
    if made := _CREATE.match(text):
        backup.columns[made[1]] = tuple(_columns(made[2]))
        return None
    found = _INSERT.match(text)
    return found[1] if found else None


def _columns(inner: str) -> Iterator[str]:
    """Yield the names of the columns between the brackets of CREATE TABLE."""
    depth = start = 0
    quoted = False
    for at, char in enumerate(f"{inner},"):
        quoted ^= char == "'"
        depth += 0 if quoted else (char == "(") - (char == ")")
        if char == "," and not depth and not quoted:
            words = inner[start:at].split(maxsplit=1)
            start = at + 1
            if words and words[0].upper().partition("(")[0] not in _NO_COLUMN:
                yield _unquoted(words[0])


def _unquoted(name: str) -> str:
    return name.strip().strip("\"`[]'")


def _value(parameter: protobuf.Message) -> Value:
    """Return a value of a row; doubles are 8 bytes, little-endian."""
    fields = parameter.fields
    if 1 in fields:
        return parameter.text(1)
    if 2 in fields:  # noqa: PLR2004 - integerParameter
        return parameter.signed(2)
    if 3 in fields:  # noqa: PLR2004 - doubleParameter
        data = parameter.data(3) or b""
        return float(struct.unpack("<d", data)[0]) if len(data) == 8 else None  # noqa: PLR2004
    return parameter.data(4)


class _Frames:
    """Walks the frames: `next`, and `content` behind one that announces it."""

    def __init__(self, reader: Reader, header: Header, keys: Keys) -> None:
        self._reader = reader
        self._header = header
        self._keys = keys
        self._counter = int.from_bytes(header.iv[:_LENGTH], "big")
        self.at = header.offset

    @property
    def left(self) -> int:
        """Bytes behind what was read."""
        return self._reader.size - self.at

    def next(self) -> bytes:
        """Return the next frame, decrypted. Raises ParseError when its HMAC is wrong."""
        cipher, vector = self._cipher()
        del vector
        mac = hmac.new(self._keys.mac, digestmod="sha256")
        prefix = self._take(_LENGTH)
        if self._header.version:
            mac.update(prefix)
            prefix = cipher.update(prefix)
        length = int.from_bytes(prefix, "big")
        if not _MAC <= length <= min(_FRAME_LIMIT, self.left):
            raise ParseError("a frame of an impossible length: the key is another, or it is cut")
        frame = self._take(length)
        mac.update(frame[:-_MAC])
        if not hmac.compare_digest(mac.digest()[:_MAC], frame[-_MAC:]):
            raise ParseError("the checksum of a frame is wrong")
        return cipher.update(frame[:-_MAC])

    def content(self, length: int) -> Attachment:
        """Hash what stands behind a frame. Raises ParseError when it is cut or its HMAC wrong."""
        if length > self.left - _MAC:
            raise ParseError("an attachment is cut short")
        cipher, vector = self._cipher()
        mac = hmac.new(self._keys.mac, vector, "sha256")
        digest, done = hashlib.sha256(), 0
        while done < length:
            block = self._take(min(_BLOCK, length - done))
            mac.update(block)
            digest.update(cipher.update(block))
            done += len(block)
        if not hmac.compare_digest(mac.digest()[:_MAC], self._take(_MAC)):
            raise ParseError("the checksum of an attachment is wrong")
        return Attachment(length, digest.hexdigest())

    def _cipher(self) -> tuple[CipherContext, bytes]:
        counter = (self._counter % (1 << 32)).to_bytes(_LENGTH, "big")
        self._counter += 1
        vector = counter + self._header.iv[_LENGTH:]
        return Cipher(AES(self._keys.cipher), CTR(vector)).decryptor(), vector

    def _take(self, length: int) -> bytes:
        data = self._reader.read_at(self.at, length)
        if len(data) != length:
            raise ParseError("the backup is cut short")
        self.at += length
        return data
