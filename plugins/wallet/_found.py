"""The findings that every wallet has, with what can be checked about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.api import (
    Confidence,
    Credential,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Time,
    WalletAddress,
    WalletSecret,
    WalletXpub,
)
from triage.formats import addresses, base58, extended_keys, tickers
from triage.formats.private_keys import find_secrets

from ._bitcoin import hash160

COMPUTED = ("computed from public keys",)
"""The check of an address that its own key stands beside."""


def ticker(coin: str) -> str:
    """Return the ticker of a coin that `triage.formats` names, else the name."""
    return tickers.ticker(coin)


def address(
    coin: str,
    text: str,
    *,
    role: str,
    place: str | None = None,
    checks: tuple[str, ...] | None = None,
    derivation: str | None = None,
    label: str | None = None,
    used: bool | None = None,
    times: Sequence[Time] = (),
    row: RowState | None = None,
) -> WalletAddress:
    """Return an address; its own checksum is looked at unless `checks` says what holds."""
    if checks is None:
        known = addresses.classify(text)
        checks = known.checks if known else ()
    shows = Shows.USED if used else Shows.PRESENT
    return WalletAddress(
        shows=Shows.DESTINATION if role in {"contact", "payee"} else shows,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        locator=place,
        row=row,
        times=tuple(times),
        coin=coin,
        crypto_address=text,
        role=role,
        derivation=derivation,
        label=label,
        used=used,
    )


_XPUB = re.compile(rb"(?:[xyzYZtuvUV]pub|[LM]tub|dgub)[1-9A-HJ-NP-Za-km-z]{107}")


def xpubs_in(data: bytes) -> Iterator[tuple[int, extended_keys.ExtendedKey]]:
    """Yield (offset, key) for extended public keys in a binary file, each once.

    Other than in a text, what stands before one may look like a letter: the length of a string.
    """
    seen: set[bytes] = set()
    for found in _XPUB.finditer(data):
        if found[0] in seen:
            continue
        key = extended_keys.classify(found[0].decode("ascii"))
        if key is not None:
            seen.add(found[0])
            yield found.start(), key


def xpub(
    coin: str,
    text: str,
    *,
    place: str | None = None,
    derivation: str | None = None,
    fingerprint: str | None = None,
    script_type: str | None = None,
    descriptor: str | None = None,
    label: str | None = None,
    times: Sequence[Time] = (),
) -> WalletXpub | None:
    """Return an extended public key, None when the text is none, or is a private one.

    A descriptor that holds a private key beside the public one is left out.
    """
    known = extended_keys.classify(text)
    if known is None or known.private:
        return None
    if derivation is None and known.depth == 0:
        derivation = "m"
    elif derivation is not None:
        derivation = derivation.replace("h", "'")
    if fingerprint is None and known.depth == 0:
        fingerprint = hash160(base58.decode_check(text)[45:])[:4].hex()
    elif fingerprint is None and known.depth == 1:
        fingerprint = known.parent_fingerprint
    return WalletXpub(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=known.checks,
        locator=place,
        times=tuple(times),
        coin=coin,
        xpub=text,
        derivation=derivation,
        fingerprint=fingerprint,
        script_type=script_type or (known.script if known.script != "p2pkh" else None),
        descriptor=None if descriptor and any(find_secrets(descriptor)) else descriptor,
        label=label,
    )


def guard(state: str) -> Protection:
    """Return what stands before the keys of a wallet, from the state of its file.

    Where only the keys are encrypted, all else can be read; `plain` would say that nothing is.
    """
    match state:
        case "damaged":
            return Protection.DAMAGED
        case "keystore-encrypted" | "file-encrypted":
            return Protection.ENCRYPTED
        case _:
            return Protection.PLAIN


def secret(
    kind: str,
    place: str,
    value: str,
    extent: str,
    *,
    coin: str | None = None,
    checks: tuple[str, ...] = (),
    row: RowState | None = None,
    opened_by: Credential | None = None,
) -> WalletSecret:
    """Return a secret that stands in clear or was opened; its value goes into the frame alone."""
    return WalletSecret(
        shows=Shows.CREDENTIAL,
        confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
        checks=checks,
        locator=place,
        row=row,
        protection=Protection.ENCRYPTED if opened_by else Protection.PLAIN,
        sensitivity=Sensitivity.SECRET,
        secret=value,
        opened_by=str(opened_by) if opened_by else None,
        secret_type=kind,
        place=place,
        extent=extent,
        coin=coin,
    )


def counted(number: int, what: str) -> str:
    """Return `1 key`, `2 keys`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
