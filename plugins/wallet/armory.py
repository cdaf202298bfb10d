"""Armory: wallet files of versions 1.x (0.5 to 0.96 of the program).

Written from `PyBtcWallet.py` and `PyBtcAddress.py` of Armory; no wallet of a real installation was
at hand. Name, times, public keys and comments stand in clear; private keys too, unless there is a
passphrase: a given one opens them. Not read: LMDB wallets of later versions, lockboxes
(multisignature), transactions.

References: https://github.com/etotheipi/BitcoinArmory/tree/master/armoryengine
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    Header,
    ParseError,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    extractor,
)
from triage.formats.stamps import stamp

from . import _armory_crypto as _crypto
from . import _bip32, _coins, _found
from ._bitcoin import hash160
from ._serial import Stream

_MAGIC = b"\xbaWALLET\x00"
_LIMIT = 256 << 20
_MOST = 200_000
_KEY, _ADDRESS_COMMENT, _TRANSACTION_COMMENT, _DELETED = 0, 1, 2, 4  # kinds of entries
_DERIVATION = 256  # bytes for the parameters of the key derivation
_CRYPTO = 512  # the same, with those of the cipher
_UNUSED = 1024
_WATCHING = 0x02  # bit of the flags
_NEVER: Final = {0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One address: 237 bytes."""

    digest: bytes
    chain_code: bytes = field(repr=False)
    vector: bytes
    private: bytes = field(repr=False)
    public: bytes
    first: int  # seconds since 1970
    index: int


def _read_entry(stream: Stream) -> _Entry:
    digest = _checked(stream, 20)
    stream.take(4 + 8)  # version, flags
    chain_code = _checked(stream, 32)
    index = stream.number(8, signed=True)
    stream.take(8)  # depth
    vector = _checked(stream, 16)
    private, public = _checked(stream, 32), _checked(stream, 65)
    first = stream.number(8)
    stream.take(8 + 4 + 4)  # last time, first and last block
    return _Entry(
        digest=digest,
        chain_code=chain_code,
        vector=vector,
        private=private,
        public=public,
        first=first,
        index=index,
    )


def _checked(stream: Stream, length: int) -> bytes:
    """Return bytes, none when they are zero or the checksum behind them does not fit."""
    data, checksum = stream.take(length), stream.take(4)
    right = hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    return data if checksum == right and any(data) else b""


@extractor(
    name="wallet.armory.wallet",
    paths=(
        "**/armory_*.wallet",  # every version, any folder: armory_ID_.wallet and its _backup
        "**/{.armory,Armory}/*.wallet",  # Linux; Windows and macOS
    ),
    content=(Header(_MAGIC),),
    yields=(WalletFile, WalletAddress, WalletSecret),
    holds_secret=True,
)
def wallets(artifact: Artifact) -> Iterator[WalletFile | WalletAddress | WalletSecret]:
    """Read an Armory wallet: names, addresses with comments, private keys if in clear."""
    if not artifact.head(8).startswith(_MAGIC):
        return
    stream = Stream(artifact.read(_LIMIT))
    stream.take(8)
    version, magic, flags = stream.number(4), stream.take(4), stream.number(8)
    chain = _coins.by_magic(magic) or _coins.CHAINS[0]
    stream.take(6)  # the first bytes of the first address
    created = stream.number(8)
    name, description = _text(stream.take(32)), _text(stream.take(256))
    stream.take(8)  # highest index used
    derivation = stream.take(_DERIVATION)
    sealed = any(derivation)
    stream.take(_CRYPTO - _DERIVATION)
    root = _read_entry(stream)
    stream.take(_UNUSED)
    entries, comments, notes, whole = _entries(artifact, stream)
    watching = bool(flags & _WATCHING) or not any(entry.private for entry in (root, *entries))
    listed = list(_addresses(chain, entries, comments))
    opened_by, opened = _opened(artifact, derivation, root, entries) if sealed else (None, None)
    secrets = list(_secrets(chain, root, entries)) if not sealed else []
    if opened is not None:
        secrets = list(_secrets(chain, *opened, opened_by=opened_by))
    firsts = [entry.first for entry in entries if entry.first not in _NEVER]
    times = stamp("created", created if created not in _NEVER else 0, "s_unix")
    times += stamp("first_used", min(firsts, default=0), "s_unix")
    state = "keystore-encrypted" if sealed and not watching else "plain"
    state = state if whole else "damaged"
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if root.digest else Confidence.PROBABLE,
        checks=("checksum",) if root.digest else (),
        times=times,
        protection=_found.guard(state),
        software="armory",
        format_version=_version(version),
        coins=(chain.ticker,),
        network=chain.network,
        wallet_type="watch-only" if watching else "hd",
        label=f"{name} – {description}" if description else name,
        state=state,
        addresses=len(listed),
        transactions=notes or None,
        holds_secret=bool(secrets) and not sealed,
        opened_by=str(opened_by) if opened_by else None,
        needed_to_open="the wallet passphrase, for private keys alone"
        if sealed and not watching and opened_by is None
        else None,
        kdf="romix" if sealed else None,
    )
    yield from secrets
    yield from listed


def _version(value: int) -> str:
    parts = (value // 10**7, value // 10**5 % 100, value // 10**3 % 100)
    return ".".join(map(str, parts[:2] if not parts[2] else parts))


def _text(data: bytes) -> str | None:
    text = data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape").strip()
    return text or None


def _entries(
    artifact: Artifact, stream: Stream
) -> tuple[list[_Entry], dict[bytes, str], int, bool]:
    """Return addresses, comments on them, how many transactions have one, whether all was read."""
    entries: list[_Entry] = []
    comments: dict[bytes, str] = {}
    notes = 0
    while stream.left and len(entries) < _MOST:
        start = stream.at
        try:
            kind = stream.number(1)
            if kind == _KEY:
                stream.take(20)
                entries.append(_read_entry(stream))
            elif kind == _ADDRESS_COMMENT:
                about = stream.take(20)
                comments[about] = stream.take(stream.number(2)).decode("utf-8", "surrogateescape")
            elif kind == _TRANSACTION_COMMENT:
                stream.take(32)
                stream.take(stream.number(2))
                notes += 1
            else:
                stream.take(stream.number(2) if kind == _DELETED else stream.left + 1)
        except ParseError:
            artifact.problem("an entry is cut off or of an unknown kind", locator=f"byte {start}")
            return entries, comments, notes, False
    return entries, comments, notes, True


def _addresses(
    chain: _coins.Chain, entries: list[_Entry], comments: dict[bytes, str]
) -> Iterator[WalletAddress]:
    for entry in entries:
        if not entry.digest:
            continue
        own = entry.public and hash160(entry.public) == entry.digest
        yield _found.address(
            chain.ticker,
            chain.of_key_hash(entry.digest),
            role="own" if entry.index >= 0 else "imported",
            place=f"chain index {entry.index}",
            checks=_found.COMPUTED if own else ("checksum",),
            label=comments.get(entry.digest),
            used=entry.first not in _NEVER or None,
        )


def _opened(
    artifact: Artifact, derivation: bytes, root: _Entry, entries: list[_Entry]
) -> tuple[Credential | None, tuple[_Entry, list[_Entry]] | None]:
    """Try what was given; return which entry it was, and the addresses with their private keys."""
    romix = _crypto.read(derivation)
    proof = next((each for each in (root, *entries) if each.private and each.public), None)
    if romix is None or proof is None:
        return None, None
    for passphrase in artifact.passwords(cost=romix.cost):
        key = romix.derive(passphrase.value)
        if _crypto.fits(_crypto.open_key(key, proof.vector, proof.private), proof.public):
            return passphrase, (_with_key(root, key), [_with_key(each, key) for each in entries])
    return None, None


def _with_key(entry: _Entry, key: bytes) -> _Entry:
    found = _crypto.open_key(key, entry.vector, entry.private) if entry.private else None
    return replace(entry, private=found or b"")


def _secrets(
    chain: _coins.Chain,
    root: _Entry,
    entries: list[_Entry],
    *,
    opened_by: Credential | None = None,
) -> Iterator[WalletSecret]:
    if root.private and root.chain_code:
        value = f"{root.private.hex()} {root.chain_code.hex()}"
        yield _found.secret(
            "root-key", "root", value, "32 bytes", coin=chain.ticker, opened_by=opened_by
        )
    lines = [
        f"{entry.public.hex()} {chain.wif(entry.private, compressed=False)}"
        for entry in entries
        if entry.private
    ]
    if lines:
        first = next(entry for entry in entries if entry.private)
        checks = ("public key",) if _bip32.matches(first.private, first.public) else ()
        yield _found.secret(
            "private-keys",
            "entries",
            "\n".join(lines),
            _found.counted(len(lines), "key"),
            coin=chain.ticker,
            checks=checks,
            opened_by=opened_by,
        )
