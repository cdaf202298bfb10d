"""What a run has finished, noted in `.partial`, so that `--resume` need not do it again.

Canonical JSON lines, appended; a kill loses nothing that was noted, a power cut the last second.
Each line carries a checksum over itself and the line before it. From the first one on that is torn
or does not fit, lines are dropped: that work is done again. Nothing stands here in clear that
the bundle would not hold: findings come redacted and without their `secret`, and an artifact with
a secret for the recipient is not noted at all. Removed before the bundle gets its name.

The first line is the run's identity: a journal serves only the same evidence, program and options.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeAlias

import msgspec

from triage import canonical
from triage.bundle.output import writing
from triage.credentials import SALT_BYTES, Credential, proof
from triage.engine import messages as m
from triage.engine.wire import Kept, from_text, to_text
from triage.errors import BundleError, ParseError, WorkerError

_SYNC_SECONDS = 1.0
_WRITTEN_AT_ONCE = 1 << 20  # bytes
_SHOWN = 60  # characters of a value in a message
_DIFFERENCES = 3

Key: TypeAlias = tuple[str, int, int]
"""One artifact for one extractor: name of the extractor, volume, row of the index."""


class Line(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of the lines."""


class Begun(Line, frozen=True, kw_only=True):
    """The first line."""

    started: str
    identity: dict[str, Any]
    salt: str  # hex
    credentials: str  # whether they are the same, see `triage.credentials.proof`


class Avoided(Line, frozen=True, kw_only=True):
    """A metadata address that killed workers while they walked."""

    volume: int
    address: int
    reason: str


class Unlooked(Line, frozen=True, kw_only=True):
    """A file that killed workers while they looked at its first bytes."""

    volume: int
    row: int
    reason: str


class Unscanned(Line, frozen=True, kw_only=True):
    """A file that killed workers while they scanned it."""

    volume: int
    row: int
    reason: str


class Listed(Line, frozen=True, kw_only=True):
    """A volume was walked: the digest of its index, as rows name files."""

    volume: int
    sha256: str


class Said(Line, frozen=True, kw_only=True):
    """What was said of an artifact or a scanned part: a reply in the lossless form of `wire`."""

    artifact: Key
    reply: str


class Read(Line, frozen=True, kw_only=True):
    """A file that was read for an artifact."""

    artifact: Key
    row: int
    secret: bool
    record: dict[str, Any]  # as files.jsonl will have it


class Finished(Line, frozen=True, kw_only=True):
    """An artifact is finished; the lines about it stand before this one."""

    artifact: Key
    failure: str | None


class MediaHashed(Line, frozen=True, kw_only=True):
    """The media was hashed."""

    hashes: dict[str, str]
    length: int
    bad: tuple[tuple[int, int], ...]


class Sealed(Line, frozen=True, kw_only=True):
    """A file was exported encrypted; `sha256` is that of the encrypted copy."""

    path: str
    sha256: str


AnyLine: TypeAlias = (
    Begun | Avoided | Unlooked | Unscanned | Listed | Said | Read | Finished | MediaHashed | Sealed
)


class Checked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file."""

    check: str  # SHA-256 of the checksum before and this entry
    entry: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One evidence file that was read; `record` is final but for `exported`."""

    row: int
    secret: bool
    record: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Extraction:
    """What one extractor left of one artifact, checked and redacted: results are made of this."""

    replies: Kept[m.SaidReply] = field(default_factory=partial(Kept, m.SaidReply))
    files: list[ReadFile] = field(default_factory=list)
    failure: m.Failed | None = None

    @property
    def carries_secret(self) -> bool:
        """Whether something in it is for the recipient of secrets alone."""
        found = (reply.found if isinstance(reply, m.Sighted) else reply for reply in self.replies)
        return any(
            isinstance(reply, m.Found) and reply.finding.get("secret") is not None
            for reply in found
        )


class Journal:
    """The journal of one run, with what stood in it when it was opened."""

    def __init__(
        self,
        path: Path,
        *,
        identity: Mapping[str, Any],
        started: str,
        credentials: Sequence[Credential] = (),
    ) -> None:
        """Continue the journal at `path`, or begin one.

        Raises BundleError, naming what differs, when it is that of another evidence, program or
        options, and when it cannot be read or written.
        """
        self.started = started
        self.extractions: dict[Key, Extraction] = {}
        self.avoided: dict[int, dict[int, str]] = {}
        self.unlooked: dict[int, dict[int, str]] = {}
        self.unscanned: dict[int, dict[int, str]] = {}
        self.listed: dict[int, str] = {}
        self.media: MediaHashed | None = None
        self.sealed: dict[str, str] = {}
        self.lines = 0
        self.head = ""
        """Checksum of the last whole line, which covers all before it."""
        self._path = path
        self._credentials = credentials
        self._synced = time.monotonic()
        self._file = -1
        new: Any = canonical.jsonable(identity)
        with writing(path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.open(path, flags, 0o600)
            try:
                whole = self._load(new)
                self.dropped = os.fstat(self._file).st_size - whole
                os.ftruncate(self._file, whole)
                if not whole:
                    self._append([self._begun(new)])
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self, identity: dict[str, Any]) -> int:
        """Take over what stands there; return how many bytes of it are whole."""
        whole = offset = lines = 0
        head = ""
        pending: dict[Key, Extraction] = {}
        broken = contextlib.suppress(ParseError, WorkerError)
        with os.fdopen(os.dup(self._file), "rb") as file, broken:
            for raw in canonical.lines(file):
                line, head = _decoded(raw, head)
                if (offset == 0) != isinstance(line, Begun):
                    break
                if isinstance(line, Begun):
                    self._compare(line, identity)
                offset, lines = offset + len(raw), lines + 1
                self._take(line, pending)
                # The lines of one artifact count together or not at all.
                if not isinstance(line, (Said, Read)):
                    whole, self.lines, self.head = offset, lines, head
        return whole

    def _begun(self, identity: dict[str, Any]) -> Begun:
        salt = secrets.token_bytes(SALT_BYTES)
        return Begun(
            started=self.started,
            identity=identity,
            salt=salt.hex(),
            credentials=proof(self._credentials, salt) if self._credentials else "",
        )

    def _compare(self, begun: Begun, identity: dict[str, Any]) -> None:
        differences = list(_differences(begun.identity, identity))
        if self._credentials and not differences:
            try:
                same = proof(self._credentials, bytes.fromhex(begun.salt)) == begun.credentials
            except ValueError as error:
                raise ParseError("not a salt") from error
            differences += [] if same else ["credentials are not those that it began with"]
        if differences:
            more = len(differences) - _DIFFERENCES
            shown = "; ".join(differences[:_DIFFERENCES]) + (f"; and {more} more" * (more > 0))
            raise BundleError(
                f"--resume continues the same run only, and this is another: {shown}",
                where=str(self._path.parent),
            )
        self.started = begun.started

    def _take(self, line: AnyLine, pending: dict[Key, Extraction]) -> None:
        match line:
            case Avoided() | Unlooked() | Unscanned():
                self._avoid(line)
            case Listed():
                self.listed[line.volume] = line.sha256
            case Said():
                reply = from_text(m.SaidReply, line.reply)
                pending.setdefault(line.artifact, Extraction()).replies.append(reply)
            case Read():
                file = ReadFile(row=line.row, secret=line.secret, record=line.record)
                pending.setdefault(line.artifact, Extraction()).files.append(file)
            case Finished():
                extraction = pending.pop(line.artifact, Extraction())
                if line.failure is not None:
                    extraction.failure = from_text(m.Failed, line.failure)
                self.extractions[line.artifact] = extraction
            case MediaHashed():
                self.media = line
            case Sealed():
                self.sealed[line.path] = line.sha256
            case Begun():
                pass

    def _avoid(self, line: Avoided | Unlooked | Unscanned) -> None:
        match line:
            case Avoided():
                self.avoided.setdefault(line.volume, {})[line.address] = line.reason
            case Unlooked():
                self.unlooked.setdefault(line.volume, {})[line.row] = line.reason
            case Unscanned():
                self.unscanned.setdefault(line.volume, {})[line.row] = line.reason

    def artifact(self, key: Key, extraction: Extraction) -> None:
        """Note that an artifact is finished, unless a secret of it would have to be noted."""
        if extraction.carries_secret:
            return
        self._append(_noted(key, extraction))

    def note(self, line: Avoided | Unlooked | Unscanned | Listed | MediaHashed | Sealed) -> None:
        """Note anything else that need not be done again."""
        self._append([line])

    def _append(self, lines: Iterable[Line]) -> None:
        data = bytearray()
        for line in lines:
            entry = canonical.encode(msgspec.to_builtins(line))
            self.head = _check(self.head, entry)
            data += b'{"check":"%s","entry":%s}\n' % (self.head.encode(), entry)
            if len(data) > _WRITTEN_AT_ONCE:
                self._write(data)
                data.clear()
        self._write(data)
        with writing(self._path):
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self.sync()

    def _write(self, data: bytes | bytearray) -> None:
        with writing(self._path), memoryview(data) as view:
            done = 0
            while done < len(view):
                done += os.write(self._file, view[done:])

    def sync(self) -> None:
        """Have everything noted so far on the disk."""
        with writing(self._path):
            os.fsync(self._file)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _noted(key: Key, extraction: Extraction) -> Iterator[Line]:
    for reply in extraction.replies:
        yield Said(artifact=key, reply=to_text(reply))
    for file in extraction.files:
        yield Read(artifact=key, row=file.row, secret=file.secret, record=file.record)
    failure = extraction.failure
    yield Finished(artifact=key, failure=None if failure is None else to_text(failure))


def _check(before: str, entry: bytes) -> str:
    return hashlib.sha256(before.encode() + entry).hexdigest()


def _decoded(raw: bytes, before: str) -> tuple[AnyLine, str]:
    """Return a line and its checksum. Raises ParseError when it is not what was written."""
    try:
        checked = msgspec.convert(canonical.decode(raw.removesuffix(b"\n")), Checked)
        line: AnyLine = msgspec.convert(checked.entry, AnyLine)
    except msgspec.ValidationError as error:
        raise ParseError("not a line of a journal") from error
    if checked.check != _check(before, canonical.encode(checked.entry)):
        raise ParseError("does not fit its checksum")
    return line, checked.check


def _differences(old: object, new: object, where: str = "") -> Iterator[str]:
    """Yield what differs between two plain values: place, old and new value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            place = f"{where}.{key}" if where else str(key)
            yield from _differences(old.get(key), new.get(key), place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, now) in enumerate(zip(old, new, strict=True), 1):
            yield from _differences(before, now, f"{where}[{number}]")
    elif old != new:
        yield f"{where} was {_shown(old)}, is {_shown(new)}"


def _shown(value: object) -> str:
    text = "nothing" if value is None else ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
