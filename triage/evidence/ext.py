"""ext2, ext3 and ext4 listed in bulk: all inode tables and all directories, not file by file.

Where TSK gives a strange answer this reader gives it too; the differential test says so. It gives
more in two places: orphans beside a deleted directory (see `ext_orphans`), and a directory of more
than a million names, which TSK gives up. It gives less in one: directories that are not a few plain
runs are read up to 256 MiB of them all, the rest is said to be unreadable; TSK takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from triage.evidence.arrays import Names
from triage.evidence.bulk import Media, TreeInBulk
from triage.evidence.ext_directories import read_directories
from triage.evidence.ext_geometry import geometry
from triage.evidence.ext_inodes import read_inodes
from triage.evidence.ext_orphans import orphans
from triage.evidence.ext_table import Table
from triage.evidence.tree import Listed


class ExtTree(TreeInBulk):
    """An ext volume."""

    def listed(self, max_entries: int, progress: Callable[[int], None]) -> Listed:
        """List the volume. Raises Declined and EvidenceError."""
        names = Names()
        media = Media(image=self.image, offset=self.offset)
        sizes = geometry(media, self.tsk)

        def seen(number: int) -> None:
            progress(min(number, max_entries))

        inodes = read_inodes(media, sizes, seen)
        entries, listable = read_directories(media, self.tsk, sizes, inodes, names, seen=seen)
        table = Table(inodes, entries, listable, sizes.inodes + 1, names)
        del inodes, entries
        table.add_orphans(orphans(table))
        rows = table.rows()
        del table
        return rows.listed(max_entries)
