"""The store of Signal Desktop and of Session, its fork: `config.json` and a SQLCipher database.

`config.json` holds the key of `sql/db.sqlite`: in clear (`key`, 64 hexadecimal digits) or wrapped
by the operating system (`encryptedKey`, the hexadecimal form of a safeStorage blob). The key never
changes, so a clear one from a backup opens a database whose key was wrapped since: where keys that
lie on the image may be used, other copies of `config.json` are looked for and tried. A wrapped one
opens with what the examiner gave: the Windows password, NT hash or the domain's backup key for
DPAPI, the secret of the keychain or keyring as a password, or the key itself. Session keeps its key
in clear, and lets the user set a password that takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from triage.api import (
    Artifact,
    CredentialKind,
    EvidenceError,
    LimitError,
    ParseError,
    Protection,
)
from triage.formats import json, safe_storage
from triage.formats.safe_storage import Wrapped
from triage.formats.sqlite import Database

from ._rows import member, text

CONFIG_LIMIT: Final = 1 << 20
DATABASE: Final = "sql/db.sqlite"

_SECRETS: Final = frozenset({Wrapped.KEYCHAIN, Wrapped.KEYRING})
_SECRET_COST: Final = 1003  # rounds of PBKDF2 on macOS, 1 on Linux
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
_MOST_COPIES: Final = 1000
_ALLOW: Final = "a profile with `decrypt: found`: the key lies in config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What `config.json` says about the key. `key` is 32 bytes, never shown."""

    key: bytes | None = field(repr=False)
    opened_by: str | None  # where the key comes from
    protection: Protection
    needed: str | None
    config: dict[str, json.Json] = field(repr=False)
    given: bool = False  # the key was opened with, or is, what the examiner gave


def platform_of(path: str) -> str:
    """Tell the operating system that laid out a path."""
    folded = path.casefold()
    if "/appdata/" in folded:
        return "windows"
    return "macos" if "/library/application support/" in folded else "linux"


def read(config: Artifact, *, name: str) -> Store | None:
    """Read `config.json`; None when it is not the configuration of such a store.

    Raises ParseError when it is not JSON.
    """
    parsed = json.parse(config.read(CONFIG_LIMIT), limit=CONFIG_LIMIT)
    if not isinstance(parsed, dict):
        return None
    clear, wrapped = text(member(parsed, "key")), text(member(parsed, "encryptedKey"))
    if member(parsed, "dbHasPassword") is True:  # Session: then the key in clear opens nothing
        return Store(
            key=None,
            opened_by=None,
            protection=Protection.PASSCODE,
            needed="the password that the user set",
            config=parsed,
        )
    if clear and _KEY.fullmatch(clear):
        return Store(
            key=bytes.fromhex(clear),
            opened_by="config.json key, plaintext",
            protection=Protection.KEY_ON_IMAGE,
            needed=None if config.may_decrypt else _ALLOW,
            config=parsed,
        )
    if not wrapped or not _BLOB.fullmatch(wrapped):
        return None
    blob = bytes.fromhex(wrapped)
    how = safe_storage.wrapped_by(blob, platform=platform_of(config.path))
    if how is Wrapped.BASIC_TEXT:
        plain = (safe_storage.open_basic_text(blob) or b"").decode("ascii", "replace")
        if _KEY.fullmatch(plain):
            return Store(
                key=bytes.fromhex(plain),
                opened_by="config.json encryptedKey, the fixed password of basic_text",
                protection=Protection.KEY_ON_IMAGE,
                needed=None if config.may_decrypt else _ALLOW,
                config=parsed,
            )
        how = Wrapped.UNKNOWN
    protection, needed = _NEEDED[how]
    if opened := _given(config, blob, how):
        key, opened_by = opened
        return Store(
            key=key,
            opened_by=opened_by,
            protection=protection,
            needed=None,
            config=parsed,
            given=True,
        )
    older, origin = _older(config) if config.may_decrypt else (None, None)
    return Store(
        key=older,
        opened_by=origin,
        protection=Protection.KEY_ON_IMAGE if older else protection,
        needed=None if older else needed.format(name=name),
        config=parsed,
    )


def _older(config: Artifact) -> tuple[bytes | None, str | None]:
    """Return a key in clear from another copy of the configuration that opens this store.

    The key does not change when it is wrapped: a backup from before opens what was written since.
    """
    database = config.resolve(DATABASE)
    if database is None:
        return None, None
    for copy in islice(config.find(_COPIES), _MOST_COPIES):
        found = _clear_key(copy) if copy.path != config.path else None
        if found is None:
            continue
        copy.withhold()
        with suppress(ParseError), database.sqlite(key=found):
            return found, f"the key in {copy.path}, plaintext"
    return None, None


def _clear_key(copy: Artifact) -> bytes | None:
    try:
        parsed = json.parse(copy.read(CONFIG_LIMIT), limit=CONFIG_LIMIT)
    except (ParseError, LimitError, EvidenceError):
        return None
    key = text(member(parsed, "key"))
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


@contextmanager
def opened(database: Artifact, *, name: str) -> Iterator[Database | None]:
    """Open `sql/db.sqlite` with the key beside it; None when there is none or it may not be used.

    Raises ParseError when the key does not open it.
    """
    config = database.resolve("../config.json")
    store = read(config, name=name) if config else None
    if store is None or store.key is None or not (store.given or database.may_decrypt):
        yield None
        return
    with database.sqlite(key=store.key) as found:
        yield found
