"""What stands in a bundle in the place of what was taken out: commitments, and how to open one.

`data/redactions.jsonl` has one line a commitment, `{"commitment": hex, "in": finding or null,
"what": …}`, sorted. A commitment is SHA-256 over 32 random bytes and the canonical JSON of
`["disk-triage:redaction:1", what, value]`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from triage import canonical
from triage.bundle.layout import CONTRACT_VERSION
from triage.errors import AlteredError, ParseError

TAKEN_OUT: Final = "taken out"

_DOMAIN: Final = "disk-triage:redaction:1"
SALT: Final = 32  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a commitment is to: with it, anyone can see that this stood there."""

    what: str  # original, finding, field, text, file, coverage, problem
    value: Any
    salt: bytes
    finding: str | None = None  # id in the new bundle

    @property
    def commitment(self) -> str:
        """SHA-256, hex."""
        told = canonical.encode([_DOMAIN, self.what, self.value])
        return hashlib.sha256(self.salt + told).hexdigest()

    @property
    def line(self) -> dict[str, Any]:
        """What stands in the bundle."""
        return {"commitment": self.commitment, "what": self.what, "in": self.finding}

    @property
    def record(self) -> dict[str, Any]:
        """What the sender keeps, one line of the file of openings."""
        salt = base64.b64encode(self.salt).decode("ascii")
        return {**self.line, "salt": salt, "value": self.value}


def read_openings(lines: Iterable[bytes]) -> Iterator[Opening]:
    """Read a file of openings, or some lines of it. Raises ParseError naming the line."""
    for number, line in enumerate(lines, 1):
        try:
            record = canonical.decode(line.removesuffix(b"\n"))
            salt = base64.b64decode(record["salt"], validate=True)  # type: ignore[index,call-overload,arg-type]
            opening = Opening(
                what=str(record["what"]),  # type: ignore[index,call-overload]
                value=record["value"],  # type: ignore[index,call-overload]
                salt=salt,
                finding=record["in"],  # type: ignore[index,call-overload,arg-type]
            )
        except (ParseError, ValueError, KeyError, TypeError) as error:
            raise ParseError("not an opening", where=f"line {number}") from error
        if len(salt) != SALT:
            raise ParseError(f"a salt that has not {SALT} bytes", where=f"line {number}")
        yield opening


def finding_id(original: str) -> str:
    """Return the id of a finding that was made from a record with this commitment."""
    identity = [CONTRACT_VERSION, "redacted", original]
    return "f-" + hashlib.sha256(canonical.encode(identity)).hexdigest()[:32]


def file_key(original: str) -> str:
    """Return the key of a file record that was made from one with this commitment."""
    return "e-" + finding_id(original)[2:]


def parse_redactions(lines: Iterable[bytes]) -> frozenset[str]:
    """Return the commitments of `redactions.jsonl`.

    Raises AlteredError naming the line: malformed, unsorted or twice.
    """
    found: set[str] = set()
    previous = ""
    for number, line in enumerate(lines, 1):
        record = canonical.decode(line.removesuffix(b"\n"))
        commitment = record.get("commitment") if isinstance(record, dict) else None
        if not isinstance(commitment, str) or commitment <= previous:
            raise AlteredError("not a commitment, not sorted or twice", where=f"line {number}")
        found.add(commitment)
        previous = commitment
    return frozenset(found)


def commitments_of(record: Mapping[str, Any]) -> list[str]:
    """Return what a finding of a redacted bundle commits to; none in any other finding.

    Raises AlteredError when `redacted` is not of the form that it must have.
    """
    redacted = record.get("redacted")
    if redacted is None:
        return []
    fields = redacted.get("fields") if isinstance(redacted, dict) else None
    if not isinstance(fields, dict):
        raise AlteredError("does not say what it was made from")
    found = [redacted.get("original"), *fields.values()]
    if not all(isinstance(item, str) for item in found):
        raise AlteredError("does not say what it was made from")
    return [str(item) for item in found]
