"""Chromium's block-file cache: `index`, `data_0` to `data_3` and `f_000001`, as on Windows.

`index` is a hash table of addresses; an address names a file and blocks in it, or a file of its
own. `data_1` holds entries in blocks of 256 bytes; `data_0` when each was last used. Entries that
no chain leads to any more, but whose own checksum still fits, are read as deleted.

Sources: Chromium's `net/disk_cache/blockfile/disk_format.h`, `disk_format_base.h`, `addr.h`,
`base/hash/hash.cc` (SuperFastHash). Tested with what Chromium 156 wrote; versions 2.0 to 3.0.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from triage.errors import EvidenceError, LimitError, ParseError
from triage.formats import http_cache

if TYPE_CHECKING:
    from triage.model import Reader

STORED_LIMIT: Final = 64 << 20
"""Bytes of one body as stored."""
ENTRY_LIMIT: Final = 200_000

_NAME: Final = re.compile(r"index|data_[0-9]{1,3}|f_[0-9a-f]{6,7}", re.IGNORECASE)
_INDEX_MAGIC, _BLOCK_MAGIC = 0xC103CAC3, 0xC104CAC3
_INDEX_HEAD: Final = 368
_INDEX_LIMIT: Final = 32 << 20
_BLOCK_HEAD: Final = 8192
_BLOCKS: Final = {1: 36, 2: 256, 3: 1024, 4: 4096}  # kind of file → bytes of a block
_ENTRY_KIND, _RANKING_KIND = 2, 1
_ENTRY: Final = struct.Struct("<IIIiiiQiI4i4II16xI")  # see EntryStore
_KEY_AT: Final = 96
_STATE_NORMAL: Final = 0
_KEY_LIMIT: Final = 64 << 10
_HEAD_LIMIT: Final = 1 << 20
_CHAIN_LIMIT: Final = 10_000
_MASK: Final = 0xFFFFFFFF


@dataclass(slots=True)
class Cache:
    """A cache by the files of its folder, by name in lower case; `problems` in our words."""

    files: Mapping[str, Reader]
    problems: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a problem, up to a hundred."""
        if len(self.problems) < 100:  # noqa: PLR2004 - as said
            self.problems.append(text)


def is_part(name: str) -> bool:
    """Whether a file of this name may belong to such a cache."""
    return _NAME.fullmatch(name) is not None


def entries(cache: Cache) -> Iterator[http_cache.Entry]:
    """Yield the entries, first those in force. Raises ParseError without a valid index.

    Raises LimitError beyond `ENTRY_LIMIT` entries, EvidenceError when a file cannot be read.
    """
    seen: set[int] = set()
    for address in _table(cache):
        chain = 0
        while address and address not in seen and chain < _CHAIN_LIMIT:
            seen.add(address)
            chain += 1
            try:
                found, address = _entry(cache, address, live=True)  # noqa: PLW2901 - the chain
            except ParseError as error:
                cache.note(error.message)
                break
            yield found
            if len(seen) > ENTRY_LIMIT:
                raise LimitError(f"more than {ENTRY_LIMIT} entries in a cache")
    yield from _left_over(cache, seen)


def _table(cache: Cache) -> Iterator[int]:
    index = cache.files.get("index")
    head = index.read_at(0, _INDEX_HEAD) if index else b""
    if index is None or len(head) < _INDEX_HEAD:
        raise ParseError("a cache without an index")
    magic, version = struct.unpack_from("<II", head)
    if magic != _INDEX_MAGIC or version >> 16 not in {2, 3}:
        raise ParseError("not the index of a block-file cache")
    if index.size > _INDEX_LIMIT:
        raise LimitError(f"an index larger than {_INDEX_LIMIT} bytes")
    data = index.read_at(_INDEX_HEAD, index.size - _INDEX_HEAD)
    table = array("I")
    table.frombytes(data[: len(data) // 4 * 4])
    yield from (address for address in table if address)


def _blocks(cache: Cache, address: int) -> tuple[Reader, int, int] | None:
    """Return the file of an address, where in it, and how many bytes its blocks have."""
    if not address >> 31:
        return None
    kind = address >> 28 & 7
    if kind == 0:
        found = cache.files.get(f"f_{address & 0xFFFFFFF:06x}")
        return None if found is None else (found, 0, found.size)
    if kind not in _BLOCKS:
        return None
    found = cache.files.get(f"data_{address >> 16 & 0xFF}")
    if found is None:
        return None
    size = _BLOCKS[kind]
    at = _BLOCK_HEAD + (address & 0xFFFF) * size
    return found, at, ((address >> 24 & 3) + 1) * size


def _entry(cache: Cache, address: int, *, live: bool) -> tuple[http_cache.Entry, int]:
    """Read the entry at an address, and the address of the next one in its chain."""
    place = _blocks(cache, address)
    if place is None or address >> 28 & 7 != _ENTRY_KIND:
        raise ParseError("an entry at an address that leads nowhere")
    reader, at, room = place
    data = reader.read_at(at, room)
    if len(data) < _BLOCKS[_ENTRY_KIND]:
        raise ParseError("an entry past the end of its file")
    values = _ENTRY.unpack_from(data)
    following, ranking, state, created = values[1], values[2], values[5], values[6]
    length, long_key, sizes, addresses = values[7], values[8], values[9:13], values[13:17]
    if not 0 < length <= _KEY_LIMIT or any(size < 0 for size in sizes):
        raise ParseError("an entry with impossible lengths")
    key = _stored(cache, long_key, length) if long_key else data[_KEY_AT : _KEY_AT + length]
    if len(key) < length:
        raise ParseError("an entry whose key is cut off")
    text = key.decode("utf-8", "replace")
    head = None
    if 0 < sizes[0] <= _HEAD_LIMIT:
        try:
            head = http_cache.head(_stored(cache, addresses[0], sizes[0]))
        except ParseError:
            cache.note("an entry whose head is not there")
    entry = http_cache.Entry(
        key=text,
        url=http_cache.url_of(text),
        head=head,
        size=sizes[1],
        live=live and state == _STATE_NORMAL,
        file=f"data_{address >> 16 & 0xFF}",
        offset=at,
        created=created or None,
        used=_last_used(cache, ranking),
        _body=_body(cache, addresses[1], sizes[1]),
    )
    return entry, following


def _body(cache: Cache, address: int, size: int) -> Callable[[], bytes]:
    def read() -> bytes:
        if size > STORED_LIMIT:
            raise LimitError(f"a body larger than {STORED_LIMIT} bytes")
        return _stored(cache, address, size) if size else b""

    return read


def _stored(cache: Cache, address: int, size: int) -> bytes:
    """Return what lies at an address. Raises ParseError when it is not all there."""
    place = _blocks(cache, address)
    data = place[0].read_at(place[1], min(size, place[2])) if place else b""
    if len(data) < size:
        raise ParseError("an entry whose data are not all there")
    return data


def _last_used(cache: Cache, address: int) -> int | None:
    place = _blocks(cache, address) if address >> 28 & 7 == _RANKING_KIND else None
    data = place[0].read_at(place[1], 8) if place else b""
    return int.from_bytes(data, "little") or None if len(data) == 8 else None  # noqa: PLR2004 - u64


def _left_over(cache: Cache, seen: set[int]) -> Iterator[http_cache.Entry]:
    """Yield entries that no chain leads to, known by the checksum over their head."""
    for name, reader in sorted(cache.files.items()):
        if not name.startswith("data_"):
            continue
        head = reader.read_at(0, 16)
        if len(head) < 16:  # noqa: PLR2004 - what is read of the head
            continue
        magic, _, _, _, size = struct.unpack("<IIHHI", head)
        if magic != _BLOCK_MAGIC or size != _BLOCKS[_ENTRY_KIND]:
            continue
        number = int(name[5:])
        blocks = min((reader.size - _BLOCK_HEAD) // size, 1 << 16)
        for block in range(blocks):
            address = 1 << 31 | _ENTRY_KIND << 28 | number << 16 | block
            try:
                data = reader.read_at(_BLOCK_HEAD + block * size, size)
            except EvidenceError:
                continue
            (checksum,) = struct.unpack_from("<I", data, _KEY_AT - 4)
            if not checksum or any(address | more << 24 in seen for more in range(4)):
                continue
            if _hash(data[: _KEY_AT - 4]) != checksum:
                continue
            (length,) = struct.unpack_from("<i", data, 32)
            more = min(3, max(0, length + _KEY_AT - 1) // size)
            try:
                yield _entry(cache, address | more << 24, live=False)[0]
            except ParseError:
                continue


def _hash(data: bytes) -> int:
    """Return SuperFastHash, as `base::PersistentHash` computes it over whole words."""
    value = len(data)
    for low, high in struct.iter_unpack("<HH", data):
        value = value + low & _MASK
        value = value << 16 & _MASK ^ (high << 11 & _MASK ^ value)
        value = value + (value >> 11) & _MASK
    value ^= value << 3 & _MASK
    value = value + (value >> 5) & _MASK
    value ^= value << 4 & _MASK
    value = value + (value >> 17) & _MASK
    value ^= value << 25 & _MASK
    return value + (value >> 6) & _MASK
