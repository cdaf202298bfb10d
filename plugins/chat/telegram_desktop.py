"""Telegram Desktop: its `tdata` folder, who is logged in, which chats have unsent drafts.

Written from descriptions and parts of the sources of Telegram Desktop, and tested with folders of
version 3.0 (local passcode) and 4.6.5 (never logged in); the account's own entry and drafts were
tested with folders made after the sources. Works for portable copies and for programs that share
the format. Messages are not in `tdata`: they stay on Telegram's servers, and what is cached is
media. A local passcode keeps the folder closed unless the examiner gave it; the empty one that
stands there otherwise is tried only where the profile says `decrypt: found`. Not read: the media
cache (counted), settings, search suggestions, lists of files, folders of versions before 2.1.14.
`log.txt` tells starts in local time. A renamed key file is not recognised: the mark of
its format is that of thousands of files in the cache, and alone it says nothing.

References: telegramdesktop/tdesktop; abrignoni/DLEAPP, `telegram.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from triage.api import (
    Artifact,
    ChatAccount,
    ChatContact,
    ChatGroup,
    ChatProfile,
    Confidence,
    EvidenceError,
    Lock,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import tdf

from ._found_keys import copies
from ._rows import written

T = TypeVar("T")

_APPLICATION: Final = "telegram-desktop"
_SERVICE: Final = "telegram"
_CHECKED: Final = ("TDF checksum", "opened with the empty passcode")
_OPENED_BY: Final = "the empty local passcode"
_ALLOW: Final = "a profile with `decrypt: found`, to try the empty local passcode"
_PASSCODE: Final = "the local passcode of the user"
_KEY_NAME = re.compile(r"key_(.+)([s01])")
_LOG_LIMIT: Final = 16 << 20
_LAUNCHED = re.compile(
    r"\[(\d{4})\.(\d\d)\.(\d\d) (\d\d:\d\d:\d\d)\] Launched version: \d{1,9}\b", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """One account of the folder, as far as its files are there and open."""

    data_name: str
    authorization: tdf.Authorization | None
    map: tdf.Map | None


@extractor(
    name="chat.telegram-desktop.profile",
    paths=(
        # Since 2.1.14 (2020): installed, portable, Microsoft Store, Flatpak, Snap; `key_datas`,
        # and of programs that share the format other names.
        "**/tdata/key_*",
    ),
    yields=(ChatProfile, ChatAccount, ChatContact, ChatGroup),
    holds_secret=True,
)
def profile(artifact: Artifact) -> Iterator[ChatProfile | ChatAccount | ChatContact | ChatGroup]:
    """Read the key file: whether a passcode is set, else the accounts and chats with drafts."""
    named = _KEY_NAME.fullmatch(artifact.entry.name)
    if named is None or artifact.head(len(tdf.MAGIC)) != tdf.MAGIC:
        return
    if named[2] != "s" and artifact.sibling(f"key_{named[1]}s") is not None:
        return  # left over from the pair that older versions wrote in turn
    found = tdf.container(artifact.read(tdf.LIMIT))
    keys = tdf.key_file(found)
    opened = tdf.open_key(keys) if artifact.may_decrypt else None
    opened_by, copy = _OPENED_BY if opened else None, None
    protection, needed = Protection.KEY_ON_IMAGE, None
    if opened is None:
        artifact.locked(_lock(keys))
        opened, opened_by = _with_passcode(artifact, keys)
        if opened is None:
            opened, copy = _with_copy(artifact, keys, named[1])
            opened_by = copy and f"the key in {copy}, the empty local passcode"
    accounts = [*_accounts(artifact, named[1], opened)] if opened else []
    if opened is not None and opened_by != _OPENED_BY and copy is None:
        protection = Protection.PASSCODE
    elif opened is None:
        protection = Protection.PASSCODE if artifact.may_decrypt else Protection.ENCRYPTED
        needed = _PASSCODE if artifact.may_decrypt else _ALLOW
    logged_in = [each for each in accounts if each.authorization is not None]
    yield ChatProfile(
        shows=Shows.USED if logged_in or _folders(artifact, named[1]) else Shows.EXECUTED,
        confidence=Confidence.CONFIRMED,
        checks=_CHECKED if opened_by == _OPENED_BY else _CHECKED[:1],
        times=(*_launches(artifact), *written("key_last_written", artifact)),
        protection=protection,
        application=_APPLICATION,
        profile=artifact.path.rpartition("/")[0],
        version=tdf.version_text(found.version),
        accounts=len(logged_in) if opened else _folders(artifact, named[1]) or None,
        attachments=sum(1 for _ in artifact.find("user_*/{cache,media_cache}/*/*/*")),
        opened_by=opened_by,
        needed_to_open=needed,
    )
    for each in logged_in:
        yield from _findings(each)


def _with_passcode(artifact: Artifact, keys: tdf.KeyFile) -> tuple[tdf.Opened | None, str | None]:
    """Try what the examiner gave; return what opens, and which entry it was."""
    for passcode in artifact.passwords(cost=tdf.ITERATIONS):
        opened = tdf.open_key(keys, passcode.value)
        if opened is not None:
            return opened, str(passcode)
    return None, None


def _with_copy(
    artifact: Artifact, keys: tdf.KeyFile, name: str
) -> tuple[tdf.Opened | None, str | None]:
    """Try the key of other copies of the file, of before a passcode was set; it stays the same."""

    def free(data: bytes) -> bytes | None:
        opened = tdf.open_key(tdf.key_file(tdf.container(data)))
        return opened.local_key if opened else None

    for path, key in copies(artifact, f"/**/key_{name}*", free, limit=tdf.LIMIT):
        opened = tdf.with_key(keys, key)
        if opened is not None:
            return opened, path
    return None, None


def _lock(keys: tdf.KeyFile) -> Lock:
    """Return what other programs try passcodes against."""
    line = f"$telegram$2*{tdf.ITERATIONS}*{keys.salt.hex()}*{keys.key.hex()}"
    return Lock(line=line, hashcat=24500, john="telegram")


def _data_name(base: str, position: int) -> str:
    return base if position == 0 else f"{base}#{position + 1}"


def _folders(artifact: Artifact, base: str) -> int:
    """Count the accounts that have a file of their own: one for each that ever logged in."""
    names = (tdf.folder_of(_data_name(base, position)) for position in range(8))
    return sum(artifact.sibling(f"{name}s") is not None for name in names)


def _accounts(artifact: Artifact, base: str, opened: tdf.Opened) -> Iterator[_Account]:
    for position in opened.accounts:
        data_name = _data_name(base, position)
        folder = tdf.folder_of(data_name)
        who = _container(artifact, f"{folder}s")
        chats = _container(artifact, f"{folder}/maps")
        account = _Account(
            data_name=data_name,
            authorization=_read(artifact, who, opened, f"{folder}s", tdf.authorization),
            map=_read(artifact, chats, opened, f"{folder}/maps", tdf.read_map),
        )
        if account.map is not None and not account.map.whole:
            artifact.problem("an entry of a type that is not known", locator=f"{folder}/maps")
        yield account


def _container(artifact: Artifact, name: str) -> tdf.Container | None:
    """Unpack a file of the folder; None when it is not there or damaged, which is noted."""
    file = artifact.resolve(name)
    try:
        return tdf.container(file.read(tdf.LIMIT)) if file else None
    except (ParseError, EvidenceError):
        artifact.problem("a file that cannot be read", locator=name)
        return None


def _read(
    artifact: Artifact,
    found: tdf.Container | None,
    opened: tdf.Opened,
    name: str,
    read: Callable[[tdf.Container, bytes], T | None],
) -> T | None:
    try:
        result = read(found, opened.local_key) if found else None
    except ParseError as error:
        artifact.problem(error.message, locator=name)
        return None
    if found is not None and result is None:
        artifact.problem("the key of the folder does not open it", locator=name)
    return result


def _findings(account: _Account) -> Iterator[ChatAccount | ChatContact | ChatGroup]:
    known, chats = account.authorization, account.map
    if known is None:
        return
    own = chats.own if chats else None
    name = " ".join(filter(None, (own.first_name, own.last_name))) if own else None
    user_id = str(known.user_id)
    yield ChatAccount(
        shows=Shows.USED,
        confidence=Confidence.CONFIRMED,
        checks=_CHECKED,
        locator=account.data_name,
        protection=Protection.KEY_ON_IMAGE,
        service=_SERVICE,
        identifier=user_id,
        application=_APPLICATION,
        display_name=name or None,
        server=f"DC {known.data_centre}",
        phone=own.phone if own else None,
        handle=(own.handle or None) if own else None,
    )
    for number, peer in enumerate(chats.drafts if chats else ()):
        locator = f"{account.data_name}, draft {number}"
        if peer.kind == "user":
            yield ChatContact(
                shows=Shows.DESTINATION,
                confidence=Confidence.CONFIRMED,
                checks=_CHECKED,
                locator=locator,
                protection=Protection.KEY_ON_IMAGE,
                service=_SERVICE,
                own_account=user_id,
                identifier=str(peer.id),
            )
        else:
            yield ChatGroup(
                shows=Shows.DESTINATION,
                confidence=Confidence.CONFIRMED,
                checks=_CHECKED,
                locator=locator,
                protection=Protection.KEY_ON_IMAGE,
                service=_SERVICE,
                own_account=user_id,
                identifier=f"{peer.kind} {peer.id}",
            )


def _launches(artifact: Artifact) -> tuple[Time, ...]:
    """Return the first and the last start that `log.txt` beside the folder tells, local time."""
    file = artifact.resolve("../log.txt")
    try:
        starts = _LAUNCHED.findall(file.text(_LOG_LIMIT)) if file else []
    except EvidenceError:
        return ()
    raws = [f"{year}-{month}-{day} {clock}" for year, month, day, clock in starts]
    ends = [("first_started", raws[0]), ("last_started", raws[-1])] if raws else []
    return tuple(
        Time(event=event, utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL) for event, raw in ends
    )
