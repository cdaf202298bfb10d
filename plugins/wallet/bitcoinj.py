"""The bitcoinj family: MultiBit, MultiDoge, Bisq, Bitcoin Wallet for Android, Coinomi.

Written from bitcoinj's `wallet.proto` and, for Coinomi, from the fields of a wallet that its
desktop program wrote; tested with wallets of MultiBit Classic, plain and encrypted, its key backup,
and Coinomi. Public keys, labels, times and transactions stand in clear even in an encrypted wallet.
Not read: extensions of a wallet, multisignature chains, Bisq's trades (`db/`). The wallet of
MultiBit HD is encrypted as a whole, as are the backups of the Android wallet; a given password
opens them (those two after their sources, no file was at hand).

References: https://github.com/bitcoinj/bitcoinj/blob/master/core/src/main/proto/wallet.proto and
https://github.com/bisq-network/bisq
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    HeaderPattern,
    ParseError,
    Protection,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
    extractor,
)
from triage.formats import protobuf

from . import _coinomi, _found, _locks
from ._bitcoinj_crypto import open_multibit_hd, open_salted
from ._bitcoinj_wallet import Wallet
from ._electrum_secrets import is_private_key

_LIMIT = 64 << 20
_NETWORK = re.compile(rb"\x0a[\x0c-\x28]([a-z][a-z0-9]{1,10}\.[a-z0-9_.-]{3,40})")
_SALTED = b"Salted__"
_SALTED_TEXT = b"U2FsdGVkX1"  # the same in base64
_KEY = re.compile(rb"^[5KL][1-9A-HJ-NP-Za-km-z]{50,51}\b", re.MULTILINE)
_MD5_COST = 3
_KEY_SIZES = range(64, 1 << 20)
_NAMES: Final = (  # a part of the path in small letters, program
    ("multidoge", "multidoge"),
    ("multibithd", "multibit-hd"),
    ("multibit", "multibit"),
    ("bisq", "bisq"),
    ("haveno", "haveno"),
    ("de.schildbach.wallet", "bitcoin-wallet-android"),
    ("coinomi", "coinomi"),
)

_Finding = WalletFile | WalletXpub | WalletAddress | WalletTransaction | WalletSecret


def _software(path: str) -> str:
    folded = path.casefold()
    return next((program for part, program in _NAMES if part in folded), "bitcoinj")


@extractor(
    name="wallet.bitcoinj.wallet",
    paths=(
        "**/*.wallet",  # MultiBit, MultiDoge, Bisq, Coinomi: any system, any folder
        "**/*.wallet.*",  # copies that they keep: NAME.wallet.1, …cipher
        "**/backup/rolling_*/*",  # Bisq: twenty rolling copies; MultiBit: rolling-backup
        "**/multibit-data/**/*.wallet*",  # MultiBit's backups
        "**/de.schildbach.wallet*/files/wallet-protobuf*",  # Bitcoin Wallet for Android
        "**/com.coinomi.wallet/files/wallets/*",  # Coinomi for Android
    ),
    content=(HeaderPattern(rb"\n[\x0c-\x28][a-z][a-z0-9]{1,10}\.[a-z0-9_.-]{3,40}", first=b"\n"),),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletTransaction, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[_Finding]:
    """Read a wallet of bitcoinj or Coinomi: keys, addresses, transactions, what protects it."""
    head = artifact.head(64)
    coinomi = _coinomi.is_wallet(head)
    if not _NETWORK.match(head) and not coinomi:
        return
    try:
        message = protobuf.parse(artifact.read(_LIMIT))
    except ParseError:
        return  # begins like one by chance
    if not message.whole:
        artifact.problem("cut off inside a field: what stands before is read")
    if coinomi:
        yield from _coinomi.findings(artifact, message)
    elif 3 in message.fields or message.integer(7) is not None:  # noqa: PLR2004 - keys, version
        yield from Wallet(artifact, message, _software(artifact.path)).findings()


@extractor(
    name="wallet.bitcoinj.backup",
    paths=(
        "**/multibit-data/key-backup/*.key",  # MultiBit Classic, each time a key is made
        "**/*multibit*.key",  # exports under a telling name
        "**/bitcoin-wallet-backup-*",  # Bitcoin Wallet for Android
        "**/mbhd.wallet.aes",  # MultiBit HD; the folder's name is the wallet's id
        "**/mbhd-*/**/*.aes",  # its backups
    ),
    yields=(WalletFile, WalletXpub, WalletAddress, WalletTransaction, WalletSecret),
    holds_secret=True,
)
def backup(artifact: Artifact) -> Iterator[_Finding]:
    """Read a backup that is encrypted as a whole, if what was given opens it."""
    name, head = artifact.entry.name.casefold(), artifact.head(4096)
    salted = head.lstrip().startswith(_SALTED_TEXT) and _is_salted(head)
    if name.endswith(".aes"):
        if artifact.entry.size % 16 or len(set(head)) < 150:  # noqa: PLR2004 - random bytes have more
            return
        software = "multibit-hd"
    elif salted:
        software = "multibit" if name.endswith(".key") else "bitcoin-wallet-android"
    else:
        return
    data = artifact.read(_LIMIT)
    opened = _opened_salted(artifact, data) if salted else open_multibit_hd(artifact, data)
    message = _wallet_in(opened[1]) if opened else None
    if opened and message:
        yield from Wallet(artifact, message, software, opened[0]).findings()
        return
    if opened:
        yield _keys(opened[1], opened[0])
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE if salted else Confidence.POSSIBLE,
        checks=("openssl header",) if salted else (),
        protection=Protection.ENCRYPTED,
        software=software,
        coins=("BTC",),
        wallet_type="backup" if salted else "hd",
        state="file-encrypted",
        opened_by=str(opened[0]) if opened else None,
        needed_to_open=None if opened else "the wallet password",
        kdf="evp-bytestokey" if salted else "scrypt",
    )


def _opened_salted(artifact: Artifact, data: bytes) -> tuple[Credential, bytes] | None:
    """Return which password opens a backup, and the wallet or the list of keys in it."""
    try:
        raw = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return None
    if artifact.entry.name.casefold().endswith(".key"):
        artifact.locked(_locks.multibit_backup(raw))
    for password in artifact.passwords(cost=_MD5_COST):
        content = open_salted(raw, password.value)
        if content and (_wallet_in(content) or _KEY.search(content)):
            return password, content
    return None


def _wallet_in(content: bytes) -> protobuf.Message | None:
    if not _NETWORK.match(content[:64]):
        return None
    try:
        return protobuf.parse(content)
    except ParseError:
        return None


def _keys(content: bytes, opened_by: Credential) -> WalletSecret:
    """Return the keys of an export of MultiBit Classic, one a line with the time it was made."""
    lines = [found[0].decode("ascii") for found in _KEY.finditer(content)]
    return _found.secret(
        "private-keys",
        "whole file",
        "\n".join(lines),
        _found.counted(len(lines), "key"),
        coin="BTC",
        checks=("base58check",) if all(map(is_private_key, lines)) else (),
        opened_by=opened_by,
    )


def _is_salted(head: bytes) -> bool:
    """Whether the text is base64 of OpenSSL's header, a salt and whole blocks."""
    compact = b"".join(head.split())
    if len(compact) not in _KEY_SIZES or not re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", compact):
        return False
    try:
        raw = base64.b64decode(compact[: len(compact) & ~3], validate=True)
    except binascii.Error:
        return False
    return raw.startswith(_SALTED) and (len(raw) % 16 == 0 or len(head) == 4096)  # noqa: PLR2004 - more follows
