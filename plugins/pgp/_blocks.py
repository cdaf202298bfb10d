"""Armored blocks and binary messages as findings, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    PgpKey,
    PgpMessage,
    Protection,
    Sensitivity,
    Shows,
    Unit,
)
from triage.formats.armor import Block, blocks
from triage.formats.openpgp import SIGNATURE, Packet, Recipients, packets, recipients, signature
from triage.formats.openpgp_keys import certificates
from triage.formats.stamps import stamp

from ._keyring import Context, findings, located

_KEYS = frozenset({"PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK"})
_MAX_HEADERS = 5


def in_text(artifact: Artifact, text: str, place: str = "") -> Iterator[PgpKey | PgpMessage]:
    """Yield what the armored blocks of a text hold; `place` comes before `line 12`.

    A detached signature alone says too little and is passed over.
    """
    signed: Block | None = None
    for block in blocks(text):
        locator = f"{place}line {block.line}"
        if block.kind == "SIGNED MESSAGE":
            signed = block
            continue
        if block.kind in _KEYS:
            yield from _keys(artifact, block, locator)
        elif block.kind == "MESSAGE":
            yield from _encrypted(artifact, block, locator)
        elif block.kind == "SIGNATURE" and signed is not None:
            yield _signed(block, f"{place}line {signed.line}")
        signed = None


def _keys(artifact: Artifact, block: Block, locator: str) -> Iterator[PgpKey]:
    private = block.kind == "PRIVATE KEY BLOCK"
    found = located(certificates(packets(block.data)), f"{locator}, ")
    context = Context(store="armored-text", tells=False)
    count = 0
    for finding in findings(artifact, found, context):
        count += 1
        checks = ("armor-crc24",) if block.crc_ok else ()
        # A block that calls itself private is kept back even when its packets say otherwise.
        yield replace(
            finding,
            checks=checks,
            confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
            sensitivity=Sensitivity.SECRET if private else finding.sensitivity,
        )
    if private and count == 0:
        yield PgpKey(
            fingerprint=None,
            store="armored-text",
            secret_key="unknown",  # noqa: S106 - the name of a state
            shows=Shows.CREDENTIAL,
            confidence=Confidence.POSSIBLE,
            locator=locator,
            protection=Protection.DAMAGED,
            sensitivity=Sensitivity.SECRET,
        )


def _encrypted(artifact: Artifact, block: Block, locator: str) -> Iterator[PgpMessage]:
    if block.crc_ok is False:
        artifact.problem("the checksum of an armored message is wrong", locator=locator)
    found = recipients(packets(block.data)) if block.data else None
    if found is None:
        return  # compressed or signed only, or text between the lines
    headers = tuple(f"{name}: {value}" for name, value in block.headers[:_MAX_HEADERS])
    yield message(found, locator, headers, ("armor-crc24",) if block.crc_ok else ())


def message(
    found: Recipients, locator: str, headers: tuple[str, ...] = (), checks: tuple[str, ...] = ()
) -> PgpMessage:
    """Return the finding of an encrypted message."""
    return PgpMessage(
        form="encrypted",
        recipient_keys=found.key_ids,
        hidden_recipients=found.hidden,
        passwords=found.passwords,
        armor_headers=headers,
        shows=Shows.DESTINATION if found.key_ids else Shows.USED,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        locator=locator,
        protection=Protection.ENCRYPTED,
    )


def _signed(block: Block, locator: str) -> PgpMessage:
    stated = [signature(packet) for packet in _signatures(block)]
    keys = dict.fromkeys(item.issuer for item in stated if item.issuer)
    checks = ("armor-crc24",) if block.crc_ok else ()
    return PgpMessage(
        form="signed-text",
        signer_keys=tuple(keys),
        armor_headers=tuple(f"{name}: {value}" for name, value in block.headers[:_MAX_HEADERS]),
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if checks and keys else Confidence.PROBABLE,
        checks=checks,
        locator=locator,
        times=stamp(
            "signed", next((item.created for item in stated if item.created), None), Unit.S_UNIX
        ),
    )


def _signatures(block: Block) -> Iterator[Packet]:
    """Yield the signatures that can be read."""
    try:
        for packet in packets(block.data):
            if packet.tag == SIGNATURE:
                signature(packet)
                yield packet
    except ParseError:
        return
