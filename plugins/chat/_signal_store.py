"""The store of Signal Desktop and of Session, its fork: `config.json` and a SQLCipher database.

`config.json` holds the key of `sql/db.sqlite`: in clear (`key`, 64 hexadecimal digits) or wrapped
by the operating system (`encryptedKey`, the hexadecimal form of a safeStorage blob). The key never
changes, so a clear one from a backup opens a database whose key was wrapped since: where keys that
lie on the image may be used, other copies of `config.json` are tried (`_found_keys`), also on a
database that lies without one. A wrapped one
opens with what the examiner gave: the Windows password, NT hash or the domain's backup key for
DPAPI, the secret of the keychain or keyring as a password, or the key itself. Session keeps its key
in clear, and lets the user set a password that takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from triage.api import (
    Artifact,
    ChatProfile,
    Confidence,
    CredentialKind,
    LimitError,
    ParseError,
    Protection,
    Shows,
)
from triage.formats import json, safe_storage
from triage.formats.safe_storage import Wrapped
from triage.formats.sqlite import Database, SqlCipher

from ._found_keys import copies
from ._rows import member, text, written

CONFIG_LIMIT: Final = 1 << 20
DATABASE: Final = "sql/db.sqlite"

_SECRETS: Final = frozenset({Wrapped.KEYCHAIN, Wrapped.KEYRING})
_SECRET_COST: Final = 1003  # rounds of PBKDF2 on macOS, 1 on Linux
_PASSWORD_COST: Final = 256_000  # rounds of PBKDF2 in SQLCipher 4
_KEY_SIZE: Final = 32
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_BLOB = re.compile(r"(?:[0-9a-fA-F]{2}){16,4096}")

_NEEDED: Final = {
    Wrapped.DPAPI: (
        Protection.DPAPI,
        "the DPAPI master key of this Windows account (its password), with `Local State`",
    ),
    Wrapped.KEYCHAIN: (
        Protection.KEYCHAIN,
        "the secret “{name} Safe Storage” of the login keychain",
    ),
    Wrapped.KEYRING: (
        Protection.KEYRING,
        "the secret “Chromium Safe Storage” of application {name} in the keyring",
    ),
    Wrapped.UNKNOWN: (Protection.ENCRYPTED, "the key, wrapped in a way that is not known"),
}
_COPIES: Final = "/**/config*.json*"  # `config.json.bak`, `config (2024_01_31 …).json`
OPENED: Final = ("key opens the database",)
_NO_CONFIG: Final = (
    "config.json of the program, or a copy of it with the key in clear; with"
    " `decrypt: found` those on this file system are tried"
)
_ALLOW: Final = "a profile with `decrypt: found`: the key lies in config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What `config.json` says about the key: 32 bytes, or what a password makes; never shown."""

    key: bytes | SqlCipher | None = field(repr=False)
    opened_by: str | None  # where the key comes from
    protection: Protection
    needed: str | None
    given: bool = False  # the key was opened with, or is, what the examiner gave


def platform_of(path: str) -> str:
    """Tell the operating system that laid out a path."""
    folded = path.casefold()
    if "/appdata/" in folded:
        return "windows"
    return "macos" if "/library/application support/" in folded else "linux"


def read(config: Artifact, *, name: str) -> Store | None:
    """Read `config.json`; None when it is not the configuration of such a store.

    Raises ParseError when a database lies beside it and it is not JSON.
    """
    database = config.resolve(DATABASE)
    try:
        parsed = json.parse(config.read(CONFIG_LIMIT), limit=CONFIG_LIMIT)
    except (ParseError, LimitError):
        if database is None:
            return None  # another program's: many folders are called Session
        raise
    if member(parsed, "dbHasPassword") is True:  # Session: then the key in clear opens nothing
        return _with_password(config, database)
    clear, wrapped = text(member(parsed, "key")), text(member(parsed, "encryptedKey"))
    found = None
    if clear and _KEY.fullmatch(clear):
        found = _in_clear(config, clear, "config.json key, plaintext")
    elif wrapped and _BLOB.fullmatch(wrapped):
        found = _wrapped(config, bytes.fromhex(wrapped), name)
    if database is None or (found and (found.given or _fits(found, database))):
        return found
    return _older(database, but=config.path) or found


def _fits(found: Store, database: Artifact) -> bool:
    return found.key is not None and database.may_decrypt and _opens(database, found.key)


def _with_password(config: Artifact, database: Artifact | None) -> Store:
    """Try what was given as the password that the user set."""
    for given in config.passwords(cost=_PASSWORD_COST) if database else ():
        cipher = SqlCipher(key=given.value.decode("utf-8", "replace"))
        if database and _opens(database, cipher):
            return Store(
                key=cipher,
                opened_by=str(given),
                protection=Protection.PASSCODE,
                needed=None,
                given=True,
            )
    return Store(
        key=None,
        opened_by=None,
        protection=Protection.PASSCODE,
        needed="the password that the user set",
    )


def _in_clear(config: Artifact, key: str, origin: str) -> Store:
    return Store(
        key=bytes.fromhex(key),
        opened_by=origin,
        protection=Protection.KEY_ON_IMAGE,
        needed=None if config.may_decrypt else _ALLOW,
    )


def _wrapped(config: Artifact, blob: bytes, name: str) -> Store:
    how = safe_storage.wrapped_by(blob, platform=platform_of(config.path))
    if how is Wrapped.BASIC_TEXT:
        plain = (safe_storage.open_basic_text(blob) or b"").decode("ascii", "replace")
        if _KEY.fullmatch(plain):
            return _in_clear(
                config, plain, "config.json encryptedKey, the fixed password of basic_text"
            )
        how = Wrapped.UNKNOWN
    protection, needed = _NEEDED[how]
    key, opened_by = _given(config, blob, how) or (None, None)
    return Store(
        key=key,
        opened_by=opened_by,
        protection=protection,
        needed=None if key else needed.format(name=name),
        given=key is not None,
    )


def _older(database: Artifact, *, but: str | None = None) -> Store | None:
    """Return a key in clear from another copy of the configuration that opens this store.

    The key does not change when it is wrapped: a backup from before opens what was written since.
    """
    for path, key in copies(database, _COPIES, _clear_key, limit=CONFIG_LIMIT):
        if path != but and _opens(database, key):
            return Store(
                key=key,
                opened_by=f"the key in {path}, plaintext",
                protection=Protection.KEY_ON_IMAGE,
                needed=None,
            )
    return None


def _opens(database: Artifact, key: bytes | SqlCipher) -> bool:
    with suppress(ParseError), database.sqlite(key=key):
        return True
    return False


def _clear_key(data: bytes) -> bytes | None:
    key = text(member(json.parse(data, limit=CONFIG_LIMIT), "key"))
    return bytes.fromhex(key) if key and _KEY.fullmatch(key) else None


def _given(config: Artifact, blob: bytes, how: Wrapped) -> tuple[bytes, str] | None:
    """Return the key that what the examiner gave opens or is, and what opened it."""
    if how is Wrapped.DPAPI:
        state = config.sibling("Local State")
        protected = safe_storage.local_state_blob(state.read(CONFIG_LIMIT)) if state else None
        inner = state.unprotect(protected) if state and protected else None
        plain = safe_storage.open_with_key(blob, inner.value) if inner else None
        if inner and plain and _KEY.fullmatch(plain.decode("ascii", "replace")):
            return bytes.fromhex(plain.decode("ascii")), inner.opened_by
    for secret in config.passwords(cost=_SECRET_COST) if how in _SECRETS else ():
        plain = safe_storage.open_with_secret(blob, secret.value, wrapped=how)
        if plain and _KEY.fullmatch(plain.decode("ascii", "replace")):
            return bytes.fromhex(plain.decode("ascii")), str(secret)
    for key in config.keys(CredentialKind.KEY):
        if len(key.value) == _KEY_SIZE:
            return key.value, str(key)
    return None


@dataclass(frozen=True, slots=True)
class Opened:
    """A database that its key opens, and what stood before it."""

    database: Database
    protection: Protection


@contextmanager
def opened(database: Artifact, *, name: str) -> Iterator[Opened | None]:
    """Open `sql/db.sqlite` with the key beside it; None when there is none or it may not be used.

    Raises ParseError when the key does not open it.
    """
    config = database.resolve("../config.json")
    store = read(config, name=name) if config else _older(database)
    if store is None or store.key is None or not (store.given or database.may_decrypt):
        yield None
        return
    with database.sqlite(key=store.key) as found:
        yield Opened(found, store.protection)


def alone(database: Artifact, *, application: str) -> ChatProfile | None:
    """Return the profile of a store beside which no configuration lies; None when one does."""
    if database.resolve("../config.json") is not None:
        return None
    older = _older(database)
    return ChatProfile(
        shows=Shows.USED,
        confidence=Confidence.CONFIRMED if older else Confidence.POSSIBLE,
        checks=OPENED if older else (),
        times=written("store_last_written", database),
        protection=older.protection if older else Protection.ENCRYPTED,
        application=application,
        profile=database.path.rpartition("/sql/")[0],
        opened_by=older.opened_by if older else None,
        needed_to_open=None if older else _NO_CONFIG,
    )
