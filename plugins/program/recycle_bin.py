"""Windows recycle bin: listed programs and their folders that were put into it, by whom and when.

Written from libyal's descriptions of `$I` files, version 1 (Vista to 8) and 2 (Windows 10 and
later), and of `INFO2` (Windows 95 to XP); tested with `$I` files of Windows 7 and 10 and with files
written by us. An entry proves that it was put into the bin, by whom where the bin is an account's,
and when; what left the bin again has no `$I` file, and in `INFO2` a path without its first letter.

Reference: https://github.com/libyal/dtformats
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import Artifact, ParseError, ProgramRemoved, extractor
from triage.formats.stamps import stamp

from . import _known

_HEADER = struct.Struct("<QQQ")
_LARGEST = 70_000  # bytes: a path has at most 32,767 characters
_INFO2_HEADER = struct.Struct("<4I4x")
_INFO2_RECORD = struct.Struct("<260sIIQI")
_INFO2_LIMIT = 32 << 20  # bytes
_RECORD_SIZES = (280, 800)  # without and with a path in Unicode
_SID = re.compile(r"/(S-1-[0-9-]{1,180})/[^/]+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """One deleted file or folder: where it lay, bytes, FILETIME of its deletion."""

    path: str
    size: int
    deleted: int


def parse(data: bytes) -> Deleted:
    """Read a `$I` file. Raises ParseError."""
    if len(data) < _HEADER.size + 4:
        raise ParseError("an entry of the recycle bin that is too short")
    version, size, deleted = _HEADER.unpack_from(data)
    if version not in (1, 2):
        raise ParseError("an entry of the recycle bin of an unknown version")
    raw = data[24:544] if version == 1 else data[28:]
    path = raw[: len(raw) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
    if not path:
        raise ParseError("an entry of the recycle bin without a path")
    return Deleted(path=path, size=size, deleted=deleted)


@extractor(
    name="program.windows.recycle-bin",
    paths=(
        # Windows Vista and later, on every volume
        "$Recycle.Bin/S-1-*/$I*",
    ),
    yields=(ProgramRemoved,),
)
def recycle_bin(artifact: Artifact) -> Iterator[ProgramRemoved]:
    """Read entries of the bin: where a listed program lay, and when it was deleted."""
    found = parse(artifact.read(_LARGEST))
    known = _known.PROGRAMS.path(found.path)
    if known is None:
        return
    content = f"$R{artifact.entry.name[2:]}"
    owner = _SID.search(artifact.path)
    yield _known.removed(
        known,
        "recycle-bin",
        found.path[:1000],
        locator=f"version {int.from_bytes(artifact.head(8), 'little')}",
        times=stamp("deleted", found.deleted, "filetime"),
        belongs_to=owner[1] if owner else None,
        file_size=found.size,
        content_kept=artifact.sibling(content) is not None or artifact.folder(content),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycled:
    """A record of `INFO2`: its content lies beside it as `Dc1.exe`, for drive C and number 1."""

    path: str  # the first letter is missing when `left`
    content: str
    size: int  # bytes
    deleted: int  # FILETIME
    left: bool  # it was restored or the bin was emptied
    place: int


def parse_info2(data: bytes) -> Iterator[Recycled]:
    """Yield the records of an `INFO2` file. Raises ParseError."""
    if len(data) < _INFO2_HEADER.size:
        raise ParseError("an INFO2 file that is too short")
    _, _, _, size = _INFO2_HEADER.unpack_from(data)
    if size not in _RECORD_SIZES:
        raise ParseError("an INFO2 file with records of an unknown size")
    for at in range(_INFO2_HEADER.size, len(data) - size + 1, size):
        ansi, number, drive, deleted, length = _INFO2_RECORD.unpack_from(data, at)
        left = ansi[0] == 0
        path = (b"?" + ansi[1:] if left else ansi).partition(b"\0")[0].decode("cp1252", "replace")
        if size > _INFO2_RECORD.size:
            wide = data[at + _INFO2_RECORD.size : at + size]
            path = wide.decode("utf-16-le", "replace").partition("\0")[0] or path
        if len(path) < 2:  # noqa: PLR2004 - a record that was never used
            continue
        ending = path.rpartition("\\")[2].rpartition(".")
        letter = chr(ord("a") + drive) if drive < 26 else "?"  # noqa: PLR2004 - letters
        yield Recycled(
            path=path,
            content=f"D{letter}{number}" + (f".{ending[2]}" if ending[1] else ""),
            size=length,
            deleted=deleted,
            left=left,
            place=at,
        )


@extractor(
    name="program.windows.recycler",
    paths=(
        # Windows NT 4 to XP on NTFS, an account each; Windows 95 to XP on FAT
        "RECYCLER/S-1-*/INFO2",
        "RECYCLED/INFO2",
    ),
    yields=(ProgramRemoved,),
)
def recycler(artifact: Artifact) -> Iterator[ProgramRemoved]:
    """Read the bin of Windows XP and before: what was put into it, when, and whether it left."""
    owner = _SID.search(artifact.path)
    for found in parse_info2(artifact.read(_INFO2_LIMIT)):
        known = _known.PROGRAMS.path(found.path)
        if known is None:
            continue
        beside = artifact.sibling(found.content) is not None or artifact.folder(found.content)
        yield _known.removed(
            known,
            "recycle-bin",
            found.path[:1000],
            locator=f"record at {found.place}" + (", left the bin" if found.left else ""),
            times=stamp("deleted", found.deleted, "filetime"),
            belongs_to=owner[1] if owner else None,
            file_size=found.size,
            content_kept=beside,
        )
