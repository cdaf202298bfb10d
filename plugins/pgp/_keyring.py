"""Key rings as findings: one for each key, and one count of well-known keys for each ring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from triage.api import (
    Artifact,
    Confidence,
    LimitError,
    ParseError,
    PgpKey,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Time,
    Unit,
)
from triage.formats.indicators import load
from triage.formats.keygrip import keygrip
from triage.formats.openpgp_keys import Certificate, PublicKey
from triage.formats.stamps import stamp

KNOWN = load("pgp-keys")
SECRET_STATES = {
    "plain": "unprotected",
    "encrypted": "protected",
    "card": "smart_card",
    "stub": "elsewhere",
}
PROTECTIONS = {
    "protected": Protection.ENCRYPTED,
    "unprotected": Protection.PLAIN,
    "smart_card": Protection.HARDWARE,
}
_USABLE = frozenset({"protected", "unprotected"})
_MAX_SUBKEYS = 50
_MAX_USER_IDS = 100
_MAX_ERRORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What lies around a key ring and tells own keys from others'.

    `secret_of` gives the state of the secret key with a keygrip, None when there is none here;
    `revocable` and `trust` go by fingerprint.
    """

    store: str
    secret_of: Callable[[str], str | None] = lambda _: None
    grips: bool = False  # whether keygrips are worth computing
    revocable: frozenset[str] = frozenset()
    trust: dict[str, str] = field(default_factory=dict)
    own_trust: frozenset[str] = frozenset({"ultimate"})
    own_secret: frozenset[str] = frozenset()  # fingerprints in a secret ring beside
    tells: bool = True  # whether no sign of an own key means that it is someone else's


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A certificate, and what its container says about it."""

    certificate: Certificate
    locator: str
    times: tuple[Time, ...] = ()
    checks: tuple[str, ...] = ()
    row: RowState | None = None


def findings(
    artifact: Artifact, found: Iterable[Found | ParseError], context: Context
) -> Iterator[PgpKey]:
    """Yield a finding for each key; damage becomes problems, at most a few of them."""
    known: dict[str, str] = {}
    errors = 0
    source = iter(found)
    while True:
        try:
            item = next(source, None)
        except (ParseError, LimitError) as error:
            if not isinstance(error, ParseError):
                raise
            item = error
        if item is None:
            break
        if isinstance(item, ParseError):
            errors += 1
            if errors <= _MAX_ERRORS:
                artifact.problem(item.message, locator=item.where)
            continue
        finding = describe(item, context)
        listed = KNOWN.key(item.certificate.key.fingerprint)
        if listed and not finding.own:
            known[listed.pattern] = listed.note
            continue
        yield finding
    if errors > _MAX_ERRORS:
        artifact.problem(f"{errors - _MAX_ERRORS} more damaged packets")
    if known:
        yield counted(known, context.store)


def counted(known: dict[str, str], store: str) -> PgpKey:
    """Return one finding for the well-known keys of a ring, fingerprint → name."""
    return PgpKey(
        fingerprint=None,
        store=store,
        well_known=tuple(sorted(set(known.values()))),
        indicator_list=str(KNOWN),
        own=False,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        sensitivity=Sensitivity.PUBLIC,
    )


def describe(item: Found, context: Context) -> PgpKey:
    """Return what is to be said about one key."""
    certificate = item.certificate
    key = certificate.key
    grip, states = _secret_parts(certificate, context)
    state = next((state for state in states if state), "absent")
    trust = context.trust.get(key.fingerprint)
    basis = (
        *(("secret-key",) if state != "absent" or key.fingerprint in context.own_secret else ()),
        *(("ultimate-trust",) if trust in context.own_trust else ()),
        *(("revocation-certificate",) if key.fingerprint in context.revocable else ()),
    )
    own_part = any(part.protection for part in (key, *certificate.subkeys))
    return PgpKey(
        fingerprint=key.fingerprint,
        store=context.store,
        key_id=key.key_id,
        key_version=key.version,
        user_ids=certificate.user_ids[:_MAX_USER_IDS],
        algorithm=key.algorithm,
        subkeys=tuple(f"{sub.key_id} {sub.algorithm}" for sub in certificate.subkeys)[
            :_MAX_SUBKEYS
        ],
        secret_key=state,
        own=True if basis else (False if context.tells else None),
        own_basis=basis,
        owner_trust=trust,
        keygrip=grip,
        card_serial=next((part.card for part in (key, *certificate.subkeys) if part.card), None),
        revoked=key.revoked,
        certified_by=certificate.signers,
        shows=Shows.CREDENTIAL if own_part and state in _USABLE else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if item.checks else Confidence.PROBABLE,
        locator=item.locator,
        row=item.row,
        checks=item.checks,
        times=(
            *stamp("key_created", key.created, Unit.S_UNIX),
            *stamp("expiring", key.expires, Unit.S_UNIX),
            *item.times,
        ),
        protection=PROTECTIONS.get(state) if own_part else None,
        sensitivity=(Sensitivity.SECRET if own_part and state in _USABLE else Sensitivity.PERSONAL),
    )


def _secret_parts(
    certificate: Certificate, context: Context
) -> tuple[str | None, tuple[str | None, ...]]:
    """Return the keygrip of the primary key, and the state of each secret part, if any."""
    parts: tuple[PublicKey, ...] = (certificate.key, *certificate.subkeys[:_MAX_SUBKEYS])
    inside = tuple(SECRET_STATES.get(part.protection or "") for part in parts)
    if not context.grips:
        return None, inside
    grips = tuple(keygrip(part) for part in parts)
    beside = tuple(context.secret_of(grip) if grip else None for grip in grips)
    return grips[0], tuple(one or other for one, other in zip(beside, inside, strict=True))


def located(
    found: Iterable[Certificate | ParseError], prefix: str = ""
) -> Iterator[Found | ParseError]:
    """Give certificates of a plain stream of packets their place."""
    for item in found:
        if isinstance(item, ParseError):
            yield item
        else:
            yield Found(certificate=item, locator=f"{prefix}byte {item.offset}")
