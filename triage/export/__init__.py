"""What other programs take: each target is a module that makes bytes from a bundle.

`hashcat` reads the image too, since a bundle holds nothing that a password could be tried against.
"""

from __future__ import annotations

from triage.export.addresses import addresses_csv
from triage.export.hashcat import hash_lines

__all__ = ["addresses_csv", "hash_lines"]
