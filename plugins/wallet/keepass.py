"""KeePass databases: they may hold seeds, and are named here for that.

Written from the headers of KeePass 1 and 2 (KDBX 3 and 4), as KeePass's documentation gives them;
tested with hand-made headers. The line for hashcat of a KDBX 3 database was cracked there. Nothing
is opened. A key file or a plugin may be needed beside the password: the header does not say.

References: https://keepass.info/help/kb/kdbx.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Header,
    Protection,
    Shows,
    WalletFile,
    extractor,
)

from . import _locks

_FIRST = 0x9AA2D903
_SECOND: Final = {0xB54BFB65: "kdb", 0xB54BFB66: "kdbx", 0xB54BFB67: "kdbx"}
_AES_KDF = bytes.fromhex("c9d9f39a628a4460bf740d08c18a4fea")
_ARGON2: Final = (
    bytes.fromhex("ef636ddf8c29444b91f7a9a403e30a0c"),  # Argon2d
    bytes.fromhex("9e298b1956db4773b23dfc3ec6f0a1e6"),  # Argon2id
)
_KDBX3, _KDBX4 = 3, 4


@extractor(
    name="wallet.keepass.database",
    paths=(
        "**/*.kdbx",  # KeePass 2, KeePassXC, phones: any system
        "**/*.kdb",  # KeePass 1
    ),
    content=(Header(bytes.fromhex("03d9a29a")),),
    yields=(WalletFile,),
)
def database(artifact: Artifact) -> Iterator[WalletFile]:
    """Name a KeePass database: it is a place where seeds are kept."""
    head = artifact.head(4096)
    if len(head) < 12:  # noqa: PLR2004 - two marks and a version
        return
    first, second, version = struct.unpack_from("<3I", head)
    form = _SECOND.get(second)
    if first != _FIRST or form is None:
        return
    major, minor = version >> 16, version & 0xFFFF
    artifact.locked(_locks.keepass(head) if form == "kdbx" and major == _KDBX3 else None)
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        checks=("header",),
        protection=Protection.ENCRYPTED,
        software="keepass",
        format_version=f"{form} {major}.{minor}" if form == "kdbx" else "kdb 1",
        wallet_type="password safe",
        state="file-encrypted",
        needed_to_open="the master password, perhaps a key file",
        kdf=_kdf(head) if form == "kdbx" and major >= _KDBX4 else "aes-kdf",
    )


def _kdf(head: bytes) -> str | None:
    """Return what makes the key of a KDBX 4 file: its name stands in a header field."""
    if any(mark in head for mark in _ARGON2):
        return "argon2"
    return "aes-kdf" if _AES_KDF in head else None
