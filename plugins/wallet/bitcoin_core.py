"""Bitcoin Core and its forks: wallet files, settings and the log.

Written from the sources of Bitcoin Core (`wallet/walletdb.cpp`, `wallet/sqlite.cpp`, `init.cpp`,
`doc/files.md`) and tested with wallets of Bitcoin Core 0.20 and 0.21, Litecoin Core 0.18 and
0.21, encrypted ones too. The forks that `_coins` lists write the same records; of the others than
Litecoin no wallet was at hand.

Read are Berkeley DB files (0.1 to 29) and SQLite files with descriptors (since 0.21), with what
they hold of deleted records; in the slack of pages too, as far as a checksum holds. Addresses of
keys that the wallet has not used are computed in the one form that its other addresses have; those
of descriptors up to the last one handed out.
Not read: logs of a Berkeley DB environment (`database/`), shielded addresses and amounts (Zcash,
Litecoin's MWEB), the old account book (`acentry`).

References: https://github.com/bitcoin/bitcoin/blob/master/doc/files.md and the sources above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    Header,
    RowState,
    Shows,
    SqliteSchema,
    Time,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, berkeleydb, mnemonic
from triage.formats.stamps import stamp

from . import _found
from ._core_opened import open_keys
from ._core_paths import WALLETS
from ._core_records import Content, Key
from ._core_wallet import Own, Wallet, chain_of, client_version

_MOST: Final = 200_000
_SQLITE = b"SQLite format 3\0"
_SQLITE_LIMIT = 1 << 30
_PROBLEMS = 5  # of one kind that are told one by one
_FLAGS: Final = (  # wallet/walletutil.h
    (1 << 32, "watch-only"),
    (1 << 34, "descriptor"),
    (1 << 35, "external signer"),
)
_ROLES: Final = {"receive": "receive", "refund": "receive", "send": "contact"}

_NO_KEY: Final = Key(b"", "")

_Finding = WalletFile | WalletAddress | WalletXpub | WalletTransaction | WalletSecret


@extractor(
    name="wallet.bitcoin-core.wallet",
    paths=WALLETS,
    content=(
        Header(bytes.fromhex("62310500"), offset=12),  # Berkeley DB, a B-tree
        Header(bytes.fromhex("00053162"), offset=12),  # the same, big-endian
        SqliteSchema({"main": {"key", "value"}}),  # descriptor wallets since 0.21
    ),
    yields=(WalletFile, WalletAddress, WalletXpub, WalletTransaction, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[_Finding]:
    """Read a wallet.dat: keys, addresses with labels, transactions, and what protects it."""
    head = artifact.head(512)
    magic = None
    if berkeleydb.byte_order(head):
        now, before = _of_berkeleydb(artifact)
    elif head.startswith(_SQLITE):
        magic = head[68:72]
        now, before = _of_sqlite(artifact)
    else:
        return
    if not now.known and not before.known:
        return
    bad = [*now.bad, *before.bad]
    for text in bad[:_PROBLEMS]:
        artifact.problem(text)
    if len(bad) > _PROBLEMS:
        artifact.problem(f"{len(bad) - _PROBLEMS} more records do not fit their type")
    yield from _Reading(artifact, now, before, magic).findings()


def _of_berkeleydb(artifact: Artifact) -> tuple[Content, Content]:
    now, before = Content(), Content()
    database = berkeleydb.Database(artifact.open())
    for record in database.records():
        place = f"page {record.page} item {record.item}"
        (now if record.live else before).add(record.key, record.value, place)
    for record in database.slack():
        place = f"page {record.page} byte {record.item}"
        before.add_remnant(record.key, record.value, place)
    for text in database.problems[:_PROBLEMS]:
        artifact.problem(text)
    return now, before


def _of_sqlite(artifact: Artifact) -> tuple[Content, Content]:
    now, before = Content(), Content()
    with artifact.sqlite() as database:
        if not database.has({"main": {"key", "value"}}):
            return now, before
        for row in database.rows("main", ("key", "value")):
            key, value = row.values["key"], row.values["value"]
            if isinstance(key, bytes) and isinstance(value, bytes):
                superseded = row.state.value == RowState.SUPERSEDED.value
                (before if superseded else now).add(key, value, f"main {row.key!r}")
        for text in database.problems:
            artifact.problem(text)
    return now, before


class _Reading:
    """One wallet on its way to findings."""

    def __init__(
        self, artifact: Artifact, now: Content, before: Content, magic: bytes | None
    ) -> None:
        self.artifact, self.now, self.before = artifact, now, before
        self.chain, self.told_by = chain_of(now if now.known else before, magic, artifact.path)
        if self.told_by is None:
            artifact.problem("nothing names the coin; addresses are written as Bitcoin's")
        self.wallet = Wallet(now, self.chain)
        self.coin = self.chain.ticker
        self.opened_by: Credential | None = None

    def findings(self) -> Iterator[_Finding]:
        secrets = [*self._secrets(self.now), *self._secrets(self.before, RowState.SUPERSEDED)]
        self.opened_by, opened = open_keys(self.artifact, self.now, self.chain)
        xpubs = list(self._xpubs())
        addresses_ = list(self._addresses())
        yield self._file(addresses_, xpubs, holds_secret=bool(secrets))
        yield from xpubs
        yield from secrets
        yield from opened
        yield from addresses_
        yield from self._transactions()
        yield from self._payees({each.crypto_address for each in addresses_})
        yield from self._superseded({each.crypto_address for each in addresses_})
        if self.wallet.cut or len(addresses_) >= _MOST:
            self.artifact.problem("the wallet has more keys than were taken")

    def _file(
        self, listed: list[WalletAddress], xpubs: list[WalletXpub], *, holds_secret: bool
    ) -> WalletFile:
        now = self.now
        fingerprints = [key.fingerprint for key in now.keys.values() if key.fingerprint]
        fingerprints += [key.fingerprint for key in xpubs if key.fingerprint]
        certain = self.told_by in {"network magic", "genesis block", "address"}
        version = client_version(now.version, self.coin) if now.version else None
        state = "keystore-encrypted" if now.encrypted else "plain"
        return WalletFile(
            shows=Shows.USED if now.transactions else Shows.PRESENT,
            confidence=Confidence.CONFIRMED if certain else Confidence.PROBABLE,
            checks=(self.told_by,) if certain and self.told_by else (),
            times=self._times(),
            protection=_found.guard(state),
            software=self.chain.software,
            software_version=version,
            format_version=str(now.minimum) if now.minimum else None,
            coins=(self.coin,) if self.told_by else (),
            network=self.chain.network if self.told_by else None,
            wallet_type=self._type(),
            state=state,
            fingerprint=min(fingerprints, default=None),
            script_types=tuple(sorted({key.script_type for key in xpubs if key.script_type})),
            addresses=sum(each.role not in {"contact", "payee"} for each in listed),
            transactions=len(now.transactions),
            recorded_balance=self.wallet.balance(),
            holds_secret=holds_secret,
            opened_by=str(self.opened_by) if self.opened_by else None,
            needed_to_open="the wallet passphrase, for private keys alone"
            if now.encrypted and not self.opened_by
            else None,
            kdf=", ".join(sorted(now.kdfs)) or None,
        )

    def _times(self) -> tuple[Time, ...]:
        """First key and last transaction. A creation time of 0 or 1 means that it is not known."""
        created = [key.created for key in self.now.keys.values() if key.created > 1]
        created += [each.created for each in self.now.descriptors.values() if each.created > 1]
        received = [entry.received for entry, _ in self.now.transactions.values() if entry]
        return (
            *stamp("first_key_created", min(created, default=0), "s_unix"),
            *stamp("last_transaction_recorded", max(received, default=0), "s_unix"),
        )

    def _type(self) -> str:
        now = self.now
        parts = [name for flag, name in _FLAGS if now.flags & flag]
        if "descriptor" not in parts:
            if now.scripts and not now.keys and "watch-only" not in parts:
                parts.append("watch-only")
            if now.keys or not parts:
                parts.append("hd" if now.hd else "keypool")
        return " ".join(parts)

    def _xpubs(self) -> Iterator[WalletXpub]:
        for key in self.wallet.extended():
            made = _found.xpub(
                self.coin,
                key.xpub,
                place=key.place,
                times=stamp("created", key.created, "s_unix") if key.created > 1 else (),
                derivation=key.derivation,
                fingerprint=key.fingerprint,
                script_type=key.script_type,
                descriptor=key.descriptor,
            )
            if made:
                yield made

    def _secrets(self, content: Content, row: RowState | None = None) -> Iterator[WalletSecret]:
        plain = [
            key
            for key in content.private_keys()
            if content is self.now or self.now.keys.get(key.public, _NO_KEY).private is None
        ]
        if plain:
            lines = (
                f"{key.public.hex()} "
                f"{self.chain.wif(key.private or b'', compressed=len(key.public) == 33)}"  # noqa: PLR2004
                for key in plain
            )
            yield _found.secret(
                "private-keys",
                plain[0].place if len(plain) == 1 else "key records",
                "\n".join(lines),
                _found.counted(len(plain), "key"),
                coin=self.coin,
                checks=("key hash",) if all(key.checked for key in plain) else (),
                row=row,
            )
        seen: set[str] = set()  # every descriptor has a copy of the same master key
        for clear in content.clear:
            if clear.value in seen:
                continue
            seen.add(clear.value)
            known = mnemonic.check(clear.value.split()) if clear.type == "bip39-seed" else None
            checks = known.checks if known else clear.checks
            yield _found.secret(
                clear.type,
                clear.place,
                clear.value,
                clear.extent,
                coin=self.coin,
                checks=checks,
                row=row,
            )

    def _addresses(self) -> Iterator[WalletAddress]:
        names, own = self.now.names, {each.address: each for each in self.wallet.own.values()}
        for address in names:
            yield self._address(address, own.get(address), named=True)
        for count, each in enumerate(self.wallet.listed()):
            if count >= _MOST:
                return
            if each.address not in names:
                yield self._address(each.address, each, named=False)

    def _address(self, address: str, own: Own | None, *, named: bool) -> WalletAddress:
        entry = self.now.names.get(address)
        role = own.role if own else "contact"
        if role == "own" and entry:  # before 0.9 only own addresses that were handed out had a name
            role = _ROLES.get(entry.purpose or "", "receive")
        elif own is None and entry:
            role = _ROLES.get(entry.purpose or "", role)
        known = addresses.classify(address)
        checks = known.checks if known else ()
        if own and not (named and checks):
            checks = ("computed from public keys",)
        requested = self.now.requested.get(address)
        times = stamp("requested", requested, "s_unix")
        if own and own.created > 1 and own.guessed:
            times = stamp("created", own.created, "s_unix") + times
        used = address in self.wallet.paid_addresses
        shows = Shows.USED if used else Shows.PRESENT
        return WalletAddress(
            shows=Shows.DESTINATION if role == "contact" else shows,
            confidence=Confidence.CONFIRMED if checks else Confidence.POSSIBLE,
            checks=checks,
            locator=entry.place if entry else own.place if own else None,
            times=times,
            coin=self.coin,
            crypto_address=address,
            role=role,
            derivation=own.derivation if own else None,
            label=entry.label if entry else None,
            used=used,
        )

    def _transactions(self) -> Iterator[WalletTransaction]:
        for txid, (_, place) in list(self.now.transactions.items())[:_MOST]:
            yield self._transaction(txid, place, self.wallet)

    def _transaction(
        self, txid: str, place: str, wallet: Wallet, row: RowState | None = None
    ) -> WalletTransaction:
        entry = wallet.content.transactions[txid][0]
        notes = entry.notes if entry else {}
        return WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED if entry else Confidence.PROBABLE,
            checks=("transaction id",) if entry else (),
            locator=place,
            row=row,
            times=stamp("received", entry.received, "s_unix") if entry else (),
            coin=self.coin,
            txid=txid,
            label=notes.get("comment") or notes.get("to") or None,
            delta=wallet.delta(txid),
        )

    def _payees(self, known: set[str]) -> Iterator[WalletAddress]:
        for count, (address, txid) in enumerate(self.wallet.payees()):
            if count >= _MOST:
                return
            if address in known:
                continue
            known.add(address)
            entry, place = self.now.transactions[txid]
            yield WalletAddress(
                shows=Shows.DESTINATION,
                confidence=Confidence.CONFIRMED,
                checks=("transaction id",),
                locator=place,
                times=stamp("paid", entry.received, "s_unix") if entry else (),
                coin=self.coin,
                crypto_address=address,
                role="payee",
                used=True,
            )

    def _superseded(self, known: set[str]) -> Iterator[WalletAddress | WalletTransaction]:
        """Yield what stands only in deleted or replaced records."""
        for address, entry in self.before.names.items():
            checked = addresses.classify(address)
            now = self.now.names.get(address)
            gone = address not in known or (now is not None and now.label != entry.label)
            if gone and checked and checked.checks:
                yield WalletAddress(
                    shows=Shows.PRESENT,
                    confidence=Confidence.CONFIRMED,
                    checks=checked.checks,
                    locator=entry.place,
                    row=RowState.SUPERSEDED,
                    coin=self.coin,
                    crypto_address=address,
                    role=_ROLES.get(entry.purpose or "", "own"),
                    label=entry.label,
                )
        wallet = Wallet(self.before, self.chain)
        for txid, (_, place) in self.before.transactions.items():
            if txid not in self.now.transactions:
                yield self._transaction(txid, place, wallet, RowState.SUPERSEDED)
