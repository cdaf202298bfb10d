"""Atomic, Guarda, Jaxx Liberty and Trezor Suite: what their local storage holds in clear.

Written from where these programs keep their LevelDB databases, as public lists of paths say, and
for Trezor Suite from its sources; no data of a real installation was at hand. Keys are encrypted,
or stay on the device. Of Trezor Suite accounts, transactions and names of remembered devices are
read (`_trezor_suite`). Besides, all versions of all records are searched for extended public keys,
and for addresses that a checksum confirms. Ethereum's are left out: lists of tokens are full of
them. Not read: Trezor Suite's labels, which newer versions encrypt; amounts.

References: https://github.com/trezor/trezor-suite/tree/develop/packages/suite-storage and
https://github.com/google/leveldb
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    RowState,
    Shows,
    WalletAddress,
    WalletFile,
    WalletTransaction,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, leveldb

from . import _found, _trezor_suite

_ROAMING = "**/{AppData/Roaming,Library/Application Support,.config}"
_PATHS: Final = (
    f"{_ROAMING}/atomic/Local Storage/leveldb/CURRENT",  # Atomic: Windows, macOS, Linux
    f"{_ROAMING}/Guarda/Local Storage/leveldb/CURRENT",  # Guarda: the same
    f"{_ROAMING}/com.liberty.jaxx/IndexedDB/*.leveldb/CURRENT",  # Jaxx Liberty: the same
    f"{_ROAMING}/@trezor/suite-desktop/IndexedDB/*.leveldb/CURRENT",  # Trezor Suite: the same
)
_SOFTWARE: Final = (
    ("/atomic/", "atomic"),
    ("/guarda/", "guarda"),
    ("/com.liberty.jaxx/", "jaxx-liberty"),
    ("/@trezor/", "trezor-suite"),
)
_MOST = 20_000
_Finding = WalletFile | WalletXpub | WalletAddress | WalletTransaction
_LONGEST = 1 << 20  # bytes of one value that are searched


@extractor(
    name="wallet.desktop.storage",
    paths=_PATHS,
    yields=(WalletFile, WalletXpub, WalletAddress, WalletTransaction),
)
def storage(artifact: Artifact) -> Iterator[_Finding]:
    """Read the local storage of a wallet program: public keys, addresses, transactions."""
    files = {
        each.entry.name: each.open()
        for each in artifact.directory()
        if leveldb.is_part(each.entry.name)
    }
    contents = leveldb.read(files)
    folded = artifact.path.casefold()
    software = next(program for part, program in _SOFTWARE if part in folded)
    hardware = software == "trezor-suite"
    suite = _trezor_suite.read(contents) if hardware else _trezor_suite.Suite()
    for text in contents.problems[:5]:
        artifact.problem(text)
    found: dict[str, WalletXpub | WalletAddress] = {**suite.keys, **suite.addresses}
    for record in contents.records:
        if record.value is None:
            continue
        row = None if record.live else RowState.SUPERSEDED
        place = f"{record.file} {record.offset}"
        for item in _of_value(record.value[:_LONGEST], place, row):
            key = item.xpub if isinstance(item, WalletXpub) else item.crypto_address
            if key not in found and len(found) < _MOST:
                found[key] = item
    if not contents.records:
        return
    coins = {item.coin for item in found.values()}
    yield WalletFile(
        shows=Shows.USED if found else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.HARDWARE if hardware else Protection.ENCRYPTED,
        software=software,
        coins=tuple(sorted(coins)),
        wallet_type="hardware" if hardware else None,
        state="plain" if suite.keys or suite.addresses else "trace",
        hardware=" ".join(("trezor", *suite.models)) if hardware else None,
        label=", ".join(suite.devices)[:200] or None,
        addresses=sum(isinstance(item, WalletAddress) for item in found.values()),
        transactions=len(suite.transactions) or None,
        needed_to_open="the device, to spend" if hardware else "the wallet password",
    )
    yield from found.values()
    yield from suite.transactions.values()


def _of_value(
    value: bytes, place: str, row: RowState | None
) -> Iterator[WalletXpub | WalletAddress]:
    """Yield what stands in a value, as text of one byte a character or of two."""
    for data in (value, value[::2], value[1::2]):
        text = data.decode("latin-1")
        for _, key in _found.xpubs_in(data):
            made = _found.xpub(_found.ticker(key.coin), key.text, place=place)
            if made:
                yield made
        for _, known in addresses.find_addresses(text, limit=_MOST):
            if known.checks and known.coin != "ethereum":
                yield _found.address(
                    _found.ticker(known.coin),
                    known.text,
                    role="mentioned",
                    place=place,
                    checks=known.checks,
                    row=row,
                )
