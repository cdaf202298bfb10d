"""What in a finding other programs can compare: addresses, names, accounts.

One table for all exchange formats, so that none of them knows kinds. Only what is well formed
becomes an observable; everything else stays in the finding's summary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final


class What(StrEnum):
    """What an observable is."""

    URL = "url"
    DOMAIN = "domain"
    MAIL = "mail"
    IP = "ip"
    ACCOUNT = "account"  # `scheme`: the service, or unix, windows
    COIN = "coin"  # an address on a ledger; `scheme`: the coin's ticker
    XPUB = "xpub"  # from which addresses are computed; `scheme`: the coin's ticker


@dataclass(frozen=True, slots=True, kw_only=True)
class Observable:
    """One value that can be compared with those of others."""

    what: What
    value: str
    scheme: str | None = None
    name: str | None = None  # what a person calls it: a contact's name, a wallet's label


_Field = tuple[What, str, str | None, str | None]  # what; fields of value, scheme, name

_FIELDS: Final[Mapping[str, tuple[_Field, ...]]] = MappingProxyType(
    {
        "web.visit": ((What.URL, "url", None, None),),
        "web.bookmark": ((What.URL, "url", None, None),),
        "web.download": ((What.URL, "url", None, None),),
        "web.tab": ((What.URL, "url", None, None),),
        "web.site": ((What.DOMAIN, "host", None, None),),
        "tor.circuit": ((What.DOMAIN, "site", None, None), (What.DOMAIN, "onion", None, None)),
        "tor.onion-service": ((What.DOMAIN, "onion", None, None),),
        "tor.onion-auth": ((What.DOMAIN, "onion", None, None),),
        "tor.bridge": ((What.IP, "address", None, None),),
        "indicator.onion": ((What.DOMAIN, "onion", None, None),),
        "indicator.i2p": ((What.DOMAIN, "i2p", None, None),),
        "darknet.identity": ((What.DOMAIN, "darknet_address", None, "label"),),
        "mail.account": ((What.MAIL, "mail_address", None, "full_name"),),
        "mail.remailer-message": (
            (What.MAIL, "mail_sender", None, None),
            (What.MAIL, "mail_recipients", None, None),
        ),
        "chat.account": ((What.ACCOUNT, "identifier", "service", "display_name"),),
        "chat.contact": ((What.ACCOUNT, "identifier", "service", "alias"),),
        "chat.group": ((What.ACCOUNT, "identifier", "service", "name"),),
        "chat.message": ((What.ACCOUNT, "sender", "service", "sender_name"),),
        "system.account": ((What.ACCOUNT, "account_id", None, "name"),),
        "wallet.address": ((What.COIN, "crypto_address", "coin", "label"),),
        "wallet.xpub": ((What.XPUB, "xpub", "coin", "label"),),
        "wallet.exchange": ((What.ACCOUNT, "service_account", "exchange", None),),
        "indicator.crypto-address": ((What.COIN, "crypto_address", "coin", None),),
    }
)

_LONGEST: Final = 4096
_FORMS: Final[Mapping[What, re.Pattern[str]]] = MappingProxyType(
    {
        # RFC 3986: what other programs refuse is not passed on as an address.
        What.URL: re.compile(
            r"[A-Za-z][A-Za-z0-9+.-]*://(?:[\w.~!$&'()*+,;=:@/?\-\[\]]|%[0-9A-Fa-f]{2})+"
            r"(?:#(?:[\w.~!$&'()*+,;=:@/?\-]|%[0-9A-Fa-f]{2})*)?",
            re.ASCII,
        ),
        What.DOMAIN: re.compile(
            r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62}", re.IGNORECASE | re.ASCII
        ),
        What.MAIL: re.compile(
            r"[\w.!#$%&'*+/=?^`{|}~-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE | re.ASCII
        ),
        What.ACCOUNT: re.compile(r"[^\x00-\x1f\x7f]+"),
        What.COIN: re.compile(r"[!-~]+"),
        What.XPUB: re.compile(r"[A-Za-z0-9]+"),
    }
)
_ENDPOINT: Final = re.compile(r"\[?([0-9A-Fa-f:.]{2,45}?)\]?(?::\d{1,5})?")


def observables(record: Mapping[str, Any]) -> tuple[Observable, ...]:
    """Return what a finding holds that can be compared, in the order of its fields."""
    found: dict[Observable, None] = {}
    value = record["value"]
    for what, field, scheme, name in _FIELDS.get(record["kind"], ()):
        items = value.get(field)
        for item in items if isinstance(items, list) else [items]:
            text = _well_formed(what, item)
            if text is not None:
                told = _scheme(record["kind"], text, value.get(scheme) if scheme else None)
                called = value.get(name) if name else None
                found[
                    Observable(what=what, value=text, scheme=told, name=str(called or "") or None)
                ] = None
    return tuple(found)


def _well_formed(what: What, item: object) -> str | None:
    if not isinstance(item, str) or not item or len(item) > _LONGEST:
        return None
    if what is What.IP:
        return _ip(item)
    return item if _FORMS[what].fullmatch(item) else None


def _ip(text: str) -> str | None:
    endpoint = _ENDPOINT.fullmatch(text)
    try:
        return str(ip_address(endpoint[1])) if endpoint else None
    except ValueError:
        return None


def _scheme(kind: str, text: str, told: object) -> str | None:
    if kind == "system.account":
        return "windows" if text.startswith("S-1-") else "unix"
    return str(told) if told else None
