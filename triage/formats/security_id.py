"""Binary security identifiers (SID) of Windows as the text `S-1-5-21-…`.

Format: [MS-DTYP] 2.4.2.2: revision 1, count of parts, authority (6 bytes, big-endian), the parts
(u32, little-endian).
"""

from __future__ import annotations

import struct

_HEAD = 8  # bytes
_MAX_PARTS = 15


def read(data: bytes, at: int = 0) -> tuple[str | None, int]:
    """Return the SID at a place and where what follows begins; None, and the place, without one."""
    if at < 0 or at + _HEAD > len(data):
        return None, at
    revision, count = data[at], data[at + 1]
    end = at + _HEAD + 4 * count
    if revision != 1 or count > _MAX_PARTS or end > len(data):
        return None, at
    authority = int.from_bytes(data[at + 2 : at + _HEAD], "big")
    parts = struct.unpack_from(f"<{count}I", data, at + _HEAD)
    return "-".join(map(str, ("S", 1, authority, *parts))), end
