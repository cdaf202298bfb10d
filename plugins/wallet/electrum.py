"""Electrum, Electron Cash and Electrum-LTC: wallet files and settings.

Written from the sources of Electrum 4.3.4 (Debian) and of its development line of 2026, and tested
with wallets that Electrum 1.9.8 to 4.6.0 wrote on Linux. Windows, macOS, Android and Tails write
the same files in other folders. Reads all layouts of a wallet file that can be read without a
password (see `_electrum_file` and `_electrum_wallet`), half-written ones too: `<wallet>.tmp.<pid>`
stays behind after a crash. Given passwords open files that are encrypted as a whole, and seeds and
keys; the header of the development line is named, not opened. What channels hold, and labels of
lightning payments, are not read.

Balances and heights are what the file knew when it was last written. Electron Cash writes legacy
addresses, which look like Bitcoin's: the coin is told from the folder, else from the addresses.

No wallet of Electron Cash or Electrum-LTC was at hand: they are read as the Electrum that they were
forked from. Their folders on Android, and the portable one of Electrum-LTC, are not verified.

References: spesmilo/electrum, `storage.py`, `json_db.py`, `wallet_db.py`, `invoices.py`,
`network.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    Header,
    JsonObject,
    Lock,
    ParseError,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Time,
    Unit,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
    Zone,
    extractor,
)
from triage.formats import addresses as crypto_addresses
from triage.formats import extended_keys
from triage.formats.times import utc

from . import _electrum_file as storage
from . import _electrum_secrets as secret_keys
from . import _electrum_wallet as wallet
from . import _found, _locks
from ._electrum_crypto import FILE_KDF, open_file
from ._electrum_paths import SETTINGS, WALLETS, by_path
from ._electrum_secrets import Secret
from ._electrum_wallet import mapping, number, sequence, text

_MOST: Final = 200_000
"""Addresses, and transactions, that one file yields."""

_BY_COIN: Final = {"litecoin": ("electrum-ltc", "LTC"), "bitcoin-cash": ("electron-cash", "BCH")}
_NETWORK: Final = {"main": "mainnet", "test": "testnet"}
_OLD_KEY = re.compile(r"[0-9a-f]{128}")


@extractor(
    name="wallet.electrum.wallet",
    paths=WALLETS,
    content=(
        JsonObject({"addr_history", "seed_version"}),  # since 2.0; keys are sorted
        JsonObject({"seed_version", "wallet_type"}),
        Header(b"QklFM"),  # base64 of BIE1 or BIE2: sealed as a whole, since 2.8
        Header(b"Electrum\0"),  # development line of 2026
    ),
    yields=(WalletFile, WalletAddress, WalletXpub, WalletTransaction, WalletSecret),
    holds_secret=True,
)
def wallets(
    artifact: Artifact,
) -> Iterator[WalletFile | WalletAddress | WalletXpub | WalletTransaction | WalletSecret]:
    """Read an Electrum wallet: keys, addresses, transactions, contacts, and what protects it."""
    if artifact.head(1) == b"":
        return
    stored = storage.read(artifact.read())
    if stored is None:
        return
    opened_by = None
    if isinstance(stored, storage.Sealed):
        sealed = stored
        opened_by, stored = _opened(artifact, sealed)
        if stored is None:
            yield _sealed(artifact, sealed)
            return
    if not stored.complete:
        artifact.problem(f"cut off: {stored.unread} characters after the last whole value")
    if stored.skipped:
        artifact.problem(f"{stored.skipped} of the appended changes do not fit")
    yield from _Reading(artifact, stored, opened_by).findings()


def _opened(
    artifact: Artifact, sealed: storage.Sealed
) -> tuple[Credential | None, storage.Stored | None]:
    """Try what was given on a file that is encrypted as a whole."""
    if sealed.complete and "header" not in sealed.checks:
        artifact.locked(_locks.electrum_file(artifact.read()))
        for password in artifact.passwords(cost=FILE_KDF.cost):
            content = open_file(artifact.read(), password.value)
            stored = storage.read(content) if content is not None else None
            if isinstance(stored, storage.Stored):
                return password, stored
    return None, None


def _lock(sealed: list[Secret]) -> Lock | None:
    """Return what the password of a keystore is tried against, best the extended key."""
    for kind in ("xprv", "seed", "keypairs"):
        for secret in sealed:
            value = secret.value.partition("\n")[0].rpartition(" ")[2]
            lock = _locks.electrum_value(kind, value, secret.place)
            if secret.kind == kind and lock and (kind != "seed" or secret.seed_type == "old"):
                return lock
    return None


def _sealed(artifact: Artifact, sealed: storage.Sealed) -> WalletFile:
    software, coin = by_path(artifact.path)
    needs = {"password": "the wallet password", "hardware": "the hardware wallet it is bound to"}
    return WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        checks=sealed.checks,
        protection=Protection.ENCRYPTED if sealed.complete else Protection.DAMAGED,
        software=software,
        coins=(coin,),
        state="file-encrypted" if sealed.complete else "damaged",
        needed_to_open=" or ".join(needs[kind] for kind in sealed.opened_by),
    )


class _Reading:
    """One readable file on its way to findings."""

    def __init__(
        self, artifact: Artifact, stored: storage.Stored, file_opened_by: Credential | None
    ) -> None:
        self.artifact, self.stored, self.data = artifact, stored, stored.data
        self.file_opened_by = file_opened_by
        self.keys_opened_by: Credential | None = None
        self.keystores = wallet.keystores(self.data)
        self.listed = _bounded(artifact, wallet.addresses(self.data), "addresses")
        self.transactions = _bounded(artifact, wallet.transactions(self.data), "transactions")
        self.known = crypto_addresses.classify(self.listed[0].address) if self.listed else None
        self.software, self.coin = by_path(artifact.path)
        if self.software == "electrum" and self.known:
            self.software, self.coin = _BY_COIN.get(self.known.coin, (self.software, self.coin))
        self.labels = mapping(self.data.get("labels"))

    def findings(
        self,
    ) -> Iterator[WalletFile | WalletAddress | WalletXpub | WalletTransaction | WalletSecret]:
        secrets = list(secret_keys.secrets(self.data))
        clear = [secret for secret in secrets if secret.in_clear(self.data)]
        superseded = self._superseded(secrets)
        opened = self._opened([secret for secret in secrets if secret not in clear])
        xpubs = list(self._xpubs())
        yield self._file(xpubs, sealed=len(clear) < len(secrets), clear=bool(clear or superseded))
        yield from xpubs
        yield from (self._secret(secret, opened_by=self.file_opened_by) for secret in clear)
        yield from (self._secret(secret, opened_by=self.keys_opened_by) for secret in opened)
        for secret in superseded:
            yield self._secret(secret, RowState.SUPERSEDED, self.file_opened_by)
        yield from map(self._address, self.listed)
        yield from map(self._transaction, self.transactions)
        yield from _contacts(self.data.get("contacts"), self.coin, self.labels)
        yield from self._payees()

    def _opened(self, sealed: list[Secret]) -> list[Secret]:
        """Return what a password opens; the one that opened the file most likely does."""
        if not sealed:
            return []
        if self.file_opened_by is None:
            self.artifact.locked(_lock(sealed))
        first = () if self.file_opened_by is None else (self.file_opened_by,)
        for password in (*first, *self.artifact.passwords()):
            opened = [secret.opened(password.value) for secret in sealed]
            if any(secret.checks or secret.in_clear(self.data) for secret in opened):
                self.keys_opened_by = password
                return [new for new, old in zip(opened, sealed, strict=True) if new != old]
        return []

    def _file(self, xpubs: list[WalletXpub], *, sealed: bool, clear: bool) -> WalletFile:
        devices = sorted({store.hardware for store in self.keystores if store.hardware})
        locked = sealed and self.keys_opened_by is None
        opened_by = self.file_opened_by or self.keys_opened_by
        needs = ["the wallet password, for seed and private keys alone"] if locked else []
        needs += [f"the hardware wallet ({name}), to spend" for name in devices]
        state = "keystore-encrypted" if sealed else "plain"
        state = "file-encrypted" if self.file_opened_by else state
        state = state if self.stored.complete else "damaged"
        metadata = mapping(self.data.get("db_metadata"))
        created = number(metadata.get("creation_timestamp"))
        deltas = [transaction.delta for transaction in self.transactions]
        certain = bool(self.known and self.known.confirmed) or any(key.checks for key in xpubs)
        version = number(self.data.get("seed_version"))
        return WalletFile(
            shows=Shows.USED if self.transactions else Shows.PRESENT,
            confidence=Confidence.CONFIRMED if certain else Confidence.PROBABLE,
            checks=_file_checks(xpubs, self.known),
            times=(_seconds("created", created),) if created else (),
            protection=_found.guard(state),
            software=self.software,
            software_version=text(metadata.get("first_electrum_version_used")),
            format_version=None if version is None else str(version),
            coins=(self.coin,),
            network=_NETWORK.get(self.known.network, self.known.network) if self.known else None,
            wallet_type=wallet.wallet_type(self.data),
            state=state,
            fingerprint=next((key.fingerprint for key in self.keystores if key.fingerprint), None),
            script_types=tuple(sorted({key.script_type for key in xpubs if key.script_type})),
            hardware=", ".join(devices) or None,
            addresses=len(self.listed),
            transactions=len(self.transactions),
            channels=sum(
                len(mapping(self.data.get(name)) or sequence(self.data.get(name)))
                for name in ("channels", "imported_channel_backups", "onchain_channel_backups")
            ),
            recorded_balance=None if None in deltas or not deltas else sum(filter(None, deltas)),
            holds_secret=clear and not self.file_opened_by,
            opened_by=str(opened_by) if opened_by else None,
            needed_to_open="; ".join(needs) or None,
        )

    def _xpubs(self) -> Iterator[WalletXpub]:
        for store in self.keystores:
            public = store.public
            if public is None:
                continue
            key = extended_keys.classify(public)
            checks = key.checks if key else ()
            if key is None and _OLD_KEY.fullmatch(public) and storage.on_curve(public):
                checks = ("secp256k1 point",)
            if key is not None and key.private:
                self.artifact.problem("a private key stands where a public one belongs")
                continue
            yield WalletXpub(
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED if checks else Confidence.PROBABLE,
                checks=checks,
                locator=store.place,
                coin=self.coin,
                xpub=public,
                derivation=store.derivation,
                fingerprint=store.fingerprint,
                script_type=self._script(key.script if key else "p2pkh"),
            )

    def _script(self, promised: str) -> str:
        """Return the script type: a plain xpub of several cosigners means P2SH."""
        return "p2sh" if promised == "p2pkh" and len(self.keystores) > 1 else promised

    def _secret(
        self, secret: Secret, row: RowState | None = None, opened_by: Credential | None = None
    ) -> WalletSecret:
        return _found.secret(
            secret.type,
            secret.place,
            secret.value,
            secret.extent,
            coin=self.coin,
            checks=secret.checks,
            row=row,
            opened_by=opened_by,
        )

    def _superseded(self, now: list[Secret]) -> list[Secret]:
        """Return what stood in clear before the appended changes, and still does in bytes."""
        original = self.stored.original
        if original is self.data:
            return []
        before = secret_keys.secrets(original)
        return [secret for secret in before if secret not in now and secret.in_clear(original)]

    def _address(self, listed: wallet.Listed) -> WalletAddress:
        history = self.data.get("addr_history")
        used = bool(sequence(mapping(history).get(listed.address)))
        known = crypto_addresses.classify(listed.address)
        checks = known.checks if known else ()
        return WalletAddress(
            shows=Shows.USED if used else Shows.PRESENT,
            confidence=Confidence.CONFIRMED if checks else Confidence.POSSIBLE,
            checks=("computed from public keys",) if listed.computed else checks,
            locator=listed.place,
            coin=self.coin,
            crypto_address=listed.address,
            role=listed.role,
            derivation=self._derivation(listed.index),
            label=self._label(listed.address),
            used=used if isinstance(history, dict) else None,
        )

    def _derivation(self, index: str | None) -> str | None:
        above = self.keystores[0].derivation if len(self.keystores) == 1 else None
        return f"{above}/{index}" if above and index else index

    def _label(self, key: str) -> str | None:
        return text(self.labels.get(key))

    def _transaction(self, transaction: wallet.Transaction) -> WalletTransaction:
        when = transaction.block_time
        return WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED if transaction.id_matches else Confidence.PROBABLE,
            checks=("transaction id",) if transaction.id_matches else (),
            locator=f"transactions.{transaction.txid}",
            times=(_seconds("confirmed", when),) if when else (),
            coin=self.coin,
            txid=transaction.txid,
            height=transaction.height,
            label=self._label(transaction.txid),
            delta=transaction.delta,
        )

    def _payees(self) -> Iterator[WalletAddress]:
        """Yield the addresses that invoices name: payments prepared, not known to be made."""
        for name, invoice in mapping(self.data.get("invoices")).items():
            fields = mapping(invoice)
            created = number(fields.get("time"))
            for output in sequence(fields.get("outputs")):
                parts = sequence(output)
                address = text(parts[1]) if len(parts) > 1 else None
                known = crypto_addresses.classify(address or "")
                if address and known and known.checks:
                    yield WalletAddress(
                        shows=Shows.DESTINATION,
                        confidence=Confidence.CONFIRMED,
                        checks=known.checks,
                        locator=f"invoices.{name}",
                        times=(_seconds("created", created),) if created else (),
                        coin=self.coin,
                        crypto_address=address,
                        role="payee",
                        label=text(fields.get("message")),
                    )


def _bounded(artifact: Artifact, items: Iterator[Any], what: str) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if len(found) == _MOST:
            artifact.problem(f"only the first {_MOST} {what} were taken")
            break
        found.append(item)
    return found


def _seconds(event: str, when: int) -> Time:
    return Time(
        event=event, utc=utc(when, "s_unix"), raw=str(when), unit=Unit.S_UNIX, zone=Zone.UTC
    )


def _file_checks(
    xpubs: list[WalletXpub], known: crypto_addresses.CryptoAddress | None
) -> tuple[str, ...]:
    checks = {check for key in xpubs for check in key.checks}
    return tuple(sorted(checks | set(known.checks if known else ())))


def _contacts(contacts: Any, coin: str, labels: Mapping[str, Any]) -> Iterator[WalletAddress]:
    """Yield contacts: a list of addresses (1.x) or `{address: [kind, name]}`."""
    pairs: dict[str, Any] = dict.fromkeys(filter(text, sequence(contacts)))
    pairs |= mapping(contacts)
    for address, content in pairs.items():
        parts = sequence(content)
        named = text(parts[1]) if len(parts) > 1 else text(content)
        known = crypto_addresses.classify(address)
        checks = known.checks if known else ()
        yield WalletAddress(
            shows=Shows.DESTINATION,
            confidence=Confidence.CONFIRMED if checks else Confidence.POSSIBLE,
            checks=checks,
            locator=f"contacts.{address}",
            coin=coin,
            crypto_address=address,
            role="contact",
            label=named or text(labels.get(address)),
        )


_SETTINGS_LIMIT = 4 << 20
_SETTINGS_KEYS: Final = {
    *("config_version", "recently_open", "gui_last_wallet", "default_wallet_path", "rpcuser"),
    *("auto_connect", "blockchain_preferred_block", "proxy", "oneserver", "use_exchange_rate"),
}
_PASSWORDS: Final = {"rpcpassword": "rpc-password", "proxy_password": "proxy-password"}
_PROXY_PUBLIC = 3  # mode, host, port; then user and password


@extractor(
    name="wallet.electrum.settings",
    paths=SETTINGS,
    yields=(WalletFile, WalletAddress, WalletSecret),
    holds_secret=True,
)
def settings(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletSecret]:
    """Read the settings: which wallet files were opened last, through which server and proxy."""
    try:
        data = json.loads(artifact.text(_SETTINGS_LIMIT), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise ParseError("settings are not JSON") from error
    if not isinstance(data, dict) or not _SETTINGS_KEYS & data.keys():
        return
    software, coin = by_path(artifact.path)
    proxy = (text(data.get("proxy")) or "none").split(":")
    named = _named(data)
    for locator, path in named.items() if named else [("server", None)]:
        found = artifact.resolve(path) if path else None
        server = text(data.get("server"))
        if not path and not server and len(proxy) < _PROXY_PUBLIC:
            continue
        yield WalletFile(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=locator,
            software=software,
            coins=(coin,),
            state="named",
            named=path,
            path=found.path if found else None,
            server=server,
            proxy=":".join(proxy[:_PROXY_PUBLIC]) if len(proxy) >= _PROXY_PUBLIC else None,
        )
    # Before 2.6 contacts stood here.
    yield from _contacts(data.get("contacts"), coin, {})
    passwords = {name: text(data.get(name)) for name in _PASSWORDS}
    if len(proxy) > _PROXY_PUBLIC + 1:
        passwords["proxy_password"] = ":".join(proxy[_PROXY_PUBLIC + 1 :]) or None
    for name, password in passwords.items():
        if password:
            yield WalletSecret(
                shows=Shows.CREDENTIAL,
                confidence=Confidence.PROBABLE,
                locator=name,
                protection=Protection.PLAIN,
                sensitivity=Sensitivity.SECRET,
                secret=password,
                secret_type=_PASSWORDS[name],
                place=name,
                extent=f"{len(password)} characters",
            )


def _named(data: Mapping[str, Any]) -> dict[str, str]:
    """Return each wallet path once, under the first setting that names it."""
    places = {"gui_last_wallet": data.get("gui_last_wallet")}
    places |= {
        f"recently_open[{position}]": path
        for position, path in enumerate(sequence(data.get("recently_open"))[:_MOST])
    }
    places["default_wallet_path"] = data.get("default_wallet_path")
    found: dict[str, str] = {}
    for place, path in places.items():
        if isinstance(path, str) and path and path not in found.values():
            found[place] = path
    return found
