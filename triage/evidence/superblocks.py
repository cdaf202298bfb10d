"""Volumes that hold data and are neither locked nor read: file systems, RAID, volume managers.

Offsets are those of util-linux `libblkid/src/superblocks/*.c` and of the headers named at each
probe. LVM2, Btrfs, XFS, F2FS, bcache and swap were checked against the real tools.
"""

from __future__ import annotations

import codecs
import struct
import uuid
from dataclasses import dataclass, field

from triage.errors import EvidenceError
from triage.model import Reader, VolumeState

for _encoding in ("mac-roman", "utf-16-le"):
    codecs.lookup(_encoding)  # loaded now, for a locked worker can open no module

_MAX_TEXT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What the bytes say. `words` is one line for the report."""

    state: VolumeState
    scheme: str | None
    words: str
    details: dict[str, str] = field(default_factory=dict)


class View:
    """The bytes of one volume; what cannot be read or lies outside is not there."""

    def __init__(self, reader: Reader, offset: int, length: int) -> None:
        self.reader = reader
        self.offset = offset
        self.length = max(0, min(length, reader.size - offset))

    def at(self, place: int, length: int) -> bytes:
        """Return up to `length` bytes from `place` in the volume."""
        if not 0 <= place < self.length:
            return b""
        try:
            return self.reader.read_at(self.offset + place, min(length, self.length - place))
        except EvidenceError:
            return b""


def text(data: bytes) -> str:
    """Return a zero-terminated string of a header."""
    return data.split(b"\x00")[0].decode("utf-8", "replace").strip()


def uuid_text(data: bytes) -> str:
    """Return 16 bytes as a UUID, in the order they stand; empty when cut short."""
    return str(uuid.UUID(bytes=data)) if len(data) == 16 else ""  # noqa: PLR2004


def guid_text(data: bytes) -> str:
    """Return 16 bytes as a GUID, the first three parts little-endian; empty when cut short."""
    return str(uuid.UUID(bytes_le=data)).upper() if len(data) == 16 else ""  # noqa: PLR2004


def found(state: VolumeState, scheme: str, words: str, **details: str | int) -> Recognised:
    """Build an answer; details that the header leaves empty are left out."""
    known = {name: str(value) for name, value in details.items() if str(value)}
    return Recognised(state=state, scheme=scheme, words=words, details=known)


def _unread(scheme: str, words: str, **details: str | int) -> Recognised:
    return found(VolumeState.UNSUPPORTED, scheme, f"{words}, which is not read", **details)


def _lvm(view: View) -> Recognised | None:
    """Find the label in one of the first four sectors (LVM2 `label.h`, `layout.h`)."""
    head = view.at(0, 2048)
    for start in range(0, 2048, 512):
        sector = head[start : start + 512]
        if not sector.startswith(b"LABELONE") or sector[24:32] != b"LVM2 001":
            continue
        at = start + int.from_bytes(sector[20:24], "little")
        return _unread(
            "lvm",
            "physical volume of LVM2",
            uuid=text(head[at : at + 32]),
            volume_group=_volume_group(view, at + 40),
        )
    return None


def _volume_group(view: View, at: int) -> str:
    """Follow the second list of areas, the metadata ones, to the text that names the group."""
    areas = view.at(at, 16 * 16)
    pairs = list(struct.iter_unpack("<QQ", areas[: len(areas) // 16 * 16]))
    zero = next((number for number, pair in enumerate(pairs) if pair == (0, 0)), len(pairs))
    for place, _ in pairs[zero + 1 : zero + 2]:
        header = view.at(place, 512)
        if header[4:20] != b" LVM2 x[5A%r0N*>":
            continue
        (relative,) = struct.unpack_from("<Q", header, 40)
        name, brace, _ = view.at(place + relative, _MAX_TEXT).partition(b" {")
        if brace and len(name) <= 128:  # noqa: PLR2004 - NAME_LEN
            return text(name)
    return ""


_MD = 0xA92B4EFC


def _raid(view: View) -> Recognised | None:
    """Find a Linux md superblock (kernel `md_p.h`): 1.1, 1.2, 1.0 and 0.90 stand in four places."""
    sectors = view.length // 512
    for minor, place in ((1, 0), (2, 4096), (0, ((sectors - 16) & ~7) * 512)):
        head = view.at(place, 256)
        if len(head) == 256 and struct.unpack_from("<II", head) == (_MD, 1):  # noqa: PLR2004
            level, _, _, _, disks = struct.unpack_from("<iIQII", head, 72)
            return _unread(
                "md",
                f"member of a Linux RAID {level}",
                uuid=uuid_text(head[16:32]),
                label=text(head[32:64]),
                level=level,
                disks=disks,
                version=f"1.{minor}",
            )
    head = view.at((view.length & ~0xFFFF) - 0x10000, 64)
    for order in "<>":
        if len(head) == 64 and struct.unpack_from(f"{order}III", head) == (_MD, 0, 90):  # noqa: PLR2004
            level, _, _, disks = struct.unpack_from(f"{order}iIII", head, 28)
            words = struct.unpack_from(f"{order}I", head, 20) + struct.unpack_from(
                f"{order}III", head, 52
            )
            return _unread(
                "md",
                f"member of a Linux RAID {level}",
                uuid=uuid_text(struct.pack(">4I", *words)),
                level=level,
                disks=disks,
                version="0.90",
            )
    return None


def _bcache(view: View) -> Recognised | None:
    head = view.at(4096, 104)
    if head[24:40].hex() != "c68573f64e1a45ca8265f57f48ba6d81":
        return None
    return _unread("bcache", "bcache device", uuid=uuid_text(head[40:56]), label=text(head[72:104]))


def _refs(view: View) -> Recognised | None:
    head = view.at(0, 64)
    if head[3:11] != b"ReFS\x00\x00\x00\x00" or head[16:20] != b"FSRS":
        return None
    return _unread("refs", "ReFS file system", version=f"{head[40]}.{head[41]}")


def _btrfs(view: View) -> Recognised | None:
    head = view.at(0x10000, 1024)
    if head[0x40:0x48] != b"_BHRfS_M":
        return None
    return _unread(
        "btrfs",
        "Btrfs file system",
        uuid=uuid_text(head[0x20:0x30]),
        label=text(head[0x12B:0x22B]),
    )


def _xfs(view: View) -> Recognised | None:
    head = view.at(0, 512)
    if not head.startswith(b"XFSB"):
        return None
    return _unread("xfs", "XFS file system", uuid=uuid_text(head[32:48]), label=text(head[108:120]))


def _f2fs(view: View) -> Recognised | None:
    head = view.at(1024, 1148)
    if not head.startswith(b"\x10\x20\xf5\xf2"):
        return None
    label = head[124 : 124 + 1024].decode("utf-16-le", "replace").split("\x00")[0]
    return _unread("f2fs", "F2FS file system", uuid=uuid_text(head[108:124]), label=label)


def _zfs(view: View) -> Recognised | None:
    """Look for an uberblock in label 0 or 1 (OpenZFS `vdev_impl.h`, `uberblock_impl.h`)."""
    magics = (b"\x0c\xb1\xba\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00\x00\xba\xb1\x0c")
    for label in (0, 256 << 10):
        ring = view.at(label + (128 << 10), 128 << 10)
        if any(ring.startswith(magics, at) for at in range(0, len(ring), 1024)):
            pairs = view.at(label + (16 << 10), 112 << 10)
            return _unread("zfs", "member of a ZFS pool", pool=_zfs_name(pairs))
    return None


def _zfs_name(pairs: bytes) -> str:
    """Find the string `name` in the packed name-value list (XDR: length, text; type 9, one)."""
    key = b"\x00\x00\x00\x04name\x00\x00\x00\x09\x00\x00\x00\x01"
    at = pairs.find(key)
    if at < 0:
        return ""
    start = at + len(key) + 4
    length = int.from_bytes(pairs[start - 4 : start], "big")
    return text(pairs[start : start + min(length, 256)])


_SWAP = (b"SWAPSPACE2", b"SWAP-SPACE")
_HIBERNATED = (b"S1SUSPEND\x00", b"S2SUSPEND\x00", b"ULSUSPEND\x00", b"LINHIB0001")


def _swap(view: View) -> Recognised | None:
    """Find the mark at the end of the first page (kernel `swap.h`), whatever the page size."""
    for page in (4096, 8192, 16384, 65536):
        mark = view.at(page - 10, 10)
        if mark in _SWAP or mark in _HIBERNATED:
            head = view.at(1024, 44)
            words = "Linux swap"
            if mark in _HIBERNATED:
                words += " holding a hibernation image"
            return found(
                VolumeState.META,
                "swap",
                words,
                uuid=uuid_text(head[12:28]),
                label=text(head[28:44]),
            )
    return None


def _hfs_classic(view: View) -> Recognised | None:
    """HFS without the plus (Inside Macintosh: Files, 2-60); a wrapper of HFS+ is not one."""
    head = view.at(1024, 162)
    if not head.startswith(b"BD") or head[0x7C:0x7E] == b"H+":
        return None
    name = head[37 : 37 + min(head[36], 27)].decode("mac-roman")
    return _unread("hfs-classic", "HFS (classic) file system", label=name)


PROBES = (
    _lvm,
    _refs,
    _xfs,
    _btrfs,
    _f2fs,
    _bcache,
    _swap,
    _zfs,
    _hfs_classic,
    _raid,
)
"""In the order of trust: a RAID superblock at the end may be older than what lies at the start."""
