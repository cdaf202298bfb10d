"""What the scan found, as findings: the same thing in the same file is one, with its first places.

A file can hold a million addresses: what is listed is bounded, what is counted is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from triage.findings import (
    Confidence,
    Finding,
    IndicatorCryptoAddress,
    IndicatorCryptoSecret,
    IndicatorHash,
    IndicatorI2p,
    IndicatorKeyword,
    IndicatorOnion,
    IndicatorYara,
    MailRemailerMessage,
    PgpMessage,
    Protection,
    Sensitivity,
    Shows,
    TorCircuit,
    WalletXpub,
)
from triage.formats.addresses import CryptoAddress
from triage.formats.extended_keys import ExtendedKey
from triage.formats.onion import I2PAddress, OnionAddress
from triage.formats.scan import PgpMessage as ArmoredMessage
from triage.formats.scan import Secret, What
from triage.formats.tickers import ticker
from triage.model import ByteRun

KINDS: Final[tuple[type[Finding], ...]] = (
    IndicatorOnion,
    IndicatorI2p,
    IndicatorCryptoAddress,
    IndicatorCryptoSecret,
    WalletXpub,
    PgpMessage,
    MailRemailerMessage,
    TorCircuit,
)
"""What the scan looks for."""

BROUGHT: Final[tuple[type[Finding], ...]] = (IndicatorKeyword, IndicatorHash, IndicatorYara)
"""What it looks for where the examiner brought something."""

PLACES: Final = 8
"""Places of one thing in one file that are listed."""

_STRONG: Final = 24  # bits from which a checksum speaks for itself
_PROTECTED: Final = {  # what more is needed to use it
    "bip38": Protection.ENCRYPTED,
    "pgp private key": None,  # not looked into
}
_TEXT: Final = "text"  # where of an onion or I2P name

Seen: TypeAlias = What | Finding

Where: TypeAlias = tuple[int | None, tuple[str, ...]]
"""Row (None: outside of files), and the names that lead into an archive."""


@dataclass(slots=True)
class Sighting:
    """One thing in one file: how often, and the first places."""

    what: Seen
    first: int
    encoding: str
    runs: list[ByteRun]
    count: int = 1
    places: int = 1


@dataclass(slots=True)
class Sightings:
    """Everything seen in a part, by where it stands, in the order of first places."""

    most: int  # different things of one file that are listed
    seen: dict[Where, dict[Seen, Sighting]] = field(default_factory=dict)
    more: dict[Where, int] = field(default_factory=dict)
    """Places of things beyond `most`."""

    def add(
        self, where: Where, what: Seen, first: int, encoding: str, runs: tuple[ByteRun, ...]
    ) -> None:
        """Count one place."""
        known = self.seen.setdefault(where, {})
        sighting = known.get(what)
        if sighting is not None:
            sighting.count += 1
            if sighting.places < PLACES:
                sighting.places += 1
                sighting.runs.extend(runs)
        elif len(known) < self.most:
            known[what] = Sighting(what, first, encoding, list(runs))
        else:
            self.more[where] = self.more.get(where, 0) + 1

    def findings(self) -> Iterator[tuple[Where, Finding, Sighting]]:
        """Yield place, finding and sighting of each."""
        for where, known in self.seen.items():
            unit = "byte" if where[0] is not None else "media byte"
            for sighting in known.values():
                yield where, _finding(sighting, unit), sighting


def _finding(sighting: Sighting, unit: str) -> Finding:
    wide = "" if sighting.encoding in ("ascii", "utf-8") else f", {sighting.encoding.upper()}"
    locator = f"{unit} {sighting.first}{wide}"
    what, count = sighting.what, sighting.count
    match what:
        case OnionAddress():
            return IndicatorOnion(
                onion=what.address,
                onion_version=what.version,
                checksum_ok=bool(what.checks),
                where=(_TEXT,),
                entries=count,
                shows=Shows.PRESENT,
                confidence=_by_checks(what.checks),
                checks=what.checks,
                locator=locator,
            )
        case I2PAddress():
            return IndicatorI2p(
                i2p=what.address,
                i2p_form=what.kind,
                checksum_ok=bool(what.checks),
                where=(_TEXT,),
                entries=count,
                shows=Shows.PRESENT,
                confidence=_by_checks(what.checks),
                checks=what.checks,
                locator=locator,
            )
        case CryptoAddress():
            return IndicatorCryptoAddress(
                coin=ticker(what.coin),
                crypto_address=what.text,
                network=what.network,
                address_type=what.type,
                entries=count,
                shows=Shows.PRESENT,
                confidence=_by_checks(what.checks),
                checks=what.checks,
                locator=locator,
            )
        case ExtendedKey():
            return WalletXpub(
                coin=ticker(what.coin),
                xpub=what.text,
                script_type=what.script,
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED,
                checks=what.checks,
                locator=locator,
            )
        case Secret():
            return _secret(what, count, locator)
        case ArmoredMessage():
            return PgpMessage(
                form="encrypted",
                recipient_keys=what.recipients.key_ids,
                hidden_recipients=what.recipients.hidden,
                passwords=what.recipients.passwords,
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED if what.crc_ok else Confidence.PROBABLE,
                checks=("armor-crc24",) if what.crc_ok else (),
                protection=Protection.ENCRYPTED,
                locator=locator,
            )
        case Finding():
            return replace(what, locator=locator)


def _by_checks(checks: tuple[str, ...]) -> Confidence:
    return Confidence.CONFIRMED if checks else Confidence.POSSIBLE


def _secret(what: Secret, count: int, locator: str) -> IndicatorCryptoSecret:
    if what.bits >= _STRONG:
        confidence = Confidence.CONFIRMED
    elif what.supported and what.bits and what.complete:
        confidence = Confidence.PROBABLE
    else:
        confidence = Confidence.POSSIBLE
    length = f"{len(what.text)} characters" if what.words is None else f"{what.words} words"
    return IndicatorCryptoSecret(
        secret_type=what.kind,
        extent=length,
        language=what.language,
        supported=what.supported if what.words is not None else None,
        complete=what.complete,
        entries=count,
        shows=Shows.CREDENTIAL,
        confidence=confidence,
        checks=what.checks,
        protection=_PROTECTED.get(what.kind, Protection.PLAIN),
        sensitivity=Sensitivity.SECRET,
        secret=what.text,
        locator=locator,
    )
