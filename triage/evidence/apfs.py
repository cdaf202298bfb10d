"""Which volumes and snapshots an APFS container holds, and which of them are encrypted.

Source: Apple File System Reference (2020-06-22), structures nx_superblock_t, omap_phys_t,
btree_node_phys_t, apfs_superblock_t and j_snap_metadata_val_t. All integers are little-endian.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from triage.errors import EvidenceError, ParseError
from triage.model import Reader, Volume, VolumeState

MAGIC_AT = 32
MAGIC = b"NXSB"
SCHEME = "apfs"

_MAX_VOLUMES = 100  # NX_MAX_FILE_SYSTEMS
_MAX_DEPTH = 8
_MAX_CHECKPOINT_BLOCKS = 512
_MAX_TRIED = 8
_MAX_NODES = 256  # of one snapshot tree
_MAX_SNAPSHOTS = 1024
_MIN_BLOCK, _MAX_BLOCK = 4096, 65536
_LEAF, _ROOT, _FIXED = 2, 1, 4  # btn_flags
_NODE = 56  # bytes before the data of a B-tree node
_ROOT_INFO = 40  # btree_info_t at the end of a root node
_FUSION = 0x100  # NX_INCOMPAT_FUSION
_UNENCRYPTED = 1  # APFS_FS_UNENCRYPTED
_ONE_KEY = 8  # APFS_FS_ONEKEY
_CASE_INSENSITIVE = 1  # APFS_INCOMPAT_CASE_INSENSITIVE
_SNAP_METADATA = 1  # APFS_TYPE_SNAP_METADATA
_SNAP_NAME_AT = 50  # in j_snap_metadata_val_t
_ROLES = {
    0x01: "system",
    0x02: "user",
    0x04: "recovery",
    0x08: "vm",
    0x10: "preboot",
    0x20: "installer",
    0x40: "data",
    0x80: "baseband",
    0xC0: "update",
    0x100: "xart",
    0x140: "hardware",
    0x180: "backup",
    0x240: "enterprise",
    0x2C0: "prelogin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApfsVolume:
    """One volume of a container."""

    slot: int  # in the container's list; stays when other volumes are deleted
    name: str
    uuid: str
    encrypted: bool
    one_key: bool = False  # for the whole volume, as FileVault does; otherwise one for each file
    role: str = ""
    case_sensitive: bool = False
    snapshots: tuple[str, ...] = ()  # names, the oldest first
    snapshot_count: int = 0  # as the volume says; all names may not be readable


def read_volumes(reader: Reader, offset: int) -> tuple[str, tuple[ApfsVolume, ...]]:
    """Return the UUID of the container at `offset` and its volumes.

    The newest superblock of the checkpoint area that leads to all volumes is used, then the one
    in block 0, which is the state at the last clean unmount. Raises ParseError.
    """
    container = _Container(reader, offset)
    problem = None
    for _, superblock in container.superblocks():
        try:
            return container.identifier, container.volumes(superblock)
        except (ParseError, EvidenceError, struct.error) as error:
            problem = problem or error
    raise ParseError(f"APFS container cannot be followed: {problem}")


def divide(reader: Reader, container: Volume) -> list[Volume]:
    """Return a container and the volumes in it: `p2`, then `p2/apfs-0`, `p2/apfs-1` and so on.

    They share its space, so each has its offset and length. One that cannot be followed, or whose
    other half is on a second disk (Fusion), is returned alone and unchanged but for its problem.
    """
    try:
        identifier, found = read_volumes(reader, container.offset)
        if _Container(reader, container.offset).fusion:
            raise ParseError("APFS on two disks (Fusion), of which this is one; it is not read")  # noqa: TRY301 - one way out for both
    except ParseError as error:
        problem = "; ".join(filter(None, (container.problem, error.message)))
        return [replace(container, state=VolumeState.UNSUPPORTED, problem=problem)]
    listed = ", ".join(f"{volume.name} ({volume.uuid})" for volume in found)
    outer = replace(
        container,
        state=VolumeState.META,
        scheme=SCHEME,
        details=_known({**container.details, "uuid": identifier, "volumes": listed}),
        problem=container.problem if found else "APFS container without volumes",
    )
    return [outer, *(_inner(container, volume) for volume in found)]


def without_gaps(reader: Reader, offset: int) -> dict[int, bytes]:
    """Return superblocks without gaps in their list of volumes, by their place in the container.

    A deleted volume may leave a gap, and libfsapfs refuses to open such a container. Empty when
    there is no gap. Raises ParseError.
    """
    container = _Container(reader, offset)
    first, *_ = candidates = container.superblocks()
    changed = {}
    for place, superblock in ((0, candidates[-1][1]), first):
        listed = superblock[184:984]
        oids = [oid for (oid,) in struct.iter_unpack("<Q", listed) if oid]
        closed = struct.pack(f"<{len(oids)}Q", *oids).ljust(len(listed), b"\0")
        if closed != listed:
            changed[place] = _sealed(superblock[:184] + closed + superblock[984:])
    return changed


def _sealed(block: bytes) -> bytes:
    """Return an object with its checksum made right: Fletcher 64 of everything behind it."""
    low = high = 0
    for (word,) in struct.iter_unpack("<I", block[8:]):
        low = (low + word) % 0xFFFFFFFF
        high = (high + low) % 0xFFFFFFFF
    first = 0xFFFFFFFF - (low + high) % 0xFFFFFFFF
    second = 0xFFFFFFFF - (low + first) % 0xFFFFFFFF
    return struct.pack("<II", first, second) + block[8:]


def _inner(container: Volume, found: ApfsVolume) -> Volume:
    locked = found.encrypted
    encryption = ("one key for the volume" if found.one_key else "a key for each file") * locked
    details = {
        "uuid": found.uuid,
        "slot": str(found.slot),
        "role": found.role,
        "names": "case-sensitive" if found.case_sensitive else "case-insensitive",
        "encryption": encryption,
        "snapshots": str(found.snapshot_count or ""),
        "snapshot_names": ", ".join(found.snapshots),
    }
    problem = None
    if locked:
        problem = "encrypted APFS volume (FileVault): needs a password or recovery key"
    return Volume(
        name=f"{container.name}/apfs-{found.slot}",
        offset=container.offset,
        length=container.length,
        table=container.table,
        description=f"APFS volume ({found.role})" if found.role else "APFS volume",
        label=found.name or None,
        state=VolumeState.LOCKED if locked else VolumeState.FILESYSTEM,
        filesystem=None if locked else "apfs",
        scheme=SCHEME if locked else None,
        details=_known(details),
        problem=problem,
    )


def _known(details: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}


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
        self.fusion = bool(int.from_bytes(head[64:72], "little") & _FUSION)

    def superblocks(self) -> list[tuple[int, bytes]]:
        """Return (place, content) of the newest ones of the checkpoint area, and of block 0."""
        (count,) = struct.unpack_from("<I", self._head, 104)
        (base,) = struct.unpack_from("<Q", self._head, 112)
        found = []
        for block in range(base, base + min(count & 0x7FFFFFFF, _MAX_CHECKPOINT_BLOCKS)):
            try:
                data = self._read(block)
            except (ParseError, EvidenceError):
                break
            if data[MAGIC_AT : MAGIC_AT + 4] == MAGIC:
                found.append((block * self._block, data))
        found.sort(key=lambda item: item[1][16:24][::-1], reverse=True)  # o_xid, little-endian
        return [*found[:_MAX_TRIED], (0, self._read(0))]

    def volumes(self, superblock: bytes) -> tuple[ApfsVolume, ...]:
        (omap,) = struct.unpack_from("<Q", superblock, 160)
        (tree,) = struct.unpack_from("<Q", self._read(omap), 48)
        (count,) = struct.unpack_from("<I", superblock, 180)
        wanted = struct.unpack_from(f"<{min(count, _MAX_VOLUMES)}Q", superblock, 184)
        return tuple(
            self._volume(slot, self._find(tree, oid)) for slot, oid in enumerate(wanted) if oid
        )

    def _read(self, block: int) -> bytes:
        data = self._reader.read_at(self._offset + block * self._block, self._block)
        if len(data) < self._block:
            raise ParseError(f"APFS block {block} is outside the volume")
        return data

    def _volume(self, slot: int, block: int) -> ApfsVolume:
        data = self._read(block)
        if data[MAGIC_AT : MAGIC_AT + 4] != b"APSB":
            raise ParseError(f"no APFS volume superblock in block {block}")
        (incompatible,) = struct.unpack_from("<Q", data, 56)
        (flags,) = struct.unpack_from("<Q", data, 264)
        (kept,) = struct.unpack_from("<Q", data, 152)
        (snapshots,) = struct.unpack_from("<Q", data, 216)
        (role,) = struct.unpack_from("<H", data, 964)
        return ApfsVolume(
            slot=slot,
            name=_text(data[704:960]),
            uuid=str(uuid.UUID(bytes=data[240:256])),
            encrypted=not flags & _UNENCRYPTED,
            one_key=bool(flags & _ONE_KEY),
            role=_ROLES.get(role, ""),
            case_sensitive=not incompatible & _CASE_INSENSITIVE,
            snapshots=self._snapshots(kept) if snapshots else (),
            snapshot_count=snapshots,
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

    def _snapshots(self, root: int) -> tuple[str, ...]:
        """Return the names of the snapshots, as far as their tree can be followed."""
        names: list[str] = []
        pending, seen = [root], {root}
        while pending and len(seen) <= _MAX_NODES and len(names) < _MAX_SNAPSHOTS:
            try:
                data = self._read(pending.pop())
                flags, _, count = struct.unpack_from("<HHI", data, MAGIC_AT)
                below = []
                for key, value in self._entries(data, flags, count):
                    (number,) = struct.unpack_from("<Q", data, value)
                    if not flags & _LEAF:
                        below.append(number)
                    elif data[key + 7] >> 4 == _SNAP_METADATA:
                        (length,) = struct.unpack_from("<H", data, value + _SNAP_NAME_AT - 2)
                        start = value + _SNAP_NAME_AT
                        names.append(_text(data[start : start + min(length, 256)]))
            except (ParseError, EvidenceError, struct.error, IndexError):
                continue
            pending.extend(block for block in reversed(below) if block not in seen)
            seen.update(below)
        return tuple(names[:_MAX_SNAPSHOTS])

    def _entries(self, data: bytes, flags: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield where key and value of each entry lie in the node."""
        start, length = struct.unpack_from("<HH", data, 40)
        keys = _NODE + start + length
        values = len(data) - (_ROOT_INFO if flags & _ROOT else 0)
        size = 4 if flags & _FIXED else 8
        for number in range(min(count, length // size)):
            at = _NODE + start + size * number
            key, value = struct.unpack_from("<HH" if size == 4 else "<H2xH", data, at)  # noqa: PLR2004 - kvoff_t
            if value > values:
                raise ParseError("APFS B-tree entry outside its node")
            yield keys + key, values - value


def _text(data: bytes) -> str:
    return data.split(b"\x00")[0].decode("utf-8", "replace")
