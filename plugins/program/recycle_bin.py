"""Windows recycle bin: listed programs and their folders that were put into it, by whom and when.

Written from libyal's description of `$I` files, version 1 (Vista to 8) and 2 (Windows 10 and
later); tested with files of Windows 7 and 10 and ones written by us. Not read: `INFO2` of XP.

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
