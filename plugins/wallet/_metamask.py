"""MetaMask's state: controllers by name, in the extension and in the mobile program.

Written from MetaMask's sources (`metamask-extension`, `core/packages`) of 2018 to 2026 and tested
with stores of versions 10.0 and 10.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from triage.api import LimitError, ParseError
from triage.formats import json

from . import _vaults
from ._extension_reading import Item, Reading, milliseconds, ticker
from ._shapes import mapping, sequence, text

_MOST = 20_000
_ENDS = ("Controller", "PermissionsMetadata")


def is_state(value: Any) -> bool:
    """Whether an object holds controllers."""
    return isinstance(value, dict) and any(name.endswith(_ENDS) for name in value)


def read_state(item: Item, state: Mapping[str, Any], reading: Reading) -> None:
    """Take what the controllers of one version of the state tell."""
    parts = {name: mapping(value) for name, value in state.items()}
    _vault(item, parts, reading)
    _accounts(item, parts, reading)
    _contacts(item, parts, reading)
    _transactions(item, parts, reading)
    _sites(item, parts, reading)
    _networks(parts, reading)
    _about(parts, reading)


def _part(parts: Mapping[str, dict[str, Any]], name: str, field: str) -> dict[str, Any]:
    return mapping(parts.get(name, {}).get(field))


def _vault(item: Item, parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    stored = parts.get("KeyringController", {}).get("vault")
    if isinstance(stored, str):
        try:
            stored = json.parse(stored)
        except (ParseError, LimitError):
            return
    vault = _vaults.of(mapping(stored))
    if vault:
        reading.vault(item, vault)


def _accounts(item: Item, parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    listed = mapping(_part(parts, "AccountsController", "internalAccounts").get("accounts"))
    for account in list(listed.values())[:_MOST]:
        about = mapping(mapping(account).get("metadata"))
        keyring = text(mapping(about.get("keyring")).get("type"))
        made = milliseconds("account_added", about.get("importTime"))
        used = milliseconds("account_selected", about.get("lastSelected"))
        if keyring and "hardware" in keyring.lower():
            reading.hardware.setdefault(keyring[:60])
        _own(item, mapping(account).get("address"), text(about.get("name")), (made, used), reading)
    identities = _part(parts, "PreferencesController", "identities")
    for address, about in list(identities.items())[:_MOST]:
        about = mapping(about)  # noqa: PLW2901 - the same, as an object
        used = milliseconds("account_selected", about.get("lastSelected"))
        made = milliseconds("account_added", about.get("importTime"))
        _own(item, address, text(about.get("name")), (made, used), reading)
    for name in ("AccountTracker", "AccountTrackerController"):
        for address in list(_part(parts, name, "accounts"))[:_MOST]:
            _own(item, address, None, ((), ()), reading)


def _own(
    item: Item, address: Any, label: str | None, times: tuple[Any, Any], reading: Reading
) -> None:
    made, used = times
    reading.created.extend(made)
    reading.used.extend(used)
    reading.address(item, address, role="own", label=label, times=(*made, *used))


def _contacts(item: Item, parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    for chain, entries in list(_part(parts, "AddressBookController", "addressBook").items())[:1000]:
        for address, about in list(mapping(entries).items())[:_MOST]:
            told = [text(mapping(about).get(name)) for name in ("name", "memo")]
            label = ": ".join(part for part in told if part) or None
            reading.address(item, address, role="contact", coin=ticker(chain), label=label)


def _listed(parts: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield transactions, which were kept by number, by hash or in a list."""
    for name, field in (
        ("TransactionController", "transactions"),
        ("IncomingTransactionsController", "incomingTransactions"),
    ):
        kept = parts.get(name, {}).get(field)
        values = list(kept.values()) if isinstance(kept, dict) else sequence(kept)
        for value in values[:_MOST]:
            yield mapping(value)


def _transactions(item: Item, parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    own = {key for key, one in reading.addresses.items() if one.role == "own"}
    for entry in _listed(parts):
        fields = mapping(entry.get("txParams")) or mapping(entry.get("transaction"))
        coin = ticker(entry.get("chainId") or entry.get("metamaskNetworkId"))
        sender, receiver = text(fields.get("from")) or "", text(fields.get("to")) or ""
        amount = _hexadecimal(fields.get("value"))
        times = milliseconds("made", entry.get("time")) + milliseconds(
            "submitted", entry.get("submittedTime")
        )
        delta = None
        if amount is not None and (sender.lower() in own) != (receiver.lower() in own):
            delta = -amount if sender.lower() in own else amount
        reading.used.extend(times)
        reading.transaction(
            item,
            entry.get("hash"),
            coin=coin,
            delta=delta,
            label=text(entry.get("status")),
            times=times,
        )
        if sender.lower() in own:
            reading.address(item, receiver, role="payee", coin=coin, times=times)


def _hexadecimal(value: Any) -> int | None:
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:  # noqa: PLR2004 - 256 bits
        return None
    try:
        return int(value[2:] or "0", 16)
    except ValueError:
        return None


def _sites(item: Item, parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    history = (
        _part(parts, "PermissionLogController", "permissionHistory")
        or _part(parts, "PermissionsMetadata", "permissionsHistory")
        or _part(parts, "PermissionsController", "permissionsHistory")
    )
    approved = {
        origin: mapping(mapping(about).get("eth_accounts")).get("lastApproved")
        for origin, about in list(history.items())[:_MOST]
    }
    subjects = _part(parts, "PermissionController", "subjects") or _part(
        parts, "PermissionsController", "domains"
    )
    for origin, about in list(subjects.items())[:_MOST]:
        permissions = mapping(about).get("permissions")
        names = list(permissions) if isinstance(permissions, dict) else []
        dates = [mapping(one).get("date") for one in mapping(permissions).values()]
        for one in sequence(permissions)[:100]:
            names.append(text(mapping(one).get("parentCapability")) or "")
            dates.append(mapping(one).get("date"))
        times = milliseconds("approved", approved.get(origin))
        made = [date for date in dates if isinstance(date, int | float)]
        times += milliseconds("connected", min(made)) if made else ()
        detail = f"connected: {', '.join(sorted(filter(None, names))[:5])}"
        reading.site(item, origin, detail=detail, times=times)
    for origin, when in approved.items():
        times = milliseconds("approved", when)
        reading.site(item, origin, detail="was connected, by the history", times=times)


def _networks(parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    by_chain = _part(parts, "NetworkController", "networkConfigurationsByChainId")
    for chain, about in list(by_chain.items())[:100]:
        reading.network(text(mapping(about).get("name")), chain)
    for about in list(_part(parts, "NetworkController", "networkConfigurations").values())[:100]:
        reading.network(text(mapping(about).get("nickname")), mapping(about).get("chainId"))
    chosen = _part(parts, "NetworkController", "provider") or _part(
        parts, "NetworkController", "providerConfig"
    )
    reading.network(text(chosen.get("nickname")) or text(chosen.get("type")), chosen.get("chainId"))
    for about in sequence(parts.get("PreferencesController", {}).get("frequentRpcListDetail"))[
        :100
    ]:
        reading.network(text(mapping(about).get("nickname")), mapping(about).get("chainId"))


def _about(parts: Mapping[str, dict[str, Any]], reading: Reading) -> None:
    first = parts.get("firstTimeInfo", {})
    reading.started = reading.started or milliseconds("first_started", first.get("date"))
    reading.first_version = reading.first_version or text(first.get("version"))
    current = parts.get("AppMetadataController", {}).get("currentAppVersion")
    reading.version = reading.version or text(current)
