"""Seeds and private keys of an Electrum wallet: where they stand, and whether in clear.

The value itself decides whether it is in clear: `use_encryption` may be stale, and the keys of
payment channels stand in clear however the seed is kept. Encrypted values are base64 of an AES
initialisation vector and ciphertext (`crypto.py` of Electrum, `pw_encode`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from triage.api import ParseError
from triage.formats import base58, extended_keys, mnemonic

from ._electrum_crypto import open_value
from ._electrum_wallet import Keystore, keystores, mapping, sequence, text

_HEX = re.compile(r"[0-9a-fA-F]{32,64}")
_CIPHERTEXT = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_SEED_TYPES: Final = {"standard", "segwit", "2fa", "2fa_segwit", "old"}
_TYPES: Final = {"keypairs": "private-keys", "passphrase": "seed-extension"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret as it stands, in clear or encrypted. Many keys are lines: public part, private."""

    place: str
    kind: str  # seed, passphrase, xprv, keypairs, lightning-xprv, lightning-key, swap-key
    value: str = field(repr=False)
    seed_type: str | None = None

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checksums that hold: none for ciphertext, nor for hex."""
        if self.kind == "seed":
            found = mnemonic.check(self.value.split())
            return found.checks if found else ()
        if self.kind in {"xprv", "lightning-xprv"}:
            key = extended_keys.classify(self.value)
            return key.checks if key and key.private else ()
        if self.kind == "keypairs" and all(map(is_private_key, self._private())):
            return ("base58check",)
        return ()

    @property
    def type(self) -> str:
        """What a report calls it."""
        if self.kind == "seed":
            if self.seed_type in {"bip39", "slip39"}:
                return f"{self.seed_type}-seed"
            known = self.seed_type in _SEED_TYPES
            return f"electrum-seed-{self.seed_type}" if known else "electrum-seed"
        return _TYPES.get(self.kind, self.kind)

    @property
    def extent(self) -> str:
        """How long it is: words, keys, hex digits or characters."""
        if self.kind in {"keypairs", "swap-key"}:
            count = len(self._private())
            return f"{count} key{'s' if count > 1 else ''}"
        if self.kind == "seed" and len(self.value.split()) > 1:
            return f"{len(self.value.split())} words"
        digits = _HEX.fullmatch(self.value) is not None
        return f"{len(self.value)} {'hex digits' if digits else 'characters'}"

    def opened(self, password: bytes) -> Secret:
        """Return it with what the password opens in place of ciphertext, keys one by one."""
        if self.kind in {"keypairs", "swap-key"}:
            lines = (line.partition(" ") for line in self.value.split("\n"))
            pairs = [
                (public, open_value(private, password) or private) for public, _, private in lines
            ]
            return replace(
                self, value="\n".join(f"{public} {private}" for public, private in pairs)
            )
        return replace(self, value=open_value(self.value, password) or self.value)

    def in_clear(self, data: Mapping[str, Any]) -> bool:
        """Whether the value is usable as it stands in this wallet."""
        if self.kind == "keypairs":
            return any(map(is_private_key, self._private()))
        if self.checks or (self.kind != "xprv" and _HEX.fullmatch(self.value)):
            return True
        if self.kind == "passphrase" or not _CIPHERTEXT.fullmatch(self.value):
            return data.get("use_encryption") is not True
        return False

    def _private(self) -> list[str]:
        return [line.partition(" ")[2] for line in self.value.split("\n")]


def is_private_key(value: str) -> bool:
    """Whether it is a private key in Wallet Import Format, `p2wpkh:` or the like before it."""
    try:
        payload = base58.decode_check(value.rpartition(":")[2])
    except ParseError:
        return False
    return len(payload) in {33, 34}


def secrets(data: Mapping[str, Any]) -> Iterator[Secret]:
    """Yield seeds and private keys as they stand, encrypted ones too."""
    for store in keystores(data):
        if data.get(store.place) is store.fields:
            yield from _of_keystore(store, text(data.get("seed_type")))
    yield from _before_keystores(data)
    yield from _lightning(data)


def _of_keystore(store: Keystore, seed_type: str | None) -> Iterator[Secret]:
    fields = store.fields
    seed_type = "old" if fields.get("type") == "old" else text(fields.get("seed_type")) or seed_type
    for kind in ("seed", "passphrase", "xprv"):
        if value := text(fields.get(kind)):
            place = f"{store.place}.{kind}"
            yield Secret(place=place, kind=kind, value=value, seed_type=seed_type)
    yield from _pairs(fields.get("keypairs"), f"{store.place}.keypairs")


def _before_keystores(data: Mapping[str, Any]) -> Iterator[Secret]:
    """Yield the secrets of wallets before 2.7."""
    if seed := text(data.get("seed")):
        seed_type = "old" if text(data.get("master_public_key")) else text(data.get("seed_type"))
        yield Secret(place="seed", kind="seed", value=seed, seed_type=seed_type)
    for path, xprv in sorted(mapping(data.get("master_private_keys")).items()):
        if text(xprv):
            yield Secret(place=f"master_private_keys.{path}", kind="xprv", value=xprv)
    for name in ("keypairs", "imported_keys"):
        yield from _pairs(data.get(name), name)
    for account, content in sorted(mapping(data.get("accounts")).items()):
        imported = mapping(mapping(content).get("imported"))
        keys = {key: pair[1] for key, pair in imported.items() if len(sequence(pair)) > 1}
        yield from _pairs(keys, f"accounts.{account}.imported")


def _pairs(pairs: Any, place: str, kind: str = "keypairs") -> Iterator[Secret]:
    lines = [f"{public} {private}" for public, private in mapping(pairs).items() if text(private)]
    if lines:
        yield Secret(place=place, kind=kind, value="\n".join(lines))


def _lightning(data: Mapping[str, Any]) -> Iterator[Secret]:
    """Yield the keys of channels and swaps: they spend what is in them."""
    for name, kind in (
        ("lightning_xprv", "lightning-xprv"),
        ("lightning_privkey", "lightning-key"),
        ("lightning_privkey2", "lightning-key"),
    ):
        if value := text(data.get(name)):
            yield Secret(place=name, kind=kind, value=value)
    swaps = mapping(data.get("submarine_swaps"))
    keys = {name: mapping(swap).get("privkey") for name, swap in swaps.items()}
    yield from _pairs(keys, "submarine_swaps", "swap-key")
