"""OpenKeychain on Android: keys, which of them have a secret part, names.

Written from the tables that OpenKeychain 3 to 6 makes (`KeychainDatabase`, `Keys.sq`,
`KeyRings.sq`) and tested with databases made after them: there was no sample of a real telephone.
Since version 5 the packets lie in files beside the database, which are not read; what the tables
say of a key is told in either case. Secret parts are told, never read.
Also known as a copy anywhere, by its tables. Not read: apps that may use keys, key metadata.
References: https://github.com/open-keychain/open-keychain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    PgpKey,
    RowState,
    Shows,
    SqliteSchema,
    Unit,
    extractor,
)
from triage.formats.openpgp import packets
from triage.formats.openpgp_keys import certificates
from triage.formats.sqlite import Database, Value
from triage.formats.stamps import stamp

from ._keyring import KNOWN, Context, Found, counted, describe, located

_STORE = "openkeychain"
_TABLES = {
    "keys": frozenset({"master_key_id", "rank", "key_id", "has_secret", "fingerprint"}),
    "user_packets": frozenset({"master_key_id", "rank", "user_id"}),
    "keyrings_public": frozenset({"master_key_id", "key_ring_data"}),
}
_FINGERPRINTS = (20, 32)  # bytes
_MAX_NAMES, _MAX_SUBKEYS = 100, 50


@extractor(
    name="pgp.openkeychain.keys",
    paths=(
        # OpenKeychain 3 and later, Android
        "**/org.sufficientlysecure.keychain*/databases/openkeychain.db",
    ),
    content=(SqliteSchema(_TABLES),),
    yields=(PgpKey,),
    holds_secret=True,
)
def keys(artifact: Artifact) -> Iterator[PgpKey]:
    """Read the keys: whose, since when, and whether the secret part is here."""
    known: dict[str, str] = {}
    with artifact.sqlite() as database:
        if not database.has(_TABLES):
            return
        rings = _rings(database)
        names = _names(database)
        subkeys = _subkeys(database)
        wanted = ("master_key_id", "fingerprint", "has_secret", "creation", "expiry", "is_revoked")
        there = {column.lower() for column in database.columns("keys")}
        for row in database.rows("keys", [c for c in wanted if c in there], where="rank = 0"):
            value = row.values
            master, fingerprint = value["master_key_id"], value["fingerprint"]
            if not isinstance(fingerprint, bytes) or len(fingerprint) not in _FINGERPRINTS:
                artifact.problem("a key without a fingerprint", locator=f"keys row {row.key!r}")
                continue
            own = bool(value["has_secret"])
            listed = KNOWN.key(fingerprint.hex().upper())
            if listed and not own:
                known[listed.pattern] = listed.note
                continue
            finding = _from_ring(rings.get(master), f"keys row {row.key!r}")
            if finding is None or finding.fingerprint != fingerprint.hex().upper():
                finding = _from_row(value, fingerprint, subkeys.get(master, []))
            yield replace(
                finding,
                user_ids=finding.user_ids or tuple(names.get(master, [])),
                # Which protection a number stands for changed between versions.
                secret_key="present" if own else "absent",
                own=own,
                own_basis=("secret-key",) if own else (),
                shows=Shows.CREDENTIAL if own else Shows.PRESENT,
                locator=f"keys row {row.key!r}",
                row=RowState(row.state.value),
            )
        for problem in database.problems:
            artifact.problem(problem)
    if known:
        yield counted(known, _STORE)


def _from_ring(data: bytes | None, place: str) -> PgpKey | None:
    """Return what the packets say, None when they lie elsewhere or are damaged."""
    try:
        for item in located(certificates(packets(data or b"")), f"{place}, "):
            if isinstance(item, Found):
                return describe(item, Context(store=_STORE, tells=False))
    except ParseError:
        pass
    return None


def _from_row(value: Mapping[str, Value], fingerprint: bytes, subkeys: list[str]) -> PgpKey:
    printed = fingerprint.hex().upper()
    return PgpKey(
        fingerprint=printed,
        store=_STORE,
        key_id=printed[-16:] if len(fingerprint) == _FINGERPRINTS[0] else printed[:16],
        subkeys=tuple(subkeys[:_MAX_SUBKEYS]),
        revoked=bool(value.get("is_revoked")),
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(
            *stamp("key_created", value.get("creation"), Unit.S_UNIX),
            *stamp("expiring", value.get("expiry"), Unit.S_UNIX),
        ),
    )


def _rings(database: Database) -> dict[Value, bytes]:
    rows = database.rows("keyrings_public", ("master_key_id", "key_ring_data"))
    found = {row.values["master_key_id"]: row.values["key_ring_data"] for row in rows}
    return {master: data for master, data in found.items() if isinstance(data, bytes)}


def _names(database: Database) -> dict[Value, list[str]]:
    found: dict[Value, list[str]] = {}
    for row in database.rows("user_packets", ("master_key_id", "user_id")):
        names = found.setdefault(row.values["master_key_id"], [])
        name = row.values["user_id"]
        if isinstance(name, str) and name not in names and len(names) < _MAX_NAMES:
            names.append(name[:500])
    return found


def _subkeys(database: Database) -> dict[Value, list[str]]:
    found: dict[Value, list[str]] = {}
    for row in database.rows("keys", ("master_key_id", "key_id"), where="rank > 0"):
        number = row.values["key_id"]
        if isinstance(number, int):  # signed, as SQLite has no other
            printed = f"{number & (1 << 64) - 1:016X}"
            ids = found.setdefault(row.values["master_key_id"], [])
            if printed not in ids:
                ids.append(printed)
    return found
