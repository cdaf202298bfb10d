r"""Outlook on Windows: the mail accounts of its profiles, from an account's registry hive.

Written from published descriptions of `Outlook\Profiles` and of the older Windows Messaging
Subsystem, for Outlook 2003 to 2019; tested with hives made by a committed script and with one of
Windows 7 (plaso's test data). Values are texts in binary or plain form, by version. That a password
is stored is told, never which.
Not read: accounts of the new Outlook (2023), of Windows' own mail programs, and Exchange servers,
which stand in other keys of a profile.
References: https://learn.microsoft.com/outlook/troubleshoot/profiles-and-accounts.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, MailAccount, Protection, Shows, extractor
from triage.formats.registry import Key, open_with_logs
from triage.formats.stamps import stamp

from ._service import service_of

_ACCOUNTS = "9375CFF0413111d3B88A00104B2A6676"  # the section of a profile that lists accounts
_OFFICE = r"Software\Microsoft\Office"
_MESSAGING = (
    r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem\Profiles",
    r"Software\Microsoft\Windows Messaging Subsystem\Profiles",
)
_PROTOCOLS = ("IMAP", "POP3", "HTTP", "HTTPMail", "NNTP")
_MOST = 1000  # keys of one place
_LONGEST = 500


@extractor(
    name="mail.outlook.accounts",
    paths=(
        # Windows Vista and later; XP and 2000; what an upgrade put aside
        "Users/*/NTUSER.DAT",
        "Documents and Settings/*/NTUSER.DAT",
        "Windows.old*/{Users,Documents and Settings}/*/NTUSER.DAT",
    ),
    yields=(MailAccount,),
    holds_secret=True,
)
def accounts(artifact: Artifact) -> Iterator[MailAccount]:
    """List the accounts of Outlook's profiles."""
    hive = open_with_logs(artifact)
    for place, profiles in _profiles(hive.root):
        for profile in _below(profiles):
            section = profile.key(_ACCOUNTS)
            for key in _below(section):
                address = _text(key, "Email") or _text(key, "Account Name")
                if address and "@" in address:
                    path = rf"{place}\{profile.name}\{_ACCOUNTS}\{key.name}"
                    yield _account(artifact, key, profile.name, address, path)


def _profiles(root: Key) -> Iterator[tuple[str, Key]]:
    """Yield the keys that hold profiles, with their paths."""
    for version in _below(root.key(_OFFICE)):
        found = version.key(r"Outlook\Profiles")
        if found:
            yield rf"{_OFFICE}\{version.name}\Outlook\Profiles", found
    for place in _MESSAGING:
        found = root.key(place)
        if found:
            yield place, found


def _account(artifact: Artifact, key: Key, profile: str, address: str, path: str) -> MailAccount:
    protocol = next((name for name in _PROTOCOLS if key.value(f"{name} Server")), None)
    stored = any(value.name.casefold().endswith("password") for value in key.values())
    service, listed_by = service_of(address)
    user = f"{protocol} User"
    return MailAccount(
        application="outlook",
        mail_address=address,
        profile=f"{artifact.path} {profile}",
        full_name=_text(key, "Display Name"),
        protocol=protocol.casefold() if protocol else None,
        incoming_server=_text(key, f"{protocol} Server") if protocol else None,
        user_name=(_text(key, user) or _text(key, f"{user} Name")) if protocol else None,
        outgoing_server=_text(key, "SMTP Server"),
        service=service,
        indicator_list=listed_by,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=path,
        times=stamp("key_written", key.last_written, "filetime"),
        protection=Protection.DPAPI if stored else None,
    )


def _below(key: Key | None) -> Iterator[Key]:
    for _, child in zip(range(_MOST), key.subkeys() if key else (), strict=False):
        yield child


def _text(key: Key, name: str) -> str | None:
    """Return a value that is text, in whatever type it is stored."""
    value = key.value(name)
    if value is None:
        return None
    if isinstance(value.data, str):
        return value.data[:_LONGEST].strip() or None
    raw = value.raw[: 2 * _LONGEST]
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace").partition("\0")[0].strip() or None
