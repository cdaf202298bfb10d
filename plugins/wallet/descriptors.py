"""Output descriptors that were saved: by Sparrow, Specter, Fully Noded, Bitcoin Core, by hand.

Written from BIP-380 to BIP-386 and from the exports that these programs document; tested with
hand-made files. A descriptor says how addresses follow from keys, so it restores a wallet to watch,
or, with a private key in it, to spend (`listdescriptors true` of Bitcoin Core). Not read:
miniscript policies beyond their keys; the checksum behind `#` is not computed.

References: https://github.com/bitcoin/bips/blob/master/bip-0380.mediawiki
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    JsonObject,
    Protection,
    Shows,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import extended_keys

from . import _found
from ._core_wallet import parse_descriptor

_LIMIT = 4 << 20
_MOST = 1000
_START = re.compile(r"\b(?:sh\(|wsh\(|wpkh\(|pkh\(|tr\(|combo\()")
_LONGEST = 10_000
_END = re.compile(r"[\s\"'<>]|\\")
_NETWORKS = {"main": "mainnet", "test": "testnet"}


@extractor(
    name="wallet.descriptor.export",
    paths=(
        "**/*descriptor*.{json,txt,csv}",  # Sparrow, Bitcoin Core's listdescriptors, by hand
        "**/*{specter,sparrow,fullynoded,caravan}*.json",  # wallet exports, usual names
    ),
    content=(JsonObject({"wallet_name", "descriptors"}),),  # listdescriptors
    yields=(WalletFile, WalletXpub, WalletSecret),
    holds_secret=True,
)
def export(artifact: Artifact) -> Iterator[WalletFile | WalletXpub | WalletSecret]:
    """Read output descriptors in a saved file: their keys, and whether one can spend."""
    if artifact.entry.size > _LIMIT:
        artifact.problem(f"larger than {_LIMIT} bytes: not searched")
        return
    text = artifact.text(_LIMIT)
    keys: dict[str, WalletXpub] = {}
    secrets: dict[str, WalletSecret] = {}
    network = None
    for place, descriptor in _descriptors(text):
        for shape in parse_descriptor(descriptor):
            made = _found.xpub(
                "BTC",
                shape.xpub,
                place=place,
                derivation=shape.path(0) if shape.origin else None,
                fingerprint=shape.fingerprint,
                script_type=shape.script_type,
                descriptor=descriptor,
            )
            if made:
                keys.setdefault(made.xpub, made)
        for _, key in extended_keys.find_extended_keys(descriptor):
            network = _NETWORKS.get(key.network, key.network)
            if key.private:
                extent = f"{len(key.text)} characters"
                secret = _found.secret(
                    "xprv", place, key.text, extent, coin="BTC", checks=key.checks
                )
                secrets.setdefault(key.text, secret)
    if not keys and not secrets:
        return
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=("base58check",),
        protection=Protection.PLAIN,
        software="descriptor",
        coins=("BTC",),
        network=network,
        wallet_type="export",
        fingerprint=next((key.fingerprint for key in keys.values() if key.fingerprint), None),
        script_types=tuple(sorted({key.script_type for key in keys.values() if key.script_type})),
        holds_secret=bool(secrets),
        needed_to_open=None if secrets else "the devices or seeds behind the keys, to spend",
    )
    yield from keys.values()
    yield from secrets.values()


def _descriptors(text: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of what begins like a descriptor, as far as nothing breaks it off."""
    end = line = counted = 0
    for found in _START.finditer(text):
        if found.start() < end:
            continue
        stop = _END.search(text, found.end(), found.end() + _LONGEST)
        end = stop.start() if stop else min(len(text), found.end() + _LONGEST)
        line += text.count("\n", counted, found.start())
        counted = found.start()
        yield f"line {line + 1}", text[found.start() : end]
