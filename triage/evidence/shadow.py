"""NTFS shadow copies (Volume Shadow Snapshots of Windows Vista to 11), read by libvshadow.

When a block of a volume is first written after a snapshot, Windows keeps what stood there in a
store beside. So a snapshot is the live volume but for the blocks that its store, or that of a later
one, has. Which those are the store's list says; how they are put together (blocks passed on,
blocks that are overlaid in part) is libvshadow's knowledge. Source of the format: libvshadow,
"Volume Shadow Snapshot (VSS) format". Tried on snapshots that Windows made.

Stores of another volume (shadow storage on D: for C:) are listed by Windows only there; they are
not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyvshadow

from triage.errors import EvidenceError
from triage.evidence.arrays import Ints
from triage.evidence.index import Index
from triage.evidence.layers import Stretch
from triage.evidence.window import Window
from triage.model import Reader, Storage, Volume

_HEADER_AT: Final = 0x1E00
_IDENTIFIER: Final = bytes.fromhex("6b87083876c1484eb7ae04046e6cc752")
_FOLDER: Final = "System Volume Information"
_STORE: Final = b"{3808876b-c176-4e48-b7ae-04046e6cc752}"  # the end of the names of its files
_BLOCK: Final = 16 << 10
_MOST_COPIES: Final = 512  # Windows keeps no more of one volume
_MOST_BLOCKS: Final = 1 << 24  # of one store: 256 GiB of it
_AT_ONCE: Final = 1 << 20
# libvshadow raises OSError with its own long texts, or what a conversion of its values raises.
_ERRORS: Final = (OSError, ValueError, OverflowError, RuntimeError, TypeError, SystemError)


def shadow_copies(image: Reader, volume: Volume) -> list[ShadowCopy]:
    """Return the snapshots of an NTFS volume, the oldest first; none where there are none.

    Raises EvidenceError when the catalog of the snapshots or a store cannot be read.
    """
    head = image.read_at(volume.offset + _HEADER_AT, len(_IDENTIFIER))
    if head != _IDENTIFIER:
        return []
    window = Window(image, volume.offset, min(volume.length, image.size - volume.offset))
    opened = pyvshadow.volume()
    try:
        opened.open_file_object(window)
        count = min(opened.number_of_stores, _MOST_COPIES)
        stores = [opened.get_store(number) for number in range(count)]
        # What a later snapshot kept is older than the live volume too.
        changed = np.zeros(0, dtype=np.int64)
        found: list[ShadowCopy] = []
        for number in range(count - 1, -1, -1):
            changed = _distinct(np.concatenate((changed, _blocks(stores[number]))))
            found.append(ShadowCopy(opened, window, stores[number], number + 1, changed))
    except _ERRORS:
        raise EvidenceError("the shadow copies cannot be read", where=volume.name) from None
    return found[::-1]


def _time(filetime: int) -> str:
    try:
        time = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=filetime // 10)
    except OverflowError:
        return ""
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"


def _blocks(store: Any) -> Ints:
    """Return the numbers of the blocks of the volume that a store has something of, unsorted."""
    count = store.number_of_blocks
    if count > _MOST_BLOCKS:
        raise EvidenceError("a store of shadow copies with too many blocks")
    offsets = (store.get_block(number).original_offset for number in range(count))
    return np.fromiter(offsets, np.int64, count) // _BLOCK


def _distinct(numbers: Ints) -> Ints:
    ordered = np.sort(numbers)  # np.unique imports on first use, which a locked worker cannot
    distinct: Ints = ordered[np.diff(ordered, prepend=-1) != 0]
    return distinct


class ShadowCopy:
    """One snapshot as a layer."""

    snapshot = True

    def __init__(self, opened: Any, window: Window, store: Any, number: int, changed: Ints) -> None:
        """Take a store; `changed` are the blocks in which it differs from the live volume."""
        self._kept = opened  # a store does not keep its volume alive
        self._window, self._store, self._changed = window, store, changed
        self.name = f"vss-{number}"
        self.size = int(store.volume_size)
        self.description = "shadow copy"
        details = {
            "created": _time(store.get_creation_time_as_integer()),
            "store": str(store.identifier),
            "copy": str(store.copy_identifier or ""),
            "changed_bytes": str(len(changed) * _BLOCK),
        }
        self.details: Mapping[str, str] = {name: text for name, text in details.items() if text}

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes as they were, fewer only at the end. Raises EvidenceError."""
        parts = []
        end = min(offset + length, self.size)
        while offset < end:
            try:
                data = self._store.read_buffer_at_offset(min(_AT_ONCE, end - offset), offset)
            except _ERRORS:
                raise EvidenceError(f"the shadow copy cannot be read at {offset}") from None
            if not data:
                raise EvidenceError(f"the shadow copy ends early at {offset}")
            parts.append(data)
            offset += len(data)
        return b"".join(parts)

    def differs(self, starts: Ints, ends: Ints) -> Ints:
        """Return for each stretch of bytes how many blocks of it the live volume has otherwise."""
        first = np.searchsorted(self._changed, starts // _BLOCK)
        last = np.searchsorted(self._changed, (ends - 1) // _BLOCK, side="right")
        touched: Ints = np.maximum(last - first, 0)
        return touched

    def stores(self, index: Index) -> list[int]:
        """Return the rows of the catalog and the stores."""
        folder = index.child(0, _FOLDER)
        rows = range(0) if folder is None else index.children(folder)
        return [row for row in rows if index.name(row).lower().endswith(_STORE)]

    def stretches(self, offset: int, length: int) -> Iterator[Stretch]:
        """Yield what lies where it lies in the live volume, and what only a store has."""
        end = min(offset + length, self.size)
        while offset < end:
            block = offset // _BLOCK
            place = int(np.searchsorted(self._changed, block))
            kept = place < len(self._changed) and int(self._changed[place]) == block
            if kept:
                until = (block + 1) * _BLOCK
                while place + 1 < len(self._changed) and until < end:
                    place += 1
                    if int(self._changed[place]) * _BLOCK != until:
                        break
                    until += _BLOCK
            elif place < len(self._changed):
                until = int(self._changed[place]) * _BLOCK
            else:
                until = end
            until = min(until, end)
            yield Stretch(
                at=offset,
                below=None if kept else self._window.offset + offset,
                length=until - offset,
                storage=Storage.SNAPSHOT if kept else Storage.PLAIN,
            )
            offset = until
