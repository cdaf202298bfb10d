"""Encryption to an age recipient (age-encryption.org/v1): secrets and withheld files.

Who holds the identity can open them; this program, which holds only the recipient, cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyrage

from triage.errors import BundleError, UsageError

Recipient: TypeAlias = Any  # pyrage.x25519.Recipient | pyrage.ssh.Recipient, which has no types
Identity: TypeAlias = Any

_MAX_IDENTITY = 2**16


class Sink(Protocol):
    """Where ciphertext goes."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data` and return its length."""
        ...


def parse_recipient(text: str) -> Recipient:
    """Read `age1…` or an SSH public key. Raises UsageError on anything else."""
    text = text.strip()
    for kind in (pyrage.x25519, pyrage.ssh):
        try:
            return kind.Recipient.from_str(text)
        except pyrage.RecipientError:
            continue
    raise UsageError("not an age recipient (age1… or an SSH public key)")


def load_identities(path: Path) -> list[Identity]:
    """Read a file of `age-keygen`, or an SSH private key without a passphrase.

    Raises UsageError when it holds neither.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_IDENTITY)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    try:
        if data.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = (line.strip() for line in data.decode("ascii").splitlines())
        identities = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except (pyrage.IdentityError, ValueError) as error:
        raise UsageError("not an age identity file", where=str(path)) from error
    if not identities:
        raise UsageError("holds no age identity", where=str(path))
    return identities


def encrypt(chunks: Iterable[bytes], out: Sink, recipient: Recipient) -> None:
    """Encrypt a stream, in bounded memory. Raises what reading `chunks` or writing raised."""
    source, sink = _Source(iter(chunks)), _Watched(out)
    try:
        pyrage.encrypt_io(source, sink, [recipient])
    except pyrage.EncryptError as error:
        _reraise(source.error, sink.error)
        raise BundleError(f"cannot encrypt: {error}") from error
    # pyrage hides an error of the last write: it happens when its buffer is dropped.
    _reraise(source.error, sink.error)


def decrypt(data: bytes, identities: list[Identity]) -> bytes:
    """Decrypt in memory. Raises BundleError when no identity fits or the bytes were altered."""
    try:
        plain: bytes = pyrage.decrypt(data, identities)
    except pyrage.DecryptError as error:
        raise BundleError(f"cannot decrypt: {error}") from error
    return plain


def _reraise(*errors: BaseException | None) -> None:
    for error in errors:
        if error:
            raise error


def is_encrypted(data: bytes) -> bool:
    """Whether this is the beginning of an age file."""
    return data.startswith(b"age-encryption.org/v1\n")


def encrypt_with_passphrase(data: bytes, passphrase: str) -> bytes:
    """Encrypt in memory to whoever knows the passphrase (scrypt, made to take about a second)."""
    encrypted: bytes = pyrage.passphrase.encrypt(data, passphrase)
    return encrypted


def decrypt_with_passphrase(data: bytes, passphrase: str) -> bytes:
    """Decrypt in memory. Raises UsageError on another passphrase and on altered bytes."""
    try:
        plain: bytes = pyrage.passphrase.decrypt(data, passphrase)
    except pyrage.DecryptError as error:
        raise UsageError("a wrong passphrase, or the file was altered") from error
    return plain


class _Source:
    """A stream of chunks as a file: at most as many bytes as asked for, none at the end."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return b""
                self._rest = memoryview(chunk)
        except BaseException as error:
            self.error = error
            raise
        part, self._rest = self._rest[:size], self._rest[size:]
        return bytes(part)


class _Watched:
    """A sink that remembers what went wrong, because pyrage forgets."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._out.write(data)
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Do nothing: the file is flushed when it is closed."""
