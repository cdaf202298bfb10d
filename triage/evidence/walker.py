"""Which reader lists a file system: The Sleuth Kit, or one of ours that shows the same faster."""

from __future__ import annotations

from triage.evidence import exfat, fat, iso9660, yaffs2
from triage.evidence.bulk import TreeInBulk
from triage.evidence.exfat_bulk import ExfatInBulk
from triage.evidence.ext import ExtTree
from triage.evidence.fat_bulk import FatInBulk
from triage.evidence.filesystem import TskTree
from triage.evidence.image import DiskImage
from triage.evidence.ntfs import NtfsTree
from triage.evidence.tree import FileTree
from triage.evidence.yaffs2_tree import FlashTree
from triage.model import Volume, Walker

_IN_BULK: dict[str, type[TreeInBulk]] = {
    "ntfs": NtfsTree,
    **dict.fromkeys(("ext2", "ext3", "ext4"), ExtTree),
    **dict.fromkeys(fat.KINDS, FatInBulk),
    exfat.NAME: ExfatInBulk,
}


def open_tree(image: DiskImage, volume: Volume, walker: Walker = Walker.AUTO) -> FileTree:
    """Open the file system of a volume. Raises EvidenceError."""
    kind = volume.filesystem or ""
    if kind == yaffs2.NAME:
        return FlashTree(TskTree(image.as_tsk(volume.offset, volume.length), volume))
    if kind == iso9660.NAME and walker is Walker.AUTO:
        return iso9660.IsoTree(image, volume)
    tsk = TskTree(image.as_tsk(), volume)
    if walker is Walker.AUTO and kind in _IN_BULK:
        return _IN_BULK[kind](image, volume.offset, tsk)
    if kind == exfat.NAME:
        return exfat.ExfatTree(image, volume.offset, tsk)
    return fat.FatTree(image, volume.offset, tsk) if kind in fat.KINDS else tsk
