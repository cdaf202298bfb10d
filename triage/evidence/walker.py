"""Which reader lists a file system: The Sleuth Kit, or one of ours that shows the same faster."""

from __future__ import annotations

from triage.evidence import fat, iso9660, yaffs2
from triage.evidence.fat_bulk import FatInBulk
from triage.evidence.filesystem import TskTree
from triage.evidence.image import DiskImage
from triage.evidence.ntfs import NtfsTree
from triage.evidence.tree import FileTree
from triage.evidence.yaffs2_tree import FlashTree
from triage.model import Volume, Walker


def open_tree(image: DiskImage, volume: Volume, walker: Walker = Walker.AUTO) -> FileTree:
    """Open the file system of a volume. Raises EvidenceError."""
    if volume.filesystem == yaffs2.NAME:
        return FlashTree(TskTree(image.as_tsk(volume.offset, volume.length), volume))
    if volume.filesystem == iso9660.NAME and walker is Walker.AUTO:
        return iso9660.IsoTree(image, volume)
    tsk = TskTree(image.as_tsk(), volume)
    if volume.filesystem in fat.KINDS:
        kind = FatInBulk if walker is Walker.AUTO else fat.FatTree
        return kind(image, volume.offset, tsk)
    if walker is Walker.AUTO and volume.filesystem == "ntfs":
        return NtfsTree(image, volume.offset, tsk)
    return tsk
