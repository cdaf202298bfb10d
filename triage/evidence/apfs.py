"""Which volumes an APFS container holds, and which of them are encrypted; nothing else is read.

Source: Apple File System Reference (2020-06-22), structures nx_superblock_t, omap_phys_t,
btree_node_phys_t and apfs_superblock_t. All integers are little-endian.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from triage.errors import EvidenceError, ParseError
from triage.model import Reader

MAGIC_AT = 32
MAGIC = b"NXSB"

_MAX_VOLUMES = 100  # NX_MAX_FILE_SYSTEMS
_MAX_DEPTH = 8
_MAX_CHECKPOINT_BLOCKS = 512
_MAX_TRIED = 8
_MIN_BLOCK, _MAX_BLOCK = 4096, 65536
_LEAF, _ROOT, _FIXED = 2, 1, 4  # btn_flags
_NODE = 56  # bytes before the data of a B-tree node
_ROOT_INFO = 40  # btree_info_t at the end of a root node
_UNENCRYPTED = 1  # APFS_FS_UNENCRYPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class ApfsVolume:
    """One volume of a container."""

    name: str
    uuid: str
    encrypted: bool


def read_volumes(reader: Reader, offset: int) -> tuple[str, tuple[ApfsVolume, ...]]:
    """Return the UUID of the container at `offset` and its volumes.

    The newest superblock of the checkpoint area that leads to all volumes is used, then the one
    in block 0, which is the state at the last clean unmount. Raises ParseError.
    """
    container = _Container(reader, offset)
    problem = None
    for superblock in container.superblocks():
        try:
            return container.identifier, container.volumes(superblock)
        except (ParseError, EvidenceError, struct.error) as error:
            problem = problem or error
    raise ParseError(f"APFS container cannot be followed: {problem}")


class _Container:
    def __init__(self, reader: Reader, offset: int) -> None:
        self._reader = reader
        self._offset = offset
        try:
            head = reader.read_at(offset, _MIN_BLOCK)
        except EvidenceError as error:
            raise ParseError(str(error)) from error
        if len(head) < _MIN_BLOCK or head[MAGIC_AT : MAGIC_AT + 4] != MAGIC:
            raise ParseError("no APFS container")
        (self._block,) = struct.unpack_from("<I", head, 36)
        if not _MIN_BLOCK <= self._block <= _MAX_BLOCK:
            raise ParseError(f"APFS blocks of {self._block} bytes")
        self._head = head
        self.identifier = str(uuid.UUID(bytes=head[72:88]))

    def superblocks(self) -> list[bytes]:
        """Return those of the checkpoint area, the newest ones first, and that of block 0."""
        (count,) = struct.unpack_from("<I", self._head, 104)
        (base,) = struct.unpack_from("<Q", self._head, 112)
        found = []
        for block in range(base, base + min(count & 0x7FFFFFFF, _MAX_CHECKPOINT_BLOCKS)):
            try:
                data = self._read(block)
            except (ParseError, EvidenceError):
                break
            if data[MAGIC_AT : MAGIC_AT + 4] == MAGIC:
                found.append(data)
        found.sort(key=lambda data: data[16:24][::-1], reverse=True)  # o_xid, little-endian
        return [*found[:_MAX_TRIED], self._head]

    def volumes(self, superblock: bytes) -> tuple[ApfsVolume, ...]:
        (omap,) = struct.unpack_from("<Q", superblock, 160)
        (tree,) = struct.unpack_from("<Q", self._read(omap), 48)
        (count,) = struct.unpack_from("<I", superblock, 180)
        wanted = struct.unpack_from(f"<{min(count, _MAX_VOLUMES)}Q", superblock, 184)
        return tuple(self._volume(self._find(tree, oid)) for oid in wanted if oid)

    def _read(self, block: int) -> bytes:
        data = self._reader.read_at(self._offset + block * self._block, self._block)
        if len(data) < self._block:
            raise ParseError(f"APFS block {block} is outside the volume")
        return data

    def _volume(self, block: int) -> ApfsVolume:
        data = self._read(block)
        if data[MAGIC_AT : MAGIC_AT + 4] != b"APSB":
            raise ParseError(f"no APFS volume superblock in block {block}")
        (flags,) = struct.unpack_from("<Q", data, 264)
        return ApfsVolume(
            name=data[704:960].split(b"\x00")[0].decode("utf-8", "replace"),
            uuid=str(uuid.UUID(bytes=data[240:256])),
            encrypted=not flags & _UNENCRYPTED,
        )

    def _find(self, block: int, oid: int) -> int:
        """Return the block of the newest version of an object in the object map."""
        for _ in range(_MAX_DEPTH):
            data = self._read(block)
            flags, _, count = struct.unpack_from("<HHI", data, MAGIC_AT)
            if not flags & _FIXED:
                raise ParseError("APFS object map with entries of variable size")
            best = -1
            for key, value in self._entries(data, flags, count):
                (found,) = struct.unpack_from("<Q", data, key)
                # In a node, the last key that is not greater leads down; in a leaf it must match.
                if found > oid:
                    break
                best = value if not flags & _LEAF or found == oid else -1
            if best < 0:
                raise ParseError(f"APFS object {oid} is not in the object map")
            if flags & _LEAF:
                return struct.unpack_from("<Q", data, best + 8)[0]  # type: ignore[no-any-return]
            (block,) = struct.unpack_from("<Q", data, best)
        raise ParseError("APFS object map is too deep")

    def _entries(self, data: bytes, flags: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield where key and value of each entry lie in the node."""
        start, length = struct.unpack_from("<HH", data, 40)
        keys = _NODE + start + length
        values = len(data) - (_ROOT_INFO if flags & _ROOT else 0)
        for number in range(min(count, length // 4)):
            key, value = struct.unpack_from("<HH", data, _NODE + start + 4 * number)
            if value > values:
                raise ParseError("APFS object map entry outside its node")
            yield keys + key, values - value
