"""Messages between the run and its workers: framed, size-limited, checked against a schema.

A frame is a length (4 bytes, big-endian, of what follows it), one byte for the encoding, and the
message. Nothing is ever unpickled, and whatever a worker sends, `receive` and `messages` return a
message of the type asked for or raise WorkerError.

Text from evidence may hold lone surrogates (PEP 383), which msgspec refuses to encode, and numbers
may be larger than 64 bits. Such a message is rare and takes a slower way: the same values as JSON,
with each surrogate escaped in all its strings and restored on arrival. Senders and receivers see
nothing of it, as long as every field that holds bytes says so in its type; other messages pay
nothing for it.
"""

from __future__ import annotations

import os
import re
import select
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import UnionType
from typing import Any, Generic, TypeVar, overload

import msgspec

from triage.errors import WorkerError

MESSAGE_LIMIT = 64 << 20  # bytes of one message

M = TypeVar("M", bound=msgspec.Struct)

_LENGTH = struct.Struct(">I")
_PLAIN, _ESCAPED = 0, 1  # msgpack; JSON with escaped strings
_CHUNK = 1 << 18  # bytes read at once
_BAD = (  # what msgspec and the constructors it calls answer to wrong values
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


class Channel:
    """One end of a pair of pipes. After any error but "timed out" it is of no further use.

    Blocking: `send` and `receive`. For several workers at once: wait until `fileno()` is readable
    (`selectors`), call `feed` once, then take all `messages`.
    """

    def __init__(self, reader_fd: int, writer_fd: int, *, limit: int = MESSAGE_LIMIT) -> None:
        """Take two open descriptors, which stay the caller's to close; `limit` is in bytes."""
        self._reader = reader_fd
        self._writer = writer_fd
        self._limit = limit
        self._buffer = bytearray()
        self.received = 0
        """Bytes that came in so far."""
        # A pipe that is full must not hold a sender beyond its timeout.
        os.set_blocking(writer_fd, False)

    def fileno(self) -> int:
        """Return the descriptor to wait on for reading."""
        return self._reader

    def send(self, message: msgspec.Struct, timeout: float | None = None) -> None:
        """Send one message; `timeout` is in seconds.

        Raises WorkerError: "closed", "too large", "timed out", "cannot be encoded".
        """
        packed = pack(message)
        if len(packed) > self._limit:
            raise WorkerError("too large")
        deadline = _deadline(timeout)
        view = memoryview(_LENGTH.pack(len(packed)) + packed)
        while view:
            _wait(self._writer, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._writer, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise WorkerError("closed") from None

    @overload
    def receive(self, type_: type[M], timeout: float | None = None) -> M: ...
    @overload
    def receive(self, type_: UnionType, timeout: float | None = None) -> Any: ...
    def receive(self, type_: Any, timeout: float | None = None) -> Any:
        """Wait for one message of a type, or of a union of tagged types, for `timeout` seconds.

        Raises WorkerError: "closed", "too large", "not a message", "timed out".
        """
        deadline = _deadline(timeout)
        while True:
            for message in self.messages(type_):
                return message
            _wait(self._reader, select.POLLIN, deadline)
            if not self.feed():
                raise WorkerError("closed")

    def feed(self) -> bool:
        """Read what has arrived, waiting only if nothing has; False when the other end is closed.

        Does nothing while a complete message waits to be taken. Raises WorkerError "too large" as
        soon as a header announces too much, before any memory is set aside for it.
        """
        if self._complete():
            return True
        try:
            data = os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._buffer += data
        self.received += len(data)
        self._complete()
        return bool(data)

    @overload
    def messages(self, type_: type[M]) -> Iterator[M]: ...
    @overload
    def messages(self, type_: UnionType) -> Iterator[Any]: ...
    def messages(self, type_: Any) -> Iterator[Any]:
        """Yield the messages that have arrived completely.

        Raises WorkerError: "too large", "not a message".
        """
        while length := self._complete():
            packed = bytes(memoryview(self._buffer)[_LENGTH.size : length])
            del self._buffer[:length]
            yield unpack(type_, packed)

    def _complete(self) -> int:
        """Return the length of the first frame, 0 while it is not complete."""
        if len(self._buffer) < _LENGTH.size:
            return 0
        (declared,) = _LENGTH.unpack_from(self._buffer)
        if declared > self._limit:
            raise WorkerError("too large")
        if declared == 0:
            raise WorkerError("not a message")
        length: int = _LENGTH.size + declared
        return length if len(self._buffer) >= length else 0


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _wait(descriptor: int, event: int, deadline: float | None) -> None:
    """Wait until a descriptor is ready or its other end has gone. Raises WorkerError."""
    poll = select.poll()
    poll.register(descriptor, event)
    left = None if deadline is None else max(0, 1000 * (deadline - time.monotonic()))
    if not poll.poll(left):
        raise WorkerError("timed out")


_encoder = msgspec.msgpack.Encoder()


@lru_cache(maxsize=64)
def _decoders(type_: Any) -> tuple[Callable[[bytes], Any], Callable[[bytes], Any]]:
    return msgspec.msgpack.Decoder(type_).decode, msgspec.json.Decoder(type_).decode


def to_text(message: msgspec.Struct) -> str:
    """Return a message as text that `from_text` gives back, lone surrogates and all.

    Raises WorkerError: "cannot be encoded".
    """
    try:
        return msgspec.json.encode(_mapped(msgspec.to_builtins(message), _escape)).decode()
    except _BAD as error:
        raise WorkerError(f"cannot be encoded: {error}") from None


def from_text(type_: Any, text: str) -> Any:
    """Return the message behind `to_text`. Raises WorkerError "not a message"."""
    return _decoded(type_, _ESCAPED, text.encode("utf-8", "surrogatepass"))


def pack(message: msgspec.Struct) -> bytes:
    """Return a message as it is sent, without its length.

    Raises WorkerError: "cannot be encoded".
    """
    encoding, payload = _encoded(message)
    return bytes((encoding,)) + payload


def unpack(type_: Any, packed: bytes) -> Any:
    """Return the message behind `pack`. Raises WorkerError "not a message"."""
    return _decoded(type_, packed[0], packed[1:])


@dataclass(slots=True)
class Kept(Generic[M]):
    """Messages of a type, kept as they are sent: a tenth of the memory, decoded when read."""

    type_: type[M] | UnionType
    _packed: list[bytes] = field(default_factory=list, repr=False)

    def append(self, message: M) -> None:
        """Keep one more."""
        self._packed.append(pack(message))

    def clear(self) -> None:
        """Forget all of them."""
        self._packed.clear()

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[M]:
        return (unpack(self.type_, packed) for packed in self._packed)


def _encoded(message: msgspec.Struct) -> tuple[int, bytes]:
    try:
        return _PLAIN, _encoder.encode(message)
    except (UnicodeEncodeError, OverflowError):
        pass
    except _BAD as error:
        raise WorkerError(f"cannot be encoded: {error}") from None
    return _ESCAPED, to_text(message).encode()


def _decoded(type_: Any, encoding: int, payload: bytes) -> Any:
    from_msgpack, from_json = _decoders(type_)
    try:
        if encoding == _PLAIN:
            return from_msgpack(payload)
        if encoding == _ESCAPED:
            # Checked against the type first: it bounds what a small message can expand to.
            values = _mapped(msgspec.to_builtins(from_json(payload)), _unescape)
            return msgspec.convert(values, type_)
    except _BAD:
        pass
    raise WorkerError("not a message")


# Escapes: U+007F and a character for each surrogate (moved to U+E000–U+E7FF) or U+007F itself

_ESCAPE = "\x7f"
_SHIFT = 0x800
_TO_ESCAPE = re.compile("[\x7f\ud800-\udfff]")
_ESCAPED_ONE = re.compile("\x7f([\x7f\ue000-\ue7ff])")


def _escape(text: str) -> str:
    return _TO_ESCAPE.sub(lambda found: _ESCAPE + _moved(found[0], _SHIFT), text)


def _unescape(text: str) -> str:
    return _ESCAPED_ONE.sub(lambda found: _moved(found[1], -_SHIFT), text)


def _moved(char: str, shift: int) -> str:
    return char if char == _ESCAPE else chr(ord(char) + shift)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Apply a change to every string in plain values."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(item, change) for item in value]
    return value
