"""mSIGNA: vaults.

Written from the schema of CoinClasses (`CoinQ_vault_db.hxx`) and tested with a vault of schema 12.
Extended public keys, accounts, scripts with labels and transactions stand in clear; private keys
are encrypted, if a passphrase was set, and opened with a given one. Not read: merkle blocks, users.

References: https://github.com/ciphrex/mSIGNA
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
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
from triage.formats import base58
from triage.formats.sqlite import Database, Value
from triage.formats.stamps import stamp

from . import _coins, _found
from ._msigna_crypto import COST, open_key

_SQLITE = b"SQLite format 3\0"
_MOST = 100_000
_SCHEMA = {
    "Keychain": {"name", "depth", "parent_fp", "child_num", "pubkey", "chain_code"},
    "Account": {"name", "time_created"},
}
_COINS = {
    "bitcoin": ("BTC", "mainnet"),
    "testnet3": ("BTC", "testnet"),
    "litecoin": ("LTC", "mainnet"),
}
_USED = 4  # bits of a script's status: received
_BIN_ROLES = {"@change": "change", "@default": "receive"}

_Finding = WalletFile | WalletXpub | WalletAddress | WalletTransaction | WalletSecret


@extractor(
    name="wallet.msigna.vault",
    paths=("**/*.vault",),  # Windows, macOS and Linux, any folder
    content=(SqliteSchema(_SCHEMA),),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletTransaction, WalletSecret),
    holds_secret=True,
)
def vaults(artifact: Artifact) -> Iterator[_Finding]:
    """Read a vault of mSIGNA: keychains, accounts, addresses, transactions."""
    if not artifact.head(16).startswith(_SQLITE):
        return
    with artifact.sqlite() as database:
        if not database.has(_SCHEMA):
            return
        yield from _Vault(artifact, database).findings()
        for text in database.problems:
            artifact.problem(text)


class _Vault:
    """One vault on its way to findings."""

    def __init__(self, artifact: Artifact, database: Database) -> None:
        self.artifact, self.database = artifact, database
        named = next(self._rows("Network", ("network",)), {}).get("network")
        ticker, network = _COINS.get(str(named), ("BTC", "mainnet"))
        self.chain = _coins.of(ticker, network) or _coins.CHAINS[0]

    def _rows(self, table: str, columns: tuple[str, ...]) -> Iterator[dict[str, Value]]:
        if self.database.has({table: set(columns)}):
            for count, row in enumerate(self.database.rows(table, columns)):
                if count >= _MOST:
                    return
                yield row.values | {"row_key": row.key}

    def findings(self) -> Iterator[_Finding]:
        keys, secrets = list(self._keychains()), list(self._secrets())
        opened = list(self._opened())
        listed, transactions = list(self._scripts()), list(self._transactions())
        accounts = list(self._rows("Account", ("name", "minsigs", "time_created")))
        schema = next(self._rows("Version", ("version",)), {}).get("version")
        created = [row["time_created"] for row in accounts]
        times = [when for when in created if isinstance(when, int) and when > 0]
        sealed = any(map(bool, self._ciphertexts())) and not secrets
        names = [str(row["name"]) for row in accounts if row["name"]]
        state = "keystore-encrypted" if sealed else "plain"
        yield WalletFile(
            shows=Shows.USED if transactions else Shows.PRESENT,
            confidence=Confidence.CONFIRMED if keys else Confidence.PROBABLE,
            checks=("base58check",) if keys else (),
            times=stamp("created", min(times, default=0), "s_unix"),
            protection=_found.guard(state),
            software="msigna",
            format_version=None if schema is None else str(schema),
            coins=(self.chain.ticker,),
            network=self.chain.network,
            wallet_type="hd",
            label=", ".join(names)[:200] or None,
            state=state,
            fingerprint=next((key.fingerprint for key in keys if key.fingerprint), None),
            addresses=len(listed),
            transactions=len(transactions),
            holds_secret=bool(secrets),
            opened_by=opened[0].opened_by if opened else None,
            needed_to_open="the passphrase of the keychain, for private keys alone"
            if sealed and not opened
            else None,
        )
        yield from keys
        yield from secrets
        yield from opened
        yield from listed
        yield from transactions

    def _ciphertexts(self) -> Iterator[Value]:
        for row in self._rows("Keychain", ("privkey_ciphertext",)):
            yield row["privkey_ciphertext"]

    def _keychains(self) -> Iterator[WalletXpub]:
        columns = ("name", "depth", "parent_fp", "child_num", "pubkey", "chain_code")
        for row in self._rows("Keychain", columns):
            depth, parent, child = row["depth"], row["parent_fp"], row["child_num"]
            key, code = row["pubkey"], row["chain_code"]
            if not isinstance(key, bytes) or not isinstance(code, bytes):
                continue
            if not all(isinstance(each, int) for each in (depth, parent, child)):
                continue
            head = b"".join(
                (int(each or 0) & (1 << 8 * size) - 1).to_bytes(size, "big")
                for each, size in ((depth, 1), (parent, 4), (child, 4))
            )
            found = _found.xpub(
                self.chain.ticker,
                base58.encode_check(self.chain.xpub_version + head + code + key),
                place=f"Keychain {row['row_key']!r}",
                label=str(row["name"]) if row["name"] else None,
            )
            if found:
                yield found

    def _secrets(self) -> Iterator[WalletSecret]:
        """Yield keys that are not encrypted: 32 bytes as they are, and a salt of zero."""
        for row in self._rows("Keychain", ("name", "privkey_ciphertext", "privkey_salt")):
            key = row["privkey_ciphertext"]
            if isinstance(key, bytes) and len(key) in {32, 33} and not row["privkey_salt"]:
                yield _found.secret(
                    "keychain-key",
                    f"Keychain {row['row_key']!r}",
                    key.hex(),
                    f"{len(key)} bytes",
                    coin=self.chain.ticker,
                )

    def _opened(self) -> Iterator[WalletSecret]:
        """Yield the keys that a given passphrase opens, each keychain by its own."""
        columns = ("name", "pubkey", "privkey_ciphertext", "privkey_salt")
        for row in self._rows("Keychain", columns):
            sealed, salt, public = row["privkey_ciphertext"], row["privkey_salt"], row["pubkey"]
            if not (
                isinstance(sealed, bytes) and isinstance(public, bytes) and isinstance(salt, int)
            ):
                continue
            for passphrase in self.artifact.passwords(cost=COST) if len(sealed) > 33 else ():  # noqa: PLR2004 - not in clear
                key = open_key(sealed, salt, public, passphrase.value)
                if key:
                    yield _found.secret(
                        "keychain-key",
                        f"Keychain {row['row_key']!r}",
                        key.hex(),
                        f"{len(key)} bytes",
                        coin=self.chain.ticker,
                        checks=("public key",),
                        opened_by=passphrase,
                    )
                    break

    def _scripts(self) -> Iterator[WalletAddress]:
        bins = {row["row_key"]: str(row["name"]) for row in self._rows("AccountBin", ("name",))}
        columns = ("account_bin", "index", "label", "status", "txoutscript")
        for row in self._rows("SigningScript", columns):
            script, status = row["txoutscript"], row["status"]
            found = self.chain.address(script) if isinstance(script, bytes) else None
            if found:
                yield _found.address(
                    self.chain.ticker,
                    found,
                    role=_BIN_ROLES.get(bins.get(row["account_bin"], ""), "own"),
                    place=f"SigningScript {row['row_key']!r}",
                    label=str(row["label"]) if row["label"] else None,
                    used=bool(status & _USED) if isinstance(status, int) else None,
                )

    def _transactions(self) -> Iterator[WalletTransaction]:
        heights = {row["row_key"]: row["height"] for row in self._rows("BlockHeader", ("height",))}
        for row in self._rows("Tx", ("hash", "unsigned_hash", "timestamp", "blockheader")):
            digest, when = row["hash"], row["timestamp"]
            if not isinstance(digest, bytes) or len(digest) != 32:  # noqa: PLR2004 - a hash
                continue
            height = heights.get(row["blockheader"])
            times: tuple[Time, ...] = ()
            if isinstance(when, int) and 0 < when < 0xFFFFFFFF:  # noqa: PLR2004 - not set
                times = stamp("received", when, "s_unix")
            yield WalletTransaction(
                shows=Shows.USED,
                confidence=Confidence.PROBABLE,
                locator=f"Tx {row['row_key']!r}",
                times=times,
                coin=self.chain.ticker,
                txid=digest.hex(),
                height=height if isinstance(height, int) else None,
            )
