"""Wallets that are extensions of a Chromium browser: MetaMask, Phantom, Ronin, Keplr and others.

Which extension is a wallet says the dated list `profiles/indicators/wallet-extensions.yaml`, by
id; one that is not listed is known by its manifest: by the key there, from which the browser makes
the id, else by its name. Written from Chromium's and MetaMask's sources and, for others, from what
forensic handbooks publish; tested with stores of MetaMask 10.0 and 10.11 and with files made by us.
Read is each version of each record that LevelDB still holds: those overwritten or deleted are
marked. A given password opens vaults of MetaMask and Keplr. Not read: what other extensions keep
encrypted (Phantom, SJCL), cached pictures, prices.

References: https://github.com/MetaMask/metamask-extension, https://github.com/chainapsis/keplr-wallet
and https://source.chromium.org/chromium/chromium/src/+/main:extensions/browser/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

from triage.api import (
    Artifact,
    Confidence,
    HeaderPattern,
    LimitError,
    ParseError,
    RowState,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WebSite,
    extractor,
)
from triage.formats import chromium_profile, json, leveldb
from triage.formats.indicators import Indicator, load
from triage.formats.stamps import stamp

from . import _vaults
from ._extension_reading import Found, Item, Reading
from ._extension_walk import read_items
from ._shapes import mapping, text

WALLETS: Final = load("wallet-extensions")
_SMALL = 32 << 20
_MANIFEST = 1 << 20
_PEEK = 4 << 20  # bytes of a log in which an extension that is not listed is recognised
_MOST_PARSED = 192 << 20  # characters of records of one store
_TELLING = (b'"KeyringController"', b'"encryptedVault"', b'"encryptedKey"')
_ID = re.compile(r"(?i)/(?:chrome-extension_)?([a-p]{32})(?:_\d+\.indexeddb\.leveldb)?/")
_VAULT = re.compile(
    rb'\{\s*"data"\s*:\s*"[^"]{20,2000000}"[^{}]{1,400}(?:\{[^{}]{0,200}(?:\{[^{}]{0,200}\}[^{}]{0,200})?\}[^{}]{0,200})?\}'
)
_EXTENSION = "browser extension"


def slug(name: str) -> str:
    """Return the name of a wallet as software names are written: `coinbase-wallet`."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


@extractor(
    name="wallet.extension.storage",
    paths=(
        # Chrome, Edge, Brave, Opera, Vivaldi and others: storage of an extension, by its id
        "**/{Local,Sync} Extension Settings/*/CURRENT",
    ),
    # a folder that was copied: every LevelDB is asked whether its log holds what wallets keep
    content=(HeaderPattern(rb"MANIFEST-\d{6,20}\n", first=b"MANIFEST-"),),
    yields=(WalletFile, WalletAddress, WalletTransaction, WalletSecret, WebSite),
    holds_secret=True,
)
def storage(artifact: Artifact) -> Iterator[Found]:
    """Read the storage of a wallet extension: accounts, contacts, transactions, sites, vault."""
    identifier = _identifier(artifact.path)
    known = WALLETS.extension(identifier)
    parts = [each for each in artifact.directory() if leveldb.is_part(each.entry.name)]
    if known is None and not _is_like_wallet(parts):
        return
    contents = leveldb.read({each.entry.name: each.open() for each in parts})
    for told in contents.problems[:5]:
        artifact.problem(told)
    items = list(_items(contents.records))
    if not items:
        return
    reading = Reading()
    read_items(items, reading)
    reading.open(artifact)
    software = slug(known.note) if known else "wallet-extension"
    yield from reading.findings(software, identifier or None, _type(known))


def _type(known: Indicator | None) -> str:
    return "built-in" if known and known.category == "browser-wallet" else _EXTENSION


def _identifier(path: str) -> str:
    found = _ID.search(path)
    return found[1].lower() if found else ""


def _is_like_wallet(parts: list[Artifact]) -> bool:
    """Whether the log of an extension that is not listed holds what wallets keep."""
    for part in parts:
        if part.entry.name.casefold().endswith(".log"):
            head = part.head(_PEEK)
            if any(word in head for word in _TELLING):
                return True
    return False


def _items(records: list[leveldb.Record]) -> Iterator[Item]:
    """Yield parsed records, live ones before others, the newest first."""
    left = _MOST_PARSED
    for record in sorted(records, key=lambda one: (not one.live, -one.sequence)):
        if record.value is None or len(record.value) > left:
            continue
        left -= len(record.value)
        try:
            value = json.parse(record.value, limit=_SMALL)
        except (ParseError, LimitError):
            continue
        yield Item(
            key=record.key.decode("utf-8", "replace"),
            value=value,
            place=f"{record.file} {record.offset} sequence {record.sequence}",
            row=None if record.live else RowState.SUPERSEDED,
        )


@extractor(
    name="wallet.extension.database",
    paths=(
        # the same browsers: MetaMask keeps a copy of its vault here since 2024
        "**/IndexedDB/chrome-extension_*_0.indexeddb.leveldb/CURRENT",
    ),
    yields=(WalletFile, WalletSecret),
    holds_secret=True,
)
def database(artifact: Artifact) -> Iterator[WalletFile | WalletSecret]:
    """Search the database of a wallet extension for copies of its vault."""
    identifier = _identifier(artifact.path)
    known = WALLETS.extension(identifier)
    if known is None:
        return
    contents = leveldb.read(
        {
            each.entry.name: each.open()
            for each in artifact.directory()
            if leveldb.is_part(each.entry.name)
        }
    )
    for told in contents.problems[:5]:
        artifact.problem(told)
    reading = Reading()
    for record in sorted(contents.records, key=lambda one: (not one.live, -one.sequence)):
        for found in _VAULT.finditer(record.value or b""):
            _copy(record, found[0], reading)
    if reading.vaults:
        reading.open(artifact)
        for finding in reading.findings(slug(known.note), identifier, _type(known)):
            if isinstance(finding, WalletFile | WalletSecret):
                yield finding


def _copy(record: leveldb.Record, raw: bytes, reading: Reading) -> None:
    try:
        vault = _vaults.of(mapping(json.parse(raw)))
    except (ParseError, LimitError):
        return
    row = None if record.live else RowState.SUPERSEDED
    place = f"{record.file} {record.offset} sequence {record.sequence}"
    if vault:
        reading.vault(Item(key="vault", value=None, place=place, row=row), vault)


@extractor(
    name="wallet.extension.installed",
    paths=(
        # the same browsers; `Secure Preferences` on Windows and macOS, on Linux too since 2013
        "**/{Secure ,}Preferences",
    ),
    yields=(WalletFile,),
)
def installed(artifact: Artifact) -> Iterator[WalletFile]:
    """List wallet extensions that a profile knows, and when they were installed."""
    try:
        value = json.parse(artifact.read(_SMALL), limit=_SMALL)
    except ParseError:
        return
    for one in chromium_profile.extensions(value):
        known = WALLETS.extension(one.id)
        if known and known.category != "browser-wallet":
            entry = mapping(chromium_profile.at(value, "extensions", "settings", one.id))
            updated = chromium_profile.number(entry.get("last_update_time"))
            yield WalletFile(
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED,
                checks=("extension id",),
                locator=f"extensions.settings.{one.id}",
                times=(
                    *stamp("installed", one.installed, "webkit"),
                    *stamp("updated", updated, "webkit"),
                ),
                software=slug(known.note),
                software_version=one.version,
                wallet_type=_EXTENSION,
                state="installed",
                extension=one.id,
            )


@extractor(
    name="wallet.extension.program",
    paths=(
        # the same browsers: an extension's program, by id and version
        "**/Extensions/*/*/manifest.json",
    ),
    yields=(WalletFile,),
)
def program(artifact: Artifact) -> Iterator[WalletFile]:
    """Name a wallet extension by its id, by the key in its manifest, or by its name."""
    folder = artifact.path.split("/")[-3].lower()
    if artifact.entry.size > _MANIFEST or not chromium_profile.is_extension_id(folder):
        return
    try:
        manifest = mapping(json.parse(artifact.read(_MANIFEST), limit=_MANIFEST))
    except ParseError:
        return
    identifier = _from_key(text(manifest.get("key"))) or folder
    known = WALLETS.extension(folder) or WALLETS.extension(identifier)
    name = _name(artifact, manifest)
    if known is None:
        known = _by_name(name)
        if known is None:
            return
        confidence, checks = Confidence.POSSIBLE, ("name in the manifest",)
    else:
        confidence, checks = Confidence.CONFIRMED, ("extension id",)
    if known.category == "browser-wallet":
        return
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=confidence,
        checks=checks,
        software=slug(known.note),
        software_version=text(manifest.get("version")),
        wallet_type=_EXTENSION,
        state="installed",
        label=name[:200] if name else None,
        extension=folder,
    )


def _from_key(key: str | None) -> str | None:
    """Return the id that the browser makes of a public key: 16 bytes of its SHA-256, in a to p."""
    try:
        raw = base64.b64decode("".join(key.split()) if key else "", validate=True)
    except (binascii.Error, ValueError):
        return None
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digits) if raw else None


def _name(artifact: Artifact, manifest: dict[str, Any]) -> str | None:
    locale = text(manifest.get("default_locale")) or "en"
    messages = None
    if re.fullmatch(r"[A-Za-z_]{2,10}", locale):
        beside = artifact.resolve(f"_locales/{locale}/messages.json")
        if beside and beside.entry.size <= _MANIFEST:
            try:
                messages = json.parse(beside.read(_MANIFEST), limit=_MANIFEST)
            except ParseError:
                messages = None
    return chromium_profile.extension_name(manifest, messages)


_BY_NAME: Final = {slug(entry.note): entry for entry in WALLETS.entries}


def _by_name(name: str | None) -> Indicator | None:
    """Return the listed wallet that a name begins with: `MetaMask (development build)`."""
    words = slug(name or "").split("-")
    for length in range(min(len(words), 4), 0, -1):
        found = _BY_NAME.get("-".join(words[:length]))
        if found and (length > 1 or len(words[0]) > 4):  # noqa: PLR2004 - `core`, `nami` are words
            return found
    return None
