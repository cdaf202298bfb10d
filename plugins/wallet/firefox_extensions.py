"""Wallets that are extensions of Firefox and its relatives.

Firefox gives each extension a number of its own in each profile (`extensions.webextensions.uuids`
in prefs.js); the extension's storage lies under that number, as structured clones in SQLite, large
values in files beside it. Written from mozilla-central (`toolkit/components/extensions`,
`dom/indexedDB`); tested with storage that Firefox ESR 153 wrote. Which extension is a wallet says
`profiles/indicators/wallet-extensions.yaml`; where prefs.js is gone, the shape of the data. Firefox
before 66 kept a JSON file instead, which is read too. Not read: `storage.sync`.

References: https://searchfox.org/mozilla-central/source/dom/indexedDB and
https://github.com/MetaMask/metamask-extension
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from triage.api import (
    Artifact,
    Confidence,
    EvidenceError,
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
from triage.formats import json, mozilla, mozilla_clone, snappy
from triage.formats.sqlite import Database, Row
from triage.formats.stamps import stamp

from ._extension_reading import Found, Item, Reading
from ._extension_walk import read_items
from ._shapes import mapping, sequence, text
from .extensions import WALLETS, slug

_SMALL = 32 << 20
_PREFS = 8 << 20
_MOST = 20_000
_MOST_PARSED = 192 << 20
_UUID = re.compile(r"/moz-extension\+\+\+([0-9a-f-]{36})", re.IGNORECASE)
_COMPRESSED = 1
_TYPE = "browser extension"


@extractor(
    name="wallet.firefox-extension.storage",
    paths=(
        # Firefox 66 and later, LibreWolf, Waterfox and others, desktop and Android
        "**/storage/default/moz-extension+++*/idb/*.sqlite",
    ),
    yields=(WalletFile, WalletAddress, WalletTransaction, WalletSecret, WebSite),
    holds_secret=True,
)
def storage(artifact: Artifact) -> Iterator[Found]:
    """Read the storage of a wallet extension of Firefox: accounts, contacts, sites, vault."""
    named = _UUID.search(artifact.path)
    prefs = artifact.resolve("../../../../prefs.js")
    identifier = _identifier(prefs, named[1].lower()) if named else None
    known = WALLETS.extension(identifier) if identifier else None
    if identifier and known is None:
        return
    with artifact.sqlite() as database:
        if not database.has({"object_data": {"object_store_id", "key", "data", "file_ids"}}):
            return
        items = sorted(_items(artifact, database), key=lambda item: item.row is not None)
        for told in database.problems:
            artifact.problem(told)
    if known is None and not any(_is_wallet(item) for item in items):
        return
    reading = Reading()
    read_items(items, reading)
    reading.open(artifact)
    software = slug(known.note) if known else "wallet-extension"
    yield from reading.findings(software, identifier, _TYPE)


def _identifier(prefs: Artifact | None, uuid: str) -> str | None:
    """Return the id of the extension that this profile knows by a number."""
    if prefs is None or prefs.entry.size > _PREFS:
        return None
    told = mozilla.prefs(prefs.text(_PREFS)).get("extensions.webextensions.uuids")
    try:
        numbers = mapping(json.parse(told)) if isinstance(told, str) else {}
    except (ParseError, LimitError):
        return None
    return next((name for name, number in numbers.items() if number == uuid), None)


def _is_wallet(item: Item) -> bool:
    return "KeyringController" in item.key or "KeyringController" in mapping(item.value)


def _items(artifact: Artifact, database: Database) -> Iterator[Item]:
    left = _MOST_PARSED
    columns = ("object_store_id", "key", "data", "file_ids")
    for _, row in zip(range(_MOST), database.rows("object_data", columns, key="key"), strict=False):
        key = row.values["key"]
        name = mozilla_clone.key_text(key) if isinstance(key, bytes) else None
        if name is None:
            continue
        try:
            packed = _unpacked(artifact, row)
            left -= len(packed)
            value = mozilla_clone.parse(packed) if left > 0 else None
        except (ParseError, LimitError, EvidenceError) as error:
            artifact.problem(error.message, locator=f"object_data {name[:40]}")
            continue
        live = row.state in {"live", "wal"}
        yield Item(
            key=name,
            value=value,
            place=f"object_data {name[:60]}",
            row=None if live else RowState.SUPERSEDED,
        )


def _unpacked(artifact: Artifact, row: Row) -> bytes:
    """Return a structured clone; one of more than a megabyte lies in a file beside."""
    data = row.values["data"]
    if isinstance(data, bytes):
        return snappy.decompress(data)
    numbers = re.findall(r"\.(\d{1,10})", str(row.values["file_ids"] or ""))
    if not isinstance(data, int) or not numbers:
        raise ParseError("a value that is neither here nor in a file")
    index = data & 0xFFFFFFFF
    number = numbers[index] if index < len(numbers) else numbers[0]
    folder = f"{artifact.entry.name.removesuffix('.sqlite')}.files"
    beside = artifact.resolve(f"{folder}/{number}")
    if beside is None:
        raise ParseError("the file of a large value is gone")
    packed = beside.read(_SMALL)
    return snappy.decompress_frames(packed) if data >> 32 & _COMPRESSED else packed


@extractor(
    name="wallet.firefox-extension.file",
    paths=(
        # Firefox 45 to 65; `.migrated` since 66
        "**/browser-extension-data/*/storage.js",
        "**/browser-extension-data/*/storage.js.migrated",
    ),
    yields=(WalletFile, WalletAddress, WalletTransaction, WalletSecret, WebSite),
    holds_secret=True,
)
def early_storage(artifact: Artifact) -> Iterator[Found]:
    """Read the storage of a wallet extension of an early Firefox, one JSON file."""
    identifier = artifact.path.split("/")[-2]
    known = WALLETS.extension(identifier)
    if known is None:
        return
    stored = mapping(json.parse(artifact.read(_SMALL), limit=_SMALL))
    reading = Reading()
    read_items(
        [Item(key=key, value=value, place=key[:60]) for key, value in stored.items()], reading
    )
    reading.open(artifact)
    yield from reading.findings(slug(known.note), identifier, _TYPE)


@extractor(
    name="wallet.firefox-extension.installed",
    paths=(
        # Firefox 25 and later, relatives, Android
        "**/{Profiles,firefox,.librewolf,.waterfox,mozilla}/*/extensions.json",
    ),
    yields=(WalletFile,),
)
def installed(artifact: Artifact) -> Iterator[WalletFile]:
    """List wallet extensions that a profile of Firefox knows, and when they were installed."""
    try:
        value = json.parse(artifact.read(_SMALL), limit=_SMALL)
    except ParseError:
        return
    for entry in sequence(mapping(value).get("addons"))[:_MOST]:
        addon: dict[str, Any] = mapping(entry)
        identifier = text(addon.get("id")) or ""
        known = WALLETS.extension(identifier)
        if known:
            yield WalletFile(
                shows=Shows.PRESENT,
                confidence=Confidence.CONFIRMED,
                checks=("extension id",),
                locator=f"addons {identifier}",
                times=(
                    *stamp("installed", addon.get("installDate"), "ms_unix"),
                    *stamp("updated", addon.get("updateDate"), "ms_unix"),
                ),
                software=slug(known.note),
                software_version=text(addon.get("version")),
                wallet_type=_TYPE,
                state="installed",
                label=text(mapping(addon.get("defaultLocale")).get("name")),
                extension=identifier,
            )
