"""GnuPG's `trustdb.gpg`: records of 40 bytes with the trust that was given to owners of keys.

Big endian. Source: GnuPG's `g10/tdbio.h` and `doc/DETAILS`; compared with GnuPG 2.2.40.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.api import ParseError

TRUST_LIMIT = 16 << 20
"""Bytes: 400,000 records."""

_RECORD = 40
_TRUST_RECORD = 12
_LEVELS = {2: "undefined", 3: "never", 4: "marginal", 5: "full", 6: "ultimate"}
_DISABLED = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDatabase:
    """When it was made (seconds since 1970), and owner trust by fingerprint."""

    created: int
    trust: dict[str, str]
    records: dict[str, int]  # fingerprint → number of its record


def parse(data: bytes) -> TrustDatabase:
    """Read a trust database. Raises ParseError."""
    if len(data) < _RECORD or data[:4] != b"\x01gpg":
        raise ParseError("not a trust database of GnuPG")
    trust: dict[str, str] = {}
    records: dict[str, int] = {}
    for number in range(1, len(data) // _RECORD):
        record = data[number * _RECORD : (number + 1) * _RECORD]
        level = _LEVELS.get(record[22] & 0x0F)
        if record[0] == _TRUST_RECORD and level and any(record[2:22]):
            # A key of 20 bytes of fingerprint; GnuPG cuts longer ones.
            fingerprint = record[2:22].hex().upper()
            trust[fingerprint] = f"{level}, disabled" if record[22] & _DISABLED else level
            records[fingerprint] = number
    return TrustDatabase(created=int.from_bytes(data[12:16], "big"), trust=trust, records=records)
