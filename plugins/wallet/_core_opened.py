"""The private keys of a Bitcoin Core wallet that a given passphrase opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Credential, WalletSecret

from . import _bip32, _found, _locks
from ._coins import Chain
from ._core_crypto import open_key
from ._core_records import Content, Key

_MOST_MASTERS: Final = 8  # a wallet has one for each passphrase, and there is one
_MOST_KEYS: Final = 100_000
_LOOKED_AT: Final = 3
_TOGETHER: Final = 5000  # keys in one finding


def open_keys(
    artifact: Artifact, content: Content, chain: Chain
) -> tuple[Credential | None, list[WalletSecret]]:
    """Try what was given; return which entry it was and what it opens."""
    keys = [key for key in content.keys.values() if key.sealed][:_MOST_KEYS]
    others = content.sealed[:_MOST_KEYS]
    masters = content.masters[:_MOST_MASTERS] if keys or others else []
    for sealed in masters:
        artifact.locked(_locks.bitcoin_core(sealed.sealed, sealed.salt, sealed.rounds))
    for sealed in masters:
        for passphrase in artifact.passwords(cost=sealed.cost):
            master = sealed.opened(passphrase.value)
            if master is not None and _fits(master, (keys or others)[:_LOOKED_AT]):
                found = _of_addresses(master, keys, chain, passphrase)
                return passphrase, [*found, *_of_descriptors(master, others, chain, passphrase)]
    return None, []


def _fits(master: bytes, keys: list[Key]) -> bool:
    """Whether the keys that it opens are those of their public keys; a damaged one may not open."""
    opened = [(private, key) for key in keys if (private := _private(master, key))]
    return bool(opened) and all(_bip32.matches(private, key.public) for private, key in opened)


def _private(master: bytes, key: Key) -> bytes | None:
    return open_key(master, key.public, key.sealed or b"")


def _of_addresses(
    master: bytes, keys: list[Key], chain: Chain, opened_by: Credential
) -> Iterator[WalletSecret]:
    lines = [
        f"{key.public.hex()} {chain.wif(private, compressed=len(key.public) == 33)}"  # noqa: PLR2004
        for key in keys
        if (private := _private(master, key))
    ]
    for start in range(0, len(lines), _TOGETHER):
        part = lines[start : start + _TOGETHER]
        yield _found.secret(
            "private-keys",
            f"key records from {start + 1}" if start else "key records",
            "\n".join(part),
            _found.counted(len(part), "key"),
            coin=chain.ticker,
            checks=("public key",),
            opened_by=opened_by,
        )


def _of_descriptors(
    master: bytes, keys: list[Key], chain: Chain, opened_by: Credential
) -> Iterator[WalletSecret]:
    seen: set[bytes] = set()  # every descriptor has a copy of the same master key
    for key in keys:
        private = None if key.public in seen else _private(master, key)
        if private:
            seen.add(key.public)
            yield _found.secret(
                "descriptor-key",
                key.place,
                f"{key.public.hex()} {private.hex()}",
                f"{len(private)} bytes",
                coin=chain.ticker,
                checks=("public key",),
                opened_by=opened_by,
            )
