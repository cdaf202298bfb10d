"""The records of a Bitcoin Core wallet, the same in Berkeley DB and in SQLite.

A key is a type name and what it is about. Sources: `wallet/walletdb.cpp`
and `wallet/walletdb.h` of Bitcoin Core (0.3 to 29), `wallet/hdchain.h` of Dash (a seed and a
mnemonic in `hdchain`), `wallet/walletdb.cpp` of Zcash (`hdseed`, shielded keys). Types that are
not listed here are passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from triage.api import ParseError
from triage.formats import addresses

from ._core_crypto import Master
from ._serial import Stream, WalletEntry, read_wallet_entry

_KEY_SIZES = (33, 65)
_SECRET = 32
_WITH_ORIGIN = 12  # version of key metadata that names the master key's fingerprint
_WITH_PATH = 10
_CIPHERS: Final = {0: "sha512", 1: "scrypt"}  # how a passphrase becomes a key
_EXTENDED = 74  # bytes of an extended public key without its version
_MOST_PATH = 32
_REMNANTS: Final = (b"\3key", b"\2tx", b"\4name")  # records with a checksum in them


@dataclass(slots=True)
class Key:
    """A public key, what is known of it, and its private key if that stands in clear."""

    public: bytes
    place: str
    private: bytes | None = field(default=None, repr=False)  # 32 bytes
    checked: bool = False  # a hash over both halves holds
    sealed: bytes | None = field(default=None, repr=False)  # the private key, encrypted
    created: int = 0  # seconds since 1970; 0 and 1: not known
    path: str | None = None
    fingerprint: str | None = None  # of the master key, 8 hex digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An entry of the address book."""

    label: str | None = None
    purpose: str | None = None  # receive, send, refund
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """An output descriptor and how far it is used."""

    text: str
    created: int
    next_index: int
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """A secret that stands in clear, other than the private key of an address."""

    type: str
    place: str
    value: str = field(repr=False)
    extent: str
    checks: tuple[str, ...] = ()


@dataclass(slots=True)
class Content:
    """All that the records of one wallet say."""

    keys: dict[bytes, Key] = field(default_factory=dict)
    names: dict[str, Named] = field(default_factory=dict)
    requested: dict[str, int] = field(default_factory=dict)  # address → when it was handed out
    transactions: dict[str, tuple[WalletEntry | None, str]] = field(default_factory=dict)
    pool: set[bytes] = field(default_factory=set)
    scripts: dict[bytes, str] = field(default_factory=dict)  # watched ones
    redeem: set[bytes] = field(default_factory=set)
    descriptors: dict[bytes, Descriptor] = field(default_factory=dict)
    extended: dict[bytes, list[tuple[int, bytes]]] = field(default_factory=dict)
    clear: list[Clear] = field(default_factory=list)
    kdfs: set[str] = field(default_factory=set)
    masters: list[Master] = field(default_factory=list)
    sealed: list[Key] = field(default_factory=list)  # keys of descriptors, encrypted
    encrypted: bool = False
    hd: bool = False
    shielded: int = 0
    version: int | None = None
    minimum: int | None = None
    flags: int = 0
    genesis: bytes | None = None
    known: int = 0
    bad: list[str] = field(default_factory=list)

    def add(self, key: bytes, value: bytes, place: str) -> None:
        """Take in one record; one that does not fit its type is noted in `bad`."""
        try:
            stream = Stream(key)
            name = stream.vector()
            handler = _HANDLERS.get(name)
            if handler is None:
                return
            self.known += 1
            handler(self, stream, Stream(value), f"{place}, {name.decode('ascii')}")
        except ParseError as error:
            if _is_type(key):
                self.bad.append(f"{place}: {error.message}")

    def add_remnant(self, key: bytes, value: bytes, place: str) -> None:
        """Take in what may have been a record, only as far as a checksum in it holds."""
        if not key.startswith(_REMNANTS):
            return
        found = Content()
        found.add(key, value, place)
        for entry in found.private_keys():
            if entry.checked:
                self.keys.setdefault(entry.public, entry)
                self.known += 1
        for txid, (transaction, where) in found.transactions.items():
            if transaction is not None:
                self.transactions.setdefault(txid, (transaction, where))
                self.known += 1
        for address, named in found.names.items():
            known = addresses.classify(address)
            if known is not None and known.checks:
                self.names.setdefault(address, named)
                self.known += 1

    def key(self, public: bytes, place: str) -> Key:
        """Return the entry of a public key. Raises ParseError when it is none."""
        if len(public) not in _KEY_SIZES or public[0] not in {2, 3, 4, 6, 7}:
            raise ParseError("not a public key")
        return self.keys.setdefault(public, Key(public, place))

    def private_keys(self) -> Iterator[Key]:
        """Yield the keys that stand in clear."""
        return (key for key in self.keys.values() if key.private is not None)


def _is_type(key: bytes) -> bool:
    return bool(key) and key[1 : 1 + key[0]] in _HANDLERS


def _plain_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    public = key.vector()
    _set_private(content.key(public, place), value, place)


def _set_private(entry: Key, value: Stream, place: str) -> None:
    """Take a private key in DER, and the hash over both halves that stands since 0.9."""
    der = value.vector()
    entry.private = _of_der(der)
    entry.place = place
    if value.left >= _SECRET:
        both = hashlib.sha256(hashlib.sha256(entry.public + der).digest()).digest()
        entry.checked = value.take(_SECRET) == both


def _of_der(der: bytes) -> bytes:
    """Return the 32 bytes: `04 20` comes right after the outer sequence and version 1."""
    at = der.find(b"\x02\x01\x01\x04\x20", 0, 12)
    if at < 0 or len(der) < at + 5 + _SECRET:
        raise ParseError("not a private key")
    return der[at + 5 : at + 5 + _SECRET]


def _encrypted_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    entry = content.key(key.vector(), place)
    content.encrypted = True
    entry.sealed = value.vector()


def _master_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    sealed, salt, method = value.vector(), value.vector(), value.number(4)
    content.encrypted = True
    content.kdfs.add(_CIPHERS.get(method, "unknown"))
    content.masters.append(Master(sealed=sealed, salt=salt, method=method, rounds=value.number(4)))


def _key_metadata(content: Content, key: Stream, value: Stream, place: str) -> None:
    entry = content.key(key.vector(), place)
    version = value.number(4, signed=True)
    entry.created = value.number(8, signed=True)
    if version >= _WITH_PATH and value.left:
        path = value.text()
        value.take(20)
        entry.path = path or None
        content.hd = content.hd or bool(path)
    if version >= _WITH_ORIGIN and value.left:
        fingerprint = value.take(4)
        steps = min(value.compact(), _MOST_PATH)
        value.take(4 * steps)
        if value.left and value.take(1) != b"\0":
            entry.fingerprint = fingerprint.hex()


def _name(content: Content, key: Stream, value: Stream, place: str) -> None:
    address, old = key.text(), Named()
    old = content.names.get(address, old)
    content.names[address] = Named(label=value.text() or None, purpose=old.purpose, place=place)


def _purpose(content: Content, key: Stream, value: Stream, place: str) -> None:
    address = key.text()
    old = content.names.get(address, Named(place=place))
    content.names[address] = Named(label=old.label, purpose=value.text() or None, place=old.place)


def _destination_data(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take the time of a payment request (`rr` and its number)."""
    del place
    address, what = key.text(), key.text()
    if what.startswith("rr"):
        request = Stream(value.vector())
        request.take(4 + 8)
        content.requested[address] = request.number(4)


def _transaction(content: Content, key: Stream, value: Stream, place: str) -> None:
    txid = key.take(32)[::-1].hex()
    content.transactions[txid] = (None, place)
    entry = read_wallet_entry(value.data)
    if entry.transaction.txid == txid:
        content.transactions[txid] = (entry, place)


def _pool(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    value.take(4 + 8)
    content.pool.add(value.vector())


def _watched(content: Content, key: Stream, value: Stream, place: str) -> None:
    del value
    content.scripts[key.vector()] = place


def _redeem_script(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    content.redeem.add(value.vector())


def _version(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    content.version = value.number(4, signed=True)


def _minimum_version(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    content.minimum = value.number(4, signed=True)


def _flags(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, place
    content.flags = value.number(8)


def _best_block(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take the last hash of a locator, which is the first block's."""
    del key, place
    value.take(4)
    count = value.compact()
    if count:
        content.genesis = value.take(32 * count)[-32:]


def _hd_chain(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take Bitcoin's counters, or Dash's seed and mnemonic when they are not encrypted."""
    del key
    content.hd = True
    data = value.data
    if len(data) > 37 and data[:4] == b"\x01\0\0\0" and data[36] in {0, 1}:  # noqa: PLR2004 - version, id, flag
        value.take(36)
        if value.take(1) == b"\x01":
            content.encrypted = True
            return
        seed, words = value.vector(), value.text()
        if words:
            count = len(words.split())
            content.clear.append(
                Clear(type="bip39-seed", place=place, value=words, extent=f"{count} words")
            )
        elif seed:
            content.clear.append(
                Clear(type="hd-seed", place=place, value=seed.hex(), extent=f"{len(seed)} bytes")
            )


def _encrypted_chain(content: Content, key: Stream, value: Stream, place: str) -> None:
    del key, value, place
    content.hd = content.encrypted = True


def _hd_seed(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take Zcash's seed, in clear."""
    del key
    content.hd = True
    seed = value.vector()
    content.clear.append(
        Clear(type="hd-seed", place=place, value=seed.hex(), extent=f"{len(seed)} bytes")
    )


def _shielded_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take a shielded spending key of Zcash, in clear."""
    del key
    content.shielded += 1
    content.clear.append(
        Clear(
            type="shielded-key",
            place=place,
            value=value.data.hex(),
            extent=f"{len(value.data)} bytes",
        )
    )


def _descriptor(content: Content, key: Stream, value: Stream, place: str) -> None:
    identifier = key.take(32)
    text, created = value.text(), value.number(8)
    content.descriptors[identifier] = Descriptor(
        text=text, created=created, next_index=value.number(4, signed=True), place=place
    )


def _descriptor_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    key.take(32)
    entry = Key(key.vector(), place)
    _set_private(entry, value, place)
    if entry.private is not None:
        content.clear.append(
            Clear(
                type="descriptor-key",
                place=place,
                value=f"{entry.public.hex()} {entry.private.hex()}",
                extent=f"{_SECRET} bytes",
                checks=("key hash",) if entry.checked else (),
            )
        )


def _encrypted_descriptor_key(content: Content, key: Stream, value: Stream, place: str) -> None:
    content.encrypted = True
    key.take(32)
    content.sealed.append(Key(key.vector(), place, sealed=value.vector()))


def _descriptor_cache(content: Content, key: Stream, value: Stream, place: str) -> None:
    """Take the extended public key that a descriptor derives its keys from."""
    del place
    identifier = key.take(32)
    if key.left == 4:  # noqa: PLR2004 - a parent; eight bytes name a derived child
        data = value.vector()
        if len(data) == _EXTENDED:
            content.extended.setdefault(identifier, []).append((data[0], data))


_Handler = Callable[[Content, Stream, Stream, str], None]
_HANDLERS: Final[dict[bytes, _Handler]] = {
    b"key": _plain_key,
    b"wkey": _plain_key,
    b"ckey": _encrypted_key,
    b"mkey": _master_key,
    b"keymeta": _key_metadata,
    b"name": _name,
    b"purpose": _purpose,
    b"destdata": _destination_data,
    b"tx": _transaction,
    b"pool": _pool,
    b"watchs": _watched,
    b"cscript": _redeem_script,
    b"version": _version,
    b"minversion": _minimum_version,
    b"flags": _flags,
    b"bestblock": _best_block,
    b"bestblock_nomerkle": _best_block,
    b"hdchain": _hd_chain,
    b"chdchain": _encrypted_chain,
    b"hdseed": _hd_seed,
    b"chdseed": _encrypted_chain,
    b"zkey": _shielded_key,
    b"sapzkey": _shielded_key,
    b"orczkey": _shielded_key,
    b"walletdescriptor": _descriptor,
    b"walletdescriptorkey": _descriptor_key,
    b"walletdescriptorckey": _encrypted_descriptor_key,
    b"walletdescriptorcache": _descriptor_cache,
    b"walletdescriptorlhcache": _descriptor_cache,
}
