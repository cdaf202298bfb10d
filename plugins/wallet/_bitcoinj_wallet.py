"""What a wallet of bitcoinj says; field numbers are those of its `wallet.proto`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from triage.api import (
    Artifact,
    Confidence,
    Credential,
    Shows,
    Time,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)
from triage.formats import base58, mnemonic
from triage.formats.protobuf import Message
from triage.formats.stamps import stamp

from . import _bip32, _coins, _found
from ._bitcoin import hash160
from ._bitcoinj_crypto import find_key, open_data, scrypt_of
from ._coins import Chain

_MOST: Final = 100_000
_ORIGINAL, _ENCRYPTED, _MNEMONIC, _DETERMINISTIC = 1, 2, 3, 4  # Key.Type
_HARDENED = 1 << 31
_ACCOUNT_DEPTHS = range(1, 4)  # bitcoinj's own accounts lie at m/0'
_NETWORKS: Final = {  # org.bitcoin.production and its relatives
    "org.bitcoin.production": ("BTC", "mainnet"),
    "org.bitcoin.test": ("BTC", "testnet"),
    "org.bitcoin.regtest": ("BTC", "regtest"),
    "org.litecoin.production": ("LTC", "mainnet"),
    "org.dogecoin.production": ("DOGE", "mainnet"),
    "org.darkcoin.production": ("DASH", "mainnet"),
    "org.dash.production": ("DASH", "mainnet"),
}
_BUILDING = 1  # TransactionConfidence.Type
_ENCRYPTED_DATA = 6  # field of a key
_PARAMETERS = 6  # field of a wallet
_CHECKED = 100  # private keys that are held against their public ones

_Finding = WalletFile | WalletXpub | WalletAddress | WalletTransaction | WalletSecret


class Wallet:
    """One wallet on its way to findings."""

    def __init__(
        self,
        artifact: Artifact,
        message: Message,
        software: str,
        file_opened_by: Credential | None = None,
    ) -> None:
        self.artifact, self.message, self.software = artifact, message, software
        self.file_opened_by = file_opened_by
        self.identifier = message.text(1) or ""
        coin, network = _NETWORKS.get(self.identifier, ("", ""))
        self.chain: Chain | None = _coins.of(coin, network)
        self.keys = list(message.messages(3))[:_MOST]
        self.coin = self.chain.ticker if self.chain else (self.identifier or "unknown")
        self.own: dict[bytes, str] = {}  # script → address
        self.opened_by, self.opening = self._opening()

    def findings(self) -> Iterator[_Finding]:
        """Yield the file, its keys, secrets, addresses and transactions."""
        listed, keys = list(self._addresses()), list(self._xpubs())
        secrets = list(self._secrets())
        transactions = list(self._transactions())
        clear = any(secret.opened_by is None for secret in secrets)
        yield self._file(listed, transactions, keys, holds_secret=clear)
        yield from keys
        yield from secrets
        yield from listed
        yield from transactions
        yield from self._payees()

    def _opening(self) -> tuple[Credential | None, bytes]:
        """Return what was given that opens the private keys, and the key it makes."""
        scrypt = scrypt_of(self.message.message(_PARAMETERS))
        sealed = [
            (data, public)
            for key in self.keys
            if (data := key.message(_ENCRYPTED_DATA)) and (public := key.data(3))
        ]
        found = find_key(self.artifact, scrypt, sealed, software=self.software) if scrypt else None
        return found or (self.file_opened_by, b"")

    def _private(self, key: Message) -> bytes | None:
        """Return a private key or seed, in clear or opened."""
        return key.data(2) or (
            open_data(self.opening, key.message(_ENCRYPTED_DATA)) if self.opening else None
        )

    def _file(
        self,
        listed: list[WalletAddress],
        transactions: list[WalletTransaction],
        keys: list[WalletXpub],
        *,
        holds_secret: bool,
    ) -> WalletFile:
        sealed = self.message.integer(5) == _ENCRYPTED or any(
            _ENCRYPTED_DATA in key.fields for key in self.keys
        )
        hd = any(key.integer(1) == _DETERMINISTIC for key in self.keys)
        version = self.message.integer(7)
        deltas = [each.delta for each in transactions]
        state = "keystore-encrypted" if sealed else "plain"
        state = "file-encrypted" if self.file_opened_by else state
        state = state if self.message.whole else "damaged"
        locked = sealed and not self.opening
        return WalletFile(
            shows=Shows.USED if transactions else Shows.PRESENT,
            confidence=Confidence.PROBABLE,
            times=self._times(),
            protection=_found.guard(state),
            software=self.software,
            format_version=None if version is None else str(version),
            coins=(self.coin,),
            network=self.chain.network if self.chain else None,
            wallet_type="hd" if hd else "keys",
            label=self.message.text(11),
            state=state,
            fingerprint=next((key.fingerprint for key in keys if key.fingerprint), None),
            addresses=len(listed),
            transactions=len(transactions),
            recorded_balance=None
            if hd or None in deltas or not deltas
            else sum(filter(None, deltas)),
            holds_secret=holds_secret,
            opened_by=str(self.opened_by) if self.opened_by else None,
            needed_to_open="the wallet password, for private keys alone" if locked else None,
            kdf="scrypt" if 6 in self.message.fields else None,  # noqa: PLR2004 - a field number
            synced_height=self.message.integer(12),
        )

    def _times(self) -> tuple[Time, ...]:
        created = [when for key in self.keys if (when := key.signed(5)) and when > 0]
        return (
            *stamp("first_key_created", min(created, default=0), "ms_unix"),
            *stamp("synced", self.message.signed(14), "s_unix"),
        )

    def _addresses(self) -> Iterator[WalletAddress]:
        """Yield the addresses of single keys, and of derived ones that were handed out."""
        issued = {
            path(key): derived.integer(3) or 0
            for key in self.keys
            if (derived := key.message(7)) is not None
        }
        for position, key in enumerate(self.keys):
            public, steps = key.data(3), path(key)
            if self.chain is None or public is None or key.integer(1) == _MNEMONIC:
                continue
            if steps and (
                steps[-1] >= _HARDENED or issued.get(steps[:-1], 0) <= steps[-1] or len(steps) < 3  # noqa: PLR2004 - chain and number
            ):
                continue
            kind = self._kind(steps) if len(public) == 33 else "p2pkh"  # noqa: PLR2004 - compressed
            script = _bip32.script(public, kind)
            found = self.chain.address(script) if script else None
            if script is None or found is None:
                continue
            self.own[script] = found
            created = key.signed(5)
            yield _found.address(
                self.coin,
                found,
                role={0: "receive", 1: "change"}.get(steps[-2], "own") if steps else "own",
                place=f"key[{position}]",
                checks=_found.COMPUTED,
                derivation=written(steps) if steps else None,
                label=key.text(4) or None,
                used=script in self._paid or None,
                times=stamp("created", created, "ms_unix"),
            )

    def _kind(self, steps: tuple[int, ...]) -> str:
        """Return how keys of an account are paid: its first key says so since 0.15."""
        for key in self.keys:
            above = path(key)
            if above and above == steps[: len(above)] and key.integer(11) == 2:  # noqa: PLR2004 - P2WPKH
                return "p2wpkh"
        return "p2pkh"

    def _xpubs(self) -> Iterator[WalletXpub]:
        accounts = {path(key): key for key in self.keys if path(key)}
        for steps, key in accounts.items():
            if len(steps) in _ACCOUNT_DEPTHS and steps[-1] >= _HARDENED and self.chain is not None:
                above = accounts.get(steps[:-1])
                found = extended(self.chain, key, 3, 7, above)
                made = found and _found.xpub(
                    self.coin,
                    found,
                    place=f"key {written(steps)}",
                    derivation=written(steps),
                    script_type=self._kind(steps),
                )
                if made:
                    yield made

    def _secrets(self) -> Iterator[WalletSecret]:
        lines: list[str] = []
        seeds: list[tuple[int, str]] = []
        fit = True
        for position, key in enumerate(self.keys):
            private, public = self._private(key), key.data(3)
            if private is None:
                continue
            if key.integer(1) == _MNEMONIC:
                seeds.append((position, private.decode("utf-8", "surrogateescape")))
            elif len(private) in {32, 33} and public:
                number = private[-32:]
                fit = fit and (len(lines) >= _CHECKED or _bip32.matches(number, public))
                wif = number.hex()
                if self.chain:
                    wif = self.chain.wif(number, compressed=len(public) == 33)  # noqa: PLR2004 - compressed
                lines.append(f"{public.hex()} {wif}")
        for position, words in seeds:
            known = mnemonic.check(words.split(), kind="bip39")
            yield _found.secret(
                "bip39-seed",
                f"key[{position}]",
                words,
                _found.counted(len(words.split()), "word"),
                coin=self.coin,
                checks=known.checks if known else (),
                opened_by=self.opened_by,
            )
        if lines:
            extent = _found.counted(len(lines), "key")
            checks = ("public key",) if fit else ()
            value = "\n".join(lines)
            yield _found.secret(
                "private-keys",
                "keys",
                value,
                extent,
                coin=self.coin,
                checks=checks,
                opened_by=self.opened_by,
            )

    @cached_property
    def _entries(self) -> dict[str, Message]:
        found: dict[str, Message] = {}
        for entry in self.message.messages(4):
            digest = entry.data(2) or b""
            if len(digest) == 32 and len(found) < _MOST:  # noqa: PLR2004 - a hash
                found[digest.hex()] = entry
        return found

    @cached_property
    def _paid(self) -> set[bytes]:
        return {
            script
            for entry in self._entries.values()
            for output in entry.messages(7)
            if (script := output.data(2))
        }

    def _transactions(self) -> Iterator[WalletTransaction]:
        for txid, entry in self._entries.items():
            confidence = entry.message(9)
            inside = confidence is not None and confidence.integer(1) == _BUILDING
            updated = entry.signed(5)
            yield WalletTransaction(
                shows=Shows.USED,
                confidence=Confidence.PROBABLE,
                locator=f"transaction {txid}",
                times=stamp("received", updated, "ms_unix"),
                coin=self.coin,
                txid=txid,
                height=confidence.integer(2) if inside and confidence else None,
                label=entry.text(13) or None,
                delta=self._gained(entry) - self._lost(entry) if self.own else None,
            )

    def _gained(self, entry: Message) -> int:
        return sum(
            output.signed(1) or 0 for output in entry.messages(7) if output.data(2) in self.own
        )

    def _lost(self, entry: Message) -> int:
        total = 0
        for spent in entry.messages(6):
            source = self._entries.get((spent.data(1) or b"").hex())
            outputs = list(source.messages(7)) if source else []
            number = spent.integer(2) or 0
            if number < len(outputs) and outputs[number].data(2) in self.own:
                total += outputs[number].signed(1) or 0
        return total

    def _payees(self) -> Iterator[WalletAddress]:
        seen: set[str] = set()
        for txid, entry in self._entries.items():
            if self.chain is None or not self.own or not self._lost(entry):
                continue
            for output in entry.messages(7):
                script = output.data(2) or b""
                found = self.chain.address(script)
                if found and script not in self.own and found not in seen:
                    seen.add(found)
                    yield _found.address(
                        self.coin, found, role="payee", place=f"transaction {txid}", used=True
                    )


def path(key: Message, field: int = 7) -> tuple[int, ...]:
    """Return the steps from the seed to a derived key, none for another key."""
    derived = key.message(field)
    if derived is None:
        return ()
    return tuple(step for step in derived.fields.get(2, ()) if isinstance(step, int))


def written(steps: tuple[int, ...]) -> str:
    """Return steps as people write them: m/44'/0'."""
    parts = (f"{step & ~_HARDENED}{chr(39) * (step >= _HARDENED)}" for step in steps)
    return "/".join(("m", *parts))


def extended(
    chain: Chain, key: Message, public: int, derived: int, above: Message | None
) -> str | None:
    """Return the extended public key that public key, chain code and path make.

    The fingerprint of the parent is left zero when the parent does not stand in the file.
    """
    data, steps = key.data(public), path(key, derived)
    inner = key.message(derived)
    code = inner.data(1) if inner else None
    if data is None or code is None or len(code) != 32 or len(data) != 33 or len(steps) > 255:  # noqa: PLR2004 - sizes of BIP-32
        return None
    parent = above.data(public) if above else None
    fingerprint = hash160(parent)[:4] if parent else bytes(4)
    number = (steps[-1] if steps else 0) & 0xFFFFFFFF
    head = bytes([len(steps)]) + (fingerprint if steps else bytes(4)) + number.to_bytes(4, "big")
    return base58.encode_check(chain.xpub_version + head + code + data)
