"""What a practice disk holds, before it is bytes: a disk of volumes of entries.

Paths are absolute within their volume, `/` between names. Times are nanoseconds since 1970 in UTC;
a file system keeps what it can: FAT two seconds and a day of access, exFAT hundredths, NTFS 100 ns.
The order of `entries` is the order of creation: of records, of names in a folder, of clusters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Filesystem = Literal["fat16", "fat32", "exfat", "ntfs", "ext4"]
Scheme = Literal["mbr", "gpt", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or a folder; folders that no entry names get the times of their first entry."""

    path: str
    content: bytes | None  # None: a folder, or a link when `target` is set
    modified: int
    created: int
    accessed: int
    changed: int  # of the metadata (ext4, NTFS); of a deleted entry on ext4 when it was deleted
    uid: int = 0  # user and group number, ext4
    sid: str | None = None  # owner, NTFS; None: the administrators of the machine
    mode: int | None = None  # permission bits, ext4; None: 0o755 for folders, else 0o644
    deleted: bool = False  # removed again, its clusters free and as they were
    streams: Mapping[str, bytes] = field(default_factory=dict)  # further data streams, NTFS
    target: str | None = None  # where a symbolic link leads, ext4


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A file system of `size` bytes, a multiple of 4096."""

    filesystem: Filesystem
    label: str
    size: int
    serial: int  # 32 bits on FAT and exFAT, 64 on NTFS; on ext4 the UUID is made from it
    entries: tuple[Entry, ...] = ()
    scraps: tuple[bytes, ...] = ()  # each at the start of a free cluster, without a name
    slack: Mapping[str, bytes] = field(default_factory=dict)  # path → behind its end of file
    utc_offset: int = 0  # minutes east of UTC of the clock that FAT and exFAT times were written by


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Volumes behind a partition table, each on a multiple of 1 MiB; or one volume without."""

    scheme: Scheme
    volumes: tuple[Volume, ...]
    signature: int  # 32 bits: the disk signature of an MBR; the GUIDs of a GPT are made from it
    size: int | None = None  # bytes; None: as much as the volumes need
