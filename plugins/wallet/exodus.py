"""Exodus: the wallet's containers, exports, settings.

Written from the format of the `secure-container` package and from what hashcat's and UROCK's notes
say about the folder; no file of a real installation was at hand. A container is encrypted; its
header names program and version, and a checksum shows that it is whole. A given password opens the
seed (tested with containers made after the package, and with hashcat's example of its first key).
Reports and exports that a person saved hold addresses and extended public keys in clear.

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
    Credential,
    Header,
    ParseError,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, extended_keys, mnemonic

from . import _exodus_crypto as _crypto
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
    content=(Header(_MAGIC),),
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
    sealed = _crypto.read(data) if whole else None
    opened = None
    # Under a name of its own nobody knows which of the containers it is: taken for the seed's.
    seed = artifact.entry.name == "seed.seco" or not artifact.entry.name.endswith(".seco")
    if sealed is not None and seed:
        artifact.locked(sealed.lock)
        opened = _crypto.open_container(artifact, sealed)
    if seed:
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
            opened_by=str(opened[0]) if opened else None,
            needed_to_open=None if opened else needs,
            kdf="scrypt" if "scrypt" in tag else None,
        )
    if opened is not None:
        yield _seed(opened[1], opened[0])
    if beside is not None:
        content = beside.text(1 << 16)
        yield _found.secret(
            "wallet-passphrase",
            "passphrase.json",
            content,
            f"{len(content)} characters",
        )


def _seed(content: bytes, opened_by: Credential) -> WalletSecret:
    """Return the seed words in the content, or all of it as hexadecimal."""
    text = content.decode("utf-8", "replace")
    for span in mnemonic.find_mnemonics(text):
        words = " ".join(span.words)
        extent = _found.counted(len(span.words), "word")
        checks = (f"{span.kind}-checksum",)
        kind = f"{span.kind}-seed"
        return _found.secret(kind, "seed.seco", words, extent, checks=checks, opened_by=opened_by)
    return _found.secret(
        "seed",
        "seed.seco",
        content.hex(),
        f"{len(content)} bytes",
        checks=("gcm-tag",),
        opened_by=opened_by,
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
