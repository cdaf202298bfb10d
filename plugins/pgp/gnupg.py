"""GnuPG: key rings, secret keys, revocation certificates, trust.

Written from GnuPG 2.2 and 2.4 (`kbx/keybox-blob.c`, `agent/keyformat.txt`, `g10/tdbio.h`,
`doc/DETAILS`) for version 1.4 to 2.4 on Windows, Linux and macOS; tested with homes made by GnuPG
2.2.40. Gpg4win, Kleopatra, GPG Suite and Tails use the same files, so the names decide, not the
folder; PGP Desktop's `*.pkr` and `*.skr` are rings of the same packets. Public keys that come with
systems (`pgp-keys` list) are counted. The rings of package managers (`/usr/share/keyrings`,
`/etc/apt`) are passed over. Not read: X.509 certificates, Kleopatra's own settings;
`tofu.db` has a reader of its own. `pubring.db` of keyboxd was compared with one of GnuPG 2.4.7.
References: https://www.gnupg.org/documentation/, RFC 4880, RFC 9580.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from triage.api import (
    Artifact,
    Confidence,
    Header,
    ParseError,
    PgpKey,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Unit,
    extractor,
)
from triage.formats import keybox as kbx
from triage.formats.armor import blocks
from triage.formats.openpgp import SIGNATURE, packets, signature
from triage.formats.openpgp_keys import Certificate, certificates
from triage.formats.stamps import modified, stamp, utc_text

from . import _agent, _trust
from ._agent import KEY_LIMIT
from ._keyring import PROTECTIONS, Context, Found, findings, located
from ._places import in_system_keyring, is_mozilla

_REVOCATION = re.compile(r"([0-9A-F]{40}|[0-9A-F]{64})\.rev", re.IGNORECASE)
_USER_ID = re.compile(r"^uid[ \t]{1,20}(\S.{0,500})$", re.MULTILINE)
_MAX_FILES = 2000
_HOME_FILES = ("../trustdb.gpg", "../common.conf", "../gpg.conf", "../pubring.kbx")
_TEXT_LIMIT = 1 << 20


@extractor(
    name="pgp.gnupg.keybox",
    paths=(
        # GnuPG 2.1 and later, any system; `~` is the copy before the last change
        "**/pubring.kbx",
        "**/pubring.kbx~",
        # a keybox of another name, as `gpg --keyring` makes it
        "**/*.kbx",
    ),
    content=(Header(b"KBXf", offset=8),),
    yields=(PgpKey,),
)
def keybox(artifact: Artifact) -> Iterator[PgpKey]:
    """Read a keybox: keys, when they came in, and which have their secret part here."""
    if in_system_keyring(artifact):
        return
    data = artifact.read()
    kbx.header(data)
    yield from findings(artifact, _keybox(artifact, data), _context(artifact, "gnupg-keybox"))


@extractor(
    name="pgp.gnupg.keyring",
    paths=(
        # GnuPG 1.x and 2.0, any system; kept by later versions beside the keybox
        "**/pubring.gpg",
        "**/pubring.gpg~",
        "**/trustedkeys.gpg",
        # PGP Desktop, Windows and macOS
        "**/*.pkr",
    ),
    yields=(PgpKey,),
)
def keyring(artifact: Artifact) -> Iterator[PgpKey]:
    """Read a ring of public keys, one packet after the other."""
    if is_mozilla(artifact) or in_system_keyring(artifact):
        return
    found = located(certificates(packets(artifact.read())))
    yield from findings(artifact, found, _context(artifact, "gnupg-keyring"))


@extractor(
    name="pgp.gnupg.secret-keyring",
    paths=(
        # GnuPG 1.x and 2.0, any system
        "**/secring.gpg",
        "**/secring.gpg~",
        # PGP Desktop, Windows and macOS
        "**/*.skr",
    ),
    yields=(PgpKey,),
    holds_secret=True,
)
def secret_keyring(artifact: Artifact) -> Iterator[PgpKey]:
    """Read a ring of secret keys: whose, and how each is protected."""
    if is_mozilla(artifact) or in_system_keyring(artifact):
        return
    found = located(certificates(packets(artifact.read())))
    yield from findings(artifact, found, _context(artifact, "gnupg-secret-keyring"))


@extractor(
    name="pgp.gnupg.keyboxd",
    paths=(
        # GnuPG 2.3 and later with `use-keyboxd`, any system
        "**/public-keys.d/pubring.db",
    ),
    yields=(PgpKey,),
)
def keyboxd(artifact: Artifact) -> Iterator[PgpKey]:
    """Read the database of keyboxd: the same keys as a keybox, in SQLite."""
    home = next(filter(None, map(artifact.resolve, _HOME_FILES)), artifact)
    context = _context(home, "gnupg-keyboxd")

    def rows() -> Iterator[Found | ParseError]:
        with artifact.sqlite() as database:
            for number, row in enumerate(database.rows("pubkey", ("keyblob",)), 1):
                blob = row.values["keyblob"]
                if not isinstance(blob, bytes) or not blob[:1] >= b"\x80":
                    continue  # X.509
                state = RowState(row.state.value)
                for item in located(certificates(packets(blob)), f"pubkey row {number}, "):
                    yield replace(item, row=state) if isinstance(item, Found) else item

    yield from findings(artifact, rows(), context)


@extractor(
    name="pgp.gnupg.secret-key",
    paths=(
        # GnuPG 2.1 and later, any system: one file for each key or subkey
        "**/private-keys-v1.d/*.key",
    ),
    yields=(PgpKey,),
    holds_secret=True,
)
def secret_key(artifact: Artifact) -> Iterator[PgpKey]:
    """Read how one secret key is protected, and when it came into this folder."""
    if in_system_keyring(artifact):
        return
    data = artifact.read(KEY_LIMIT)
    key = _agent.parse(data)
    named = artifact.entry.name.rpartition(".")[0].upper()
    matches = key.keygrip == named
    if key.keygrip and not matches:
        artifact.problem("the name of the file is not the keygrip of the key in it")
    usable = key.state in {"protected", "unprotected"}
    yield PgpKey(
        fingerprint=None,
        store="gnupg-secret-key",
        algorithm=key.algorithm,
        user_ids=(key.label,) if key.label else (),
        secret_key=key.state,
        own=True,
        own_basis=("secret-key",) if usable else ("smart-card-stub",),
        keygrip=key.keygrip or named,
        card_serial=key.card,
        shows=Shows.CREDENTIAL if usable else Shows.PRESENT,
        confidence=Confidence.CONFIRMED if matches else Confidence.PROBABLE,
        checks=("keygrip",) if matches else (),
        locator=key.protection,
        times=(
            *utc_text("stored", key.created),
            *utc_text("passphrase_set", key.protected_at),
            *modified("last_written", artifact),
        ),
        protection=PROTECTIONS.get(key.state),
        sensitivity=Sensitivity.SECRET if usable else Sensitivity.PERSONAL,
        secret=data.decode("latin-1") if key.state == "unprotected" else None,
    )


@extractor(
    name="pgp.gnupg.revocation",
    paths=(
        # GnuPG 2.1 and later, any system: made with each new key, kept when the key is deleted
        "**/openpgp-revocs.d/*.rev",
    ),
    yields=(PgpKey,),
)
def revocation(artifact: Artifact) -> Iterator[PgpKey]:
    """Read a prepared revocation certificate: GnuPG made the key in this home."""
    if in_system_keyring(artifact):
        return
    found = _REVOCATION.fullmatch(artifact.entry.name)
    text = artifact.text(_TEXT_LIMIT)
    # A colon before the first dash keeps the certificate from being imported by accident.
    block = next(blocks(text.replace("\n:---", "\n---")), None)
    if found is None or block is None:
        raise ParseError("not a revocation certificate of GnuPG")
    packet = next(packets(block.data), None)
    if packet is None or packet.tag != SIGNATURE:
        raise ParseError("not a revocation certificate of GnuPG")
    stated = signature(packet)
    fingerprint = found[1].upper()
    key_id = fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16]  # noqa: PLR2004
    matches = stated.issuer == key_id
    if not matches:
        artifact.problem("the certificate is for another key than the name of its file says")
    yield PgpKey(
        fingerprint=fingerprint if matches else None,
        store="gnupg-revocation",
        key_id=stated.issuer,
        user_ids=tuple(_USER_ID.findall(text))[:10],
        own=True,
        own_basis=("revocation-certificate",),
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if matches else Confidence.PROBABLE,
        checks=("issuer-matches-name",) if matches else (),
        locator=f"line {block.line}",
        times=(
            *stamp("revocation_prepared", stated.created, Unit.S_UNIX),
            *modified("written", artifact),
        ),
        protection=Protection.PLAIN,
    )


@extractor(
    name="pgp.gnupg.trust",
    paths=(
        # GnuPG 1.4 and later, any system
        "**/trustdb.gpg",
    ),
    yields=(PgpKey,),
)
def trust(artifact: Artifact) -> Iterator[PgpKey]:
    """List keys to whose owners trust was given: `ultimate` is set for one's own.

    A key that was deleted from the ring stays here.
    """
    if in_system_keyring(artifact):
        return
    database = _trust.parse(artifact.read(_trust.TRUST_LIMIT))
    for fingerprint, level in database.trust.items():
        own = level.startswith("ultimate")
        yield PgpKey(
            fingerprint=fingerprint,
            store="gnupg-trustdb",
            key_id=fingerprint[-16:],
            own=own or None,
            own_basis=("ultimate-trust",) if own else (),
            owner_trust=level,
            shows=Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            locator=f"record {database.records[fingerprint]}",
            times=stamp("trust_database_created", database.created, Unit.S_UNIX),
        )


def _keybox(artifact: Artifact, data: bytes) -> Iterator[Found | ParseError]:
    for blob in kbx.blobs(data):
        if blob.kind != kbx.OPENPGP:
            continue
        if blob.intact is False:
            artifact.problem("the checksum of a blob is wrong", locator=f"byte {blob.offset}")
        checks = ("keybox-sha1",) if blob.intact else ()
        try:
            for item in certificates(packets(blob.data)):
                if isinstance(item, Certificate):
                    yield Found(
                        certificate=item,
                        locator=f"blob at byte {blob.offset}",
                        times=stamp("stored_or_changed", blob.created, Unit.S_UNIX),
                        checks=checks,
                    )
                else:
                    yield item
        except ParseError as error:
            yield ParseError(error.message, where=f"blob at byte {blob.offset}, {error.where}")


def _context(artifact: Artifact, store: str) -> Context:
    """Look at the other files of the same GnuPG home."""
    secret: dict[str, str] = {}
    for number, found in enumerate(artifact.find("private-keys-v1.d/*.key")):
        if number >= _MAX_FILES:
            artifact.problem(f"more than {_MAX_FILES} secret keys")
            break
        try:
            secret[found.entry.name[:-4].upper()] = _agent.parse(found.read(KEY_LIMIT)).state
        except ParseError:
            secret[found.entry.name[:-4].upper()] = "unknown"
    revocable = {
        found.entry.name.rpartition(".")[0].upper()
        for _, found in zip(
            range(_MAX_FILES), artifact.find("openpgp-revocs.d/*.rev"), strict=False
        )
    }
    levels: dict[str, str] = {}
    database = artifact.sibling("trustdb.gpg")
    if database:
        try:
            levels = _trust.parse(database.read(_trust.TRUST_LIMIT)).trust
        except ParseError as error:
            artifact.problem(error.message, locator=database.path)
    return Context(
        store=store,
        secret_of=secret.get,
        grips=bool(secret),
        revocable=frozenset(revocable),
        trust=levels,
    )
