"""Packets for anonymous remailers in armor, told by their structure.

Type II: `-----BEGIN REMAILER MESSAGE-----`, the length in digits, a digest in base64, the packet in
base64 (the Internet-Draft of the Mixmaster protocol, section 3.1; Mixmaster's `rem2.c`; YAMN takes
BLAKE2 instead of MD5). Type III: `-----BEGIN TYPE III ANONYMOUS MESSAGE-----` (Mixminion,
`E2E-spec`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

DIGEST = "remailer-packet-digest"
"""The check of a packet whose digest fits."""

_PACKET = re.compile(
    r"-----BEGIN REMAILER MESSAGE-----[ \t]*+\r?\n(\d{1,7})[ \t]*+\r?\n"
    r"([A-Za-z0-9+/]{22}==)[ \t]*+\r?\n"
    r"((?:[A-Za-z0-9+/]++={0,2}[ \t]*+\r?\n)++)-----END REMAILER MESSAGE-----"
)
_TYPE_3 = re.compile(
    r"^-----BEGIN TYPE III (ANONYMOUS MESSAGE|REPLY BLOCK)-----[ \t]*\r?$"
    r"(?:\r?\n(Message-type|Version): ([A-Za-z0-9. ]{1,40}))?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet: `form` is type2-packet, type3-message or type3-reply-block."""

    start: int
    end: int
    form: str
    checks: tuple[str, ...] = ()


def find_packets(text: str) -> Iterator[Packet]:
    """Yield the packets of a text: those of type II first, each kind in order."""
    for found in _PACKET.finditer(text):
        packet = _type_2(found)
        if packet is not None:
            yield packet
    for found in _TYPE_3.finditer(text):
        form = "type3-reply-block" if found[1] == "REPLY BLOCK" else "type3-message"
        yield Packet(start=found.start(), end=found.end(), form=form)


def _type_2(found: re.Match[str]) -> Packet | None:
    """Check the length, without which it is none, and the digest."""
    try:
        data = base64.b64decode("".join(found[3].split()))
        digest = base64.b64decode(found[2])
    except binascii.Error:
        return None
    if len(data) != int(found[1]):
        return None
    # MD5 in Mixmaster and the draft; BLAKE2 of 16 bytes in YAMN.
    fits = digest in {
        hashlib.md5(data, usedforsecurity=False).digest(),
        hashlib.blake2b(data, digest_size=16).digest(),
        hashlib.blake2s(data, digest_size=16).digest(),
    }
    checks = (DIGEST,) if fits else ()
    return Packet(start=found.start(), end=found.end(), form="type2-packet", checks=checks)
