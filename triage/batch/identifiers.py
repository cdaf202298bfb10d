"""What in a finding may stand on another drive as well: addresses, keys, accounts, devices.

An identifier is compared exactly, in one spelling. Its role says which side of it a drive is:
`own` (its key, account or wallet lies here) or `other` (it is only named here).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from triage.formats.indicators import WEB, IndicatorList
from triage.formats.indicators import load as load_list

Record: TypeAlias = dict[str, Any]
Value: TypeAlias = dict[str, Any]

TYPES = (
    "xpub",
    "wallet",
    "crypto-address",
    "transaction",
    "exchange-account",
    "onion",
    "darknet",
    "pgp-key",
    "pgp-key-id",
    "chat-account",
    "chat-key",
    "chat-group",
    "phone",
    "email",
    "device",
    "volume",
    "vpn-key",
    "bridge",
    "file",
)
"""Types of identifiers, from what says most to what says least; their words stand in the texts."""

OWN, OTHER = "own", "other"

# Onion services that everybody may know; others of the list are kept: they say something.
_PUBLIC = frozenset({"known-onion-service", "onion-search", "onion-directory"})
_NOBODY = re.compile(r"(no-?reply|do-?not-?reply|mailer-daemon|postmaster|abuse)@", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s<>@\"',;:]{1,64}@[^\s<>@\"',;:]{1,190}\.[A-Za-z]{2,24}")
_SERIAL = re.compile(r"\bserial ([0-9A-F]{4}-[0-9A-F]{4})\b")
_NOT_DIGITS = re.compile(r"[^0-9+]")
_PHONE_DIGITS = 7  # at least; shorter numbers are services
_SHORTEST_ID = 6  # characters of a device id that can tell devices apart
_OWN_ROLES = frozenset(
    {"receive", "change", "imported", "own", "router", "hosted", "inserted"}  # the rest is other
)


class Identifier(NamedTuple):
    """One identifier: its type, its value in the one spelling, and the role here."""

    type: str
    value: str
    role: str


def identifiers(record: Record) -> Iterator[Identifier]:
    """Yield what a finding names; nothing for kinds that name nobody and nothing."""
    read = _READERS.get(record["kind"])
    if read is not None:
        yield from (one for one in read(record["value"]) if one.value)


def well_known(one: Identifier) -> str | None:
    """Return the dated list on which an identifier stands as common to all, else None."""
    if one.type == "onion":
        entry = WEB.host(one.value)
        return str(WEB) if entry is not None and entry.category in _PUBLIC else None
    if one.type == "pgp-key":
        return str(_keys()) if _keys().key(one.value) is not None else None
    if one.type == "email":
        if _NOBODY.match(one.value):
            return "addresses of nobody"
        entry = _remailers().host(one.value.rpartition("@")[2])
        return str(_remailers()) if entry is not None else None
    return None


@cache
def _keys() -> IndicatorList:
    return load_list("pgp-keys")


@cache
def _remailers() -> IndicatorList:
    return load_list("remailers")


def _text(value: Value, key: str) -> str:
    found = value.get(key)
    return found.strip() if isinstance(found, str) else ""


def _texts(value: Value, key: str) -> Iterator[str]:
    found = value.get(key)
    if isinstance(found, list):
        yield from (item.strip() for item in found if isinstance(item, str))


def _address(value: Value) -> Iterator[Identifier]:
    role = OWN if _text(value, "role") in _OWN_ROLES else OTHER
    address = _text(value, "crypto_address")
    if address.upper() == address or address.startswith("0x"):  # bech32 in capitals, EIP-55
        address = address.lower()
    yield Identifier("crypto-address", address and f"{_text(value, 'coin')}:{address}", role)


def _xpub(value: Value) -> Iterator[Identifier]:
    yield Identifier("xpub", _text(value, "xpub"), OWN)


def _transaction(value: Value) -> Iterator[Identifier]:
    txid = _text(value, "txid").lower()
    yield Identifier("transaction", txid and f"{_text(value, 'coin')}:{txid}", OWN)


def _wallet(value: Value) -> Iterator[Identifier]:
    yield Identifier("wallet", _text(value, "fingerprint").lower(), OWN)


def _wallet_device(value: Value) -> Iterator[Identifier]:
    for key in ("serial", "serial_number", "device_id"):
        yield from _device(_text(value, key), "wallet")


def _exchange(value: Value) -> Iterator[Identifier]:
    account = _text(value, "service_account")
    if any(_emails(account, OWN)):
        yield from _emails(account, OWN)
    elif account:
        exchange = _text(value, "exchange").lower()
        yield Identifier("exchange-account", f"{exchange}:{account}", OWN)


def _onion_text(text: str) -> str:
    host = text.lower().rstrip(".")
    return ".".join(host.split(".")[-2:]) if host.endswith(".onion") else ""


def _onion(role: str) -> Callable[[Value], Iterator[Identifier]]:
    def read(value: Value) -> Iterator[Identifier]:
        yield Identifier("onion", _onion_text(_text(value, "onion")), role)

    return read


def _darknet(value: Value) -> Iterator[Identifier]:
    address = _text(value, "darknet_address")
    role = OWN if _text(value, "role") in _OWN_ROLES else OTHER
    if onion := _onion_text(address):
        yield Identifier("onion", onion, role)
    elif address:
        yield Identifier("darknet", f"{_text(value, 'network')}:{address}", role)


def _bridge(value: Value) -> Iterator[Identifier]:
    if value.get("source") == "user":
        yield Identifier("bridge", _text(value, "fingerprint") or _text(value, "address"), OTHER)


def _pgp_key(value: Value) -> Iterator[Identifier]:
    if value.get("well_known"):
        return
    own = value.get("own") is True or value.get("secret_key") in ("protected", "unprotected")
    role = OWN if own else OTHER
    yield Identifier("pgp-key", _text(value, "fingerprint").upper(), role)
    for key_id in (_text(value, "key_id"), *_texts(value, "subkeys")):
        yield Identifier("pgp-key-id", key_id.partition(" ")[0].upper(), role)
    for user in _texts(value, "user_ids"):
        yield from _emails(user, role)
    yield from _device(_text(value, "card_serial"), "card")


def _pgp_message(value: Value) -> Iterator[Identifier]:
    for key in ("recipient_keys", "signer_keys"):
        for key_id in _texts(value, key):
            yield Identifier("pgp-key-id", key_id.upper(), "message")
    yield from _emails(_text(value, "mail_sender"), OTHER)
    for text in _texts(value, "mail_recipients"):
        yield from _emails(text, OTHER)


def _chat(role: str) -> Callable[[Value], Iterator[Identifier]]:
    def read(value: Value) -> Iterator[Identifier]:
        yield _chat_name(value, _text(value, "identifier"), role)
        fingerprint = re.sub(r"[\s:]", "", _text(value, "fingerprint")).upper()
        yield Identifier("chat-key", fingerprint, role)
        yield from _phone(_text(value, "phone"), role)
        if handle := _text(value, "handle"):
            yield _chat_name(value, f"@{handle}", role)
        if own := _text(value, "own_account"):
            yield _chat_name(value, own, OWN)

    return read


def _chat_name(value: Value, name: str, role: str) -> Identifier:
    service = _text(value, "service")
    if service == "xmpp":
        name = name.partition("/")[0].lower()  # without the resource (RFC 7622)
    return Identifier("chat-account", name and f"{service}:{name}", role)


def _group(value: Value) -> Iterator[Identifier]:
    name = _text(value, "identifier")
    yield Identifier("chat-group", name and f"{_text(value, 'service')}:{name}", OTHER)
    for member in _texts(value, "members"):
        yield _chat_name(value, member, OTHER)


def _message(value: Value) -> Iterator[Identifier]:
    outgoing = value.get("outgoing") is True
    yield _chat_name(value, _text(value, "sender"), OWN if outgoing else OTHER)


def _mail_account(value: Value) -> Iterator[Identifier]:
    yield from _emails(_text(value, "mail_address"), OWN)
    yield Identifier("pgp-key-id", _text(value, "openpgp_key").upper()[-16:], OWN)


def _mail_message(value: Value) -> Iterator[Identifier]:
    yield from _emails(_text(value, "mail_sender"), OTHER)
    for text in _texts(value, "mail_recipients"):
        yield from _emails(text, OTHER)


def _browser(value: Value) -> Iterator[Identifier]:
    for text in _texts(value, "signed_in_as"):
        yield from _emails(text, OWN)
    for text in _texts(value, "device_ids"):
        yield from _device(text, "gpu")


def _system(value: Value) -> Iterator[Identifier]:
    yield from _device(_text(value, "machine_id"), "machine")


def _usb(value: Value) -> Iterator[Identifier]:
    for key in ("serial", "serial_number"):
        yield from _device(_text(value, key), "usb")
    yield from _volume(_text(value, "volume_serial"))


def _stored_on(value: Value) -> Iterator[Identifier]:
    named = _SERIAL.search(_text(value, "stored_on"))
    yield from _volume(named[1] if named else "")


def _volume(serial: str) -> Iterator[Identifier]:
    if serial.strip("0-"):
        yield Identifier("volume", serial, OTHER)


def _account(value: Value) -> Iterator[Identifier]:
    yield from _emails(_text(value, "internet_name"), OWN)


def _vpn(value: Value) -> Iterator[Identifier]:
    for key in _texts(value, "public_keys"):
        yield Identifier("vpn-key", key, OTHER)


def _device(text: str, what: str) -> Iterator[Identifier]:
    if len(text) >= _SHORTEST_ID and len(set(text)) > 1:  # not a row of zeros
        yield Identifier("device", f"{what}:{text}", OWN)


def _emails(text: str, role: str) -> Iterator[Identifier]:
    for match in _EMAIL.finditer(text[:4096]):
        yield Identifier("email", match[0].lower(), role)


def _phone(text: str, role: str) -> Iterator[Identifier]:
    digits = _NOT_DIGITS.sub("", text)
    if len(digits) > _PHONE_DIGITS and digits.startswith("+"):  # without a country code: not one
        yield Identifier("phone", digits, role)


_READERS: Mapping[str, Callable[[Value], Iterable[Identifier]]] = MappingProxyType(
    {
        "wallet.address": _address,
        "indicator.crypto-address": _address,
        "wallet.xpub": _xpub,
        "wallet.transaction": _transaction,
        "wallet.file": _wallet,
        "wallet.device": _wallet_device,
        "wallet.exchange": _exchange,
        "tor.onion-service": _onion(OWN),
        "tor.onion-auth": _onion(OTHER),
        "indicator.onion": _onion(OTHER),
        "darknet.identity": _darknet,
        "tor.bridge": _bridge,
        "pgp.key": _pgp_key,
        "pgp.message": _pgp_message,
        "chat.account": _chat(OWN),
        "chat.contact": _chat(OTHER),
        "chat.group": _group,
        "chat.message": _message,
        "mail.account": _mail_account,
        "mail.remailer-message": _mail_message,
        "web.browser": _browser,
        "system.os": _system,
        "system.usb": _usb,
        "program.present": _stored_on,
        "system.account": _account,
        "system.online-account": _account,
        "vpn.client": _vpn,
    }
)
