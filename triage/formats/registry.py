r"""Windows registry hives, read only, over libregf.

Transaction logs (`.LOG1`, `.LOG2`, `.LOG`) that are handed in are applied in memory; `dirty` says
that there may be newer data still. Paths are separated by `\`, relative to the root key,
without regard to case.

Format: https://github.com/msuhanov/regf and https://github.com/libyal/libregf.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyregf

from triage.errors import LimitError, ParseError
from triage.formats import times
from triage.formats.file_object import FileObject
from triage.formats.registry_log import Recovered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from triage.model import Entry, Reader

Data: TypeAlias = "str | int | bytes | list[str]"

SZ, EXPAND_SZ, BINARY, DWORD, DWORD_BIG_ENDIAN, LINK, MULTI_SZ, QWORD = 1, 2, 3, 4, 5, 6, 7, 11

DEPTH_LIMIT = 512  # keys above each other; Windows allows no more
KEY_LIMIT = 2_000_000  # keys that one hive may yield, since lists may point back up
VALUE_LIMIT = 100_000  # values of one key
DATA_LIMIT = 32 << 20  # bytes of one value
_PROBLEM_LIMIT = 100

_SEQUENCES = struct.Struct("<4sII")  # signature, primary and secondary sequence number
_VALUE_CELL = struct.Struct("<2s2xI4s")  # signature, data size, data or where it lies
_INLINE = 1 << 31  # in a data size: the data stands in the cell itself
_INTEGERS = {DWORD: ("little", 4), DWORD_BIG_ENDIAN: ("big", 4), QWORD: ("little", 8)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of a key; the default value has the name "".

    `data` is str for SZ, EXPAND_SZ and LINK, list of str for MULTI_SZ, int for DWORD and QWORD of
    their right size, else bytes. `raw` is always the bytes as stored. Text ends at the first NUL;
    invalid UTF-16 stays as lone surrogates.
    """

    name: str
    type: int
    raw: bytes

    @property
    def data(self) -> Data:
        """The data in the Python type that its registry type calls for."""
        if self.type in {SZ, EXPAND_SZ, LINK}:
            return _text(self.raw).partition("\0")[0]
        if self.type == MULTI_SZ:
            return _text(self.raw).rstrip("\0").split("\0") if self.raw.strip(b"\0") else []
        order, size = _INTEGERS.get(self.type, ("", -1))
        if len(self.raw) == size:
            return int.from_bytes(self.raw, "big" if order == "big" else "little")
        return self.raw


class Key:
    """A key of an open hive."""

    def __init__(self, hive: Hive, handle: Any, depth: int) -> None:
        self._hive = hive
        self._handle = handle
        self._depth = depth
        with hive.own_words():
            self.name: str = handle.name or ""
            self.last_written: int = handle.get_last_written_time_as_integer()
            """FILETIME: 100 nanoseconds since 1601-01-01 UTC."""

    @property
    def last_written_utc(self) -> str | None:
        """The same as RFC 3339, None when zero or out of range."""
        return times.utc(self.last_written, "filetime")

    def subkeys(self) -> Iterator[Key]:
        """Yield the keys below, in the order of the hive. Raises ParseError and LimitError.

        One that cannot be read is left out and noted in `Hive.problems`.
        """
        with self._hive.own_words():
            count = self._handle.number_of_sub_keys
        if count and self._depth >= DEPTH_LIMIT:
            raise LimitError(f"registry keys more than {DEPTH_LIMIT} levels deep")
        for index in range(count):
            self._hive.count_key()
            try:
                with self._hive.own_words():
                    key = Key(self._hive, self._handle.get_sub_key(index), self._depth + 1)
            except ParseError:
                self._hive.note(f"subkey {index} of key {self.name!r} cannot be read")
            else:
                yield key

    def key(self, path: str) -> Key | None:
        """Return the key at a path below this one, None when there is none."""
        key: Key | None = self
        for part in path.split("\\"):
            if part and key is not None:
                key = key.subkey(part)
        return key

    def subkey(self, name: str) -> Key | None:
        """Return the key of this name directly below, in any case, None when there is none."""
        if not _encodable(name):
            return None
        try:
            with self._hive.own_words():
                handle = self._handle.get_sub_key_by_name(name)
            return None if handle is None else Key(self._hive, handle, self._depth + 1)
        except ParseError:  # one damaged neighbour is enough: look at them one by one
            wanted = name.casefold()
            return next((key for key in self.subkeys() if key.name.casefold() == wanted), None)

    def values(self) -> Iterator[Value]:
        """Yield the values, in the order of the hive; one that cannot be read is a problem."""
        with self._hive.own_words():
            count = self._handle.number_of_values
        if count > VALUE_LIMIT:
            raise LimitError(f"a registry key with more than {VALUE_LIMIT} values")
        for index in range(count):
            try:
                with self._hive.own_words():
                    value = self._value(index)
            except ParseError:
                self._hive.note(f"value {index} of key {self.name!r} cannot be read")
            else:
                yield value

    def value(self, name: str) -> Value | None:
        """Return the value of this name in any case, "" for the default value, None without it."""
        wanted = name.casefold()
        return next((value for value in self.values() if value.name.casefold() == wanted), None)

    def _value(self, index: int) -> Value:
        handle = self._handle.get_value(index)
        if handle.is_corrupted():
            raise ParseError("a registry value is damaged")
        if handle.data_size > DATA_LIMIT:
            raise LimitError(f"a registry value larger than {DATA_LIMIT} bytes")
        signature, size, inline = _VALUE_CELL.unpack(self._hive.read(handle.offset, 12))
        if signature == b"vk" and size & _INLINE:
            # libregf 20260526 loses the last byte of inline data shorter than four bytes.
            raw = inline[: size & ~_INLINE]
        else:
            raw = handle.data or b""
        return Value(name=handle.name or "", type=handle.type, raw=raw)


class Hive:
    """An open hive."""

    def __init__(self, reader: Reader, logs: Iterable[Reader] = ()) -> None:
        self.problems: list[str] = []
        recovered = Recovered(reader, logs)
        self.applied: int = recovered.applied
        """Entries of transaction logs that were newer than the hive."""
        self._reader = reader = recovered if recovered.applied else reader
        self._source = FileObject(reader)
        self._keys_left = KEY_LIMIT
        signature, first, second = _SEQUENCES.unpack(self.read(0, _SEQUENCES.size))
        if signature != b"regf":
            raise ParseError("not a registry hive")
        self.dirty: bool = first != second
        """Whether Windows was still writing: the hive may lack what its logs hold."""
        with self.own_words():
            self._file = pyregf.file()
            self._file.open_file_object(self._source)
            root = self._file.get_root_key()
        if root is None:
            raise ParseError("the registry hive has no root key")
        self.root = Key(self, root, 0)

    def key(self, path: str) -> Key | None:
        r"""Return the key at a path like `Microsoft\Windows\CurrentVersion`, None without it."""
        return self.root.key(path)

    def count_key(self) -> None:
        """Count one key against the budget of the hive. Raises LimitError."""
        self._keys_left -= 1
        if self._keys_left < 0:
            raise LimitError(f"a registry hive with more than {KEY_LIMIT} keys")

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the hive file, zeros beyond its end."""
        return self._reader.read_at(offset, length).ljust(length, b"\0")

    def note(self, problem: str) -> None:
        """Remember what could not be read; the first hundred say enough."""
        if len(self.problems) < _PROBLEM_LIMIT:
            self.problems.append(problem)

    def own_words(self) -> AbstractContextManager[None]:
        """Turn errors of the library into ours, and give back what reading the image raised."""
        return self._source.own_words("the registry hive")


def open_hive(reader: Reader, logs: Iterable[Reader] = ()) -> Hive:
    """Open a hive with what its logs hold. Raises ParseError, or EvidenceError of the image."""
    return Hive(reader, logs)


class HasSiblings(Protocol):
    """An artifact, as far as a hive and the logs beside it matter."""

    @property
    def entry(self) -> Entry:
        """The file system's entry."""
        ...

    def open(self) -> Reader:
        """Return the content."""
        ...

    def sibling(self, name: str) -> HasSiblings | None:
        """Return a file of the same folder."""
        ...


def open_with_logs(artifact: HasSiblings) -> Hive:
    """Open a hive and the transaction logs beside it, these only if the hive is not whole."""
    reader = artifact.open()
    head = reader.read_at(0, _SEQUENCES.size)
    if len(head) < _SEQUENCES.size or head[4:8] == head[8:12]:
        return Hive(reader)
    names = (f"{artifact.entry.name}.{ending}" for ending in ("LOG1", "LOG2", "LOG"))
    beside = [found for name in names if (found := artifact.sibling(name)) is not None]
    return Hive(reader, [log.open() for log in beside])


def control_set(system: Hive) -> Key | None:
    r"""Return the control set that a SYSTEM hive last ran with (`Select\Current`), if any."""
    select = system.key("Select")
    current = select.value("Current") if select else None
    if current is None or not isinstance(current.data, int):
        return None
    return system.key(f"ControlSet{current.data:03d}")


def _text(raw: bytes) -> str:
    return raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass")


def _encodable(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= char <= "\udfff" for char in name)
