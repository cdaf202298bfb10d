"""Bitcoin's serialisation: numbers, compact sizes, vectors and transactions, read forward.

Sources: `serialize.h`, `primitives/transaction.h` and `wallet/transaction.h` of Bitcoin Core;
BIP-144 for witnesses. Transactions of chains that changed the layout (Peercoin's time stamp,
Zcash's shielded parts, Litecoin's MWEB) do not hash to their id, which the caller checks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from triage.api import ParseError

_HASH = 32
_OLD_PARENTS = 1000  # transactions that a wallet before 0.3.24 keeps beside each of its own


class Stream:
    """Bytes read forward; ParseError at their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        if length > self.left:
            raise ParseError("a record is cut off")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, length: int, *, signed: bool = False) -> int:
        """Return a little-endian number of so many bytes."""
        return int.from_bytes(self.take(length), "little", signed=signed)

    def compact(self) -> int:
        """Return a compact size: one byte, or a mark and two, four or eight."""
        first = self.take(1)[0]
        return first if first < 0xFD else self.number(1 << (first - 0xFC))  # noqa: PLR2004

    def vector(self) -> bytes:
        """Return bytes that follow their compact size."""
        return self.take(self.compact())

    def text(self) -> str:
        """Return text that follows its compact size, undecodable bytes as lone surrogates."""
        return self.vector().decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An amount in the smallest unit, and the script that it is locked with."""

    value: int
    script: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction: its id, the outputs it spends (id, number), the outputs it makes."""

    txid: str
    spends: tuple[tuple[str, int], ...]
    outputs: tuple[Output, ...]


def read_transaction(stream: Stream) -> Transaction:
    """Read one transaction. Raises ParseError."""
    start = stream.at
    version = stream.take(4)
    flag = 0
    if stream.data[stream.at : stream.at + 1] == b"\0" and stream.left > 1:
        flag = stream.take(2)[1]
        if flag != 1:
            raise ParseError("a transaction of an unknown layout")
    body = stream.at
    spends = []
    for _ in range(stream.compact()):
        txid = stream.take(_HASH)[::-1].hex()
        spends.append((txid, stream.number(4)))
        stream.vector()
        stream.take(4)
    outputs = []
    for _ in range(stream.compact()):
        value = stream.number(8, signed=True)
        outputs.append(Output(value=value, script=stream.vector()))
    end = stream.at
    if flag:
        for _ in spends:
            for _ in range(stream.compact()):
                stream.vector()
    lock_time = stream.take(4)
    plain = version + stream.data[body:end] + lock_time if flag else stream.data[start : stream.at]
    digest = hashlib.sha256(hashlib.sha256(plain).digest()).digest()
    return Transaction(txid=digest[::-1].hex(), spends=tuple(spends), outputs=tuple(outputs))


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletEntry:
    """A transaction with what a wallet notes about it.

    `received` is when the wallet first saw it (seconds since 1970, UTC), `block` the hash of its
    block or None; `notes` holds `comment`, `to`, `timesmart` and the like.
    """

    transaction: Transaction
    block: str | None
    abandoned: bool
    notes: dict[str, str]
    received: int


def read_wallet_entry(data: bytes) -> WalletEntry:
    """Read the value of a `tx` record. Raises ParseError."""
    stream = Stream(data)
    transaction, block = _read_merkle(stream)
    for count in range(stream.compact()):
        if count == _OLD_PARENTS:
            raise ParseError("more parent transactions than a wallet keeps")
        _read_merkle(stream)
    notes = {stream.text(): stream.text() for _ in range(stream.compact())}
    for _ in range(stream.compact()):
        stream.vector()
        stream.vector()
    stream.take(4)
    received = stream.number(4)
    inside = int.from_bytes(block, "little") > 1  # 0: none yet, 1: abandoned
    return WalletEntry(
        transaction=transaction,
        block=block[::-1].hex() if inside else None,
        abandoned=block == b"\x01".ljust(_HASH, b"\0"),
        notes=notes,
        received=received,
    )


def _read_merkle(stream: Stream) -> tuple[Transaction, bytes]:
    transaction = read_transaction(stream)
    block = stream.take(_HASH)
    stream.take(_HASH * stream.compact())
    stream.take(4)
    return transaction, block
