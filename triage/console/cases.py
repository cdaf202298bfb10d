"""Which case of a guidance a place is: what must be done about it first.

A place is one file, or one spot outside files. It stands under the most pressing of its findings:
a secret in clear comes before the wallet that it stands in, the wallet before its addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from triage.console.headlines import account_name, marks
from triage.errors import AlteredError, ProfileError
from triage.guidance import CASES, Advice, Guidance, parse

Record = dict[str, Any]

CRYPTO, EVIDENCE = CASES
_ORDER: Final = CASES[CRYPTO]
_SECRET, _UNLOCKED, _LOCKED, _DEVICE, _SERVICE, _ADDRESSES, _SOFTWARE = _ORDER
_NO_KEYS: Final = frozenset({"rpc-password", "node-password", "view-keys"})
"""Secrets that open a node or show payments, and move nothing by themselves."""

_KINDS: Final = frozenset(
    {
        "wallet.file",
        "wallet.secret",
        "wallet.device",
        "wallet.exchange",
        "wallet.address",
        "wallet.xpub",
        "wallet.transaction",
        "indicator.crypto-address",
        "indicator.crypto-secret",
    }
)
_LOCKED_VOLUME, _REMOTE_ACCOUNT, _OTHER_DEVICE = CASES[EVIDENCE]
_KEPT = 2000  # places of one case; the others are counted
_SAID = 3  # findings that speak for one place


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it is, what is there, the ids of the findings that say so."""

    where: str  # `p2:/home/alice/…`
    account: str
    what: tuple[str, ...]
    more: int  # findings of this case at this place that are not named
    marks: tuple[str, ...]  # deleted …: of the first
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One case, what to do about it, and the places that are it."""

    case: str
    advice: Advice
    places: tuple[Place, ...]
    left_out: int


@dataclass(slots=True)
class _Spot:
    rank: int
    account: str
    marks: tuple[str, ...]
    count: int = 0
    what: dict[str, str] = field(default_factory=dict)  # summary → id


@dataclass(slots=True)
class Cases:
    """Gathers records in any order; memory for what is shown."""

    _spots: dict[str, dict[str, _Spot]] = field(
        default_factory=lambda: {name: {} for name in CASES}
    )

    def add(self, record: Record) -> None:
        """Take a finding of any kind."""
        for name, rank in ((CRYPTO, _rank(record)), (EVIDENCE, _evidence(record))):
            if rank is not None:
                self._add(self._spots[name], rank, record)

    def _add(self, spots: dict[str, _Spot], rank: int, record: Record) -> None:
        where = _where(record)
        spot = spots.get(where)
        if spot is None or rank < spot.rank:
            spots[where] = spot = _Spot(rank, account_name(record), marks(record))
        if rank == spot.rank:
            spot.count += 1
            if len(spot.what) < _SAID:
                spot.what.setdefault(record["summary"], record["id"])

    def matters(self, guidance: Guidance) -> tuple[Matter, ...]:
        """Return the cases that there are, the most pressing first."""
        return tuple(self._matters(guidance))

    def _matters(self, guidance: Guidance) -> Iterator[Matter]:
        by_rank: dict[int, list[tuple[str, _Spot]]] = {}
        for where, spot in self._spots[guidance.name].items():
            by_rank.setdefault(spot.rank, []).append((where, spot))
        for rank, spots in sorted(by_rank.items()):
            case = CASES[guidance.name][rank]
            spots.sort(key=lambda pair: (bool(pair[1].marks), pair[0]))
            yield Matter(
                case=case,
                advice=guidance.cases[case],
                places=tuple(_place(where, spot) for where, spot in spots[:_KEPT]),
                left_out=len(spots[_KEPT:]),
            )


def guidances_of(run: Record) -> tuple[Guidance, ...]:
    """Return the guidance that a run recorded; of an earlier run there may be none.

    Raises AlteredError when one is not of the form.
    """
    try:
        return tuple(
            parse(value, where="run.json: profile.guidance")
            for value in run["profile"].get("guidance") or ()
        )
    except ProfileError as error:
        raise AlteredError(str(error)) from None


def guidance_of(run: Record) -> Guidance | None:
    """Return the guidance on cryptocurrency that a run recorded. Raises AlteredError as above."""
    return crypto(guidances_of(run))


def crypto(guidances: Iterable[Guidance]) -> Guidance | None:
    """Return the guidance on cryptocurrency."""
    return next((one for one in guidances if one.name == CRYPTO), None)


def _place(where: str, spot: _Spot) -> Place:
    return Place(
        where=where,
        account=spot.account,
        what=tuple(spot.what),
        more=spot.count - len(spot.what),
        marks=spot.marks,
        ids=tuple(spot.what.values()),
    )


def _where(record: Record) -> str:
    source = record["source"]
    return f"{source['volume']}:{source.get('path') or source.get('locator') or ''}"


def _rank(record: Record) -> int | None:
    if record["kind"] not in _KINDS:
        return None
    case = _case(record["kind"], record["value"], record)
    return None if case is None else _ORDER.index(case)


def _evidence(record: Record) -> int | None:
    """Return the rank of what a finding says about handling the evidence; None: nothing."""
    case: str | None = None
    match record["kind"]:
        case "encryption.volume" if record["value"].get("state") == "locked":
            case = _LOCKED_VOLUME
        case "chat.account" | "mail.account":
            case = _REMOTE_ACCOUNT
        case "system.usb":
            case = _OTHER_DEVICE
        case _:
            pass
    return None if case is None else CASES[EVIDENCE].index(case)


def _case(kind: str, value: Record, record: Record) -> str | None:
    match kind:
        case "wallet.secret":
            if value.get("secret_type") in _NO_KEYS:
                return None
            return _UNLOCKED if value.get("opened_by") else _SECRET
        case "indicator.crypto-secret":  # twelve words of prose can pass for a seed
            return None if record["confidence"] == "possible" else _SECRET
        case "wallet.device":
            return _DEVICE
        case "wallet.exchange":  # reading about a service, and mail in its name, are no account
            trace = value.get("trace")
            weak = (trace == "history" and not value.get("pages")) or (
                trace == "mail" and record["confidence"] == "possible"
            )
            return None if weak else _SERVICE
        case "wallet.file":
            return _of_file(value, record["protection"])
        case _:
            return _ADDRESSES


def _of_file(value: Record, protection: str | None) -> str | None:
    state = value.get("state")
    if state == "named" and value.get("path"):
        return None  # it lies in this image and speaks for itself
    device = value.get("wallet_type") == "hardware"
    if state == "trace" and protection == "encrypted":
        return _LOCKED  # its keys lie there, in a store that nobody could read
    if state in ("named", "installed", "trace"):
        return _DEVICE if device else _SOFTWARE
    if value.get("opened_by") or value.get("holds_secret") or protection == "key_on_image":
        return _UNLOCKED
    if device:
        return _DEVICE
    if state in ("keystore-encrypted", "file-encrypted", "damaged"):
        return _LOCKED
    return _DEVICE if value.get("hardware") else _ADDRESSES
