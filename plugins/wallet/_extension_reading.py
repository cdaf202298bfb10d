"""What the records of a web wallet add up to: each thing once, the newest record first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Time,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WebSite,
)
from triage.formats import addresses, mnemonic
from triage.formats.stamps import stamp

from . import _found, _vault_crypto
from ._vaults import Vault

MOST = 20_000
"""Findings of one sort from one store."""

Found = WalletFile | WalletAddress | WalletTransaction | WalletSecret | WebSite

_CHAINS = {  # of EVM networks, by number: ticker of the coin that fees are paid in
    1: "ETH",
    10: "ETH",
    25: "CRO",
    56: "BNB",
    100: "XDAI",
    137: "POL",
    250: "FTM",
    2020: "RON",
    8453: "ETH",
    42161: "ETH",
    43114: "AVAX",
    59144: "ETH",
    11155111: "ETH",
}
_ORIGIN = re.compile(r"https?://[^\s/?#\"'<>\\]{1,253}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record of a store: its name, its value as parsed, where it stands."""

    key: str
    value: Any
    place: str
    row: RowState | None = None


def milliseconds(event: str, raw: Any) -> tuple[Time, ...]:
    """Return a time; Chromium writes whole numbers beyond 2^31 as `1.63e+12`."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return stamp(event, raw, "ms_unix") if isinstance(raw, int) else ()


def chain_number(value: Any) -> int | None:
    """Return the number of a network: 1, "1", "0x1", "eip155:1"."""
    told = str(value).removeprefix("eip155:") if isinstance(value, str | int) else ""
    try:
        return int(told, 16 if told.lower().startswith("0x") else 10) if len(told) < 20 else None  # noqa: PLR2004 - 64 bits
    except ValueError:
        return None


def ticker(chain: Any) -> str:
    """Return the coin of an EVM network, Ethereum's when it is not known."""
    return _CHAINS.get(chain_number(chain) or 1, "ETH")


@dataclass(slots=True, kw_only=True)
class Reading:
    """Gathers. A thing that an earlier, newer record had is not taken again."""

    addresses: dict[str, WalletAddress] = field(default_factory=dict)
    transactions: dict[str, WalletTransaction] = field(default_factory=dict)
    sites: dict[str, WebSite] = field(default_factory=dict)
    networks: dict[str, None] = field(default_factory=dict)
    vaults: dict[str, tuple[Vault, Item]] = field(default_factory=dict)
    secrets: dict[str, WalletSecret] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)  # vault → what opened it
    unlocked: dict[str, WalletSecret] = field(default_factory=dict)  # from vaults
    hardware: dict[str, None] = field(default_factory=dict)
    version: str | None = None
    first_version: str | None = None
    started: tuple[Time, ...] = ()
    created: list[Time] = field(default_factory=list)
    used: list[Time] = field(default_factory=list)

    def address(
        self,
        item: Item,
        value: Any,
        *,
        role: str,
        coin: str | None = None,
        label: str | None = None,
        times: Sequence[Time] = (),
    ) -> None:
        """Take an address, if it is one."""
        if not isinstance(value, str) or not 20 < len(value) < 130:  # noqa: PLR2004 - characters
            return
        value = value.rpartition(":")[2] if value.startswith(("eip155:", "solana:")) else value
        known = addresses.classify(value)
        identity = value.lower() if value[:2] in {"0x", "0X"} else value
        if known is None or identity in self.addresses or len(self.addresses) >= MOST:
            return
        self.addresses[identity] = _found.address(
            coin or _found.ticker(known.coin),
            value,
            role=role,
            place=item.place,
            label=label[:500] if label else None,
            checks=known.checks,
            times=times,
            row=item.row,
        )

    def transaction(
        self,
        item: Item,
        txid: Any,
        *,
        coin: str,
        delta: int | None,
        label: str | None = None,
        times: Sequence[Time] = (),
        height: int | None = None,
    ) -> None:
        """Take a transaction by its hash."""
        if not isinstance(txid, str) or not 43 <= len(txid) <= 100 or txid in self.transactions:  # noqa: PLR2004 - Solana's in base 58 to hex
            return
        if len(self.transactions) >= MOST:
            return
        self.transactions[txid] = WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=item.place,
            row=item.row,
            times=tuple(times),
            coin=coin,
            txid=txid,
            height=height,
            label=label,
            delta=delta,
        )

    def site(self, item: Item, origin: Any, *, detail: str, times: Sequence[Time] = ()) -> None:
        """Take the origin of a page that was given access, or asked for it."""
        found = _ORIGIN.match(origin) if isinstance(origin, str) else None
        if found is None or found[0] in self.sites or len(self.sites) >= MOST:
            return
        try:
            host = urlsplit(found[0]).hostname
        except ValueError:
            return
        if not host:
            return
        self.sites[found[0]] = WebSite(
            shows=Shows.DESTINATION,
            confidence=Confidence.PROBABLE,
            locator=item.place,
            row=item.row,
            times=tuple(times),
            host=host,
            trace="wallet-connection",
            detail=detail[:300],
        )

    def network(self, name: str | None, chain: Any) -> None:
        """Take a network that the wallet is set to."""
        number = chain_number(chain)
        told = " ".join(part for part in (name, f"({number})" if number else None) if part)
        if told and len(self.networks) < 100:  # noqa: PLR2004 - enough to read
            self.networks.setdefault(told[:100])

    def vault(self, item: Item, vault: Vault) -> None:
        """Take a vault, once for each salt."""
        if len(self.vaults) < 20:  # noqa: PLR2004 - passwords that were changed
            self.vaults.setdefault(vault.identity, (vault, item))

    def secret(self, item: Item, kind: str, name: str, value: str, extent: str) -> None:
        """Take a secret that stands in clear."""
        if len(self.secrets) < MOST:
            self.secrets.setdefault(
                value, _found.secret(kind, f"{item.key[:60]}.{name[:60]}", value, extent)
            )

    def open(self, artifact: Artifact) -> None:
        """Try the given passwords at every vault, those that were replaced as well."""
        for identity, (vault, item) in self.vaults.items():
            opened = _vault_crypto.open_vault(artifact, vault.sealed) if vault.sealed else None
            if opened is None:
                continue
            password, content = opened
            self.opened[identity] = str(password)
            for kind, place, value, extent in _vault_crypto.secrets_in(content):
                checks = ("bip39-checksum",) if mnemonic.check(value.split()) else ()
                self.unlocked.setdefault(
                    value,
                    _found.secret(
                        kind,
                        f"vault, {place}",
                        value,
                        extent,
                        checks=checks,
                        row=item.row,
                        opened_by=password,
                    ),
                )

    def findings(self, software: str, extension: str | None, wallet_type: str) -> Iterator[Found]:
        """Yield the wallet, then what it holds; an earlier vault is a wallet of its own."""
        vaults = list(self.vaults.values())
        current = [pair for pair in vaults if pair[1].row is None][:1] or vaults[:1]
        yield self._file(software, extension, wallet_type, current[0] if current else None)
        for pair in vaults:
            if pair not in current:
                yield self._earlier(software, extension, wallet_type, *pair)
        yield from self.secrets.values()
        yield from self.unlocked.values()
        yield from self.addresses.values()
        yield from self.transactions.values()
        yield from self.sites.values()

    def _file(
        self,
        software: str,
        extension: str | None,
        wallet_type: str,
        vault: tuple[Vault, Item] | None,
    ) -> WalletFile:
        own = [one for one in self.addresses.values() if one.role == "own"]
        in_clear = bool(self.secrets)
        opened_by = self.opened.get(vault[0].identity) if vault else None
        return WalletFile(
            shows=Shows.USED if own or vault else Shows.PRESENT,
            confidence=Confidence.CONFIRMED if vault else Confidence.PROBABLE,
            locator=vault[1].place if vault else None,
            row=vault[1].row if vault else None,
            times=self._times(),
            protection=Protection.PLAIN if in_clear else Protection.ENCRYPTED if vault else None,
            sensitivity=Sensitivity.SECRET if in_clear else Sensitivity.PERSONAL,
            software=software,
            software_version=self.version or self.first_version,
            coins=tuple(sorted({one.coin for one in own})),
            wallet_type=wallet_type,
            state="plain" if in_clear else "keystore-encrypted" if vault else "trace",
            hardware=", ".join(self.hardware)[:200] or None,
            addresses=len(own),
            transactions=len(self.transactions),
            holds_secret=in_clear,
            opened_by=opened_by,
            needed_to_open="the password of the wallet"
            if vault and not in_clear and opened_by is None
            else None,
            kdf=vault[0].kdf if vault else None,
            extension=extension,
            networks=tuple(self.networks),
            connected_sites=tuple(self.sites)[:200],
        )

    def _earlier(
        self, software: str, extension: str | None, wallet_type: str, vault: Vault, item: Item
    ) -> WalletFile:
        opened_by = self.opened.get(vault.identity)
        then = "the password that the wallet had then, which may be the same"
        return WalletFile(
            shows=Shows.USED,
            confidence=Confidence.CONFIRMED,
            locator=item.place,
            row=item.row,
            protection=Protection.ENCRYPTED,
            software=software,
            wallet_type=wallet_type,
            state="keystore-encrypted",
            opened_by=opened_by,
            needed_to_open=None
            if opened_by
            else then
            if item.row
            else "the password of the wallet",
            kdf=vault.kdf,
            extension=extension,
        )

    def _times(self) -> tuple[Time, ...]:
        created = min(self.created, key=_order, default=None)
        used = max(self.used, key=_order, default=None)
        return (
            *self.started,
            *((created,) if created else ()),
            *((used,) if used else ()),
        )


def _order(time: Time) -> str:
    return time.utc or ""
