"""Tell containers apart by their bytes; the file name is only asked which segment it claims to be.

What is recognised but not read is named and refused: a VMDK or an Ex01 opened as raw sectors would
show an empty disk, and nobody would notice.
"""

from __future__ import annotations

import re
import struct

from triage.errors import UnsupportedImageError
from triage.evidence.virtual_disk import virtual_disk
from triage.model import Container, Reader

EWF = b"EVF\x09\x0d\x0a\xff\x00"  # libewf, "Expert Witness Compression Format", file header

# Sources: EWF/EWF2/AD encryption: libewf's format documents; QCOW, VMDK, VHD, VHDX, VDI: libqcow,
# libvmdk, libvhdi and QEMU's block drivers; AD1: libad1/pyad1; AFF3: afflib `aff_file.h`;
# Android sparse: AOSP `sparse_format.h`; the rest: the magic files of file(1).
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"EVF2\x0d\x0a\x81\x00", "an EnCase 7 Ex01 image (EWF2)"),
    (0, b"LVF\x09\x0d\x0a\xff\x00", "an EnCase L01 logical evidence file"),
    (0, b"LEF2\x0d\x0a\x81\x00", "an EnCase 7 Lx01 logical evidence file"),
    (0, b"ADSEGMENTEDFILE\x00", "an AccessData AD1 logical image"),
    (0, b"ADCRYPT\x00", "an image with AD encryption"),
    (0, b"AFF10\r\n\x00", "an AFF version 3 image"),
    (0, b"COWD", "a VMware VMDK disk (ESX sparse)"),
    (0, b"QFI\xfb", "a QEMU QCOW disk of version 1"),
    (0, b"QED\x00", "a QEMU QED disk"),
    (0, b"WithoutFreeSpace", "a Parallels disk"),
    (0, b"WithouFreSpacExt", "a Parallels disk"),
    (0, b"encrcdsa", "an encrypted Apple disk image"),
    (0, b"sprs", "an Apple sparse disk image"),
    (0, b"\x3a\xff\x26\xed\x01\x00", "an Android sparse image"),
    (0, b"MSWIM\x00\x00\x00", "a Windows WIM archive"),
    (0, b"\x1f\x8b\x08", "compressed with gzip"),
    (0, b"\xfd7zXZ\x00", "compressed with xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"\x04\x22\x4d\x18", "compressed with lz4"),
)
_REFUSED_AT_END: tuple[tuple[int, bytes, str], ...] = (
    (512, b"koly\x00\x00\x00\x04\x00\x00\x02\x00", "an Apple disk image (DMG)"),
    (8, b"cdsaencr", "an encrypted Apple disk image"),
)
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_AFF4_MEMBERS = frozenset({b"container.description", b"information.turtle"})

_HEAD = 512
_TAIL = 512
_LOCAL, _CENTRAL, _END = 30, 46, 22  # fixed parts: APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16
_ZIP_SEARCH = _END + 0xFFFF  # the longest comment
_ZIP_ENTRIES = 64
_TAR_CHECKSUM = slice(148, 156)


def identify(reader: Reader, *, name: str) -> Container:
    """Return EWF, a virtual disk, TAR, ZIP or RAW (the default) for the bytes of one file.

    Raises UnsupportedImageError naming the container when it is one that is not read.
    """
    head = reader.read_at(0, _HEAD)
    tail = reader.read_at(max(0, reader.size - _TAIL), _TAIL)
    if head.startswith(EWF):
        return Container.EWF
    virtual = virtual_disk(reader)
    if virtual is not None:
        return virtual
    found = next((what for at, magic, what in _REFUSED if head.startswith(magic, at)), None)
    found = found or next(
        (what for at, magic, what in _REFUSED_AT_END if _at_end(tail, at).startswith(magic)), None
    )
    if found is None and _BZIP2.match(head):
        found = "compressed with bzip2"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if not _is_aff4(reader, head):
            return Container.ZIP
        found = "an AFF4 image"
    if found is not None:
        raise UnsupportedImageError(f"is {found}, which is not read", where=name)
    return Container.TAR if _is_tar(head) else Container.RAW


def _at_end(tail: bytes, distance: int) -> bytes:
    return tail[-distance:] if len(tail) >= distance else b""


def _is_tar(head: bytes) -> bool:
    """Whether the first block is a tar header: its checksum fits (POSIX pax, "ustar format")."""
    if len(head) < _HEAD or not head[0]:
        return False
    try:
        stored = int(head[_TAR_CHECKSUM].strip(b" \x00"), 8)
    except ValueError:
        return False
    return stored == sum(head[:148]) + 8 * ord(" ") + sum(head[156:])


def _is_aff4(reader: Reader, head: bytes) -> bool:
    """Whether a zip file is AFF4 (AFF4 Standard v1.0a): by a member's name, or by its comment.

    Looked at are the first member and the first entries of the central directory.
    """
    names = []
    if len(head) >= _LOCAL:
        (length,) = struct.unpack_from("<H", head, 26)
        names.append(head[_LOCAL : _LOCAL + length])
    tail = reader.read_at(max(0, reader.size - _ZIP_SEARCH), _ZIP_SEARCH)
    end = tail.rfind(b"PK\x05\x06")
    if 0 <= end <= len(tail) - _END:
        if tail.startswith(b"aff4://", end + _END):
            return True
        (start,) = struct.unpack_from("<I", tail, end + 16)  # 0xffffffff in Zip64: nothing there
        names += _central_names(reader.read_at(start, _ZIP_SEARCH))
    return not _AFF4_MEMBERS.isdisjoint(names)


def _central_names(directory: bytes) -> list[bytes]:
    names: list[bytes] = []
    at = 0
    while len(names) < _ZIP_ENTRIES and directory.startswith(b"PK\x01\x02", at):
        if at + _CENTRAL > len(directory):
            break
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        at += _CENTRAL
        names.append(directory[at : at + name])
        at += name + extra + comment
    return names
