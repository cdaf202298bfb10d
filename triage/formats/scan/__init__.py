"""Addresses, seeds and keys in bytes: every one that a checksum proves, or that words speak for.

`scan(data)` and `scan_blocks(blocks)` give `Hit`s: cryptocurrency addresses, extended keys, private
keys, seed phrases, onion and I2P names, encrypted PGP messages, BitLocker recovery keys; in ASCII,
UTF-8 and UTF-16, in order, each once. First whole blocks are sieved (`runs`, `words`, `literals`,
`wide`), then the readers of text that the rest of the project uses decide near each place
(`verify`, `seeds`). docs/scan.md says what each hit is worth, and how fast this is.
"""

from __future__ import annotations

from triage.formats.scan.hits import Hit, PgpMessage, Secret, What
from triage.formats.scan.stream import scan, scan_blocks

__all__ = ["Hit", "PgpMessage", "Secret", "What", "scan", "scan_blocks"]
