"""What a password opens in vaults of wallets that are web programs.

MetaMask's extension (`browser-passworder`): PBKDF2 (HMAC-SHA-256), AES-256-GCM with a vector of 16
bytes. Its mobile program: PBKDF2 (HMAC-SHA-512), AES-256-CBC; the salt goes in as the text that
stands there, in some versions as the bytes that it encodes. Keplr: a key store like Ethereum's,
with SHA-256 in the place of Keccak-256, that holds words instead of a key.
Sources: MetaMask's `browser-passworder` and `core/Encryptor`; Keplr's `keyring/crypto`; hashcat,
module 26600, with whose example and with two stores of MetaMask 10 this is tested. The mobile form
and Keplr's are tested with vaults made by us.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from triage.api import Artifact, Credential, LimitError, Lock, ParseError
from triage.formats import aes, json, mnemonic, private_keys
from triage.formats.kdf import Kdf, Pbkdf2

from . import _ethereum_crypto as ethereum
from ._found import counted
from ._shapes import mapping, sequence, text

_HALF = 16
_SHORT = 64  # characters: an empty vault, and hashcat takes none
_LONG = 3000  # characters of base64 from which hashcat takes the beginning alone
_BEGINNING = 64  # bytes of it
_LINE_ROUNDS = 10_000  # which hashcat 6 takes for granted
_MOST = 200  # keys of one vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The encrypted part of a vault. `kdfs`: ways to the key, to be tried in turn."""

    kdfs: tuple[Kdf, ...]
    form: str  # gcm, cbc, keystore
    vector: bytes
    text: bytes = field(repr=False)
    mac: bytes = b""
    lock: Lock | None = None

    @property
    def cost(self) -> int:
        """Of one password."""
        return sum(kdf.cost for kdf in self.kdfs)

    def opened(self, password: bytes) -> bytes | None:
        """Return the content, None with another password."""
        for kdf in self.kdfs:
            content = self._opened(kdf.derive(password, 2 * _HALF))
            if content is not None:
                return content
        return None

    def _opened(self, key: bytes) -> bytes | None:
        try:
            match self.form:
                case "gcm":
                    return aes.gcm(key, self.vector, self.text)
                case "cbc":  # its padding is right once in 256 times: the content must be JSON
                    content = aes.cbc_padded(key, self.vector, self.text)
                    json.parse(content)
                    return content
                case _:
                    digest = hashlib.sha256(key[_HALF:] + self.text).digest()
                    if not hmac.compare_digest(digest, self.mac):
                        return None
                    return aes.ctr(key[:_HALF], self.vector, self.text)
        except (ParseError, LimitError):
            return None


def passworder(value: Mapping[str, Any], rounds: int) -> Sealed | None:
    """Return a vault of MetaMask's extension, None when its parts are none."""
    salt, vector, data = (_base64(value.get(name)) for name in ("salt", "iv", "data"))
    try:
        kdf = Pbkdf2(digest="sha256", salt=salt, rounds=rounds)
    except ParseError:
        return None
    if not salt or not vector or len(data) <= _HALF:
        return None
    return Sealed(kdfs=(kdf,), form="gcm", vector=vector, text=data, lock=_line(value, rounds))


def mobile(value: Mapping[str, Any], rounds: int) -> Sealed | None:
    """Return a vault of MetaMask's mobile program, None when its parts are none."""
    salt = text(value.get("salt")) or ""
    data, vector = _base64(value.get("cipher")), _hex(value.get("iv"))
    salts = dict.fromkeys(each for each in (salt.encode("utf-8", "replace"), _base64(salt)) if each)
    try:
        kdfs = tuple(Pbkdf2(digest="sha512", salt=each, rounds=rounds) for each in salts)
    except ParseError:
        return None
    if not kdfs or len(vector) != aes.BLOCK or not data or len(data) % aes.BLOCK:
        return None
    return Sealed(kdfs=kdfs, form="cbc", vector=vector, text=data)


def keplr(store: Mapping[str, Any]) -> Sealed | None:
    """Return a key store of Keplr's kind, None when its parts are none."""
    crypto = dict(store)
    kdf = ethereum.kdf_of(crypto)
    sealed, mac = _hex(crypto.get("ciphertext")), _hex(crypto.get("mac"))
    vector = _hex(mapping(crypto.get("cipherparams")).get("iv"))
    if kdf is None or not sealed or len(mac) != 2 * _HALF or len(vector) != aes.BLOCK:
        return None
    return Sealed(kdfs=(kdf,), form="keystore", vector=vector, text=sealed, mac=mac)


def open_vault(artifact: Artifact, sealed: Sealed) -> tuple[Credential, bytes] | None:
    """Return which password fits, and the content."""
    artifact.locked(sealed.lock)
    for password in artifact.passwords(cost=sealed.cost):
        content = sealed.opened(password.value)
        if content is not None:
            return password, content
    return None


def secrets_in(content: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Yield (type, place, value, extent) of the seeds and keys in the content of a vault."""
    try:
        value = json.parse(content)
    except (ParseError, LimitError):
        value = content.decode("utf-8", "replace")
    if not isinstance(value, list):  # Keplr's is the phrase itself, or a key
        yield from _phrase(content.decode("utf-8", "replace").strip('"'), "vault")
    for number, item in enumerate(sequence(value)[:_MOST], 1):
        keyring = mapping(item)
        place = f"keyring {number} {(text(keyring.get('type')) or '')[:40]}".rstrip()
        data = keyring.get("data")
        if isinstance(data, dict):
            yield from _phrase(_words(data.get("mnemonic")), place)
        for key in sequence(data)[:_MOST]:
            bare = key.removeprefix("0x") if isinstance(key, str) else ""
            if private_keys.is_hex_key(bare):
                yield "private-key", place, bare, f"{len(bare)} hex digits"


def _words(value: Any) -> str:
    """Return a phrase that stands as text or, since 2022, as a list of its bytes."""
    if isinstance(value, str):
        return value
    listed = sequence(value)[:1024]
    if listed and all(isinstance(one, int) and 0 <= one < 256 for one in listed):  # noqa: PLR2004 - a byte
        return bytes(listed).decode("utf-8", "replace")
    return ""


def _phrase(phrase: str, place: str) -> Iterator[tuple[str, str, str, str]]:
    words = phrase.split()
    if private_keys.is_hex_key(phrase.removeprefix("0x")):
        yield "private-key", place, phrase, f"{len(phrase)} characters"
    elif len(words) >= 12:  # noqa: PLR2004 - the shortest seed
        known = mnemonic.check(words)
        yield f"{known.kind if known else 'bip39'}-seed", place, phrase, counted(len(words), "word")


def _line(value: Mapping[str, Any], rounds: int) -> Lock | None:
    salt, vector, data = (str(value.get(name)) for name in ("salt", "iv", "data"))
    if len(data) < _SHORT:
        return None
    told = "" if rounds == _LINE_ROUNDS else f"rounds={rounds}$"
    if len(data) > _LONG:
        data = base64.b64encode(_base64(data)[:_BEGINNING]).decode("ascii")
        return Lock(line=f"$metamask-short${told}{salt}${vector}${data}", hashcat=26610, john=None)
    return Lock(line=f"$metamask${told}{salt}${vector}${data}", hashcat=26600, john=None)


def _base64(value: Any) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value if isinstance(value, str) else "")
    except ValueError:
        return b""
