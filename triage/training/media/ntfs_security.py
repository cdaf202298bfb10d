"""Who owns what on NTFS: security descriptors in $Secure, found by number and by hash.

Layout: the NTFS documentation of the Linux-NTFS project, "$Secure"; Microsoft, MS-DTYP, sections
2.4.2 (SID), 2.4.4.2 (ACCESS_ALLOWED_ACE) and 2.4.6 (SECURITY_DESCRIPTOR, self-relative).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from triage.errors import TrainingError
from triage.training.media.canvas import Clusters
from triage.training.media.ntfs_record import DATA, outside
from triage.training.media.ntfs_tree import Item, index

ADMINISTRATORS, _SYSTEM = "S-1-5-32-544", "S-1-5-18"
FIRST_SECURITY = 0x100  # number of the first descriptor
_COPY = 0x40000  # bytes between a descriptor and its copy
_EVERYTHING = 0x001F01FF  # access
_BY_NUMBER, _BY_HASH = 0x10, 0x12  # collations
_SID = re.compile(r"S-1-(\d{1,10})((?:-\d{1,10}){1,15})")
_USERS = 513  # the group that every account of a domain or machine belongs to


@dataclass(frozen=True, slots=True)
class Security:
    """Numbers of descriptors by owner, and the entries of $SDS."""

    numbers: dict[str, int]
    entries: tuple[bytes, ...]

    def attributes(self, clusters: Clusters) -> list[bytes]:
        """Return the attributes that make a record $Secure.

        The indexes get blocks even where the record has room: only there TSK looks for owners.
        """
        data, heads = b"", []
        for entry in self.entries:
            heads.append(entry[:20])
            data += entry + bytes(-len(entry) % 16)
        stream = data.ljust(_COPY, b"\0") + data
        runs = clusters.store(stream)
        by_hash = sorted(heads, key=lambda head: struct.unpack("<II", head[:8]))
        hashes = [Item(_view(8), head[:8], head + b"I\0I\0") for head in by_hash]
        numbers = [Item(_view(4), head[4:8], head) for head in heads]
        return [
            outside(DATA, runs, len(stream), name="$SDS"),
            *index("$SDH", hashes, of=0, collation=_BY_HASH, clusters=clusters, room=0),
            *index("$SII", numbers, of=0, collation=_BY_NUMBER, clusters=clusters, room=0),
        ]


def _view(key: int) -> bytes:
    return struct.pack("<HH4x", 16 + key, 20)


def secure(owners: Iterable[str | None]) -> Security:
    """Return a descriptor for each owner, the administrators first. Raises TrainingError."""
    numbers = {ADMINISTRATORS: FIRST_SECURITY}
    for owner in owners:
        if owner is not None and owner not in numbers:
            numbers[owner] = FIRST_SECURITY + len(numbers)
    entries, at = [], 0
    for owner, number in numbers.items():
        descriptor = _descriptor(owner)
        size = 20 + len(descriptor)
        head = struct.pack("<IIQI", _hash(descriptor), number, at, size)
        entries.append(head + descriptor)
        at += size + -size % 16
    if at > _COPY:
        raise TrainingError(f"{len(entries)} owners are more than one volume has here")
    return Security(numbers, tuple(entries))


def _descriptor(owner: str) -> bytes:
    """Return one in which owner, system and administrators may do everything."""
    own = _sid(owner)
    prefix, _, _ = owner.rpartition("-")
    group = _sid(f"{prefix}-{_USERS}") if owner.startswith("S-1-5-21-") else own
    allowed = b"".join(
        struct.pack("<BBHI", 0, 0, 8 + len(sid), _EVERYTHING) + sid
        for sid in dict.fromkeys((_sid(_SYSTEM), _sid(ADMINISTRATORS), own))
    )
    count = len(dict.fromkeys((_SYSTEM, ADMINISTRATORS, owner)))
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(allowed), count, 0) + allowed
    places = (20 + len(acl), 20 + len(acl) + len(own), 0, 20)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, *places) + acl + own + group


def _sid(text: str) -> bytes:
    found = _SID.fullmatch(text)
    if found is None:
        raise TrainingError(f"{text} is no SID")
    parts = [int(part) for part in found[2].split("-")[1:]]
    if max(parts) > 0xFFFFFFFF:  # noqa: PLR2004 - 32 bits each
        raise TrainingError(f"{text} is no SID")
    head = bytes([1, len(parts)]) + int(found[1]).to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *parts)


def _hash(descriptor: bytes) -> int:
    total = 0
    for (word,) in struct.iter_unpack("<I", descriptor):
        total = (word + (total << 3 | total >> 29)) & 0xFFFFFFFF
    return total
