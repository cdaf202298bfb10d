"""What the scan looks for beside addresses, seeds and keys: packets of remailers, circuits of tor.

A seeker gets bytes in overlapping windows and gives findings with their place there; what begins
in the overlap is asked for again with the next window, so `REACH` bytes always stand before and
behind what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from triage.findings import Confidence, Finding, MailRemailerMessage, Shows
from triage.formats.remailer_packets import find_packets
from triage.formats.tor_circuits import circuits, finding

REACH: Final = 64 << 10
"""Bytes that what a seeker finds may be long: a packet of Mixmaster has 28 KiB in armor."""

Found: TypeAlias = tuple[int, int, Finding]
"""Start, end, and what stands there, without a locator."""

Seeker: TypeAlias = Callable[[bytes], Iterable[Found]]

_MARKS: Final = (b"-----BEGIN REMAILER MESSAGE-----", b"-----BEGIN TYPE III ")
_CIRCUIT: Final = b" TIME_CREATED="


def remailer_packets(data: bytes) -> Iterator[Found]:
    """Find packets of types II and III in armor."""
    if not any(mark in data for mark in _MARKS):
        return
    for packet in find_packets(data.decode("latin-1")):
        yield (
            packet.start,
            packet.end,
            MailRemailerMessage(
                forms=(packet.form,),
                outgoing=True if packet.form == "type2-packet" else None,
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED if packet.checks else Confidence.PROBABLE,
                checks=packet.checks,
            ),
        )


def tor_circuits(data: bytes) -> Iterator[Found]:
    """Find circuits that tor reported on its control port."""
    if _CIRCUIT not in data:
        return
    for circuit in circuits(data):
        yield circuit.offset, circuit.offset + 1, replace(finding(circuit), locator=None)


SEEKERS: Final[tuple[Seeker, ...]] = (remailer_packets, tor_circuits)


@dataclass(slots=True)
class Watch:
    """Lets seekers look at blocks that pass by; `found` holds each thing once, by its start."""

    seekers: Iterable[Seeker] = SEEKERS
    found: list[Found] = field(default_factory=list)

    def over(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass blocks on, in order."""
        held, at, counted = b"", 0, 0  # `held` begins at `at`; what begins before `counted` is done
        for block in blocks:
            yield block
            held += block
            end = at + len(held) - REACH  # what begins later may not be whole yet
            if end - counted < REACH:
                continue
            self._look(held, at, counted, end)
            keep = max(0, end - REACH - at) & ~1  # even places stay even, for two bytes a character
            held, at, counted = held[keep:], at + keep, end
        self._look(held, at, counted, at + len(held))

    def _look(self, data: bytes, at: int, first: int, last: int) -> None:
        for seeker in self.seekers:
            for start, end, what in seeker(data):
                if first <= at + start < last:
                    self.found.append((at + start, at + end, what))
