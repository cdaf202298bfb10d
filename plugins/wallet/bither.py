"""Bither: the database of addresses and keys.

Written from the schema that Bither's desktop program creates, tested with a database of 2015; later
ones add a table for hierarchical accounts. Addresses and public keys stand in clear, a given
password opens the private keys (of hierarchical accounts after the source alone). Not read: the
database of transactions beside it.

References: https://github.com/bither/bither-desktop-java
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    ParseError,
    RowState,
    Shows,
    SqliteSchema,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import addresses as crypto_addresses
from triage.formats import base58
from triage.formats.sqlite import Database, Value
from triage.formats.stamps import stamp

from . import _bip32, _found
from . import _bither_crypto as _crypto
from ._bitcoin import hash160

_MOST = 100_000
_SEEDS = (16, 32, 64)  # bytes
_SQLITE = b"SQLite format 3\0"
_TABLES = {"addresses": {"address", "encrypt_private_key", "pub_key"}}


@extractor(
    name="wallet.bither.wallet",
    paths=(
        "**/Bither/address.db",  # Windows and macOS
        "**/.bither/address.db",  # Linux
        "**/net.bither/databases/address.db",  # Android
        "**/bither*.db",  # copies under a telling name
    ),
    content=(SqliteSchema(_TABLES),),
    yields=(WalletFile, WalletAddress, WalletXpub, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletXpub | WalletSecret]:
    """Read Bither's addresses, aliases and accounts."""
    if not artifact.head(16).startswith(_SQLITE):
        return
    with artifact.sqlite() as database:
        if not database.has(_TABLES):
            return
        aliases = dict(_aliases(database))
        listed = list(_addresses(database, aliases))
        keys = list(_accounts(database))
        sealed = any(_column(database, "addresses", "encrypt_private_key"))
        opened = list(_opened(artifact, database))
        hd = bool(keys) or any(_column(database, "hd_seeds", "encrypt_seed"))
        for text in database.problems:
            artifact.problem(text)
    certain = any(each.checks for each in listed) or bool(keys)
    times = [time for each in listed for time in each.times if time.utc]
    locked = (sealed or hd) and not opened
    state = "keystore-encrypted" if sealed or hd else "plain"
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if certain else Confidence.PROBABLE,
        checks=("base58check",) if certain else (),
        times=(min(times, key=lambda time: time.utc or ""),) if times else (),
        protection=_found.guard(state),
        software="bither",
        coins=("BTC",),
        wallet_type="hd" if hd else "keys",
        state=state,
        addresses=len(listed),
        opened_by=opened[0].opened_by if opened else None,
        needed_to_open="the wallet password, for private keys alone" if locked else None,
        kdf="scrypt" if sealed or hd else None,
    )
    yield from keys
    yield from opened
    yield from listed


def _column(database: Database, table: str, column: str) -> Iterator[Value]:
    if database.has({table: {column}}):
        for row in database.rows(table, (column,)):
            yield row.values[column]


def _opened(artifact: Artifact, database: Database) -> Iterator[WalletSecret]:
    """Yield the private keys and seeds that a given password opens, each with its own salt."""
    columns = ("address", "pub_key", "encrypt_private_key")
    known: Credential | None = None
    for row in database.rows("addresses", columns):
        found = _crypto.sealed(row.values["encrypt_private_key"])
        for password in _tries(artifact, found, known):
            private = found.opened(password) if found else None
            if private and len(private) == 32 and _fits(private, row.values["pub_key"]):  # noqa: PLR2004
                known = password
                text = f"{row.values['address']!s} {private.hex()}"
                place = f"addresses {row.key!r}"
                yield _secret("private-key", place, text, "32 bytes", password)
                break
    for table, column in (("hd_seeds", "encrypt_seed"), ("hd_account", "encrypt_seed")):
        for count, value in enumerate(_column(database, table, column)):
            found = _crypto.sealed(value)
            for password in _tries(artifact, found, known):
                seed = found.opened(password) if found else None
                if seed and (len(seed) in _SEEDS and (known or len(seed) % 16 == 0)):
                    place, extent = f"{table}[{count}].{column}", f"{len(seed)} bytes"
                    yield _secret("hd-seed", place, seed.hex(), extent, password)
                    break


def _tries(
    artifact: Artifact, found: _crypto.Sealed | None, known: Credential | None
) -> Iterator[Credential]:
    """Yield the password that opened something else, else all that were given."""
    if found is None:
        return
    if known is not None:
        yield known
    else:
        yield from artifact.passwords(cost=found.kdf.cost)


def _secret(kind: str, place: str, value: str, extent: str, opened_by: Credential) -> WalletSecret:
    checks = ("public key",) if kind == "private-key" else ()
    return _found.secret(kind, place, value, extent, coin="BTC", checks=checks, opened_by=opened_by)


def _fits(private: bytes, public: Value) -> bool:
    try:
        return isinstance(public, str) and _bip32.matches(private, base58.decode(public))
    except ParseError:
        return False


def _aliases(database: Database) -> Iterator[tuple[str, str]]:
    if database.has({"aliases": {"address", "alias"}}):
        for row in database.rows("aliases", ("address", "alias")):
            about, alias = row.values["address"], row.values["alias"]
            if isinstance(about, str) and isinstance(alias, str):
                yield about, alias


def _addresses(database: Database, aliases: dict[str, str]) -> Iterator[WalletAddress]:
    dated = database.has({"addresses": {"sort_time"}})
    columns = ("address", "pub_key", "encrypt_private_key", *(("sort_time",) if dated else ()))
    for count, row in enumerate(database.rows("addresses", columns)):
        found, key = row.values["address"], row.values["pub_key"]
        if not isinstance(found, str) or count >= _MOST:
            continue
        when = row.values.get("sort_time")
        known = crypto_addresses.classify(found)
        checks = known.checks if known else ()
        state = RowState(row.state.value)
        yield _found.address(
            "BTC",
            found,
            role="own" if row.values["encrypt_private_key"] else "imported",
            place=f"addresses {row.key!r}",
            checks=_found.COMPUTED if _is_of(found, key) else checks,
            label=aliases.get(found),
            times=stamp("added", when, "ms_unix"),
            row=None if state is RowState.LIVE else state,
        )


def _is_of(address: str, key: Value) -> bool:
    """Whether an address is that of a public key, which is written in base58."""
    if not isinstance(key, str):
        return False
    try:
        return base58.decode_check(address)[1:] == hash160(base58.decode(key))
    except ParseError:
        return False


def _accounts(database: Database) -> Iterator[WalletXpub]:
    """Yield the chains of hierarchical accounts: their keys are 65 bytes, chain code and key."""
    table = "hd_account"
    if not database.has({table: {"external_pub", "internal_pub"}}):
        return
    for row in database.rows(table, ("external_pub", "internal_pub")):
        for number, column in enumerate(("external_pub", "internal_pub")):
            value = row.values[column]
            try:
                data = base58.decode(value) if isinstance(value, str) else b""
            except ParseError:
                continue
            if len(data) != 65:  # noqa: PLR2004 - compressed key, chain code
                continue
            payload = bytes.fromhex("0488b21e04") + bytes(4) + number.to_bytes(4, "big")
            found = _found.xpub(
                "BTC",
                base58.encode_check(payload + data[33:] + data[:33]),
                place=f"{table} {row.key!r}, {column}",
                derivation=f"m/44'/0'/0'/{number}",
            )
            if found:
                yield found
