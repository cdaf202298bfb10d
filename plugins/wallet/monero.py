"""Monero, command line and GUI: wallet files, address files, settings, logs.

Written from `wallet2.cpp` of Monero and `main.qml` of its GUI, and tested with wallets and logs of
Monero 0.18 (Debian) on Linux; the files are the same on other systems. Everything in a wallet is
encrypted, even with an empty password, so what can be told is that one is there: file and cache are
8 bytes of initialisation vector, a length, and exactly so many bytes that look random. Log times
have no zone. Not read: the registry, where the GUI keeps its settings on Windows, and property
lists on macOS; the node's database. Renamed files are not recognised: they look like noise.

References: https://github.com/monero-project/monero/blob/master/src/wallet/wallet2.cpp and
https://github.com/monero-project/monero-gui/blob/master/main.qml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Protection,
    Sensitivity,
    Shows,
    Time,
    Unit,
    WalletAddress,
    WalletFile,
    WalletSecret,
    Zone,
    extractor,
)
from triage.formats import addresses, json

from . import _locks

_FIXED = 8  # initialisation vector
_KEYS_SIZES = range(200, 20_000)  # 2014: 289 bytes, 0.18: some 1,650
_LONGEST_VARINT = 5
_SAMPLE = 4096
_WALLETS: Final = (
    "**/*.keys",  # every version: the keys stand in NAME.keys, the rest in NAME
    "**/Monero/wallets/*",  # GUI on Linux, macOS and Tails; Documents\Monero\wallets on Windows
    "**/Monero/wallets/*/*",  # GUI since 0.15: a folder for each wallet
)


@extractor(name="wallet.monero.wallet", paths=_WALLETS, yields=(WalletFile,))
def wallets(artifact: Artifact) -> Iterator[WalletFile]:
    """Name a Monero wallet: the file of its keys, or a cache whose keys are missing."""
    name = artifact.entry.name
    keys = name.casefold().endswith(".keys")
    if keys and artifact.entry.size not in _KEYS_SIZES:
        return
    if not keys and (artifact.sibling(f"{name}.keys") or artifact.entry.size < _KEYS_SIZES.start):
        return
    if not _is_sealed(artifact.head(_SAMPLE), artifact.entry.size):
        return
    cache = artifact.sibling(name[: -len(".keys")]) if keys else artifact
    if keys:
        artifact.locked(_locks.monero(artifact.read()))
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.ENCRYPTED,
        software="monero",
        coins=("XMR",),
        wallet_type=(None if cache else "keys-only") if keys else "cache-only",
        state="file-encrypted",
        needed_to_open="the wallet password, which may be empty"
        if keys
        else "the file of keys, and the wallet password",
        kdf="cryptonight",
    )


def _is_sealed(head: bytes, size: int) -> bool:
    """Whether vector, length and content fill the file exactly, and the bytes look random."""
    length = 0
    for position in range(_LONGEST_VARINT):
        if _FIXED + position >= len(head):
            return False
        byte = head[_FIXED + position]
        length |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more"
            body = head[_FIXED + position + 1 :]
            high = sum(byte >> 7 for byte in body)  # half of random bytes are
            fills = _FIXED + position + 1 + length == size
            return fills and 7 * len(body) < 20 * high < 13 * len(body)
    return False


@extractor(
    name="wallet.monero.address",
    paths=("**/*.address.txt",),  # every version; since 0.13 only with an option
    yields=(WalletAddress,),
)
def address(artifact: Artifact) -> Iterator[WalletAddress]:
    """Read the address that Monero wrote beside a wallet."""
    known = addresses.classify(artifact.text(1 << 12).strip())
    if known is not None and known.coin == "monero":
        yield _address(known, "own", None)


def _address(known: addresses.CryptoAddress, role: str, locator: str | None) -> WalletAddress:
    return WalletAddress(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
        checks=known.checks,
        locator=locator,
        coin="XMR",
        crypto_address=known.text,
        role=role,
    )


_SETTINGS_LIMIT = 1 << 20
_NETTYPES: Final = {"0": "mainnet", "1": "testnet", "2": "stagenet"}


@extractor(
    name="wallet.monero.settings",
    paths=(
        "**/monero-project/monero-core.conf",  # GUI on Linux and Tails
        "**/monero-storage/settings.ini",  # GUI, portable, since 0.17.1
    ),
    yields=(WalletFile, WalletSecret),
    holds_secret=True,
)
def settings(artifact: Artifact) -> Iterator[WalletFile | WalletSecret]:
    """Read the settings of the GUI: the last wallet, its node and proxy."""
    values: dict[str, str] = {}
    for line in artifact.text(_SETTINGS_LIMIT).splitlines():
        name, equals, value = line.partition("=")
        if equals and value.strip():
            values[name.strip()] = _unquoted(value.strip())
    path = values.get("wallet_path")
    nodes = list(_nodes(values.get("remoteNodesSerialized", "")))
    remote = values.get("useRemoteNode") == "true"
    server = next((node for node, _ in nodes), values.get("remoteNodeAddress"))
    if not path and not server:
        return
    lies_at = (artifact.resolve(f"{path}.keys") or artifact.resolve(path)) if path else None
    yield WalletFile(
        shows=Shows.USED,
        confidence=Confidence.PROBABLE,
        locator="wallet_path" if path else "remoteNodesSerialized",
        software="monero-gui",
        coins=("XMR",),
        network=_NETTYPES.get(values.get("nettype", "")),
        label=values.get("account_name"),
        state="named",
        named=path,
        path=lies_at.path if lies_at else None,
        server=server if remote else None,
        proxy=values.get("proxyAddress") if values.get("proxyEnabled") == "true" else None,
    )
    secrets = {f"remoteNodesSerialized: {node}": password for node, password in nodes if password}
    secrets["daemonPassword"] = values.get("daemonPassword", "")
    for place, password in secrets.items():
        if password:
            yield WalletSecret(
                shows=Shows.CREDENTIAL,
                confidence=Confidence.PROBABLE,
                locator=place,
                protection=Protection.PLAIN,
                sensitivity=Sensitivity.SECRET,
                secret=password,
                secret_type="node-password",  # noqa: S106 - the name of a type
                place=place,
                extent=f"{len(password)} characters",
                coin="XMR",
            )


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value


def _nodes(text: str) -> Iterator[tuple[str, str]]:
    """Yield address and password of the remote nodes, the selected one first."""
    try:
        data = json.parse(text)
    except ParseError:
        return
    nodes = data.get("nodes") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(nodes, list):
        return
    selected = data.get("selected")
    if isinstance(selected, int) and 0 <= selected < len(nodes):
        nodes = [nodes[selected], *nodes[:selected], *nodes[selected + 1 :]]
    for node in nodes[:1000]:
        if isinstance(node, dict) and isinstance(node.get("address"), str):
            password = node.get("password")
            yield str(node["address"]), password if isinstance(password, str) else ""


_LOG_LIMIT = 16 << 20
_MOST = 1000
_LINE = re.compile(r"(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\t[^\n]{0,200}\t[^\n]{0,4000}$")
_VERSION = re.compile(r"Monero '[^']{1,40}' \(v([0-9][\w.-]{0,40})\)")
_OWN = re.compile(r"with public address: ([1-9A-HJ-NP-Za-km-z]{95,106})\b")


@extractor(
    name="wallet.monero.log",
    paths=(
        "**/monero-wallet-{cli,rpc,gui}.log*",  # every version; rotated ones have a date
        "**/libwallet.log",  # Feather
    ),
    yields=(WalletFile, WalletAddress),
)
def log(artifact: Artifact) -> Iterator[WalletFile | WalletAddress]:
    """Read a log of a Monero wallet: version, when it ran, addresses that stand in it."""
    text = artifact.open().read_at(0, _LOG_LIMIT).decode("utf-8", "surrogateescape")
    if artifact.entry.size > _LOG_LIMIT:
        artifact.problem(f"only the first {_LOG_LIMIT} bytes were read")
    first = last = None
    for found in _LINE.finditer(text):
        first, last = first or found[1], found[1]
    if first is None or last is None:
        return
    version = _VERSION.search(text)
    name = artifact.entry.name.partition(".")[0]
    yield WalletFile(
        shows=Shows.EXECUTED,
        confidence=Confidence.PROBABLE,
        locator="log",
        times=(_local("first_logged", first), _local("last_logged", last)),
        software="feather" if name == "libwallet" else name.replace("-wallet", ""),
        software_version=version[1] if version else None,
        coins=("XMR",),
        state="trace",
    )
    own = {found[1] for found in _OWN.finditer(text)}
    seen: set[str] = set()
    for position, known in addresses.find_addresses(text, limit=_MOST):
        if known.coin == "monero" and known.text not in seen:
            seen.add(known.text)
            line = text.count("\n", 0, position) + 1
            yield _address(known, "own" if known.text in own else "mentioned", f"line {line}")


def _local(event: str, raw: str) -> Time:
    return Time(event=event, utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.UNKNOWN)
