"""What lies at one place of the media: a file system that TSK opens, a lock, zeros, or nothing.

A file system is recognised by its own mark and then opened by TSK with that very type: TSK's
autodetection also tries YAFFS2, which has no mark and finds itself in other data. That one comes
last, and only where its headers and spare areas agree (`yaffs2.py`).
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytsk3

from triage.errors import EvidenceError
from triage.evidence import apfs, yaffs2
from triage.evidence.encryption import by_content, by_signature
from triage.evidence.image import DiskImage
from triage.evidence.superblocks import Recognised
from triage.model import VolumeState

_FILESYSTEMS = {
    int(pytsk3.TSK_FS_TYPE_NTFS): "ntfs",
    int(pytsk3.TSK_FS_TYPE_FAT12): "fat12",
    int(pytsk3.TSK_FS_TYPE_FAT16): "fat16",
    int(pytsk3.TSK_FS_TYPE_FAT32): "fat32",
    int(pytsk3.TSK_FS_TYPE_EXFAT): "exfat",
    int(pytsk3.TSK_FS_TYPE_EXT2): "ext2",
    int(pytsk3.TSK_FS_TYPE_EXT3): "ext3",
    int(pytsk3.TSK_FS_TYPE_EXT4): "ext4",
    int(pytsk3.TSK_FS_TYPE_HFS): "hfs",
    int(pytsk3.TSK_FS_TYPE_ISO9660): "iso9660",
    int(pytsk3.TSK_FS_TYPE_FFS1): "ufs",
    int(pytsk3.TSK_FS_TYPE_FFS1B): "ufs",
    int(pytsk3.TSK_FS_TYPE_FFS2): "ufs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What lies at one place."""

    state: VolumeState
    filesystem: str | None = None
    scheme: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


class Contents:
    """Examines places of one image."""

    def __init__(self, image: DiskImage) -> None:
        self._image = image
        self._img = image.as_tsk()

    def at(self, offset: int, length: int) -> Content:
        """Say what lies there."""
        found = self._structure(offset, length)
        if found is not None:
            return found
        if self.read(offset + length - 512, 512)[3:11] == b"NTFS    ":
            problem = "the NTFS boot sector is damaged; its backup in the last sector is there"
            return Content(state=VolumeState.DAMAGED, problem=problem)
        return _recognised(by_content(self._image, offset, length))

    def lost(self, offset: int, length: int) -> Content | None:
        """Say what a partition that was deleted may have left there; None when nothing did."""
        found = self._structure(offset, length)
        kept = found is not None and found.state not in {VolumeState.META, VolumeState.DAMAGED}
        return found if kept else None

    def _structure(self, offset: int, length: int) -> Content | None:
        """Find a lock, else a file system, else something unread: old marks survive under each."""
        marked = by_signature(self._image, offset, length)
        if marked is not None and (
            marked.state is VolumeState.LOCKED or marked.scheme == apfs.SCHEME
        ):
            return _recognised(marked)
        filesystem = self.filesystem(offset, length)
        if marked is None or (filesystem and filesystem.state is VolumeState.FILESYSTEM):
            return filesystem
        return _recognised(marked)

    def filesystem(self, offset: int, length: int) -> Content | None:
        """Open the file system whose mark stands there; None without a mark."""
        head = self._head(offset, min(length, _MARKS))
        marks = list(_marks(head))
        misread = _misread(head) if any(name == "ext" for name, _ in marks) else None
        for name, kind in marks:
            if name == "ext" and misread:
                continue
            try:
                info = pytsk3.FS_Info(self._img, offset=offset, type=kind).info
                found = _FILESYSTEMS.get(int(info.ftype))
                size = int(info.block_count) * int(info.block_size)
            except (OSError, RuntimeError, SystemError):  # the last two wrap what a read raised
                continue
            if found is not None:
                return self._opened(name, found, size, length, head)
        for name, _ in marks:
            if name == "ext" and misread:
                scheme, details = _ext(head)
                state = VolumeState.UNSUPPORTED
                return Content(state=state, scheme=scheme, details=details, problem=misread)
            if name != "fat":  # not a mark but a plausible boot sector
                problem = f"marked as {name}, but cannot be opened as such"
                return Content(state=VolumeState.DAMAGED, problem=problem)
        flash = yaffs2.recognise(self._image, offset, length)
        return None if flash is None else self._flash(flash, offset, length)

    def _flash(self, flash: yaffs2.Flash, offset: int, length: int) -> Content:
        """Open YAFFS2, which TSK reads from the first byte of what it is given."""
        details = {"page": str(flash.page), "spare": str(flash.spare)}
        if flash.problem is not None:
            problem = f"YAFFS2: {flash.problem}"
            state = VolumeState.UNSUPPORTED
            return Content(state=state, scheme=yaffs2.NAME, details=details, problem=problem)
        try:
            part = self._image.as_tsk(offset, length)
            pytsk3.FS_Info(part, offset=0, type=pytsk3.TSK_FS_TYPE_YAFFS2)
        except (OSError, RuntimeError, SystemError):
            problem = "pages of YAFFS2, but it cannot be opened as such"
            return Content(state=VolumeState.DAMAGED, details=details, problem=problem)
        whole = length % (flash.page + flash.spare) == 0
        return Content(
            state=VolumeState.FILESYSTEM,
            filesystem=yaffs2.NAME,
            details=details,
            problem=None if whole else "YAFFS2 that ends inside of a page",
        )

    @staticmethod
    def _opened(name: str, found: str, size: int, length: int, head: bytes) -> Content:
        details: dict[str, str] = {}
        if name == "ext":
            found, details = _ext(head)
        elif name == "hfs":
            details = {"version": "HFSX" if head[1024:1026] == b"HX" else "HFS+"}
        elif serial := _serial(name, head):
            details = {"serial": serial}
        problem = f"{found} is {size - length} bytes longer than its volume"
        return Content(
            state=VolumeState.FILESYSTEM,
            filesystem=found,
            details=details,
            problem=problem if size > length else None,
        )

    def marked(self, offset: int) -> bool:
        """Whether the mark of a file system stands at `offset`."""
        return any(_marks(self._head(offset, _MARKS)))

    def _head(self, offset: int, length: int) -> bytes:
        """Return the first bytes of a place, zeros for those that no segment holds.

        A mark in the first sector must not be lost because a later one is missing.
        """
        head = self.read(offset, length)
        if head:
            return head
        parts = [
            self.read(offset + at, min(_PIECE, length - at)).ljust(_PIECE, b"\x00")
            for at in range(0, length, _PIECE)
        ]
        return b"".join(parts)[:length]

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes there, or none where the image has none."""
        try:
            return self._image.read_at(offset, length) if offset >= 0 else b""
        except EvidenceError:
            return b""


_PIECE = 2048  # bytes; divides the chunks and segments of every imager
_MARKS = 65536 + 1372 + 4  # bytes to the last mark, that of UFS2


def _marks(head: bytes) -> Iterator[tuple[str, int]]:
    """Yield name and TSK type of the file systems that the first bytes of a volume may belong to.

    Old marks survive, so those come first that what was written later would have destroyed: an
    image of a disc begins with 32 KiB of its own, ext and UFS leave more than that untouched.
    """
    if head[3:11] == b"NTFS    ":
        yield "ntfs", pytsk3.TSK_FS_TYPE_NTFS_DETECT
    if head[3:11] == b"EXFAT   ":
        yield "exfat", pytsk3.TSK_FS_TYPE_EXFAT
    if head[1080:1082] == b"\x53\xef":
        yield "ext", pytsk3.TSK_FS_TYPE_EXT_DETECT
    if head[32769:32774] == b"CD001":
        yield "iso9660", pytsk3.TSK_FS_TYPE_ISO9660_DETECT
    wrapped = head[1024:1026] == b"BD" and head[1148:1150] == b"H+"
    if head[1024:1026] in {b"H+", b"HX"} or wrapped:
        yield "hfs", pytsk3.TSK_FS_TYPE_HFS_DETECT
    if any(head[at + 1372 : at + 1376] in _UFS_MAGICS for at in (8192, 65536)):
        yield "ufs", pytsk3.TSK_FS_TYPE_FFS_DETECT
    if _is_fat(head):
        yield "fat", pytsk3.TSK_FS_TYPE_FAT_DETECT


_UFS_MAGICS = {
    magic.to_bytes(4, order) for magic in (0x011954, 0x19540119) for order in ("little", "big")
}


def _is_fat(head: bytes) -> bool:
    """Whether the BIOS parameter block is one (Microsoft, FAT specification 1.03)."""
    if len(head) < 512:  # noqa: PLR2004
        return False
    sector, cluster, reserved, copies = struct.unpack_from("<HBHB", head, 11)
    return (
        sector in {512, 1024, 2048, 4096}
        and cluster in {1, 2, 4, 8, 16, 32, 64, 128}
        and reserved > 0
        and copies in {1, 2}
        and (head[21] == 0xF0 or head[21] >= 0xF8)  # noqa: PLR2004 - media descriptor
    )


def _serial(name: str, head: bytes) -> str | None:
    """Return the number that a formatter gave, as Windows shows it; of NTFS the lower half.

    FAT keeps it behind a mark that says whether it is there (FAT specification 1.03, `BS_VolID`).
    """
    at = {"ntfs": 0x48, "exfat": 0x64}.get(name)
    if name == "fat":
        at = next((mark + 1 for mark in (0x26, 0x42) if head[mark] == _FAT_SERIAL), None)
    if at is None or len(head) < at + 4:
        return None
    number = int.from_bytes(head[at : at + 4], "little")
    return f"{number >> 16:04X}-{number & 0xFFFF:04X}" if number else None


_FAT_SERIAL = 0x29  # boot signature: serial number, label and type follow

_EXT4_INCOMPATIBLE = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000
_EXT4_READ_ONLY = 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x400 | 0x8000
_EXT_JOURNAL = 0x4
_EXT_ENCRYPT = 0x10000


def _ext(head: bytes) -> tuple[str, dict[str, str]]:
    """Tell ext2, 3 and 4 apart by feature flags, as libblkid does; with UUID and label."""
    compatible, incompatible, read_only = struct.unpack_from("<III", head, 1024 + 92)
    details = {"uuid": str(uuid.UUID(bytes=head[1024 + 104 : 1024 + 120]))}
    label = head[1024 + 120 : 1024 + 136].split(b"\x00")[0].decode("utf-8", "replace")
    if label:
        details["label"] = label
    if incompatible & _EXT_ENCRYPT:
        details["fscrypt"] = "folders may be encrypted"
    if incompatible & _EXT4_INCOMPATIBLE or read_only & _EXT4_READ_ONLY:
        return "ext4", details
    return ("ext3" if compatible & _EXT_JOURNAL else "ext2"), details


_EXT_META_GROUPS = 0x10
_EXT_CLUSTERS = 0x200


def _misread(head: bytes) -> str | None:
    """Say why TSK 4.15 would not read an ext volume, or read inodes that are none.

    It looks for all descriptors of groups behind the superblock, where `meta_bg` has only the first
    (Linux Documentation/filesystems/ext4, meta block groups), and refuses allocation in clusters.
    """
    inodes, _, _, _, _, _, log, _, _, _, each = struct.unpack_from("<11I", head, 1024)
    incompatible, read_only = struct.unpack_from("<II", head, 1024 + 96)
    size, first = struct.unpack_from("<H4xI", head, 1024 + 254)
    if read_only & _EXT_CLUSTERS:
        return "ext4 that allocates in clusters (bigalloc), which is not read"
    if incompatible & _EXT_META_GROUPS and each and log < 7:  # noqa: PLR2004 - 64 KiB
        groups, held = -(-inodes // each), (1024 << log) // max(size, 32)
        if groups > held * max(first, 1):
            return "ext4 whose group descriptors lie apart (meta_bg), which is not read"
    return None


def _recognised(found: Recognised | None) -> Content:
    if found is None:
        return Content(state=VolumeState.DAMAGED, problem="no byte of it can be read")
    fine = found.state in {VolumeState.EMPTY, VolumeState.META}
    fine = fine or found.scheme == apfs.SCHEME  # the division into its volumes says more
    return Content(
        state=found.state,
        scheme=found.scheme,
        details=found.details,
        problem=None if fine else found.words,
    )
