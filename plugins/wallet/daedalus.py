"""Daedalus (Cardano): wallet databases and the secret file of its first years.

Written from the tables that cardano-wallet creates; no database of a real installation was at hand.
Names, times, addresses and transaction ids stand in clear; the root key is encrypted with the
spending password. Not read: pools, stakes, amounts of single outputs.

References: https://github.com/cardano-foundation/cardano-wallet
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    SqliteSchema,
    Time,
    WalletAddress,
    WalletFile,
    WalletTransaction,
    extractor,
)
from triage.formats import addresses, bech32
from triage.formats.sqlite import Database, Value
from triage.formats.stamps import stamp

from . import _found

_SQLITE = b"SQLite format 3\0"
_MOST = 100_000
_HEX = re.compile(r"[0-9a-f]{58,150}")
_TXID = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,12})?)(?: UTC|Z)?", re.ASCII)
_CBOR_LISTS = range(0x80, 0xA0)
_DATA = "**/{AppData/Roaming,Library/Application Support,.local/share}"


@extractor(
    name="wallet.daedalus.wallet",
    paths=(
        f"{_DATA}/Daedalus*/wallets/*.sqlite",  # since Shelley, 2020: Windows, macOS, Linux
        f"{_DATA}/Daedalus/*/wallets/*.sqlite",  # Linux: folders are networks
        f"{_DATA}/Daedalus*/Secrets*/secret*.key",  # Byron, 2017 to 2020
    ),
    content=(SqliteSchema({"wallet": {"wallet_id", "name"}, "private_key": {"wallet_id"}}),),
    yields=(WalletFile, WalletAddress, WalletTransaction),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletTransaction]:
    """Read a wallet of Daedalus: name, times, addresses, transactions."""
    head = artifact.head(16)
    if artifact.entry.name.casefold().endswith(".key"):
        if len(head) == 16 and head[0] in _CBOR_LISTS:  # noqa: PLR2004 - a whole head
            yield _file(None, (), 0, 0)
        return
    if not head.startswith(_SQLITE):
        return
    with artifact.sqlite() as database:
        if not database.has({"wallet": {"wallet_id", "name"}}):
            return
        listed, transactions = list(_addresses(database)), list(_transactions(database))
        for row in _rows(database, "wallet", ("name", "creation_time")):
            found = _TIME.fullmatch(str(row.get("creation_time")))
            times = stamp("created", f"{found[1]}Z", "text") if found else ()
            name = row.get("name")
            yield _file(
                str(name) if name else None,
                times,
                len(listed),
                len(transactions),
                locked=bool(next(_rows(database, "private_key", ("wallet_id",)), None)),
            )
        yield from listed
        yield from transactions
        for text in database.problems:
            artifact.problem(text)


def _file(
    name: str | None,
    times: tuple[Time, ...],
    count: int,
    transactions: int,
    *,
    locked: bool = True,
) -> WalletFile:
    state = "keystore-encrypted" if locked else "plain"
    return WalletFile(
        shows=Shows.USED if transactions else Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=times,
        protection=_found.guard(state),
        software="daedalus",
        coins=("ADA",),
        wallet_type="hd" if locked else "watch-only",
        label=name,
        state=state,
        addresses=count or None,
        transactions=transactions or None,
        needed_to_open="the spending password" if locked else None,
        kdf="pbkdf2" if locked else None,
    )


def _rows(database: Database, table: str, columns: tuple[str, ...]) -> Iterator[dict[str, Value]]:
    known = {name.lower() for name in database.columns(table)}
    wanted = tuple(column for column in columns if column in known)
    if wanted:
        for count, row in enumerate(database.rows(table, wanted)):
            if count >= _MOST:
                return
            yield row.values


def _addresses(database: Database) -> Iterator[WalletAddress]:
    seen: set[str] = set()
    for table in ("seq_state_address", "rnd_state_address"):
        for row in _rows(database, table, ("address", "status")):
            found = _written(row.get("address"))
            known = addresses.classify(found or "")
            if found and known and known.checks and found not in seen:
                seen.add(found)
                status = row.get("status")
                yield _found.address(
                    "ADA",
                    found,
                    role="own",
                    place=table,
                    used=status == "used" if isinstance(status, str) else None,
                )


def _written(value: Value) -> str | None:
    """Return an address as people write it: the database has its bytes as hex digits."""
    if not isinstance(value, str) or not _HEX.fullmatch(value) or len(value) % 2:
        return value if isinstance(value, str) else None
    data = bytes.fromhex(value)
    prefix = "addr" if data[0] & 1 else "addr_test"
    try:
        return bech32.encode(prefix, bech32.ungroup(data))
    except ParseError:
        return None


def _transactions(database: Database) -> Iterator[WalletTransaction]:
    seen: set[str] = set()
    for row in _rows(database, "tx_meta", ("tx_id", "direction", "amount", "block_height")):
        txid, amount = str(row.get("tx_id")), row.get("amount")
        if txid in seen or not _TXID.fullmatch(txid):
            continue
        seen.add(txid)
        height, incoming = row.get("block_height"), row.get("direction")
        delta = amount if isinstance(amount, int) else None
        if delta is not None and not incoming:
            delta = -delta
        yield WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"tx_meta {txid}",
            coin="ADA",
            txid=txid,
            height=height if isinstance(height, int) and height > 0 else None,
            delta=delta,
        )
