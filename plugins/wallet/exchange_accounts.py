"""Accounts at exchanges: pages that were visited, logins that were saved, mail that came.

Which host is an exchange says the dated list `profiles/indicators/exchanges.yaml`. Histories of
Chromium's and Mozilla's browsers are counted by service; an address itself is never kept, only
those words of it that name a page for customers (`deposit`, `login`), since addresses carry
tokens. Of saved logins the user name is read where it stands in clear (Chromium), never the
password. Mail counts by its sender, which anybody can write: where the server that took it in says
that the signature of the service's domain holds, that is told as a check. Tested with files made
by us. Not read: bodies of mail, cookies, apps of phones.

References: https://source.chromium.org/chromium/, RFC 8601 (Authentication-Results)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from triage.api import (
    Artifact,
    Confidence,
    ParseError,
    Shows,
    Time,
    WalletExchange,
    extractor,
)
from triage.formats import chromium, json, mail, places
from triage.formats.indicators import Indicator, load
from triage.formats.stamps import stamp

EXCHANGES: Final = load("exchanges")
_SQLITE = b"SQLite format 3\0"
_SMALL = 32 << 20
_LONGEST = 4096  # characters of an address that are looked at
_MOST = 2000  # findings of one file
_CUSTOMER = re.compile(  # whole parts of an address: `what-is-an-account` is an article
    r"(?i)(?<![a-z0-9_-])(2fa|accounts?|api-?management|balances?|dashboard|deposits?|funding|kyc"
    r"|log-?in|my-?orders|orders|portfolio|settings|sign-?in|sign-?up|transactions|transfers?"
    r"|user-?center|verification|withdraw(?:al)?s?)(?![a-z0-9_-])"
)
_WORDS = 12  # that one finding names
_PASSED = re.compile(r"(?i)\bdkim=pass\b[^;]{0,200}?\bheader\.(?:d|i)=@?([a-z0-9.-]{3,253})")


@dataclass(slots=True, kw_only=True)
class _Visited:
    known: Indicator
    visits: int = 0
    words: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None

    def add(self, url: str, when: int | None) -> None:
        self.visits += 1
        parts = urlsplit(url)  # it was read once before: this cannot fail
        text = f"{parts.hostname or ''}/{parts.path}/{parts.fragment}"
        self.words.update(word.casefold() for word in _CUSTOMER.findall(text))
        if when and when > 0:
            self.first = when if self.first is None else min(self.first, when)
            self.last = when if self.last is None else max(self.last, when)


def _visited(pages: Iterable[tuple[str | None, int | None]]) -> Iterator[_Visited]:
    found: dict[str, _Visited] = {}
    for url, when in pages:
        known = EXCHANGES.url(url[:_LONGEST]) if url else None
        if known and url:
            found.setdefault(known.note, _Visited(known=known)).add(url[:_LONGEST], when)
    return iter(found.values())


def _finding(
    known: Indicator,
    trace: str,
    shows: Shows,
    confidence: Confidence = Confidence.PROBABLE,
    *,
    times: tuple[Time, ...],
    locator: str | None = None,
    checks: tuple[str, ...] = (),
    account: str | None = None,
    visits: int | None = None,
    pages: tuple[str, ...] = (),
    messages: int | None = None,
) -> WalletExchange:
    return WalletExchange(
        shows=shows,
        confidence=confidence,
        checks=checks,
        locator=locator,
        times=times,
        exchange=known.note,
        trace=trace,
        service_account=account,
        visits=visits,
        pages=pages,
        messages=messages,
        category=known.category,
        indicator_list=str(EXCHANGES),
    )


@extractor(
    name="wallet.exchange.history",
    paths=(
        # Chrome, Edge, Brave, Opera, Vivaldi and others, any system
        "**/History",
        # Firefox, Tor Browser and others, any system
        "**/places.sqlite",
    ),
    yields=(WalletExchange,),
)
def history(artifact: Artifact) -> Iterator[WalletExchange]:
    """Count visits to exchanges in a browser's history, and name pages for customers."""
    if artifact.head(len(_SQLITE)) != _SQLITE:
        return
    with artifact.sqlite() as database:
        if database.has({"urls": {"id", "url"}, "visits": {"id", "url", "visit_time"}}):
            pages = ((visit.url, visit.when) for visit in chromium.visits(database))
            unit = chromium.time_unit
        elif database.has({"moz_places": {"url"}, "moz_historyvisits": {"visit_date"}}):
            pages = ((visit.url, visit.when) for visit in places.visits(database))
            unit = places.unit_of
        else:
            return
        for one in sorted(_visited(pages), key=lambda each: each.known.note):
            times: tuple[Time, ...] = ()
            if one.first is not None and one.last is not None:
                times = (
                    *stamp("first_visited", one.first, unit(one.first)),
                    *stamp("last_visited", one.last, unit(one.last)),
                )
            yield _finding(
                one.known,
                "history",
                Shows.USED,
                times=times,
                visits=one.visits,
                pages=tuple(sorted(one.words))[:_WORDS],
            )


@extractor(
    name="wallet.exchange.login",
    paths=(
        # Chromium's browsers; the second since 2020
        "**/Login Data{, For Account}",
        # Firefox 3.5 to 149, Thunderbird; later beside logins.db
        "**/logins{,-backup}.json",
    ),
    yields=(WalletExchange,),
    holds_secret=True,
)
def login(artifact: Artifact) -> Iterator[WalletExchange]:
    """List logins that a browser saved for exchanges; passwords are not read."""
    if artifact.entry.name.casefold().endswith(".json"):
        yield from _firefox(artifact)
        return
    if artifact.head(len(_SQLITE)) != _SQLITE:
        return
    with artifact.sqlite() as database:
        columns = ("origin_url", "username_value", "date_created", "blacklisted_by_user")
        if not database.has({"logins": set(columns)}):
            return
        for row in database.rows("logins", columns):
            address, name = row.values["origin_url"], row.values["username_value"]
            known = EXCHANGES.url(address) if isinstance(address, str) else None
            if known is None or row.values["blacklisted_by_user"]:
                continue
            yield _finding(
                known,
                "saved-login",
                Shows.CREDENTIAL,
                times=stamp("created", row.values["date_created"], "webkit"),
                locator=f"logins id {row.key!r}",
                account=name[:200] if isinstance(name, str) and name else None,
            )


def _firefox(artifact: Artifact) -> Iterator[WalletExchange]:
    try:
        value = json.parse(artifact.read(_SMALL), limit=_SMALL)
    except ParseError:
        return
    rows = value.get("logins") if isinstance(value, dict) else None
    for number, row in enumerate(rows[:_MOST] if isinstance(rows, list) else (), 1):
        address = row.get("hostname") if isinstance(row, dict) else None
        known = EXCHANGES.url(address) if isinstance(address, str) else None
        if known and isinstance(row, dict):
            yield _finding(
                known,
                "saved-login",
                Shows.CREDENTIAL,
                times=(
                    *stamp("created", row.get("timeCreated"), "ms_unix"),
                    *stamp("used", row.get("timeLastUsed"), "ms_unix"),
                ),
                locator=f"login {number}",
            )


@dataclass(slots=True, kw_only=True)
class _Received:
    known: Indicator
    place: str
    messages: int = 0
    passed: int = 0
    dates: list[int] = field(default_factory=list)  # the first and the last


@extractor(
    name="wallet.exchange.mail",
    paths=(
        # Thunderbird and its kin, any desktop: mbox files without extension, or Maildir
        "**/{Mail,ImapMail}/**/*",
        # Maildir of any program
        "**/{Maildir,.maildir}/**/{cur,new}/*",
        # exported or saved mail, any system; Apple Mail 2 and later
        "**/*.{mbox,mbx,eml,emlx}",
        # system mailboxes, Linux and BSD; mutt, Pine
        "var/{mail,spool/mail}/*",
        "home/*/{mail,mbox,Mailbox}",
    ),
    yields=(WalletExchange,),
)
def letters(artifact: Artifact) -> Iterator[WalletExchange]:
    """Count mail in the name of exchanges, by the address that it went to."""
    found: dict[tuple[str, str], _Received] = {}
    for message in mail.messages(artifact.open()):
        headers = mail.headers(message.raw)
        sender = next(iter(mail.addresses(headers.get("From"), limit=1)), "")
        known = EXCHANGES.host(sender.rpartition("@")[2]) if sender else None
        if known is None:
            continue
        to = next(iter(mail.addresses(headers.get("Delivered-To") or headers.get("To"))), "")
        if (known.note, to) not in found and len(found) >= _MOST:
            continue
        one = found.setdefault(
            (known.note, to), _Received(known=known, place=f"message at byte {message.offset}")
        )
        one.messages += 1
        one.passed += _signed(headers, known)
        when = mail.date(headers.get("Date"))
        if when is not None:
            one.dates = [min([when, *one.dates]), max([when, *one.dates])]
    for (_, to), one in sorted(found.items()):
        yield _finding(
            one.known,
            "mail",
            Shows.PRESENT,
            Confidence.PROBABLE if one.passed else Confidence.POSSIBLE,
            checks=("dkim passed, by the receiving server",) if one.passed else (),
            times=tuple(
                time
                for event, when in zip(("first_sent", "last_sent"), one.dates, strict=False)
                for time in stamp(event, when, "s_unix")
            ),
            locator=one.place,
            account=to or None,
            messages=one.messages,
        )


def _signed(headers: mail.Mail, known: Indicator) -> bool:
    """Whether the uppermost result, the last server's, says that the service's signature holds."""
    result = headers.get("Authentication-Results") or ""
    hosts = [EXCHANGES.host(domain) for domain in _PASSED.findall(result[:4000])]
    return any(host and host.note == known.note for host in hosts)
