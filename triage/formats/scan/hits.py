"""What the scan reports: a place in bytes, and what stands there."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.formats.addresses import CryptoAddress
from triage.formats.extended_keys import ExtendedKey
from triage.formats.onion import I2PAddress, OnionAddress
from triage.formats.openpgp import Recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A seed or key. Its text is left out of `repr` and belongs nowhere in clear.

    `bits` says how rarely chance passes its check (1 in 2^bits), 0 without a check. `supported`
    is whether layout or words around it speak for it as well; `complete` is false for a phrase
    that lacks a word or whose checksum fails.
    """

    kind: str
    text: str = field(repr=False)
    checks: tuple[str, ...]
    bits: int
    words: int | None = None
    language: str | None = None
    supported: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PgpMessage:
    """An armored, encrypted message of OpenPGP, `size` bytes when decoded.

    `crc_ok` is None without a checksum; `ended` is false when no END line was seen.
    """

    recipients: Recipients
    size: int
    crc_ok: bool | None
    ended: bool


What = CryptoAddress | ExtendedKey | OnionAddress | I2PAddress | Secret | PgpMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something at bytes `start` to `end` (excluded) of what was scanned.

    `encoding` is ascii, utf-8, utf-16le or utf-16be.
    """

    start: int
    end: int
    encoding: str
    what: What
