"""Bitcoin Core and its forks: configuration files, chosen wallets, the log.

Written from `doc/bitcoin-conf.md`, `init.cpp`, `logging.cpp` and `wallet/wallet.cpp` of Bitcoin
Core, and tested with files of Litecoin Core 0.21 on Linux; other systems write the same. The log
is read from both ends, 32 MiB each: nodes write gigabytes. Its times are UTC unless the option
`-logtimemicros` alone is old enough to be the machine's (before 0.8), which is not told apart.
Not read: `Bitcoin-Qt.conf` and the registry, which may name another data directory.

References: https://github.com/bitcoin/bitcoin/blob/master/doc/bitcoin-conf.md and `doc/files.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Protection,
    Sensitivity,
    Shows,
    Time,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    extractor,
)
from triage.formats import json
from triage.formats.stamps import stamp

from . import _coins
from ._core_paths import CHOICES, LOGS, SETTINGS

_CONF_LIMIT = 1 << 20
_MOST = 10_000  # wallets, lines and transactions of one file
_SWITCHES: Final = {
    "testnet": "testnet",
    "testnet4": "testnet4",
    "signet": "signet",
    "regtest": "regtest",
}
_SECTIONS: Final = {"main": "mainnet", "test": "testnet", **_SWITCHES}


def _software(path: str) -> tuple[str, tuple[str, ...]]:
    chain = _coins.by_path(path)
    return (chain.software, (chain.ticker,)) if chain else ("bitcoin-core", ())


def _network(path: str) -> str | None:
    chain = _coins.by_path(path)
    return chain.network if chain else None


@dataclass(slots=True)
class _Section:
    """Options of one network, or those before the first section."""

    wallets: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)


@extractor(
    name="wallet.bitcoin-core.configuration",
    paths=SETTINGS,
    yields=(WalletFile, WalletSecret),
    holds_secret=True,
)
def configuration(artifact: Artifact) -> Iterator[WalletFile | WalletSecret]:
    """Read bitcoin.conf: named wallets and folders, proxy, and whether a password stands there."""
    software, coins = _software(artifact.path)
    sections: dict[str, _Section] = {}
    network = "mainnet"
    for number, line in enumerate(artifact.text(_CONF_LIMIT).splitlines(), 1):
        text = line.partition("#")[0].strip()
        if text.startswith("["):
            network = _SECTIONS.get(text.strip("[]").strip(), text.strip("[]")[:20])
            continue
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            continue
        name = name.lstrip("-").rpartition(".")[2]
        section = sections.setdefault(network, _Section())
        if name == "wallet" and len(section.wallets) < _MOST:
            section.wallets.append(value)
        elif name in _SWITCHES and value == "1" and network == "mainnet":
            section.options["network"] = _SWITCHES[name]
        else:
            section.options.setdefault(name, value)
        if name == "rpcpassword":
            yield WalletSecret(
                shows=Shows.CREDENTIAL,
                confidence=Confidence.PROBABLE,
                locator=f"line {number}",
                protection=Protection.PLAIN,
                sensitivity=Sensitivity.SECRET,
                secret=value,
                secret_type="rpc-password",  # noqa: S106 - the name of a type
                place=f"line {number}",
                extent=f"{len(value)} characters",
            )
    for network, section in sections.items():
        options = section.options
        folder = options.get("walletdir") or options.get("datadir")
        named: list[str | None] = [_joined(folder, name) for name in section.wallets]
        for path in named or [folder]:
            if path or {"proxy", "onion"} & options.keys():
                yield _named(
                    artifact,
                    software,
                    coins,
                    path,
                    network=options.get("network", network),
                    proxy=options.get("proxy") or options.get("onion"),
                )


def _joined(folder: str | None, name: str) -> str:
    if folder is None or name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        return name
    slash = "\\" if "\\" in folder else "/"
    return f"{folder.rstrip(slash)}{slash}{name}"


def _named(
    artifact: Artifact,
    software: str,
    coins: tuple[str, ...],
    path: str | None,
    *,
    network: str | None = None,
    proxy: str | None = None,
    locator: str | None = None,
    shows: Shows = Shows.PRESENT,
) -> WalletFile:
    return WalletFile(
        shows=shows,
        confidence=Confidence.PROBABLE,
        locator=locator or path or "proxy",
        software=software,
        coins=coins,
        network=network,
        state="named",
        named=path,
        path=_lies_at(artifact, path) if path is not None else None,
        proxy=proxy,
    )


def _lies_at(artifact: Artifact, name: str) -> str | None:
    """Return where the file of a wallet lies: a name stands for a file or for a folder."""
    for tried in (f"{name}/wallet.dat", f"wallets/{name}/wallet.dat", name, f"wallets/{name}"):
        found = artifact.resolve(tried.lstrip("/") if not name else tried)
        if found is not None:
            return found.path
    return None


@extractor(name="wallet.bitcoin-core.settings", paths=CHOICES, yields=(WalletFile,))
def settings(artifact: Artifact) -> Iterator[WalletFile]:
    """Read settings.json: the wallets that are loaded when the program starts."""
    data = json.parse(artifact.read(_CONF_LIMIT))
    wallets = data.get("wallet") if isinstance(data, dict) else None
    software, coins = _software(artifact.path)
    for position, name in enumerate((wallets if isinstance(wallets, list) else [])[:_MOST]):
        if isinstance(name, str):
            place = f"wallet[{position}]"
            # The wallet without a name is `wallet.dat` itself.
            yield _named(
                artifact,
                software,
                coins,
                name or "wallet.dat",
                network=_network(artifact.path),
                locator=place,
                shows=Shows.USED,
            )


_LOG_PIECE = 32 << 20
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?) (?:\[([^\]]{0,80})\] )?([^\r\n]{1,600})"
)
_VERSION = re.compile(r"([A-Z][A-Za-z]{2,20}(?: Core)?) version v?(\d[\w.+-]{0,60})")
_ADDED = re.compile(r"AddToWallet ([0-9a-f]{64})\b")
_TIP = re.compile(r"UpdateTip: .*height=(\d{1,9})\b")
_FOLDER = re.compile(r"Using (?:data|wallet) directory (.+)")


@dataclass(slots=True)
class _Log:
    """What a log says about wallets."""

    version: str | None = None
    first: str | None = None
    last: str | None = None
    folder: str | None = None
    height: int | None = None
    encrypted: str | None = None
    wallets: dict[str, str] = field(default_factory=dict)  # name → last time it is named
    transactions: dict[str, str] = field(default_factory=dict)  # id → first time it is named

    def take(self, text: str) -> None:
        for found in _LINE.finditer(text):
            when, tag, words = found.groups()
            self.first, self.last = self.first or when, when
            if added := _ADDED.match(words):
                if len(self.transactions) < _MOST:
                    self.transactions.setdefault(added[1], when)
                if len(self.wallets) < _MOST:
                    self.wallets[tag or ""] = when
            elif version := _VERSION.match(words):
                self.version = version[2]
            elif folder := _FOLDER.match(words):
                self.folder = folder[1].strip()
            elif words.startswith("UpdateTip") and (tip := _TIP.match(words)):
                self.height = int(tip[1])
            elif words.startswith("Encrypting Wallet with"):
                self.encrypted = when


@extractor(name="wallet.bitcoin-core.log", paths=LOGS, yields=(WalletFile, WalletTransaction))
def log(artifact: Artifact) -> Iterator[WalletFile | WalletTransaction]:
    """Read debug.log: version, wallet folder, transactions as they were added, encryption."""
    reader, found = artifact.open(), _Log()
    found.take(reader.read_at(0, _LOG_PIECE).decode("utf-8", "surrogateescape"))
    if reader.size > _LOG_PIECE:
        start = max(_LOG_PIECE, reader.size - _LOG_PIECE)
        found.take(reader.read_at(start, _LOG_PIECE).decode("utf-8", "surrogateescape"))
        if start > _LOG_PIECE:
            artifact.problem("the log is long: its middle was not read")
    if found.version is None and not found.transactions:
        return
    software, coins = _software(artifact.path)
    names = found.wallets or {"": found.last or ""}
    for name in sorted(names):
        path = _joined(found.folder, name) if name and name != "default wallet" else found.folder
        yield WalletFile(
            shows=Shows.USED if found.transactions else Shows.EXECUTED,
            confidence=Confidence.PROBABLE,
            locator=f"wallet {name}" if name else "log",
            times=_times(found),
            software=software,
            software_version=found.version,
            coins=coins,
            network=_network(artifact.path),
            state="named",
            named=path,
            path=_lies_at(artifact, path) if path else None,
            synced_height=found.height,
        )
    for txid, when in sorted(found.transactions.items()):
        yield WalletTransaction(
            shows=Shows.USED,
            confidence=Confidence.PROBABLE,
            locator=f"AddToWallet {txid}",
            times=stamp("logged", when, "text"),
            coin=coins[0] if coins else "BTC",
            txid=txid,
        )


def _times(found: _Log) -> tuple[Time, ...]:
    events = (
        ("first_logged", found.first),
        ("last_logged", found.last),
        ("encrypted", found.encrypted),
    )
    return tuple(time for event, when in events for time in stamp(event, when, "text"))
