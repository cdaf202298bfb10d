"""Chat programs whose store is told, not read: that it is there, whose it is, what would open it.

Written from lists of paths and from what is published of each program, and tested with files made
after them: there was no sample of any. Where a store may be in clear the first bytes decide.
Session on Android keeps the key in the telephone's hardware; WeChat on computers, QQ and Zalo in
memory or bound to the account; Threema on computers, Wickr, Briar and SimpleX under a password.
Nothing is tried. Read are names of folders that are account ids, and the dates in the names of
backups.

References: abrignoni/ALEAPP; KAPE, `Targets/Apps`; threema-ch/threema-android; briar/briar;
simplex-chat/simplex-chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from triage.api import (
    Artifact,
    ChatAccount,
    ChatExport,
    ChatProfile,
    Confidence,
    EvidenceError,
    Finding,
    ParseError,
    Protection,
    Shows,
    Time,
    Unit,
    Zone,
    extractor,
)
from triage.formats import protobuf
from triage.formats.sqlite import HEAD, in_clear

from ._rows import written

_PHONE_KEY: Final = "the telephone itself, unlocked: its key store holds the key"
_PASSWORD: Final = "the password that the user set"  # noqa: S105 - words
_MEMORY: Final = "the running program or its memory; else the provider, with the account id"
_PRESERVE: Final = "else a preservation request to the provider, with the account id"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Store:
    """One program's store. A group in `place` that is called `account` names the account."""

    application: str
    paths: tuple[str, ...]
    place: str  # in the folded path
    protection: Protection
    needed: str
    root: str = ""  # what ends the program's folder; empty: the folder of the file


_STORES: Final = (
    _Store(
        application="session-android",
        paths=("**/network.loki.messenger/databases/{signal_v4,session}.db",),  # Android
        place=r"/network\.loki\.messenger/",
        protection=Protection.HARDWARE,
        needed=f"{_PHONE_KEY}; or the recovery phrase",
        root="/databases/",
    ),
    _Store(
        application="telegram-x-android",
        paths=("**/org.thunderdog.challegram/files/tdlib*/db.sqlite",),  # Android: TDLib
        place=r"/org\.thunderdog\.challegram/",
        protection=Protection.ENCRYPTED,
        needed=f"the telephone itself, unlocked; {_PRESERVE}",
        root="/files/",
    ),
    _Store(
        application="signal-ios",
        paths=("**/grdb*/signal.sqlite",),  # iOS; its first 32 bytes stand in clear
        place=r"/grdb[^/]*/",
        protection=Protection.KEYCHAIN,
        needed="the keychain of the telephone, which holds the key; or a linked computer",
    ),
    _Store(
        application="session-ios",
        paths=("**/AppGroup/*/database/Session.sqlite",),  # iOS; the same
        place=r"/appgroup/[^/]+/database/",
        protection=Protection.KEYCHAIN,
        needed="the keychain of the telephone, which holds the key; or the recovery phrase",
        root="/database/",
    ),
    _Store(
        application="threema-ios",
        paths=("**/AppGroup/*/ThreemaData.sqlite",),  # iOS: in clear
        place=r"/appgroup/[^/]+/threemadata\.sqlite$",
        protection=Protection.ENCRYPTED,
        needed=_PASSWORD,
    ),
    _Store(
        application="threema-desktop",
        paths=("**/ThreemaDesktop/*/data/threema.sqlite",),  # Windows, macOS, Linux, since 2022
        place=r"/threemadesktop/",
        protection=Protection.PASSCODE,
        needed=f"{_PASSWORD}; or the linked telephone",
        root="/data/",
    ),
    _Store(
        application="wickr",
        paths=(
            "**/com.mywickr.wickr2/databases/wickr_db",  # Android; Wickr Me ended in 2023
            "**/wickrLocal.sqlite",  # iOS: Core Data in clear, texts encrypted in it
            "**/Wickr, LLC/*/**/wickr_db.sqlite",  # Windows: Me, Pro, AWS
            "**/.config/Wickr*/**/wickr_db.sqlite",  # Linux
        ),
        place=r"wickr",
        protection=Protection.PASSCODE,
        needed=_PASSWORD,
    ),
    _Store(
        application="briar",
        paths=(
            "**/org.briarproject.briar.android/app_key/db.key",  # Android
            "**/.briar/desktop/key/db.key",  # Linux, Windows, macOS
        ),
        place=r"briar",
        protection=Protection.PASSCODE,
        needed=f"{_PASSWORD}; on Android the telephone's key store as well",
        root="/app_key/",
    ),
    _Store(
        application="simplex",
        paths=(
            "**/simplex/simplex_v1_chat.db",  # Linux, Windows: desktop program
            "**/.simplex/simplex_v1_chat.db",  # Linux: command line
            "**/SimpleX/simplex_v1_chat.db",  # Windows, macOS
            "**/chat.simplex.app/files/files_chat.db",  # Android
        ),
        place=r"simplex",
        protection=Protection.ENCRYPTED,
        needed="the passphrase of the database; a random one lies in the program's settings",
    ),
    _Store(
        application="wechat",
        paths=(
            "**/WeChat Files/*/Msg/MicroMsg.db",  # Windows, WeChat 3
            "**/xwechat_files/*/db_storage/contact/contact.db",  # Windows, Linux, WeChat 4
        ),
        place=r"/(?:wechat files|xwechat_files)/(?P<account>[^/]{1,64})/",
        protection=Protection.ENCRYPTED,
        needed=_MEMORY,
    ),
    _Store(
        application="qq",
        paths=(
            "**/Tencent Files/*/Msg3.0.db",  # Windows, until 2023
            "**/Tencent Files/*/nt_qq/nt_db/nt_msg.db",  # Windows, QQ NT
        ),
        place=r"/tencent files/(?P<account>\d{4,12})/",
        protection=Protection.ENCRYPTED,
        needed=_MEMORY,
    ),
    _Store(
        application="zalo",
        paths=("**/AppData/Roaming/ZaloData/Local State",),  # Windows
        place=r"/zalodata/",
        protection=Protection.CLOUD_ONLY,
        needed=_PRESERVE.removeprefix("else "),
    ),
    _Store(
        application="jami",
        paths=(
            "**/.local/share/jami/*/archive.gz",  # Linux
            "**/AppData/Local/jami/*/archive.gz",  # Windows
            "**/Application Support/jami/*/archive.gz",  # macOS
            "**/cx.ring/files/*/archive.gz",  # Android
        ),
        place=r"/(?:jami|files)/(?P<account>[0-9a-f]{16,40})/archive\.gz$",
        protection=Protection.ENCRYPTED,
        needed="the password of the account, if one is set",
    ),
    _Store(
        application="element-android",
        paths=(
            "**/im.vector.app/files/disk_store.realm",  # Android: Element
            "**/io.element.android.x/databases/*.sqlite",  # Android: Element X
        ),
        place=r"/(?:im\.vector\.app|io\.element\.android\.x)/",
        protection=Protection.HARDWARE,
        needed=f"{_PHONE_KEY}; or the recovery key of the account",
    ),
    _Store(
        application="cwtch",
        paths=("**/.cwtch/profiles/*/SALT",),  # Linux, Windows, macOS
        place=r"/\.cwtch/",
        protection=Protection.PASSCODE,
        needed=_PASSWORD,
    ),
)


@extractor(
    name="chat.closed.profile",
    paths=tuple(path for store in _STORES for path in store.paths),
    yields=(ChatProfile, ChatAccount),
    holds_secret=True,  # what a password could be tried on
)
def profile(artifact: Artifact) -> Iterator[Finding]:
    """Say that a program's store is there, how it is protected and what would open it."""
    folded = artifact.path.casefold()
    found = ((store, re.search(store.place, folded)) for store in _STORES)
    store, place = next(((store, place) for store, place in found if place), (None, None))
    if store is None or place is None:
        return
    clear = in_clear(artifact.head(HEAD))
    folder = artifact.path.rpartition("/")[0]
    if store.root and store.root in artifact.path:
        folder = artifact.path.rpartition(store.root)[0]
    yield ChatProfile(
        shows=Shows.USED,
        confidence=Confidence.POSSIBLE,
        times=written("store_last_written", artifact),
        protection=Protection.PLAIN if clear else store.protection,
        application=store.application,
        profile=folder,
        needed_to_open="nothing: the database is in clear, but it is not read"
        if clear
        else store.needed,
    )
    named = place.groupdict().get("account")
    if named:
        start, end = place.span("account")
        yield ChatAccount(
            shows=Shows.USED,
            confidence=Confidence.POSSIBLE,
            locator="name of the folder",
            service=store.application.partition("-")[0],
            identifier=artifact.path[start:end] if len(folded) == len(artifact.path) else named,
            application=store.application,
        )


_METADATA_LIMIT: Final = 1 << 12
_SIGNAL_FOLDER: Final = re.compile(
    r"/signal-backup-(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)/main$", re.IGNORECASE | re.ASCII
)
_THREEMA: Final = re.compile(
    r"threema-backup_([0-9A-Z*]{8})_(\d{13})_\d\.zip$", re.IGNORECASE | re.ASCII
)


@extractor(
    name="chat.closed.backup",
    paths=(
        "**/SignalBackups/signal-backup-*/main",  # Signal for Android since 2025
        "**/threema-backup_*.zip",  # Threema for Android
    ),
    yields=(ChatExport, ChatAccount),
    holds_secret=True,
)
def backup(artifact: Artifact) -> Iterator[ChatExport | ChatAccount]:
    """Say that an encrypted backup is there, when it was made and what would open it."""
    path = artifact.path
    if found := _SIGNAL_FOLDER.search(path):
        yield _export(
            artifact,
            "signal-android",
            "backup folder",
            _local(found),
            "its recovery key (64 characters), which opens every backup in this folder",
            version=_archive_version(artifact),
        )
    elif (found := _THREEMA.search(path)) and artifact.head(2) == b"PK":
        made = Time(
            event="made",
            utc=None,
            raw=found[2],
            unit=Unit.MS_UNIX,
            zone=Zone.UNKNOWN,
        )
        yield _export(artifact, "threema-android", "zip", made, "the password of the backup")
        yield ChatAccount(
            shows=Shows.PRESENT,
            confidence=Confidence.POSSIBLE,
            locator="name of the file",
            service="threema",
            identifier=found[1].upper(),
            application="threema-android",
        )


def _archive_version(artifact: Artifact) -> str | None:
    """Return the version of a backup of Signal, which stands in clear beside it.

    `metadata` is a message of protobuf: 1 the version, 2 the id of the backup, encrypted.
    Source: signalapp/Signal-Android, `LocalArchive.proto`.
    """
    beside = artifact.sibling("metadata")
    try:
        found = protobuf.parse(beside.read(_METADATA_LIMIT)).integer(1) if beside else None
    except (ParseError, EvidenceError):
        return None
    return None if found is None else f"archive {found}"


def _local(found: re.Match[str]) -> Time:
    """Return the time in a name: the telephone's own clock."""
    raw = f"{found[1]} {found[2]}:{found[3]}:{found[4]}"
    return Time(event="made", utc=None, raw=raw, unit=Unit.TEXT, zone=Zone.LOCAL)


def _export(
    artifact: Artifact,
    application: str,
    form: str,
    made: Time,
    needed: str,
    *,
    version: str | None = None,
) -> ChatExport:
    return ChatExport(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        times=(made, *written("last_written", artifact)),
        protection=Protection.PASSCODE,
        application=application,
        path=artifact.path,
        export_format=form,
        version=version,
        needed_to_open=needed,
    )
