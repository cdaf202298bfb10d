"""Cryptocurrency: wallet files, addresses, keys and what was done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation

_CHAIN = "The public ledger shows amounts and counterparties; look there from another machine."
_LONGEST_LABEL = 80  # in a summary; the field has it whole


def _quoted(label: str | None) -> str:
    if not label:
        return ""
    cut = f"{label[:_LONGEST_LABEL]}…" if len(label) > _LONGEST_LABEL else label
    return f" “{cut}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFile(Finding):
    """A wallet file and its state."""

    kind: ClassVar[str] = "wallet.file"
    identity: ClassVar[tuple[str, ...]] = ("software", "fingerprint")
    title: ClassVar[str] = "Wallet files"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A file in the format of this wallet software lies here; where the state is "
        "`named`, the program's settings name one, at a place that may be another medium; where it "
        "is `trace`, a log or data of the program lies here and no wallet that could be read; "
        "where it is `installed`, the program is there.",
        does_not_mean="That it holds funds, or whose they are. A recorded balance is what the "
        "file knew when it was last written, not what the ledger says now.",
        other_explanations="A trial wallet, a watch-only copy, a wallet kept for someone else.",
        next_steps="Funds can be moved by anyone with a copy of the keys: act at once, by the "
        "seizure procedure of your agency. Look for seed words on paper.",
    )

    software: str  # electrum, bitcoin-core …
    software_version: str | None = None  # as the file names it; Electrum: that created it
    format_version: str | None = None  # Electrum's seed_version, …
    coins: tuple[str, ...] = ()
    network: str | None = None  # mainnet, testnet
    wallet_type: str | None = None  # standard, 2of3, imported, hardware …
    state: str = (
        "plain"  # plain, keystore-encrypted, file-encrypted, damaged, named, trace, installed
    )
    fingerprint: str | None = None  # master fingerprint, 8 hex; tells copies of one wallet
    script_types: tuple[str, ...] = ()
    hardware: str | None = None  # model a hardware wallet keystore names
    label: str | None = None  # the name that the wallet file gives itself
    addresses: int | None = None  # how many the file lists
    transactions: int | None = None
    channels: int | None = None  # payment channels, backups of channels included
    recorded_balance: int | None = None  # smallest unit of the coin, from recorded transactions
    holds_secret: bool = False  # seed or private keys stand in clear in the file
    opened_by: str | None = None  # what opened it, never the key itself
    needed_to_open: str | None = None
    kdf: str | None = None  # how the password becomes a key: scrypt, pbkdf2 …
    synced_height: int | None = None  # last block that the wallet had seen
    named: str | None = None  # path of that machine, where settings name the wallet
    path: str | None = None  # evidence path that `named` leads to, if a file lies there
    server: str | None = None  # that the settings name
    proxy: str | None = None  # that the settings name, without credentials
    extension: str | None = None  # id of the browser extension that the wallet is
    networks: tuple[str, ...] = ()  # chains the wallet was set to, with their numbers
    connected_sites: tuple[str, ...] = ()  # origins that were given access to an account

    def summary(self) -> str:
        """Software, type, state, or where the settings say that it is."""
        if self.state == "named":
            return f"{self.software} settings name {self.named or 'no wallet file'}"
        if self.state == "trace":
            return f"{self.software}: a log or data of the program"
        if self.state == "installed":
            return f"{self.software}: installed"
        kind = f" {self.wallet_type}" if self.wallet_type else ""
        return f"{self.software}{kind} wallet, {self.state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddress(Finding):
    """An address that a wallet file lists as its own, as a contact or as a payee."""

    kind: ClassVar[str] = "wallet.address"
    identity: ClassVar[tuple[str, ...]] = ("coin", "crypto_address")
    title: ClassVar[str] = "Wallet addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The wallet file lists this address.",
        does_not_mean="That it ever received anything.",
        other_explanations="Wallets make unused addresses ahead.",
        next_steps=_CHAIN,
    )

    coin: str  # ticker: BTC, LTC, XMR
    crypto_address: str
    role: str  # receive, change, imported, own (which is not told), contact, payee, mentioned
    derivation: str | None = None  # from the seed if the path is known, else chain/number
    label: str | None = None
    used: bool | None = None  # the wallet has history for it

    def summary(self) -> str:
        """Coin and address."""
        return f"{self.coin} {self.role} address {self.crypto_address}{_quoted(self.label)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletXpub(Finding):
    """An extended public key: it gives all addresses of an account, and no power to spend."""

    kind: ClassVar[str] = "wallet.xpub"
    identity: ClassVar[tuple[str, ...]] = ("xpub",)
    title: ClassVar[str] = "Extended public keys"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="With this key all past and future addresses of the account can be computed.",
        does_not_mean="Control over funds.",
        other_explanations="A watch-only wallet of someone else's account.",
        next_steps="Compute the addresses and look at the public ledger, from another machine.",
    )

    coin: str
    xpub: str  # Electrum before 2.0: 128 hex digits, a public key
    derivation: str | None = None
    fingerprint: str | None = None
    script_type: str | None = None
    descriptor: str | None = None  # output descriptor that the key stands in, if there is one
    label: str | None = None  # name of the account

    def summary(self) -> str:
        """Coin and key."""
        return f"{self.coin} extended public key {self.xpub}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletTransaction(Finding):
    """A transaction that the wallet file knows."""

    kind: ClassVar[str] = "wallet.transaction"
    identity: ClassVar[tuple[str, ...]] = ("coin", "txid")
    title: ClassVar[str] = "Wallet transactions"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The wallet file records this transaction.",
        does_not_mean="Who the counterparty is.",
        other_explanations="Change, consolidation, a payment to oneself.",
        next_steps=_CHAIN,
    )

    coin: str
    txid: str
    height: int | None = None  # block; None: not confirmed, as far as the file knows
    label: str | None = None
    delta: int | None = None  # smallest unit of the coin, what the wallet's addresses gained

    def summary(self) -> str:
        """Coin and transaction id."""
        return f"{self.coin} transaction {self.txid}{_quoted(self.label)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSecret(Finding):
    """A seed or private key, in clear or opened. Only its presence, type and place are told."""

    kind: ClassVar[str] = "wallet.secret"
    identity: ClassVar[tuple[str, ...]] = ("secret_type", "place")
    title: ClassVar[str] = "Seeds and private keys"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Whoever reads these bytes can move the funds; where `opened_by` names it, whoever "
        "has that password or key as well.",
        does_not_mean="That there are funds.",
        other_explanations="An empty, trial or decoy wallet.",
        next_steps="Treat the exhibit and every copy as cash. Follow the seizure procedure "
        "with two persons; record who saw what.",
    )

    secret_type: str  # electrum-seed, bip39, xprv, wif …
    place: str  # `keystore.seed`
    extent: str  # `12 words`, `64 hex digits`
    coin: str | None = None
    opened_by: str | None = None  # what opened it, never the key itself; None: it stands in clear

    def summary(self) -> str:
        """Type and place, never the value."""
        how = f", opened by {self.opened_by}" if self.opened_by else ""
        clear = "" if self.opened_by else " in clear"
        return f"{self.secret_type}{clear} at {self.place}, {self.extent}{how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletDevice(Finding):
    """A hardware wallet that was plugged in, by the ids it gave."""

    kind: ClassVar[str] = "wallet.device"
    identity: ClassVar[tuple[str, ...]] = ("vendor_id", "product_id", "serial", "trace")
    title: ClassVar[str] = "Hardware wallets"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A device with the ids of this hardware wallet was connected to this machine.",
        does_not_mean="That it was set up, unlocked or used, or where it is now.",
        other_explanations="Other devices can carry the same ids; some are shared by many makers.",
        next_steps="Look for the device and for seed words on paper or metal. Do not image it as "
        "a disk and do not put it behind a write blocker: some reset themselves.",
    )

    device: str  # as the list names it
    vendor_id: str  # four hexadecimal digits
    product_id: str
    serial: str | None = None  # that the device gave, when it gave one
    mode: str | None = None  # bootloader: being set up or updated
    interfaces: tuple[str, ...] = ()  # that the id itself tells: hid, webusb …
    trace: str  # registry, setupapi-log, kernel-log, journal
    connections: int | None = None  # how often the log shows it
    indicator: str  # the list and its date

    def summary(self) -> str:
        """Device and ids."""
        told = f" in {self.mode} mode" if self.mode else ""
        return f"hardware wallet {self.device}{told}, USB {self.vendor_id}:{self.product_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletExchange(Finding):
    """Data of an account at an exchange, broker or payment service for cryptocurrency."""

    kind: ClassVar[str] = "wallet.exchange"
    identity: ClassVar[tuple[str, ...]] = ("exchange", "trace", "service_account")
    title: ClassVar[str] = "Exchange accounts"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="By `trace`: a file in the form that this service gives to its customers lies here; "
        "its pages were visited, `pages` names those that customers use; a browser kept a login "
        "for it; mail in its name lies here; or its program kept settings.",
        does_not_mean="Whose account it is, or that it holds anything now. Visits and mail alone "
        "do not show that there is an account.",
        other_explanations="A file received from someone else, a tax adviser's copy, reading about "
        "the service, an account that was never finished, advertising, forged mail.",
        next_steps="Ask the service: it knows the customer, the bank account and the balance, "
        "and it can freeze. Ask early, by the procedure of your agency.",
    )

    exchange: str
    trace: str  # csv-export, history, saved-login, mail, app
    service_account: str | None = None  # customer number, user name or mail address that is told
    report: str | None = None  # which of the service's reports: trades, deposits …
    records: int | None = None  # lines after the header
    coins: tuple[str, ...] = ()  # tickers that the columns name, 40 at most
    visits: int | None = None
    pages: tuple[str, ...] = ()  # words of visited addresses: deposit, login …
    messages: int | None = None
    category: str | None = None  # of the service, by the list
    indicator_list: str | None = None  # the list and its date, where it told the service

    def summary(self) -> str:
        """Service and trace."""
        whose = f" of {self.service_account}" if self.service_account else ""
        match self.trace:
            case "csv-export":
                return f"{self.exchange}: export {self.report or 'file'}{whose}"
            case "saved-login":
                return f"{self.exchange}: saved login{whose}"
            case "app":
                return f"{self.exchange}: settings of its program"
            case "mail":
                whom = f" to {self.service_account}" if self.service_account else ""
                return f"{self.exchange}: mail in its name{whom}"
            case _:
                told = f", {', '.join(self.pages[:5])}" if self.pages else ""
                return f"{self.exchange}: pages visited{told}"
