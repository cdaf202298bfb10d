"""Thunderbird: the mail and news accounts that a profile is set up for.

Written from comm-central (`mailnews/base`) for Thunderbird 2 to 140 and its kin (Icedove,
SeaMonkey, Betterbird) on Windows, Linux and macOS; tested with profiles made by a committed script.
Accounts, identities, servers and subscriptions to groups that carry anonymous mail are read.
Whether an address belongs to a privacy or disposable mail service is told by the dated list `web`.
Not read: passwords (`logins.json`, `key4.db`), address books, `global-messages-db.sqlite`.
References: https://searchfox.org/comm-central/, https://kb.mozillazine.org/.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, MailAccount, Protection, Shows, extractor
from triage.formats.mozilla import Prefs, prefs

from ._groups import anonymous_groups
from ._service import service_of

_LIMIT = 16 << 20
_MAX_ACCOUNTS = 500
_PROXY_TYPE = 1


@extractor(
    name="mail.thunderbird.accounts",
    paths=(
        # Thunderbird 2 and later, Windows and macOS
        "**/Thunderbird/Profiles/*/prefs.js",
        # Linux, also below Snap's and Flatpak's folders
        "**/.thunderbird/*/prefs.js",
        # Debian until 2017
        "**/.icedove/*/prefs.js",
        # portable, Windows
        "**/ThunderbirdPortable/Data/profile/prefs.js",
        # Tails: the unlocked persistent storage, as a volume and seen from the running system
        "thunderbird/*/prefs.js",
        "**/TailsData_unlocked/thunderbird/*/prefs.js",
        # SeaMonkey and Betterbird
        "**/SeaMonkey/Profiles/*/prefs.js",
        "**/.mozilla/seamonkey/*/prefs.js",
    ),
    yields=(MailAccount,),
)
def accounts(artifact: Artifact) -> Iterator[MailAccount]:
    """List the accounts in a profile's settings."""
    settings = prefs(artifact.text(_LIMIT))
    if settings.skipped:
        artifact.problem(f"{settings.skipped} settings could not be read")
    names = [name for name in _text(settings, "mail.accountmanager.accounts").split(",") if name]
    for name in dict.fromkeys(names[:_MAX_ACCOUNTS]):
        server = _text(settings, f"mail.account.{name}.server")
        protocol = _text(settings, f"mail.server.{server}.type")
        if not server or protocol in {"", "none", "rss"}:
            continue  # local folders and feeds
        identities = _text(settings, f"mail.account.{name}.identities").split(",")
        for identity in dict.fromkeys(identities):
            yield _account(artifact, settings, name, server, identity)


def _account(
    artifact: Artifact, settings: Prefs, name: str, server: str, identity: str
) -> MailAccount:
    def of_server(key: str) -> str | None:
        return _text(settings, f"mail.server.{server}.{key}") or None

    def of_identity(key: str) -> str | None:
        return _text(settings, f"mail.identity.{identity}.{key}") or None

    host = of_server("realhostname") or of_server("hostname")
    port = settings.get(f"mail.server.{server}.port")
    smtp = of_identity("smtpServer") or _text(settings, "mail.smtp.defaultserver")
    address = of_identity("useremail")
    service, listed_by = service_of(address)
    return MailAccount(
        application="thunderbird",
        mail_address=address,
        profile=artifact.path.rpartition("/")[0],
        full_name=of_identity("fullName"),
        protocol=of_server("type"),
        incoming_server=f"{host}:{port}" if host and isinstance(port, int) else host,
        user_name=of_server("realuserName") or of_server("userName"),
        outgoing_server=_text(settings, f"mail.smtpserver.{smtp}.hostname") or None,
        proxy=_proxy(settings),
        openpgp_key=of_identity("openpgp_key_id") or of_identity("pgpkeyId"),
        mail_folder=of_server("directory") or of_server("directory-rel"),
        newsgroups=_newsgroups(artifact, host) if of_server("type") == "nntp" else (),
        service=service,
        indicator_list=listed_by,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        locator=f"mail.account.{name} {identity}".strip(),
        protection=Protection.PLAIN,
    )


def _proxy(settings: Prefs) -> str | None:
    """Return the proxy that the profile sends everything through: a Tor port, for instance."""
    if settings.get("network.proxy.type") != _PROXY_TYPE:
        return None
    for kind in ("socks", "ssl", "http"):
        host = _text(settings, f"network.proxy.{kind}")
        if host:
            return f"{kind} {host}:{settings.get(f'network.proxy.{kind}_port', 0)}"
    return None


def _newsgroups(artifact: Artifact, host: str | None) -> tuple[str, ...]:
    """Return the groups for anonymous mail in the list of groups of a server."""
    found: set[str] = set()
    for number, newsrc in enumerate(artifact.find("News/*.rc")):
        if number >= _MAX_ACCOUNTS:
            break
        if host and host.casefold() in newsrc.entry.name.casefold():
            found.update(anonymous_groups(newsrc.text(_LIMIT)))
    return tuple(sorted(found))


def _text(settings: Prefs, name: str) -> str:
    value = settings.get(name, "")
    return value[:1000] if isinstance(value, str) else ""
