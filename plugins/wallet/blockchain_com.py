"""Blockchain.com (formerly blockchain.info): backups of web wallets.

Written from the formats that btcrecover and My-Wallet-V3 read, and tested with backups of versions
0 and 2. A backup is encrypted as a whole with the wallet's main password; of later ones version
and iterations stand in clear, and around them what the server adds. Wallets that were saved in
clear or that a given password opens are read: addresses, keys, accounts; a second password, over
the keys alone, is tried as well. Backups of dogechain.info are named.

References: https://github.com/blockchain/My-Wallet-V3
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    JsonObject,
    ParseError,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
    extractor,
)
from triage.formats import addresses, base58, json
from triage.formats.stamps import stamp

from . import _found
from ._blockchain_crypto import find_second, open_payload, open_value, second_rounds
from ._shapes import mapping, number, read, sequence, text

_LIMIT = 16 << 20
_MOST = 100_000
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
_BLOCK = 16  # of AES
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_Finding = WalletFile | WalletAddress | WalletXpub | WalletSecret


@extractor(
    name="wallet.blockchain-com.backup",
    paths=(
        "**/wallet*.aes.json*",  # every version: the name the site gives the download
        "**/*wallet.aes*",  # mails with a backup, 2012 to 2014
        "**/*blockchain*wallet*.json",  # copies under a telling name
    ),
    content=(
        JsonObject({"pbkdf2_iterations", "payload"}),  # versions 2 and later
        JsonObject({"guid", "sharedKey", "keys"}),  # in clear
    ),
    yields=(WalletFile, WalletAddress, WalletXpub, WalletSecret),
    holds_secret=True,
)
def backup(artifact: Artifact) -> Iterator[_Finding]:
    """Read a backup of a web wallet: its version, or what it holds when it is not encrypted."""
    data = read(artifact, _LIMIT)
    if isinstance(data, dict):
        yield from _of_object(artifact, data)
    elif artifact.entry.size <= _LIMIT and _is_ciphertext(artifact.head(1 << 16)):
        opened = open_payload(artifact, artifact.read(_LIMIT), None)
        if opened:
            yield from _Wallet(artifact, opened[1], "0 or 1", opened[0]).findings()
        else:
            yield _sealed("0 or 1", None)


def _of_object(artifact: Artifact, data: dict[str, Any]) -> Iterator[_Finding]:
    inner = data
    if isinstance(data.get("payload"), str):
        try:  # what the server hands out wraps the backup
            inner = mapping(json.parse(data["payload"]))
        except ParseError:
            inner = {}
        inner = inner or data
    payload, rounds = text(inner.get("payload")), number(inner.get("pbkdf2_iterations"))
    if payload and rounds:
        version = str(number(inner.get("version")) or "unknown")
        opened = open_payload(artifact, payload.encode("utf-8", "replace"), rounds)
        if opened:
            yield from _Wallet(artifact, opened[1], version, opened[0]).findings()
        else:
            yield _sealed(version, text(data.get("guid")))
    elif text(data.get("guid")) and text(data.get("payload")) and text(data.get("cipher")):
        yield _sealed(None, text(data.get("guid")), software="dogechain.info", coin="DOGE")
    elif _GUID.fullmatch(text(data.get("guid")) or "") and (
        sequence(data.get("keys")) or sequence(data.get("hd_wallets"))
    ):
        yield from _Wallet(artifact, data).findings()


def _is_ciphertext(head: bytes) -> bool:
    """Whether the text is base64 of whole blocks that do not repeat."""
    if not _BASE64.fullmatch(head):
        return False
    compact = b"".join(head.split())
    try:
        raw = base64.b64decode(compact[: len(compact) & ~3], validate=True)
    except binascii.Error:
        return False
    blocks = {raw[at : at + _BLOCK] for at in range(0, len(raw), _BLOCK)}
    whole = len(raw) % _BLOCK == 0 or len(head) == 1 << 16
    return whole and len(blocks) * _BLOCK >= len(raw)


def _sealed(
    version: str | None, guid: str | None, software: str = "blockchain.com", coin: str = "BTC"
) -> WalletFile:
    return WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE,
        protection=Protection.ENCRYPTED,
        software=software,
        format_version=version,
        coins=(coin,),
        label=guid,
        state="file-encrypted",
        needed_to_open="the main password of the web wallet",
        kdf="pbkdf2",
    )


class _Wallet:
    """A wallet in clear, or opened."""

    def __init__(
        self,
        artifact: Artifact,
        data: dict[str, Any],
        version: str | None = None,
        opened_by: Credential | None = None,
    ) -> None:
        self.data, self.version, self.opened_by = data, version, opened_by
        self.doubly = data.get("double_encryption") is True
        self.second = find_second(artifact, data) if self.doubly else None
        self.keys = [mapping(key) for key in sequence(data.get("keys"))[:_MOST]]
        self.hd = [mapping(each) for each in sequence(data.get("hd_wallets"))[:100]]

    def findings(self) -> Iterator[_Finding]:
        secrets, listed = list(self._secrets()), list(self._addresses())
        keys = list(self._xpubs())
        created = [number(key.get("created_time")) or 0 for key in self.keys]
        created = [when for when in created if when > 0]
        certain = any(each.checks for each in listed) or bool(keys)
        state = "keystore-encrypted" if self.doubly else "plain"
        state = "file-encrypted" if self.opened_by else state
        yield WalletFile(
            shows=Shows.PRESENT,
            confidence=Confidence.CONFIRMED if certain else Confidence.PROBABLE,
            times=stamp("first_key_created", min(created, default=0), "ms_unix"),
            protection=_found.guard(state),
            software="blockchain.com",
            format_version=self.version,
            coins=("BTC",),
            wallet_type="hd" if self.hd else "keys",
            label=text(self.data.get("guid")),
            state=state,
            addresses=len(listed),
            holds_secret=bool(secrets) and self.opened_by is None,
            opened_by=str(self.opened_by) if self.opened_by else None,
            needed_to_open="the second password, for seed and private keys alone"
            if self.doubly and not self.second
            else None,
        )
        yield from keys
        yield from secrets
        yield from listed
        yield from self._contacts()

    def _addresses(self) -> Iterator[WalletAddress]:
        for position, key in enumerate(self.keys):
            found = text(key.get("addr"))
            when = number(key.get("created_time"))
            if found:
                yield _found.address(
                    "BTC",
                    found,
                    role="own",
                    place=f"keys[{position}]",
                    label=text(key.get("label")),
                    times=stamp("created", when, "ms_unix"),
                )

    def _xpubs(self) -> Iterator[WalletXpub]:
        for position, wallet in enumerate(self.hd):
            for number_, item in enumerate(sequence(wallet.get("accounts"))[:1000]):
                account = mapping(item)
                derived = [mapping(each) for each in sequence(account.get("derivations"))]
                for part in (account, *derived):
                    purpose = number(part.get("purpose")) or 44
                    found = _found.xpub(
                        "BTC",
                        text(part.get("xpub")) or "",
                        place=f"hd_wallets[{position}].accounts[{number_}]",
                        derivation=f"m/{purpose}'/0'/{number_}'",
                        label=text(account.get("label")),
                    )
                    if found:
                        yield found

    def _secrets(self) -> Iterator[WalletSecret]:
        values = ((key.get("addr"), self._value(key.get("priv"))) for key in self.keys)
        lines = [f"{addr} {value}" for addr, value in values if value and _is_key(value)]
        if lines:
            extent = _found.counted(len(lines), "key")
            yield self._secret("private-keys", "keys", "\n".join(lines), extent)
        for position, wallet in enumerate(self.hd):
            seed = self._value(wallet.get("seed_hex"))
            if seed:
                place = f"hd_wallets[{position}].seed_hex"
                extent = f"{len(seed)} hex digits"
                yield self._secret("hd-seed", place, seed, extent)

    def _secret(self, kind: str, place: str, value: str, extent: str) -> WalletSecret:
        opened_by = self.second[0] if self.second else self.opened_by
        return _found.secret(kind, place, value, extent, coin="BTC", opened_by=opened_by)

    def _value(self, value: Any) -> str | None:
        """Return a key or seed, in clear or opened by the second password."""
        stated = text(value)
        if stated is None or not self.doubly:
            return stated
        return open_value(stated, self.second[1], second_rounds(self.data)) if self.second else None

    def _contacts(self) -> Iterator[WalletAddress]:
        for position, item in enumerate(sequence(self.data.get("address_book"))[:_MOST]):
            fields = mapping(item)
            found = text(fields.get("addr"))
            known = addresses.classify(found or "")
            if found and known and known.checks:
                yield _found.address(
                    "BTC",
                    found,
                    role="contact",
                    place=f"address_book[{position}]",
                    label=text(fields.get("label")),
                )


def _is_key(value: str) -> bool:
    """Whether it is a private key: 32 bytes in base58, without a checksum."""
    try:
        return len(base58.decode(value)) in {31, 32}
    except ParseError:
        return False
