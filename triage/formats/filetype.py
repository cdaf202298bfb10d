"""What libmagic calls content: a hint for the reader of a report, never a reason to believe it.

The library that comes with `pylibmagic` is used, with its own list of signatures, so that the same
versions say the same on every host. It is C code over evidence: only a locked worker asks it.
"""

from __future__ import annotations

import ctypes
import sys

import pylibmagic  # first: it tells the library where its signatures are

if sys.platform == "linux":
    # By its place, as a search finds the system's, or nothing where there is no linker; `magic`
    # then gets the one that is loaded.
    ctypes.CDLL(str(pylibmagic.data / "libmagic.so.1"))

import magic

LOOKED_AT = 4096
"""Bytes from the beginning of a file that are looked at."""

_LIBRARY = magic.Magic(mime=True)


def filetype(head: bytes) -> str | None:
    """Return the MIME type of content that begins with `head`; None when it cannot be told."""
    try:
        return _LIBRARY.from_buffer(head[:LOOKED_AT])
    except magic.MagicException:
        return None
