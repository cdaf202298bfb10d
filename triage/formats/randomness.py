"""Telling data without any structure from everything else, for extractors."""

from __future__ import annotations

from triage.randomness import RANDOM, chi_square

__all__ = ["RANDOM", "chi_square", "compressed"]

_BEGINNINGS = (
    b"\x1f\x8b",  # gzip
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"PK\x03\x04",
    b"\x28\xb5\x2f\xfd",  # Zstandard
    b"\x04\x22\x4d\x18",  # LZ4
    b"LZIP",
    b"Rar!\x1a\x07",
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"hsqs",  # SquashFS
    b"MSCF",
    b"xar!",
    b"%PDF",
    b"!<arch>",
    b"Salted__",  # openssl enc
)


def compressed(head: bytes) -> bool:
    """Whether a file that begins so says itself that it is compressed, or what else it is."""
    return head.startswith(_BEGINNINGS) or head[4:8] == b"ftyp"
