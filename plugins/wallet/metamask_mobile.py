"""MetaMask on phones: what the program keeps about accounts, and how its vault is locked.

Written from the sources of metamask-mobile 1 to 7 and from what forensic handbooks publish, for
Android and iOS; tested with files made by us. Up to 7.59 one file holds the whole state, JSON in
JSON; later each controller has a file. Not read: what the keystore of the phone protects.

References: https://github.com/MetaMask/metamask-mobile
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from triage.api import (
    Artifact,
    JsonObject,
    LimitError,
    ParseError,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WebSite,
    extractor,
)
from triage.formats import json

from . import _metamask
from ._extension_reading import Found, Item, Reading
from ._shapes import mapping

_LIMIT = 64 << 20


@extractor(
    name="wallet.metamask-mobile.state",
    paths=(
        # Android, MetaMask 1 to 7.59, and since 7.60 one file a controller
        "**/io.metamask/files/persistStore/persist-*",
        # iOS: in the application's container, which has a number for a name
        "**/Documents/persistStore/persist-*",
    ),
    content=(JsonObject({"engine", "_persist"}),),  # to 7.59
    yields=(WalletFile, WalletAddress, WalletTransaction, WalletSecret, WebSite),
    holds_secret=True,
)
def state(artifact: Artifact) -> Iterator[Found]:
    """Read MetaMask's state on a phone: accounts, contacts, transactions, sites, vault.

    One finding a folder, from the first of its files.
    """
    files = [artifact]
    if artifact.entry.name.startswith("persist-"):
        files = [one for one in artifact.directory() if one.entry.name.startswith("persist-")]
    if not files or files[0].path != artifact.path:
        return
    reading = Reading()
    found = False
    for one in files[:200]:
        try:
            controllers = _controllers(one)
        except ParseError:
            artifact.problem("not JSON", locator=one.entry.name)
            continue
        found = found or _metamask.is_state(controllers)
        _metamask.read_state(
            Item(key=one.entry.name, value=None, place=one.entry.name), controllers, reading
        )
    if found:
        reading.open(artifact)
        yield from reading.findings("metamask-mobile", None, "app")


def _controllers(file: Artifact) -> dict[str, Any]:
    """Return controllers by name from either layout; the parts of each are JSON in JSON."""
    whole = _unpacked(json.parse(file.read(_LIMIT), limit=_LIMIT))
    engine = mapping(mapping(whole.get("engine")).get("backgroundState"))
    if engine:
        return engine
    name = file.entry.name.removeprefix("persist-")
    return {name: whole} if name.endswith("Controller") else whole


def _unpacked(value: Any) -> dict[str, Any]:
    fields = dict(mapping(value))
    for name, inner in fields.items():
        if isinstance(inner, str) and inner[:1] in {"{", "["}:
            with suppress(ParseError, LimitError):
                fields[name] = json.parse(inner, limit=_LIMIT)
    return fields
