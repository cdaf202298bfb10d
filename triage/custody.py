"""The custody log: what was done, in an order that nobody can change unseen.

Each line is canonical JSON and carries the SHA-256 of the raw line before it, newline included,
so that `sed -n 1p custody.jsonl | sha256sum` gives the `prev` of the second line. A chain shows
what was edited, moved or dropped in the middle; that nothing was cut from its end shows only a
commitment to its length and head elsewhere, which is the seal of the bundle.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeAlias

from triage import canonical
from triage.errors import AlteredError, BundleError, ParseError

try:
    import fcntl
except ImportError:  # Windows: two runs into one bundle are not told apart there
    fcntl = None  # type: ignore[assignment]

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time, with a zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A log in one line: `length` entries, `head` the SHA-256 of the last raw line."""

    bundle: str
    length: int
    head: str


def system_clock() -> datetime:
    """Return the time of this computer, in UTC."""
    return datetime.now(UTC)


def utc_text(time: datetime) -> str:
    """Return a time with a zone as `2024-02-21T08:15:00.123456Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_bundle_id() -> str:
    """Return 256 random bits, hex, that tell one bundle from every other."""
    return secrets.token_hex(32)


def lock(log: IO[bytes]) -> bool:
    """Mark a log as being written until it is closed; False when another process does that."""
    try:
        if fcntl is not None:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def entry(
    seq: int, prev: str | None, *, utc: datetime, bundle: str, event: str, data: Mapping[str, Any]
) -> bytes:
    """Return one line of a log, newline included. Raises BundleError when it has no canonical form.

    `prev` of the first line is None, or the SHA-256 of the seal that a later log continues.
    """
    record = {
        "seq": seq,
        "prev": prev,
        "utc": utc_text(utc),
        "bundle": bundle,
        "event": event,
        "data": data,
    }
    try:
        line = canonical.line(record)
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"custody event {event} cannot be written: {error}") from error
    if len(line) > canonical.MAX_LINE:
        raise BundleError(f"custody event {event} is longer than {canonical.MAX_LINE} bytes")
    return line


class CustodyLog:
    """A log being written: each event is on disk before `append` returns."""

    def __init__(self, path: Path, *, bundle: str | None, clock: Clock = system_clock) -> None:
        """Create the log of a bundle; None continues the log that an interrupted run left.

        Raises BundleError when it exists, or is being written by another process, or cannot be
        written; AlteredError when the log to be continued is not what it must be.
        """
        self.path = path
        self.bundle = bundle or ""
        self.length = 0
        self.size = 0
        self.torn = 0
        """Bytes of a last event that was not written whole: cut off when the log was continued."""
        self._clock = clock
        self._prev: str | None = None
        self._digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        if bundle is not None:
            flags |= os.O_CREAT | os.O_EXCL
        try:
            if bundle is None:
                path.chmod(0o600)  # a run that broke off while sealing has made it read-only
            self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        except OSError as error:
            raise BundleError(f"cannot write: {error.strerror}", where=str(path)) from error
        free = lock(self._file)
        if bundle is None:
            try:
                self._continue(free=free)
            except BaseException:
                self.close()
                raise

    def _continue(self, *, free: bool) -> None:
        if not free:
            raise BundleError("another run is writing this bundle", where=str(self.path))
        try:
            data = self.path.read_bytes()
            # Each event was on disk before the next was begun, so only the last one can be torn.
            whole = data[: data.rfind(b"\n") + 1]
            chain = check_chain(whole)
            os.ftruncate(self._file.fileno(), len(whole))
        except AlteredError as error:
            raise AlteredError(error.message, where=f"{self.path} {error.where}") from error
        except OSError as error:
            raise BundleError(f"cannot read: {error.strerror}", where=str(self.path)) from error
        self.bundle, self.length, self._prev = chain.bundle, chain.length, chain.head
        self.size, self.torn = len(whole), len(data) - len(whole)
        self._digest.update(whole)

    @property
    def head(self) -> str | None:
        """SHA-256 of the last raw line; None before the first event."""
        return self._prev

    @property
    def sha256(self) -> str:
        """SHA-256 of the log so far."""
        return self._digest.hexdigest()

    def append(self, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Write one event. Raises BundleError when it cannot reach the disk."""
        if self._file.closed:
            raise BundleError("the log is closed", where=str(self.path))
        line = entry(
            self.length,
            self._prev,
            utc=self._clock(),
            bundle=self.bundle,
            event=event,
            data=data or {},
        )
        try:
            if self._file.write(line) != len(line):
                raise BundleError("cannot write: the disk took a part only", where=str(self.path))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BundleError(f"cannot write: {error.strerror}", where=str(self.path)) from error
        self.length += 1
        self.size += len(line)
        self._prev = hashlib.sha256(line).hexdigest()
        self._digest.update(line)

    def close(self) -> None:
        """Close the file; nothing can be appended after that."""
        self._file.close()


def check_chain(log: bytes | Iterable[bytes], *, prev: str | None = None) -> Chain:
    """Check the chain of a log, given whole or as raw lines, and return its length and head.

    `prev` is what the first line must continue. Raises AlteredError naming the first line that is
    not what it must be, and for an empty log.
    """
    lines = canonical.lines(io.BytesIO(log)) if isinstance(log, bytes) else log
    bundle: str | None = None
    length, head = 0, prev
    try:
        for line in lines:
            record = canonical.decode(line.removesuffix(b"\n"))
            reason = _wrong(record, length, head, bundle)
            if reason:
                raise AlteredError(reason, where=f"line {length + 1}")
            assert isinstance(record, dict)  # noqa: S101 - _wrong has looked
            bundle = str(record["bundle"])
            length, head = length + 1, hashlib.sha256(line).hexdigest()
    except ParseError as error:
        raise AlteredError(error.message, where=error.where or f"line {length + 1}") from error
    if bundle is None or head is None:
        raise AlteredError("the log is empty")
    return Chain(bundle=bundle, length=length, head=head)


def _wrong(record: canonical.Json, seq: int, prev: str | None, bundle: str | None) -> str | None:
    if not isinstance(record, dict):
        return "not an object"
    if record.get("seq") != seq:
        return f"its number is not {seq}"
    if record.get("prev") != prev:
        return "does not continue the line before it"
    if not isinstance(record.get("bundle"), str) or bundle not in (None, record["bundle"]):
        return "belongs to another bundle"
    if not isinstance(record.get("event"), str) or not isinstance(record.get("data"), dict):
        return "has no event"
    return None
