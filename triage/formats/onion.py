"""Onion service and I2P addresses: what their own checksums can prove.

A version 3 onion address is 56 base32 characters: 32 bytes ed25519 public key, 2 bytes checksum,
version 3; the checksum is SHA3-256(".onion checksum" + key + version) cut to 2 bytes (tor
rend-spec-v3, section 6). Version 2, dead since tor 0.4.6 (2021), is 16 characters of an RSA key's
SHA-1 and proves nothing, so it counts only before `.onion`.

An I2P `b32` address is 52 characters of a SHA-256 and proves nothing; the longer form for
encrypted lease sets ("b33") carries a CRC-32 (I2P specification "B32 for encrypted leasesets").
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

V3_CHARS = 56
V2_CHARS = 16
_KEY = 32
_HOST_LIMIT = 253  # DNS's limit, which tor keeps to
_B32_CHARS = 52
_B33_FLAGS = 0x07  # two-byte types, secret needed, client authentication
_B33_TYPES = frozenset({7, 11})  # Ed25519, RedDSA

_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
# A percent escape before an address must not become its first two characters.
_RUN = re.compile(r"%[0-9A-Fa-f]{2}|([0-9A-Za-z]{16,})")
_SUFFIX = re.compile(r"\.onion(?![A-Za-z0-9-])", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
_I2P = re.compile(r"\.i2p(?![A-Za-z0-9-]|\.[A-Za-z0-9])", re.IGNORECASE)
_I2P_LIMIT = 67  # I2P's limit for names, `.i2p` included


@dataclass(frozen=True, slots=True, kw_only=True)
class OnionAddress:
    """An onion service's name.

    `address` is lower case and ends in `.onion`; `host` also has sub-domains, if any stood there.
    `public_key` is the 32 bytes behind a version 3 address, None for version 2 (legacy).
    """

    address: str
    host: str
    version: int
    public_key: bytes | None
    checks: tuple[str, ...]

    @property
    def legacy(self) -> bool:
        """Whether it is of version 2: 16 characters of shape, without a checksum."""
        return self.version == 2  # noqa: PLR2004 - the version


@dataclass(frozen=True, slots=True, kw_only=True)
class I2PAddress:
    """An I2P host: `kind` is b32 (shape only), b33 (checksum) or name (shape only)."""

    address: str
    kind: str
    checks: tuple[str, ...]


def onion_address(public_key: bytes) -> str:
    """Return `<56 characters>.onion` for 32 bytes of ed25519 public key; else ValueError."""
    if len(public_key) != _KEY:
        raise ValueError("an ed25519 public key has 32 bytes")
    label = base64.b32encode(public_key + _checksum(public_key) + b"\x03")
    return f"{label.decode('ascii').lower()}.onion"


def _checksum(public_key: bytes) -> bytes:
    return hashlib.sha3_256(b".onion checksum" + public_key + b"\x03").digest()[:2]


def _key_of(label: str) -> bytes | None:
    if not label.endswith("d"):  # the last character holds the version alone
        return None
    data = base64.b32decode(label.upper())
    key = data[:_KEY]
    return key if data[_KEY:] == _checksum(key) + b"\x03" else None


def _onion(label: str, subdomains: str = "") -> OnionAddress | None:
    address = f"{label}.onion"
    if len(label) == V2_CHARS:
        return OnionAddress(
            address=address, host=subdomains + address, version=2, public_key=None, checks=()
        )
    key = _key_of(label)
    if key is None:
        return None
    return OnionAddress(
        address=address,
        host=subdomains + address,
        version=3,
        public_key=key,
        checks=("onion-checksum",),
    )


def _labels_before(text: str, end: int) -> str:
    """Return the labels that end at `end`, each with its dot, lower case: `www.` or nothing."""
    start = end
    while start > max(0, end - _HOST_LIMIT) and text[start - 1] in _HOST_CHARS:
        start -= 1
    labels = text[start:end].lower().split(".")[:-1]
    kept = ""
    while labels and _LABEL.fullmatch(labels[-1]):
        kept = f"{labels.pop()}.{kept}"
    return kept


def check(text: str) -> OnionAddress | None:
    """Return the address that `text` is, whole: a label of 56 characters, or a host in `.onion`."""
    if len(text) > _HOST_LIMIT:
        return None
    for start, address in find_onions(text):
        if start == 0 and len(text) in {len(address.host), len(address.host) - len(".onion")}:
            return address
    return None


def find_onions(text: str) -> Iterator[tuple[int, OnionAddress]]:
    """Yield (offset of the host, address) for every onion address, in order.

    Version 3 is found by its checksum, with or without `.onion`; version 2 only before `.onion`.
    Time grows with the length of the text alone.
    """
    for found in _RUN.finditer(text):
        run = found[1]
        if run is None or len(run) not in {V2_CHARS, V3_CHARS}:
            continue
        label = run.lower()
        dotted = _SUFFIX.match(text, found.end())
        if not _BASE32.issuperset(label) or (len(label) == V2_CHARS and not dotted):
            continue
        subdomains = _labels_before(text, found.start()) if dotted else ""
        address = _onion(label, subdomains)
        if address is not None:
            yield found.start() - len(subdomains), address


def check_i2p(text: str) -> I2PAddress | None:
    """Return the I2P host that `text` is, whole, or None."""
    address = text.lower()
    labels = address.split(".")
    if len(address) > _HOST_LIMIT or len(labels) == 1 or labels[-1] != "i2p":
        return None
    if labels[-2] != "b32":
        named = len(address) <= _I2P_LIMIT and all(map(_LABEL.fullmatch, labels))
        return I2PAddress(address=address, kind="name", checks=()) if named else None
    label = labels[-3] if len(labels) > 2 else ""  # noqa: PLR2004 - `<label>.b32.i2p`
    if set(label) - _BASE32:
        return None
    if len(label) == _B32_CHARS:
        return I2PAddress(address=address, kind="b32", checks=())
    if _is_b33(label):
        return I2PAddress(address=address, kind="b33", checks=("crc32",))
    return None


def _is_b33(label: str) -> bool:
    if len(label) != V3_CHARS:  # 35 bytes: both signature types in use have 32-byte keys
        return False
    data = base64.b32decode(label.upper())
    mask = zlib.crc32(data[3:]).to_bytes(4, "little")
    flags, key_type, blinded_type = (byte ^ mask[i] for i, byte in enumerate(data[:3]))
    return not flags & ~_B33_FLAGS and not flags & 1 and {key_type, blinded_type} <= _B33_TYPES


def find_i2p(text: str) -> Iterator[tuple[int, I2PAddress]]:
    """Yield (offset, address) for every I2P host name, in order; linear time."""
    for found in _I2P.finditer(text):
        labels = _labels_before(text, found.start() + 1)
        address = check_i2p(f"{labels}i2p")
        if address is not None:
            yield found.end() - len(address.address), address
