"""Stores of web wallets whose makers publish no format: what names and shapes tell.

Fields are read by their names (`address`, `selectedAddress`, `name` beside it, `contactBook`,
`connectedSites`), vaults and addresses by their shape; an address without a checksum counts only
under a name that says so. JSON inside JSON is unpacked. Tested with MetaMask's stores; names are
from the sources of Keplr, Rabby, Ronin, Phantom (as published by others) and Binance's extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from triage.api import LimitError, ParseError
from triage.formats import addresses, json, mnemonic, private_keys

from . import _metamask, _vaults
from ._extension_reading import Item, Reading, milliseconds
from ._found import counted
from ._shapes import text

_NODES = 300_000  # of one record
_DEPTH = 40
_LONGEST = 8 << 20  # characters of JSON inside JSON
_SECRET = re.compile(r"(?i)mnemonic|seed|phrase|private_?key|secret_?key|priv_?key")
_ADDRESS = re.compile(
    r"(?i)(?:\w{0,20}[_-]?)?(?:address|addr|account|accounts|addresses|pubkey|publickey)"
)
_CONTACT = re.compile(r"(?i)contact|address_?book")
_SITES = re.compile(r"(?i)permission|connected|dapp|origin|trusted|whitelist|site")
_LABEL = ("name", "label", "alias", "nickname", "alianName", "accountName", "walletName")
_OTHERS = re.compile(r"(?i)token|contract|asset|nft|collectible|swap|balance|price|validator")
_FIRST_USE = ("createdAt", "created_at", "createTime", "importTime", "creationDate")


def read_items(items: list[Item], reading: Reading) -> None:
    """Take what records tell, MetaMask's shape or any; the newest must come first."""
    for item in items:
        if item.key == "data" and _metamask.is_state(item.value):
            _metamask.read_state(item, item.value, reading)
        elif (
            item.key.endswith(("Controller", "PermissionsMetadata")) or item.key == "firstTimeInfo"
        ):
            _metamask.read_state(item, {item.key: item.value}, reading)
        else:
            _walk(item, reading)


def _walk(item: Item, reading: Reading) -> None:
    for path, name, value in _nodes(item):
        if isinstance(value, dict):
            vault = _vaults.of(value)
            if vault:
                reading.vault(item, vault)
            for field in _FIRST_USE:
                reading.created.extend(milliseconds("account_added", value.get(field)))
            for key, inner in value.items():
                _origin(item, f"{path}.{name}", key, reading)
                if isinstance(key, str) and _named(path, name):
                    role = "contact" if _CONTACT.search(f"{path}.{name}") else "own"
                    reading.address(item, key, role=role, label=_label(inner))
        elif isinstance(value, str):
            _string(item, path, name, value, reading)


def _nodes(item: Item) -> Iterator[tuple[str, str, Any]]:
    """Yield (path of names above, name, value with what lies beside it) of each node."""
    waiting: list[tuple[str, str, Any, int]] = [("", item.key, item.value, 0)]
    count = 0
    while waiting:
        path, name, value, depth = waiting.pop()
        count += 1
        if count > _NODES or depth > _DEPTH:
            return
        if isinstance(value, str) and value[:1] in {"{", "["} and len(value) <= _LONGEST:
            with suppress(ParseError, LimitError):
                value = json.parse(value, limit=_LONGEST)
        yield path, name, value
        inside = f"{path}.{name}"[-400:]
        if isinstance(value, dict):
            waiting += [(inside, str(k), _beside(k, v, value), depth + 1) for k, v in value.items()]
        elif isinstance(value, list):
            waiting += [(path, name, one, depth + 1) for one in reversed(value[:_NODES])]


class _Labelled(str):
    """An address text with the label that stands beside it."""

    __slots__ = ("label",)
    label: str | None


def _beside(key: Any, value: Any, around: dict[str, Any]) -> Any:
    if not isinstance(value, str) or not isinstance(key, str) or not _ADDRESS.fullmatch(key):
        return value
    labelled = _Labelled(value)
    labelled.label = _label(around)
    return labelled


def _named(path: str, name: str) -> bool:
    """Whether what lies under this name is of the wallet's own, or its contacts'."""
    whole = f"{path}.{name}"
    return not _OTHERS.search(whole) and bool(_ADDRESS.fullmatch(name) or _CONTACT.search(whole))


def _label(about: Any) -> str | None:
    """Return the name of an address whose entry is a name, or has one."""
    if isinstance(about, dict):
        return next((told for told in map(text, map(about.get, _LABEL)) if told), None)
    return about if isinstance(about, str) and about[:2] != "0x" else None


def _origin(item: Item, path: str, value: Any, reading: Reading) -> None:
    if isinstance(value, str) and value.startswith(("http://", "https://")) and _SITES.search(path):
        reading.site(item, value, detail="listed as connected")


def _string(item: Item, path: str, name: str, value: str, reading: Reading) -> None:
    if _SECRET.search(name) and len(value) <= 4096:  # noqa: PLR2004 - characters of a phrase
        words = value.split()
        known = mnemonic.check(words)
        if known and known.checks:
            reading.secret(item, f"{known.kind}-seed", name, value, counted(len(words), "word"))
        elif private_keys.is_hex_key(value.removeprefix("0x")) and len(value) >= 64:  # noqa: PLR2004 - digits
            reading.secret(item, "private-key", name, value, f"{len(value)} characters")
        return
    whole = f"{path}.{name}"
    if _OTHERS.search(whole):
        return
    if _ADDRESS.fullmatch(name):
        role = "contact" if _CONTACT.search(whole) else "own"
        reading.address(item, str(value), role=role, label=getattr(value, "label", None))
    elif 25 < len(value) < 130 and name.isidentifier():  # noqa: PLR2004 - characters
        known_address = addresses.classify(value)
        if known_address and known_address.checks:
            reading.address(item, value, role="mentioned")
    _origin(item, whole, value, reading)
