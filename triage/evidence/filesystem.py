"""File systems read by The Sleuth Kit: listing, content and byte runs.

TSK 4.15 gives names as raw bytes, does not stop directory loops (the walk does), and keeps only
the low 32 bits of a read length: every read here is bounded and its length checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytsk3

from triage.errors import EvidenceError
from triage.evidence import yaffs2
from triage.evidence.index import NO_ATTRIBUTE, Named
from triage.model import Allocation, ByteRun, EntryType, FileTimes, Reader, Storage, Volume

_BLOCK = 1 << 20  # bytes asked of TSK at once
_NS = 1_000_000_000
_LOCAL_TIME = frozenset({"fat12", "fat16", "fat32", "exfat", "iso9660"})
_WITH_ATTRIBUTES = frozenset({"ntfs"})
_MAX_ATTRIBUTES = 1024  # streams of one file
_LARGEST_INODE = 2**63 - 1
_MAX_RUNS = 65536  # of one file
_ONE_LESS = 2**32 - 1  # than 0, of a sequence number

# Left to itself TSK refuses a volume that keeps the mark of an older file system as well.
_KINDS = {
    "ntfs": pytsk3.TSK_FS_TYPE_NTFS_DETECT,
    "fat12": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "fat16": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "fat32": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "exfat": pytsk3.TSK_FS_TYPE_EXFAT,
    "ext2": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "ext3": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "ext4": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "hfs": pytsk3.TSK_FS_TYPE_HFS_DETECT,
    "iso9660": pytsk3.TSK_FS_TYPE_ISO9660_DETECT,
    "ufs": pytsk3.TSK_FS_TYPE_FFS_DETECT,
    yaffs2.NAME: pytsk3.TSK_FS_TYPE_YAFFS2,
}

_NTFS_DATA = 128
_TYPES = {
    int(pytsk3.TSK_FS_META_TYPE_REG): EntryType.FILE,
    int(pytsk3.TSK_FS_META_TYPE_DIR): EntryType.DIRECTORY,
    int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR): EntryType.DIRECTORY,
    int(pytsk3.TSK_FS_META_TYPE_VIRT): EntryType.FILE,
    int(pytsk3.TSK_FS_META_TYPE_LNK): EntryType.LINK,
}
_NAME_TYPES = {
    int(pytsk3.TSK_FS_NAME_TYPE_REG): EntryType.FILE,
    int(pytsk3.TSK_FS_NAME_TYPE_DIR): EntryType.DIRECTORY,
    int(pytsk3.TSK_FS_NAME_TYPE_LNK): EntryType.LINK,
}
_ALLOCATIONS = {
    (name, meta): Allocation(name=name, metadata=meta, reused=meta and not name)
    for name in (False, True)
    for meta in (False, True)
}
_DOTS = (b".", b"..")
_NAME_ALLOC = int(pytsk3.TSK_FS_NAME_FLAG_ALLOC)
_META_ALLOC = int(pytsk3.TSK_FS_META_FLAG_ALLOC)
_ATTR_NONRES = int(pytsk3.TSK_FS_ATTR_NONRES)
_ATTR_RES = int(pytsk3.TSK_FS_ATTR_RES)
_ATTR_COMPRESSED = int(pytsk3.TSK_FS_ATTR_COMP)
_ATTR_ENCRYPTED = int(pytsk3.TSK_FS_ATTR_ENC)
_RUN_SPARSE = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE)
_RUN_FILLER = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER)
_DATA_TYPES = frozenset({1, _NTFS_DATA, 0x1100})  # TSK default, NTFS $DATA, HFS data fork


class TskTree:
    """One file system of a disk image, opened by TSK."""

    def __init__(self, img: pytsk3.Img_Info, volume: Volume) -> None:
        """Open the file system at the volume's offset. Raises EvidenceError.

        For YAFFS2 `img` must begin where the volume does: TSK reads it from the first byte.
        """
        self.name = volume.filesystem or "unknown"
        self._offset = volume.offset
        try:
            kind = _KINDS.get(self.name, pytsk3.TSK_FS_TYPE_DETECT)
            at = 0 if self.name == yaffs2.NAME else volume.offset
            self._fs = pytsk3.FS_Info(img, offset=at, type=kind)
        except OSError:
            raise EvidenceError("file system cannot be opened", where=volume.name) from None
        self.block_size = int(self._fs.info.block_size)
        self._stride = self.block_size + int(self._fs.info.block_post_size)
        self.block_count = int(self._fs.info.block_count)
        self.last_inode = int(self._fs.info.last_inum)
        self._zone = "local" if self.name in _LOCAL_TIME else "utc"
        self._attributes = self.name in _WITH_ATTRIBUTES

    def root(self) -> Named:
        """Return the root directory."""
        return Named(
            name=b"", type=EntryType.DIRECTORY, inode=int(self._fs.info.root_inum), descend=True
        )

    def listing(self, directory: Named) -> list[Named]:
        """Return a directory's names, each data stream of NTFS as a name of its own."""
        result: list[Named] = []
        try:
            for found in self._fs.open_dir(inode=directory.inode):
                self._add(result, found, directory.inode)
        except (OSError, RuntimeError):
            raise EvidenceError("directory cannot be read") from None
        return result

    def _add(self, result: list[Named], found: Any, parent: int) -> None:
        info = found.info
        name, meta = info.name, info.meta
        raw: bytes | None = name.name
        if not raw or raw in _DOTS:
            return
        address: int = name.meta_addr
        if meta is None and address:
            found = self._just_deleted(address, int(name.meta_seq)) or found
            meta = found.info.meta
        if b"/" in raw:  # never a separator inside a name
            raw = raw.replace(b"/", rb"\x2f")
        name_allocated = bool(name.flags & _NAME_ALLOC)
        if meta is None:
            kind = _NAME_TYPES.get(name.type, EntryType.OTHER)
            allocation = _ALLOCATIONS[name_allocated, False]
            result.append(Named(raw, kind, address, allocation=allocation))
            return
        allocation = _ALLOCATIONS[name_allocated, bool(meta.flags & _META_ALLOC)]
        kind = _TYPES.get(meta.type, EntryType.OTHER)
        descend = kind is EntryType.DIRECTORY and address != parent and not allocation.reused
        attribute, size, times = NO_ATTRIBUTE, meta.size, self.times(meta)
        streams = self.streams(found) if self._attributes else ()
        if kind is not EntryType.DIRECTORY:
            for number, stream, length in streams:
                if stream is None:
                    attribute, size = number, length
                    break
        result.append(Named(raw, kind, address, attribute, size, times, allocation, descend))
        for number, stream, length in streams:
            if stream is not None:
                text = raw + b":" + stream
                result.append(
                    Named(text, EntryType.FILE, address, number, length, times, allocation)
                )

    def _just_deleted(self, address: int, sequence: int) -> Any | None:
        """Return the metadata of a deleted name if nothing has used it since.

        Windows adds one to the sequence number when it frees an MFT entry; TSK then takes name and
        entry for strangers and leaves the entry out. In other file systems there is no such number,
        but for a name in `$OrphanFiles` TSK expects one that is one less.
        """
        if not self._attributes and sequence != _ONE_LESS:
            return None
        try:
            found = self._fs.open_meta(inode=address)
        except OSError:
            return None
        meta = found.info.meta
        if meta is None or int(meta.flags) & _META_ALLOC:
            return None
        if int(meta.seq) != (sequence + 1 if self._attributes else 0):
            return None
        return found

    @staticmethod
    def streams(found: Any) -> list[tuple[int, bytes | None, int]]:
        """Return (type << 16 | id, name, size) of the data attributes of an NTFS file."""
        streams: list[tuple[int, bytes | None, int]] = []
        for attribute in islice(found, _MAX_ATTRIBUTES):
            info = attribute.info
            if info.type == _NTFS_DATA:
                name: bytes | None = info.name or None
                if name is not None and b"/" in name:
                    name = name.replace(b"/", rb"\x2f")
                streams.append((_NTFS_DATA << 16 | info.id & 0xFFFF, name, info.size))
        return streams

    def times(self, meta: Any) -> FileTimes:
        """Return the times of a metadata entry."""
        modified, accessed, created = meta.mtime, meta.atime, meta.crtime
        changed = None if self._zone == "local" else meta.ctime
        return FileTimes(
            modified=modified * _NS + meta.mtime_nano if modified else None,
            accessed=accessed * _NS + meta.atime_nano if accessed else None,
            changed=changed * _NS + meta.ctime_nano if changed else None,
            created=created * _NS + meta.crtime_nano if created else None,
            zone=self._zone,
        )

    def entry(self, inode: int) -> Any:
        """Return TSK's file of a metadata entry. Raises EvidenceError."""
        try:
            found = self._fs.open_meta(inode=inode)
        except OSError:
            raise EvidenceError("metadata entry cannot be read") from None
        if found.info.meta is None:
            raise EvidenceError("metadata entry is empty")
        return found

    def open(self, address: str) -> Reader:
        """Return the content at `inode` or `inode-type-id`. Raises EvidenceError."""
        inode, kind, identifier = _parsed(address)
        return TskFile(self.entry(inode), kind, identifier)

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return the byte runs of the content; offsets are bytes of the media."""
        try:
            inode, kind, identifier = _parsed(address)
            found = self._fs.open_meta(inode=inode)
            for attribute in found:
                info = attribute.info
                if kind is None:
                    if int(info.type) not in _DATA_TYPES or info.name:
                        continue
                elif (int(info.type), int(info.id)) != (kind, identifier):
                    continue
                runs = tuple(self._attribute_runs(attribute))
                link = _link(found)
                if link is not None and not any(run.image_offset for run in runs):
                    return (_resident(int(info.size) or len(link)),)
                return runs
        except (OSError, RuntimeError):
            return ()
        return ()

    def _attribute_runs(self, attribute: Any) -> Iterator[ByteRun]:
        info = attribute.info
        flags, size = int(info.flags), int(info.size)
        if flags & _ATTR_RES and not flags & _ATTR_NONRES:
            yield _resident(size)
            return
        stored = Storage.PLAIN
        if flags & _ATTR_COMPRESSED:
            stored = Storage.COMPRESSED
        elif flags & _ATTR_ENCRYPTED:
            stored = Storage.ENCRYPTED
        for number, run in enumerate(attribute):
            if number >= _MAX_RUNS:
                return
            offset = int(run.offset) * self.block_size
            length = int(run.len) * self.block_size
            if stored is not Storage.COMPRESSED:
                length = min(length, size - offset)
            if length <= 0:
                continue
            hole = int(run.flags) & (_RUN_SPARSE | _RUN_FILLER)
            place = None if hole else self._offset + int(run.addr) * self._stride
            yield ByteRun(
                file_offset=offset,
                image_offset=place,
                length=length,
                storage=Storage.SPARSE if hole else stored,
            )


def _resident(size: int) -> ByteRun:
    return ByteRun(file_offset=0, image_offset=None, length=size, storage=Storage.RESIDENT)


def _link(found: Any) -> bytes | None:
    """Return where a symbolic link leads; TSK reads zeros for a target inside of its inode."""
    meta = found.info.meta
    if meta is None or int(meta.type) != int(pytsk3.TSK_FS_META_TYPE_LNK):
        return None
    target: bytes | None = meta.link
    if target and not meta.size:  # YAFFS2, whose names TSK copies without the zero at their end
        return target[: yaffs2.LONGEST_LINK]
    return target or None


def _parsed(address: str) -> tuple[int, int | None, int | None]:
    """Take `inode` or `inode-type-id` apart. Raises EvidenceError."""
    parts = address.split("-")
    if len(parts) not in (1, 3) or not all(p.isascii() and p.isdigit() for p in parts):
        raise EvidenceError("not a metadata address")
    inode, *attribute = (int(part) for part in parts)
    if inode > _LARGEST_INODE:
        raise EvidenceError("not a metadata address")
    return (inode, *attribute) if attribute else (inode, None, None)  # type: ignore[return-value]  # two or none


class TskFile:
    """The content of one file, read in bounded blocks."""

    def __init__(self, found: Any, kind: int | None, identifier: int | None) -> None:
        self._file = found
        self._attribute = () if kind is None else (kind, identifier)
        self._size = int(found.info.meta.size)
        self._link = _link(found) if kind is None else None
        if self._link is not None and not self._size:
            self._size = len(self._link)
        if kind is not None:
            for attribute in found:
                if (int(attribute.info.type), int(attribute.info.id)) == (kind, identifier):
                    self._size = int(attribute.info.size)
        if self._size < 0:
            raise EvidenceError("declared size is beyond 2^63 bytes")

    @property
    def size(self) -> int:
        """Declared length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; raises EvidenceError when bytes inside the declared size are not there."""
        if self._link is not None:
            return self._link[offset : offset + length]
        length = min(length, self._size - offset)
        parts: list[bytes] = []
        while length > 0:
            wanted = min(length, _BLOCK)
            try:
                data = self._file.read_random(offset, wanted, *self._attribute)
            except (OSError, RuntimeError):
                raise EvidenceError(f"content cannot be read at {offset}") from None
            if len(data) != wanted:
                raise EvidenceError(f"content ends early at {offset + len(data)}")
            parts.append(data)
            offset += wanted
            length -= wanted
        return b"".join(parts)
