"""Secret keys of GnuPG's agent: `private-keys-v1.d/<keygrip>.key`, one file for each key.

An S-expression of libgcrypt, canonical (`(11:private-key(3:rsa…`) or, since GnuPG 2.2.12, as text
behind `Key:` among other `Name: value` lines. Source: GnuPG's `agent/keyformat.txt`. Of the key
only its public numbers are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from triage.api import ParseError
from triage.formats.keygrip import keygrip_of

KEY_LIMIT = 256 << 10
"""Bytes; an RSA key of 16384 bits needs about 20 KB."""

_MAX_DEPTH, _MAX_TOKENS = 16, 4000
_STATES = {
    "protected-private-key": "protected",
    "private-key": "unprotected",
    "shadowed-private-key": "smart_card",
}
_ALGORITHMS = {"rsa": (1, "n"), "dsa": (17, "pqgy"), "elg": (16, "pgy"), "ecc": (22, "q")}
_ALIASES = {"openpgp-rsa": "rsa", "openpgp-dsa": "dsa", "openpgp-elg": "elg", "ecdsa": "ecc"}
_CURVES = {
    "ed25519": "ed25519",
    "curve25519": "cv25519",
    "nist p-256": "nistp256",
    "nist p-384": "nistp384",
    "nist p-521": "nistp521",
    "secp256k1": "secp256k1",
}
_LENGTH = re.compile(rb"(\d{1,7}):")
_TEXT = re.compile(
    rb"""\s*+(?: ([()]) | \#([0-9A-Fa-f\s]*+)\# | "((?:[^"\\]|\\.)*+)" | ([^\s()"\#]++) )""",
    re.VERBOSE | re.DOTALL,
)
_NAMED = re.compile(rb"^([A-Za-z][A-Za-z0-9-]{0,40}):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)

Node: TypeAlias = "bytes | list[Node]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """One secret key without its secret."""

    state: str  # protected, unprotected, smart_card
    protection: str | None  # openpgp-s2k3-ocb-aes …
    algorithm: str  # rsa3072, ed25519 …
    keygrip: str | None  # computed from the public numbers
    created: str | None  # `20240221T081500`, UTC: when the key came into this folder
    protected_at: str | None  # when the passphrase was set
    card: str | None  # serial number
    label: str | None
    ssh: bool  # used for SSH


def parse(data: bytes) -> AgentKey:
    """Read a key file. Raises ParseError."""
    named: dict[str, bytes] = {}
    if data[:1] == b"(":
        tree = _canonical(data)
    else:
        named = {name.decode().casefold(): value for name, value in _NAMED.findall(data)}
        if "key" not in named:
            raise ParseError("not a secret key of GnuPG's agent")
        tree = _advanced(named["key"])
    kind = _word(tree)
    if kind not in _STATES or len(tree) < 2 or not isinstance(tree[1], list):  # noqa: PLR2004
        raise ParseError("not a secret key of GnuPG's agent")
    body = tree[1]
    protected, shadowed = _child(body, "protected"), _child(body, "shadowed")
    algorithm, grip = _public(body)
    return AgentKey(
        state=_STATES[kind],
        protection=_atom(protected, 1)[:60] or None,
        algorithm=algorithm,
        keygrip=grip,
        created=_text(named.get("created")),
        protected_at=_atom(_child(body, "protected-at"), 1)[:15] or None,
        card=_serial(shadowed) or _text(named.get("token")),
        label=_text(named.get("label")),
        ssh=(_text(named.get("use-for-ssh")) or "no").casefold() in {"yes", "true", "1"},
    )


def _public(body: list[Node]) -> tuple[str, str | None]:
    name = _ALIASES.get(_word(body), _word(body))
    if name not in _ALGORITHMS:
        return name[:40], None
    number, letters = _ALGORITHMS[name]
    numbers = []
    for letter in letters:
        found = _child(body, letter)
        value = found[1] if len(found) > 1 else b""
        numbers.append(value if isinstance(value, bytes) else b"")
    if not all(numbers):
        return name, None
    curve = None
    if name == "ecc":
        written = _atom(_child(body, "curve"), 1)
        curve = _CURVES.get(written.casefold(), written[:40])
        return curve or name, keygrip_of(number, numbers, curve)
    bits = int.from_bytes(numbers[0], "big").bit_length()
    return f"{name}{bits}", keygrip_of(number, numbers, None)


def _serial(shadowed: list[Node]) -> str | None:
    """Return the serial number of `(shadowed t1-v1 (#serial# OPENPGP.1))`."""
    inner = shadowed[2] if len(shadowed) > 2 else None  # noqa: PLR2004
    if not isinstance(inner, list) or not inner or not isinstance(inner[0], bytes):
        return None
    return inner[0][:32].hex().upper() or None


def _canonical(data: bytes) -> list[Node]:
    pieces: list[bytes | str] = []
    at, depth = 0, 0
    while at < len(data) and len(pieces) < _MAX_TOKENS:
        char = data[at : at + 1]
        if char in {b"(", b")"}:
            pieces.append(char.decode())
            depth += 1 if char == b"(" else -1
            at += 1
            if depth == 0:
                break
            continue
        found = _LENGTH.match(data, at)
        if found is None or found.end() + int(found[1]) > len(data):
            raise ParseError("a damaged S-expression", where=f"byte {at}")
        pieces.append(data[found.end() : found.end() + int(found[1])])
        at = found.end() + int(found[1])
    return _nested(pieces)


def _advanced(data: bytes) -> list[Node]:
    pieces: list[bytes | str] = []
    at = 0
    while len(pieces) < _MAX_TOKENS and (found := _TEXT.match(data, at)):
        paren, digits, quoted, bare = found.groups()
        if paren:
            pieces.append(paren.decode())
        elif digits is not None:
            plain = b"".join(digits.split()).decode()
            pieces.append(bytes.fromhex(plain[: len(plain) - len(plain) % 2]))
        else:
            pieces.append(quoted if quoted is not None else bare)
        at = found.end()
    return _nested(pieces)


def _nested(pieces: list[bytes | str]) -> list[Node]:
    """Build the tree; parentheses are texts, everything else bytes. Raises ParseError."""
    root: list[Node] = []
    stack = [root]
    for piece in pieces:
        if piece == "(":
            if len(stack) > _MAX_DEPTH:
                raise ParseError("an S-expression nested too deeply")
            inner: list[Node] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif piece == ")":
            stack.pop()
            if not stack:
                raise ParseError("a damaged S-expression")
        elif isinstance(piece, bytes):
            stack[-1].append(piece)
    if len(stack) != 1 or not root or not isinstance(root[0], list):
        raise ParseError("the S-expression is cut short")
    return root[0]


def _word(node: list[Node]) -> str:
    return _atom(node, 0)


def _atom(node: list[Node], at: int) -> str:
    value = node[at] if at < len(node) else b""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""


def _child(node: list[Node], name: str) -> list[Node]:
    for item in node:
        if isinstance(item, list) and _word(item) == name:
            return item
    return []


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "surrogateescape").strip()[:200] or None
