"""The content of an Electrum wallet, the same for the layouts of seed_version 4 to 71.

Layouts, from `wallet_db.py` of Electrum 4.3.4 (its `_convert_*` methods say what changed):

| seed_version | keys | addresses |
|---|---|---|
| 4 (before 2.0) | `master_public_key`, `seed`, `imported_keys` | `accounts`: 0 and 1 → list |
| 11 (2.0 to 2.6) | `master_public_keys`, `master_private_keys`, `seed` | `accounts`: public keys |
| 12, 13 (2.7) | `keystore`, `x1/` … | `pubkeys` |
| 13 (2.8) and later | the same | `addresses`: `receiving`, `change`, or imported ones |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from triage.api import ParseError
from triage.formats import base58, extended_keys

from . import _bitcoin

_COSIGNERS = re.compile(r"x(?:[1-9]|1[0-5])/")
_MULTISIG = re.compile(r"(\d{1,2})of(\d{1,2})")
_CHAINS: Final = {"0": "receive", "receiving": "receive", "1": "change", "change": "change"}
_NUMBER: Final = {"receive": 0, "change": 1}
_TXID = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{8}")
_MULTISIG_OF_2FA = 2  # of three keys, one of them TrustedCoin's


def mapping(value: Any) -> Mapping[str, Any]:
    """Return it if it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return it if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """Return it if it is text and not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> int | None:
    """Return it if it is an integer."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keystore:
    """One set of keys: an own one, a cosigner's, a device's."""

    place: str  # where in the file
    fields: Mapping[str, Any]

    @property
    def public(self) -> str | None:
        """The extended public key, or the 128 hex digits of the first generation."""
        return text(self.fields.get("xpub")) or text(self.fields.get("mpk"))

    @property
    def hardware(self) -> str | None:
        """The kind of hardware wallet that has the private keys."""
        return text(self.fields.get("hw_type"))

    @property
    def derivation(self) -> str | None:
        """Path from the seed to `public`, as the file has it or the key itself shows."""
        stated = text(self.fields.get("derivation"))
        if stated:
            return stated
        key = extended_keys.classify(self.public or "")
        return "m" if key is not None and key.depth == 0 else None

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the seed's master key, 8 hex digits."""
        stated = text(self.fields.get("root_fingerprint"))
        if stated and _FINGERPRINT.fullmatch(stated):
            return stated
        key = extended_keys.classify(self.public or "")
        if key is not None and key.depth == 0:
            return _bitcoin.hash160(base58.decode_check(key.text)[45:])[:4].hex()
        return key.parent_fingerprint if key is not None and key.depth == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An address that the wallet lists."""

    address: str
    role: str  # receive, change, imported, own (the file does not say which)
    place: str
    index: str | None = None  # chain and number: `0/5`
    computed: bool = False  # from the public keys that stand in the file


def keystores(data: Mapping[str, Any]) -> list[Keystore]:
    """Return all sets of keys, in the order of their places."""
    found = [
        Keystore(place=place, fields=value)
        for place, value in sorted(data.items())
        if (place == "keystore" or _COSIGNERS.fullmatch(place)) and isinstance(value, dict)
    ]
    if found:
        return found
    hardware = wallet_type(data)
    for path, xpub in sorted(mapping(data.get("master_public_keys")).items()):
        # The path of a hardware wallet begins below m/44'/0', and the file does not say so.
        device = hardware if hardware in {"trezor", "keepkey", "ledger", "btchip"} else None
        own = None if device or path == "x/" or _COSIGNERS.fullmatch(path) else _below_master(path)
        fields = {"xpub": xpub, "hw_type": device, "derivation": own}
        found.append(Keystore(place=f"master_public_keys.{path}", fields=fields))
    if text(data.get("master_public_key")):
        fields = {"mpk": data["master_public_key"]}
        found.append(Keystore(place="master_public_key", fields=fields))
    return found


def _below_master(path: str) -> str | None:
    return f"m{path[1:].rstrip('/')}" if path.startswith("x/") else None


def wallet_type(data: Mapping[str, Any]) -> str | None:
    """Return standard, imported, 2fa, 2of3 …; `old` for the first generation."""
    stated = text(data.get("wallet_type"))
    return stated or ("old" if text(data.get("master_public_key")) else None)


def addresses(data: Mapping[str, Any]) -> Iterator[Listed]:
    """Yield the wallet's own addresses, each once, the lists before the history."""
    seen: set[str] = set()
    for listed in _listed(data):
        if listed.address and listed.address not in seen:
            seen.add(listed.address)
            yield listed
    for address in mapping(data.get("addr_history")):
        if address and address not in seen:
            yield Listed(address=address, role="own", place="addr_history")


def _listed(data: Mapping[str, Any]) -> Iterator[Listed]:
    stated = data.get("addresses")
    if isinstance(stated, dict) and not {"receiving", "change"} & stated.keys():
        stated = list(stated)
    if isinstance(stated, list):
        for address in filter(text, stated):
            yield Listed(address=str(address), role="imported", place="addresses")
    else:
        yield from _chains(mapping(stated), data, "addresses")
    yield from _chains(mapping(data.get("pubkeys")), data, "pubkeys")
    for account, content in sorted(mapping(data.get("accounts")).items()):
        yield from _chains(mapping(content), data, f"accounts.{account}")
        for address in mapping(mapping(content).get("imported")):
            yield Listed(address=address, role="imported", place=f"accounts.{account}.imported")
    for address in mapping(data.get("imported_keys")):
        yield Listed(address=address, role="imported", place="imported_keys")


def _chains(chains: Mapping[str, Any], data: Mapping[str, Any], place: str) -> Iterator[Listed]:
    for name in sorted(chains.keys() & _CHAINS.keys(), key=lambda name: _NUMBER[_CHAINS[name]]):
        role = _CHAINS[name]
        for position, item in enumerate(sequence(chains[name])):
            computed = _of_keys(item, data)
            address = computed or text(item)
            if address:
                yield Listed(
                    address=address,
                    role=role,
                    place=f"{place}.{name}[{position}]",
                    index=f"{_NUMBER[role]}/{position}",
                    computed=computed is not None,
                )


def _of_keys(item: Any, data: Mapping[str, Any]) -> str | None:
    """Return the address of public keys that stand in place of an address, before 2.8."""
    test = _is_testnet(data)
    if _bitcoin.is_public_key(item):
        return _bitcoin.p2pkh(item, 0x6F if test else 0)
    keys = sequence(item)
    if not keys or not all(map(_bitcoin.is_public_key, keys)):
        return None
    shape = _MULTISIG.fullmatch(wallet_type(data) or "")
    required = int(shape[1]) if shape else _MULTISIG_OF_2FA
    return _bitcoin.p2sh_multisig(required, keys, 0xC4 if test else 5)


def _is_testnet(data: Mapping[str, Any]) -> bool:
    history = mapping(data.get("addr_history"))
    return next(iter(history), "1")[:1] in {"m", "n", "2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction that the wallet knows."""

    txid: str
    height: int | None
    block_time: int | None  # seconds since 1970, UTC
    delta: int | None  # smallest unit of the coin, what own addresses gained or lost
    id_matches: bool  # the stored transaction has this id


def transactions(data: Mapping[str, Any]) -> Iterator[Transaction]:
    """Yield the transactions of all lists, sorted by id."""
    stored = mapping(data.get("transactions"))
    verified = {**mapping(data.get("verified_tx")), **mapping(data.get("verified_tx3"))}
    heights: dict[str, int] = {}
    for history in mapping(data.get("addr_history")).values():
        for item in sequence(history):
            pair = sequence(item)
            if len(pair) > 1 and isinstance(pair[0], str) and (number(pair[1]) or 0) >= 0:
                heights[pair[0]] = number(pair[1]) or 0
    for txid in sorted({*stored, *verified, *heights}):
        if not _TXID.fullmatch(txid):
            continue
        proof = sequence(verified.get(txid))
        height = number(proof[0]) if proof else heights.get(txid)
        yield Transaction(
            txid=txid,
            height=height if height and height > 0 else None,
            block_time=number(proof[1]) if len(proof) > 1 else None,
            delta=_delta(data, txid),
            id_matches=_has_id(stored.get(txid), txid),
        )


def _has_id(raw: Any, txid: str) -> bool:
    try:
        return _bitcoin.transaction_id(bytes.fromhex(raw)) == txid
    except (ParseError, TypeError, ValueError):
        return False


def _delta(data: Mapping[str, Any], txid: str) -> int | None:
    """Return what own addresses received less what they spent; None: the wallet does not say."""
    gained, lost = mapping(data.get("txo")).get(txid), mapping(data.get("txi")).get(txid)
    if not isinstance(gained, dict) and not isinstance(lost, dict):
        return None
    return sum(_amounts(gained, 1)) - sum(_amounts(lost, 1))


def _amounts(by_address: Any, at: int) -> Iterator[int]:
    """Yield amounts: `[[output, amount, …]]` before 4.0, `{output: amount, …}` since."""
    for items in mapping(by_address).values():
        if isinstance(items, dict):
            values = [value[0] if sequence(value) else value for value in items.values()]
        else:
            values = [item[at] for item in sequence(items) if len(sequence(item)) > at]
        yield from (value for value in values if number(value) is not None)
