"""Coinomi's wallets: protocol buffers of its own, with a pocket for each coin.

Field numbers were found in a wallet that the desktop program wrote (version 20): 1 version, 2 seed,
3 master key, 4 encryption, 5 parameters of scrypt, 6 pockets, 10 name. A pocket: 1 network, 11
accounts, each with 1 purpose (44, 49, 84) and 2 keys. A key: 1 type, 3 encrypted, 4 public, 6 chain
code and path. A seed: 1 type, 2 words, 3 encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletXpub,
)
from triage.formats import base58, mnemonic
from triage.formats.protobuf import Message

from . import _bip32, _coins, _found
from ._bitcoin import hash160
from ._bitcoinj_crypto import find_key, open_data, scrypt_of
from ._bitcoinj_wallet import extended, path, written

_PURPOSES: Final = {44: "p2pkh", 49: "p2sh-p2wpkh", 84: "p2wpkh"}
_TICKERS: Final = {
    "bitcoin": "BTC",
    "litecoin": "LTC",
    "dogecoin": "DOGE",
    "dash": "DASH",
    "zcash": "ZEC",
    "digibyte": "DGB",
    "vertcoin": "VTC",
    "peercoin": "PPC",
    "pivx": "PIVX",
    "monacoin": "MONA",
    "zcoin": "FIRO",
    "btccash": "BCH",
    "ethereum": "ETH",
    "ethclassic": "ETC",
    "monero": "XMR",
    "ripple": "XRP",
    "tron": "TRX",
}
_MOST_POCKETS = 500
_MOST_KEYS = 10_000
_VIEW = "view-keys"  # they show payments and move nothing
_MNEMONIC = 3
_XPRV: Final = bytes.fromhex("0488ade4")
_ED25519 = 5
_HARDENED = 1 << 31
_ACCOUNT_DEPTH = 3
_ADDRESS_DEPTH = 5

_Finding = WalletFile | WalletXpub | WalletAddress | WalletSecret


def is_wallet(head: bytes) -> bool:
    """Whether a file begins with a version and a seed."""
    return head[:1] == b"\x08" and head[1:2] < b"\x80" and head[2:3] == b"\x12"


def findings(artifact: Artifact, message: Message) -> Iterator[_Finding]:
    """Yield what a wallet says, nothing when it has no pockets."""
    pockets = list(message.messages(6))[:_MOST_POCKETS]
    names = [name for pocket in pockets if (name := pocket.text(1)) and "." in name]
    if not names or (message.message(5) is None and message.message(2) is None):
        return
    opened_by, opened = _opened(artifact, message)
    seed = message.message(2)
    words = seed.text(2) if seed and seed.integer(1) == _MNEMONIC else None
    keys = [item for pocket in pockets for item in _of_pocket(pocket)]
    sealed = message.message(5) is not None
    version = message.integer(1)
    locked = sealed and opened_by is None
    state = "damaged" if not message.whole else "keystore-encrypted" if sealed else "plain"
    yield WalletFile(
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED if keys else Confidence.PROBABLE,
        checks=("base58check",) if keys else (),
        protection=_found.guard(state),
        software="coinomi",
        format_version=None if version is None else str(version),
        coins=tuple(sorted({_ticker(name) for name in names})),
        wallet_type="hd",
        label=message.text(10) or None,
        state=state,
        fingerprint=_fingerprint(message),
        addresses=sum(isinstance(item, WalletAddress) for item in keys),
        holds_secret=bool(words)
        or any(isinstance(item, WalletSecret) and item.secret_type != _VIEW for item in keys),
        opened_by=str(opened_by) if opened_by else None,
        needed_to_open="the wallet password, for seed and private keys alone" if locked else None,
        kdf="scrypt" if sealed else None,
    )
    if words:
        known = mnemonic.check(words.split(), kind="bip39")
        extent = _found.counted(len(words.split()), "word")
        checks = known.checks if known else ()
        yield _found.secret("bip39-seed", "seed", words, extent, checks=checks)
    yield from opened
    yield from keys


def _opened(artifact: Artifact, message: Message) -> tuple[Credential | None, list[WalletSecret]]:
    """Try what was given; return which entry it was, with the seed and the master key it opens."""
    scrypt, master = scrypt_of(message.message(5)), message.message(3)
    sealed, public = (master.message(3), master.data(4)) if master else (None, None)
    if scrypt is None or sealed is None or public is None:
        return None, []
    found = find_key(artifact, scrypt, [(sealed, public)], software="coinomi")
    if found is None or master is None:
        return None, []
    password, key = found
    secrets: list[WalletSecret] = []
    seed = message.message(2)
    words = (open_data(key, seed.message(3) if seed else None) or b"").decode("utf-8", "replace")
    known = mnemonic.check(words.split(), kind="bip39")
    if words:
        extent = _found.counted(len(words.split()), "word")
        checks = known.checks if known else ()
        secrets.append(
            _found.secret("bip39-seed", "seed", words, extent, checks=checks, opened_by=password)
        )
    private, derived = open_data(key, sealed), master.message(6)
    code = derived.data(1) if derived else None
    if private and code and len(code) == len(private) == 32:  # noqa: PLR2004 - sizes of BIP-32
        text = base58.encode_check(_XPRV + bytes(9) + code + b"\0" + private)
        secrets.append(
            _found.secret(
                "xprv",
                "master key",
                text,
                f"{len(text)} characters",
                checks=("public key",),
                opened_by=password,
            )
        )
    return password, secrets


def _ticker(name: str) -> str:
    coin = name.partition(".")[0]
    return _TICKERS.get(coin, coin)


def _fingerprint(message: Message) -> str | None:
    master = message.message(3)
    public = master.data(4) if master else None
    return hash160(public)[:4].hex() if public and len(public) == 33 else None  # noqa: PLR2004 - compressed


def _of_pocket(pocket: Message) -> Iterator[WalletXpub | WalletAddress | WalletSecret]:
    name = pocket.text(1) or ""
    coin = _ticker(name)
    chain = _coins.of(coin, "mainnet" if name.endswith(".main") else "testnet")
    for account in pocket.messages(11):
        kind = _PURPOSES.get(account.integer(1) or 0, "p2pkh")
        keys = {path(key, 6): key for key in list(account.messages(2))[:_MOST_KEYS]}
        for steps, key in keys.items():
            if len(steps) == _ACCOUNT_DEPTH and steps[-1] >= _HARDENED:
                yield from _account(chain, coin, key, kind)
            elif len(steps) == _ADDRESS_DEPTH and chain is not None:
                yield from _address(chain, key, keys.get(steps[:-1]), kind)
        yield from _other_keys(account, coin, name)


def _account(
    chain: _coins.Chain | None, coin: str, key: Message, kind: str
) -> Iterator[WalletXpub]:
    steps = written(path(key, 6))
    text = extended(chain or _coins.CHAINS[0], key, 4, 6, None)
    found = text and _found.xpub(
        coin, text, place=steps, derivation=steps, script_type=kind if chain else None
    )
    if found:
        yield found


def _address(
    chain: _coins.Chain, key: Message, above: Message | None, kind: str
) -> Iterator[WalletAddress]:
    """Yield an address that was handed out: its chain counts how many were."""
    derived = above.message(6) if above else None
    issued = (derived.integer(3) or 0) if derived else 0
    public, steps = key.data(4), path(key, 6)
    if steps[-1] >= issued or public is None:
        return
    script = _bip32.script(public, kind if chain.segwit else "p2pkh")
    text = chain.address(script) if script else None
    if text:
        yield _found.address(
            chain.ticker,
            text,
            role={0: "receive", 1: "change"}.get(steps[-2], "own"),
            place=written(steps),
            checks=_found.COMPUTED,
            derivation=written(steps),
        )


def _other_keys(account: Message, coin: str, name: str) -> Iterator[WalletSecret]:
    """Yield ed25519 keys that stand in clear: of Monero, the ones that see what comes in."""
    lines = [
        f"{(key.data(4) or b'').hex()} {private.hex()}"
        for key in account.messages(2)
        if key.integer(1) == _ED25519 and (private := key.data(2))
    ]
    if lines:
        kind = _VIEW if coin == "XMR" else "private-keys"
        extent = _found.counted(len(lines), "key")
        yield _found.secret(kind, name, "\n".join(lines), extent, coin=coin)
