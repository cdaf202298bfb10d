r"""Accounts at online services that a system or a person's account is signed in to.

Written from published descriptions: Windows 8 to 11 (`IdentityCRL`, `IdentityStore`, the join to
Entra ID, OneDrive, Office 2013 to 365), macOS (`MobileMeAccounts.plist`, `Accounts4.sqlite`), GNOME
Online Accounts. Tested with files made by us. It proves that this name was entered and accepted
here once; tokens and passwords are not read. Not read: accounts of browsers (see
`web`), of KDE, of Android (`accounts_ce.db`).

References: https://github.com/libyal/winreg-kb, https://aadinternals.com/ and ydkhatri/mac_apt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import Artifact, Confidence, ParseError, Shows, SystemOnlineAccount, Time, extractor
from triage.formats import plist
from triage.formats.registry import Key, control_set, open_with_logs
from triage.formats.stamps import stamp

from ._ini import sections_of

_MOST = 1_000
_SMALL = 1 << 20
_CRL = r"Software\Microsoft\IdentityCRL\UserExtendedProperties"
_DRIVE = r"Software\Microsoft\OneDrive\Accounts"
_OFFICE = r"Software\Microsoft\Office\{}\Common\Identity\Identities"
_OFFICES = ("15.0", "16.0")
_STORE = r"Microsoft\IdentityStore\Cache"
_JOIN = r"Control\CloudDomainJoin\JoinInfo"
_APPLE: Final = {"ZUSERNAME", "ZACCOUNTTYPE", "ZDATE"}


@extractor(
    name="system.windows.online-accounts",
    paths=(
        # Windows 8 and later; programs of Microsoft since Windows 7
        "Users/*/NTUSER.DAT",
        "Windows.old*/Users/*/NTUSER.DAT",
    ),
    yields=(SystemOnlineAccount,),
)
def windows_account(artifact: Artifact) -> Iterator[SystemOnlineAccount]:
    """Name the Microsoft, OneDrive and Office accounts of an account."""
    hive = open_with_logs(artifact)
    for key in _below(hive.key(_CRL)):
        yield from _online("Microsoft", key.name, "identity-crl", rf"{_CRL}\{key.name}", key)
    for key in _below(hive.key(_DRIVE)):
        name = _text(key, "UserEmail")
        yield from _online("OneDrive", name, "onedrive", rf"{_DRIVE}\{key.name}", key)
    for version in _OFFICES:
        for key in _below(hive.key(_OFFICE.format(version))):
            place = rf"Office\{version}\Common\Identity\Identities\{key.name}"
            name, person = _text(key, "EmailAddress"), _text(key, "FriendlyName")
            yield from _online("Office", name, "office", place, key, person=person)


@extractor(
    name="system.windows.cloud-logons",
    paths=(
        # Windows 10 and later: accounts that log on with an online one; the machine's own join
        "Windows/System32/config/{SOFTWARE,SYSTEM}",
        "Windows.old*/Windows/System32/config/{SOFTWARE,SYSTEM}",
    ),
    yields=(SystemOnlineAccount,),
)
def cloud_logons(artifact: Artifact) -> Iterator[SystemOnlineAccount]:
    """Name the online accounts that people log on with, and the one that joined the machine."""
    hive = open_with_logs(artifact)
    for key in _below(hive.key(_STORE)):
        for inner in _below(key.key("IdentityCache")):
            name, person = _text(inner, "UserName"), _text(inner, "DisplayName")
            place = rf"{_STORE}\{key.name}\IdentityCache\{inner.name}"
            yield from _found(
                "Windows",
                name,
                "identity-store",
                place,
                person=person,
                times=stamp("last_written", inner.last_written, "filetime"),
                belongs_to=inner.name if inner.name.startswith("S-1-") else None,
            )
    control = control_set(hive)
    for key in _below(control.key(_JOIN) if control else None):
        name = _text(key, "UserEmail")
        yield from _online("Entra ID", name, "device-join", rf"{_JOIN}\{key.name}", key)


@extractor(
    name="system.linux.online-accounts",
    paths=(
        # GNOME 3.2 and later
        "{home/*,root}/.config/goa-1.0/accounts.conf",
    ),
    yields=(SystemOnlineAccount,),
)
def gnome(artifact: Artifact) -> Iterator[SystemOnlineAccount]:
    """Name the accounts in GNOME's settings; their tokens lie in the keyring."""
    found = sections_of(artifact.text(_SMALL))
    if not any(section.startswith("Account ") for section in found):
        raise ParseError("not a list of GNOME's online accounts")
    for section, values in list(found.items())[:_MOST]:
        name = values.get("presentationidentity") or values.get("identity")
        service = values.get("provider", "")
        yield from _found(service, name, "gnome-online-accounts", section)


@extractor(
    name="system.macos.online-accounts",
    paths=(
        # Mac OS X 10.7 to macOS 14
        "Users/*/Library/Preferences/MobileMeAccounts.plist",
        # OS X 10.11 and later; 10.8 to 10.10 as Accounts3
        "Users/*/Library/Accounts/Accounts[34].sqlite",
    ),
    yields=(SystemOnlineAccount,),
)
def apple(artifact: Artifact) -> Iterator[SystemOnlineAccount]:
    """Name the Apple account and the other internet accounts of an account."""
    if artifact.entry.name.casefold().endswith(".plist"):
        value = plist.parse(artifact.read(_SMALL))
        known = value.get("Accounts") if isinstance(value, dict) else None
        for number, item in enumerate(known if isinstance(known, list) else ()):
            if isinstance(item, dict):
                name, person = item.get("AccountID"), item.get("DisplayName")
                yield from _found("Apple", name, "icloud", f"account {number}", person=person)
        return
    with artifact.sqlite() as database:
        if not database.has({"ZACCOUNT": _APPLE, "ZACCOUNTTYPE": {"ZIDENTIFIER"}}):
            raise ParseError("no table of internet accounts")
        kinds = {
            row.key: row.values["ZIDENTIFIER"]
            for row in database.rows("ZACCOUNTTYPE", ("ZIDENTIFIER",))
        }
        for row in database.rows("ZACCOUNT", sorted(_APPLE)):
            kind, when = kinds.get(row.values["ZACCOUNTTYPE"]), row.values["ZDATE"]
            service = str(kind or "internet").rpartition(".")[2]
            yield from _found(
                service,
                row.values["ZUSERNAME"],
                "internet-accounts",
                f"ZACCOUNT row {row.key!r}",
                times=stamp("created", when if isinstance(when, int | float) else None, "cocoa"),
            )


def _online(
    service: str, name: str | None, trace: str, place: str, key: Key, *, person: str | None = None
) -> Iterator[SystemOnlineAccount]:
    times = stamp("last_written", key.last_written, "filetime")
    yield from _found(service, name, trace, place, person=person, times=times)


def _found(
    service: str,
    name: object,
    trace: str,
    place: str,
    *,
    person: object = None,
    times: tuple[Time, ...] = (),
    belongs_to: str | None = None,
) -> Iterator[SystemOnlineAccount]:
    """Yield an account, if its name is one: some places keep numbers or nothing."""
    if not isinstance(name, str) or "@" not in name or not service:
        return
    yield SystemOnlineAccount(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=place[:300],
        times=times,
        belongs_to=belongs_to,
        service=service[:100],
        internet_name=name[:256],
        full_name=person[:256] if isinstance(person, str) and person else None,
        trace=trace,
    )


def _text(key: Key, name: str) -> str | None:
    value = key.value(name)
    return (value.data.strip() or None) if value and isinstance(value.data, str) else None


def _below(key: Key | None) -> Iterator[Key]:
    for _, child in zip(range(_MOST), key.subkeys() if key else (), strict=False):
        yield child
