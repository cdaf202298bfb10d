"""Atomic, Guarda, Jaxx Liberty and Trezor Suite: what their local storage holds in clear.

Written from where these programs keep their LevelDB databases, as public lists of paths say; no
data of a real installation was at hand, and their records are not parsed. Keys are encrypted, or
stay on the device. Searched are all versions of all records for extended public keys, and for
addresses that a checksum confirms. Ethereum's are left out: lists of tokens are full of them. Not
read: Trezor Suite's labels, which newer versions encrypt.

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
    WalletXpub,
    extractor,
)
from triage.formats import addresses, leveldb

from . import _found

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
_LONGEST = 1 << 20  # bytes of one value that are searched


@extractor(
    name="wallet.desktop.storage",
    paths=_PATHS,
    yields=(WalletFile, WalletXpub, WalletAddress),
)
def storage(artifact: Artifact) -> Iterator[WalletFile | WalletXpub | WalletAddress]:
    """Search the local storage of a wallet program for public keys and addresses."""
    files = {
        each.entry.name: each.open()
        for each in artifact.directory()
        if leveldb.is_part(each.entry.name)
    }
    contents = leveldb.read(files)
    for text in contents.problems[:5]:
        artifact.problem(text)
    folded = artifact.path.casefold()
    software = next(program for part, program in _SOFTWARE if part in folded)
    found: dict[str, WalletXpub | WalletAddress] = {}
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
        protection=Protection.HARDWARE if software == "trezor-suite" else Protection.ENCRYPTED,
        software=software,
        coins=tuple(sorted(coins)),
        wallet_type="hardware" if software == "trezor-suite" else None,
        state="trace",
        hardware="trezor" if software == "trezor-suite" else None,
        addresses=sum(isinstance(item, WalletAddress) for item in found.values()),
        needed_to_open="the device, to spend"
        if software == "trezor-suite"
        else "the wallet password",
    )
    yield from found.values()


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
