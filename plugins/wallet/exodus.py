"""Exodus: the wallet's containers, exports, settings.

Written from the format of the `secure-container` package and from what hashcat's and UROCK's notes
say about the folder; no file of a real installation was at hand. A container is encrypted; its
header names program and version, and a checksum shows that it is whole. Reports and exports that a
person saved hold addresses and extended public keys in clear.

References: https://github.com/ExodusOSS/secure-container and
https://github.com/hashcat/hashcat/blob/master/tools/exodus2hashcat.py
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, extended_keys

from . import _found
from ._serial import Stream

_MAGIC = b"SECO"
_LIMIT = 64 << 20
_CHECKSUM = slice(0xE0, 0x100)  # SHA-256 of all that follows it
_LENGTH = 0x200  # of the blob, 32 bits, big-endian
_FIXED = _LENGTH + 4
_DATA: Final = (
    "**/AppData/Roaming/Exodus",  # Windows
    "**/Library/Application Support/Exodus",  # macOS
    "**/.config/Exodus",  # Linux
)


@extractor(
    name="wallet.exodus.container",
    paths=(
        *(f"{folder}/exodus.wallet/*.seco" for folder in _DATA),  # every version
        *(f"{folder}/{{Backups,Restored}}/**/*.seco" for folder in _DATA),  # copies that it keeps
        "**/{seed,info,storage}.seco",  # copies in another folder
    ),
    yields=(WalletFile, WalletSecret),
    holds_secret=True,
)
def container(artifact: Artifact) -> Iterator[WalletFile | WalletSecret]:
    """Read the header of a container, and whether its password lies beside it."""
    if not artifact.head(4).startswith(_MAGIC):
        return
    data = artifact.read(_LIMIT)
    stream = Stream(data)
    stream.take(4 + 4 + 4)  # magic, version, reserved
    try:
        tag, name, version = (_short(stream) for _ in range(3))
    except ParseError:
        return
    stored = int.from_bytes(data[_LENGTH:_FIXED], "big")
    whole = len(data) >= _FIXED and stored <= len(data) - _FIXED
    right = whole and hashlib.sha256(data[_CHECKSUM.stop :]).digest() == data[_CHECKSUM]
    beside = artifact.sibling("passphrase.json") if artifact.entry.name == "seed.seco" else None
    needs = "the wallet password" if beside is None else "the passphrase.json beside it"
    if artifact.entry.name == "seed.seco":
        yield WalletFile(
            shows=Shows.PRESENT,
            confidence=Confidence.CONFIRMED if right else Confidence.PROBABLE,
            checks=("sha256",) if right else (),
            protection=Protection.KEY_ON_IMAGE
            if beside
            else Protection.ENCRYPTED
            if whole
            else Protection.DAMAGED,
            software=name.lower() or "exodus",
            software_version=version or None,
            format_version=tag or None,
            wallet_type="seed",
            state="file-encrypted" if whole else "damaged",
            needed_to_open=needs,
            kdf="scrypt" if "scrypt" in tag else None,
        )
    if beside is not None:
        content = beside.text(1 << 16)
        yield _found.secret(
            "wallet-passphrase",
            "passphrase.json",
            content,
            f"{len(content)} characters",
        )


def _short(stream: Stream) -> str:
    """Return a text behind its length in one byte."""
    text = stream.take(stream.number(1)).decode("utf-8", "replace")
    if not text.isprintable():
        raise ParseError("not a text")
    return text


_MOST = 10_000


@extractor(
    name="wallet.exodus.report",
    paths=(
        "**/exodus-report-SAFE-*.json",  # desktop: Developer menu, "safe report"
        "**/exodus-exports/*",  # desktop: exports, in a folder on the desktop
    ),
    yields=(WalletAddress, WalletXpub),
)
def report(artifact: Artifact) -> Iterator[WalletAddress | WalletXpub]:
    """Read the addresses and extended public keys of a saved report."""
    text = artifact.text(_LIMIT)
    seen: set[str] = set()
    for position, key in extended_keys.find_extended_keys(text):
        found = None
        if not key.private and key.text not in seen and len(seen) < _MOST:
            found = _found.xpub(_found.ticker(key.coin), key.text, place=_line(text, position))
        if found:
            seen.add(key.text)
            yield found
    for position, known in addresses.find_addresses(text, limit=_MOST):
        if known.text not in seen:
            seen.add(known.text)
            yield _found.address(
                _found.ticker(known.coin),
                known.text,
                role="mentioned",
                place=_line(text, position),
                checks=known.checks,
            )


def _line(text: str, position: int) -> str:
    return f"line {text.count(chr(10), 0, position) + 1}"
