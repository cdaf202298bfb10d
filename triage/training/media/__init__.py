"""Our own image writer: a described disk into a raw or E01 image, the same bytes everywhere.

The description (`model`) says what lies on each volume; `write_raw` and `write_e01` (`images`) lay
it out. No clock, host name, tool or library version goes into the bytes: the same description
gives the same image on every machine.
"""

from __future__ import annotations

from triage.training.media.images import write_e01, write_raw
from triage.training.media.model import Disk, Entry, Filesystem, Scheme, Volume

__all__ = ["Disk", "Entry", "Filesystem", "Scheme", "Volume", "write_e01", "write_raw"]
