"""Off-the-Record messaging: the keys of libotr's files, and their fingerprints.

`otr.private_key` is an S-expression of libgcrypt: for each account a DSA key p, q, g, y and the
private x, in hex between `#`. A fingerprint is SHA-1 over p, q, g and y as multi-precision
integers: 4 bytes of length, then the bytes without leading zeros. Checked against the fingerprint
that libotr shows for a key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from triage.api import ParseError

_TOKEN = re.compile(r'\s*(?:([()])|"((?:[^"\\]|\\.)*+)"|#([0-9A-Fa-f\s]*+)#|([^\s()"#]+))')
_DEPTH = 16
_TOKENS = 100_000
_BITS: Final = range(512, 4097)
_PARTS: Final = ("p", "q", "g", "y")

Node: TypeAlias = "str | bytes | list[Node]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """The public side of an account's key. `proven`: the private part belongs to it."""

    account: str
    protocol: str
    fingerprint: str  # 40 hex digits, capitals
    proven: bool


def own_keys(text: str) -> Iterator[OwnKey]:
    """Yield the key of each account. Raises ParseError when the text is no S-expression."""
    tree = _parse(text)
    if not tree or tree[0] != "privkeys":
        raise ParseError("not a file of OTR keys")
    for account in _lists(tree):
        name, protocol = _text(_find(account, "name")), _text(_find(account, "protocol"))
        keys = [key for key in _lists(account) if key and key[0] == "private-key"]
        dsa = next(_lists(keys[0]), None) if keys else None
        if name and protocol and dsa:
            public = [_number(_find(dsa, part)) for part in _PARTS]
            yield OwnKey(
                account=name,
                protocol=protocol,
                fingerprint=fingerprint(public),
                proven=_fits(public, _number(_find(dsa, "x"))),
            )


def fingerprint(numbers: list[int]) -> str:
    """Return the fingerprint of p, q, g, y: 40 hex digits in capitals."""
    digest = hashlib.sha1(usedforsecurity=False)
    for number in numbers:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.hexdigest().upper()


def _fits(public: list[int], private: int) -> bool:
    p, _, g, y = public
    return p.bit_length() in _BITS and 0 < private < p and pow(g, private, p) == y


def _number(node: Node | None) -> int:
    """Return a number of a sane size, else 0."""
    sane = isinstance(node, bytes) and len(node) <= _BITS.stop // 8 + 1
    return int.from_bytes(node, "big") if isinstance(node, bytes) and sane else 0


def _text(node: Node | None) -> str | None:
    """Return a name: libgcrypt writes those with odd characters in hex."""
    if isinstance(node, bytes):
        return node.decode("utf-8", "surrogateescape")
    return node if isinstance(node, str) else None


def _lists(node: list[Node]) -> Iterator[list[Node]]:
    for child in node:
        if isinstance(child, list):
            yield child


def _find(node: list[Node], name: str) -> Node | None:
    """Return the value of `(name value)` among the children."""
    for child in _lists(node):
        if len(child) > 1 and child[0] == name:
            return child[1]
    return None


def _parse(text: str) -> list[Node]:
    """Return the first list; strings and bare words as text, `#hex#` as bytes."""
    stack: list[list[Node]] = []
    position = 0
    for _ in range(_TOKENS):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ParseError("not a file of OTR keys")
        position = found.end()
        bracket, quoted, digits, word = found.groups()
        if bracket == "(":
            if len(stack) == _DEPTH:
                raise ParseError("nested too deep")
            stack.append([])
        elif not stack:
            raise ParseError("not a file of OTR keys")
        elif bracket == ")":
            done = stack.pop()
            if not stack:
                return done
            stack[-1].append(done)
        else:
            stack[-1].append(_atom(quoted, digits, word))
    raise ParseError("more than a file of OTR keys holds")


def _atom(quoted: str | None, digits: str | None, word: str | None) -> Node:
    if digits is not None:
        compact = "".join(digits.split())
        return bytes.fromhex(compact if len(compact) % 2 == 0 else f"0{compact}")
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else word or ""
