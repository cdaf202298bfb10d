"""Onion and I2P addresses in the texts of an artifact, as findings: one for each address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.findings import Confidence, IndicatorI2p, IndicatorOnion, Shows
from triage.formats.indicators import WEB
from triage.formats.onion import I2PAddress, OnionAddress, find_i2p, find_onions

_MAX_NAMES = 20_000
_SHORTEST = 5  # `x.i2p`


@dataclass(slots=True, kw_only=True)
class _Seen:
    address: OnionAddress | I2PAddress
    where: set[str] = field(default_factory=set)
    entries: int = 0


class DarknetNames:
    """Gathers addresses, also those behind gateways and in titles; 20,000 at most."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def add(self, where: str, *texts: str | None) -> None:
        """Look for addresses in the texts of one row."""
        found: dict[str, OnionAddress | I2PAddress] = {}
        for text in texts:
            if text and len(text) >= _SHORTEST:
                found |= {name.address: name for _, name in find_onions(text)}
                if ".i2p" in text.lower():
                    found |= {name.address: name for _, name in find_i2p(text)}
        for name, address in found.items():
            seen = self._seen.get(name)
            if seen is None:
                if len(self._seen) >= _MAX_NAMES:
                    continue
                seen = self._seen[name] = _Seen(address=address)
            seen.where.add(where)
            seen.entries += 1

    def findings(self) -> Iterator[IndicatorOnion | IndicatorI2p]:
        """Yield one finding an address, sorted."""
        for name, seen in sorted(self._seen.items()):
            entry = WEB.host(name)
            address = seen.address
            if isinstance(address, OnionAddress):
                yield IndicatorOnion(
                    onion=name,
                    onion_version=address.version,
                    checksum_ok=bool(address.checks),
                    where=tuple(sorted(seen.where)),
                    entries=seen.entries,
                    category=entry.category if entry else None,
                    indicator=entry.pattern if entry else None,
                    shows=Shows.DESTINATION,
                    confidence=_confidence(address),
                    checks=address.checks,
                )
            else:
                yield IndicatorI2p(
                    i2p=name,
                    i2p_form=address.kind,
                    checksum_ok=bool(address.checks),
                    where=tuple(sorted(seen.where)),
                    entries=seen.entries,
                    category=entry.category if entry else None,
                    indicator=entry.pattern if entry else None,
                    shows=Shows.DESTINATION,
                    confidence=_confidence(address),
                    checks=address.checks,
                )


def _confidence(address: OnionAddress | I2PAddress) -> Confidence:
    return Confidence.CONFIRMED if address.checks else Confidence.POSSIBLE
