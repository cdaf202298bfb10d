"""OpenPGP in single files: exported keys, encrypted messages, blocks in plain notes.

Written from RFC 4880 and RFC 9580 for files of any program and system; tested with files made by
GnuPG 2.2.40. Recognised are armored blocks and binary packets; of an encrypted file of any size
only the head is read. Detached signatures are passed over, and so are the keys of package managers
and public keys in `/usr/share` and `/usr/lib`; those on the `pgp-keys` list are counted. Text notes
are looked at only in the folders that people keep documents in.
Not read: blocks in office documents, archives, images.
References: RFC 4880, RFC 9580.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Header,
    ParseError,
    PgpKey,
    PgpMessage,
    Sensitivity,
    extractor,
)
from triage.formats.openpgp import PKESK, PUBLIC_KEY, SECRET_KEY, SKESK, packets, recipients
from triage.formats.openpgp_keys import certificates

from ._blocks import in_text, message
from ._keyring import Context, findings, located
from ._places import in_package, in_system_keyring

_HEAD = 64 << 10
_TEXT_LIMIT = 16 << 20
_RING_LIMIT = 64 << 20
_OWN_READERS = frozenset({"pubring.gpg", "secring.gpg", "trustdb.gpg", "trustedkeys.gpg"})
_FIRST = frozenset({PKESK, SKESK})
_KEYS = frozenset({PUBLIC_KEY, SECRET_KEY})
_VERSIONS = frozenset({b"\2", b"\3", b"\4", b"\5", b"\6"})


@extractor(
    name="pgp.files.blocks",
    paths=(
        # exported keys and messages, any program; `.asc` is armored, the others may be either
        "**/*.asc",
        "**/*.pgp",
        "**/*.gpg",
        # exported by Kleopatra and by Thunderbird 78 and later
        "**/*.key",
        # notes, Windows Vista and later, Linux, macOS
        "{Users,home}/*/{Desktop,Documents,Downloads}/**/*.{txt,md}",
        "{Users,home}/*/*.{txt,md}",
        "root/*.{txt,md}",
        # Windows 2000 and XP
        "Documents and Settings/*/{Desktop,My Documents}/**/*.txt",
        # Tails, persistent storage
        "Persistent/**/*.{txt,md}",
        # Android, shared storage
        "**/media/0/{Documents,Download}/**/*.{txt,md}",
    ),
    content=(
        Header(b"-----BEGIN PGP PUBLIC KEY BLOCK"),
        Header(b"-----BEGIN PGP PRIVATE KEY BLOCK"),
        Header(b"-----BEGIN PGP MESSAGE"),
    ),
    yields=(PgpKey, PgpMessage),
)
def files(artifact: Artifact) -> Iterator[PgpKey | PgpMessage]:
    """Read keys, and the recipients of messages, in single files.

    Files of these names that hold no OpenPGP are passed over.
    """
    name = artifact.entry.name.casefold()
    if (
        name in _OWN_READERS
        or in_system_keyring(artifact)
        or "/private-keys-v1.d/" in (artifact.path.casefold())
    ):
        return
    shipped = in_package(artifact)
    for finding in _found(artifact, name):
        # Keys that programs bring to check their downloads with say nothing about anyone.
        if not shipped or finding.sensitivity is Sensitivity.SECRET:
            yield finding


def _found(artifact: Artifact, name: str) -> Iterator[PgpKey | PgpMessage]:
    head = artifact.head(_HEAD)
    if name.endswith((".txt", ".md")) or b"-----BEGIN PGP " in head:
        yield from in_text(artifact, _text(artifact))
    elif head[:1] >= b"\x80":
        yield from _binary(artifact, head)


def _text(artifact: Artifact) -> str:
    """Return the beginning of a text; what lies behind it is said to be left."""
    if artifact.entry.size <= _TEXT_LIMIT:
        return artifact.text(_TEXT_LIMIT)
    artifact.problem(f"only the first {_TEXT_LIMIT} bytes were searched")
    return artifact.head(_TEXT_LIMIT).decode("utf-8", "surrogateescape")


def _binary(artifact: Artifact, head: bytes) -> Iterator[PgpKey | PgpMessage]:
    try:
        first = next(packets(head), None)
    except ParseError:
        return
    if first is None:
        return
    if first.tag in _FIRST:
        found = recipients(packets(head))
        if found and found.data:
            yield message(found, "byte 0")
    elif first.tag in {PUBLIC_KEY, SECRET_KEY} and first.body[:1] in {
        b"\2",
        b"\3",
        b"\4",
        b"\5",
        b"\6",
    }:
        found_keys = located(certificates(packets(artifact.read(_RING_LIMIT))))
        yield from findings(artifact, found_keys, Context(store="key-file", tells=False))
