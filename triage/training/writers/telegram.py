"""The `tdata` folder of Telegram Desktop: the encryption of its sources, run forwards.

Written from tdesktop's `mtproto_auth_key.cpp` and `storage_domain.cpp`; `triage.formats.tdf` says
what the files are. Nothing is drawn at random: what has to look so follows from a label.
"""

from __future__ import annotations

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

VERSION = 4_006_005


def noise(label: str, length: int) -> bytes:
    """Return bytes that look random and follow from a label."""
    return hashlib.shake_128(f"fixture: {label}".encode()).digest(length)


def array(data: bytes) -> bytes:
    """Return a QByteArray."""
    return struct.pack(">I", len(data)) + data


def text(value: str) -> bytes:
    """Return a QString."""
    return array(value.encode("utf-16-be"))


def container(data: bytes, version: int = VERSION) -> bytes:
    """Return a TDF file."""
    number = struct.pack("<I", version)
    seal = hashlib.md5(data + struct.pack("<I", len(data)) + number + b"TDF$").digest()  # noqa: S324
    return b"TDF$" + number + data + seal


def encrypt(data: bytes, key: bytes) -> bytes:
    """Encrypt as MTProto 1 does, with the mark in front."""
    plain = struct.pack("<I", len(data) + 4) + data
    plain += noise("padding", -len(plain) % 16)
    mark = hashlib.sha1(plain).digest()[:16]  # noqa: S324

    def sha1(*parts: bytes) -> bytes:
        return hashlib.sha1(b"".join(parts)).digest()  # noqa: S324

    a, b = sha1(mark, key[8:40]), sha1(key[40:56], mark, key[56:72])
    c, d = sha1(key[72:104], mark), sha1(mark, key[104:136])
    block = Cipher(AES(a[:8] + b[8:20] + c[4:16]), ECB()).encryptor()  # noqa: S305
    vectors = a[8:20] + b[:8] + c[16:20] + d[:8]
    last_cipher, last_plain, out = vectors[:16], vectors[16:], b""
    for at in range(0, len(plain), 16):
        current = plain[at : at + 16]
        mixed = block.update(bytes(x ^ y for x, y in zip(current, last_cipher, strict=True)))
        last_cipher = bytes(x ^ y for x, y in zip(mixed, last_plain, strict=True))
        last_plain = current
        out += last_cipher
    return mark + out


def key_file(local_key: bytes, accounts: list[int], passcode: bytes = b"") -> bytes:
    """Return `key_datas`."""
    salt = noise(f"salt of {passcode!r}", 32)
    outer = hashlib.pbkdf2_hmac(
        "sha512",
        hashlib.sha512(salt + passcode + salt).digest(),
        salt,
        100_000 if passcode else 1,
        256,
    )
    info = struct.pack(f">I{len(accounts)}II", len(accounts), *accounts, accounts[0])
    return container(
        array(salt) + array(encrypt(local_key, outer)) + array(encrypt(info, local_key))
    )


def account_file(local_key: bytes, user_id: int, data_centre: int) -> bytes:
    """Return the file of an account; where its keys stand there is noise."""
    inner = struct.pack(">QQI", (1 << 64) - 1, user_id, data_centre) + noise("auth key", 264)
    return container(array(encrypt(struct.pack(">I", 75) + array(inner), local_key)))


def map_file(local_key: bytes, own: bytes | None, drafts: list[int]) -> bytes:
    """Return the map of an account."""
    data = b""
    if own is not None:
        data += struct.pack(">I", 0x15) + array(own)
    if drafts:
        data += struct.pack(">II", 0x01, len(drafts))
        data += b"".join(struct.pack(">QQ", 17 + n, peer) for n, peer in enumerate(drafts))
    data += struct.pack(">IQ", 0x09, 99)
    return container(b"\xff" * 8 + array(encrypt(data, local_key)))


def person(user_id: int, first: str, last: str, phone: str, handle: str) -> bytes:
    """Return the account's own entry."""
    head = struct.pack(">QQIQ", user_id, 0x77FFFFFFFFFFFFFF, 1, 0)
    names = text(first) + text(last) + text(phone) + text(handle)
    return head + struct.pack(">I", 0x80000000) + array(b"") + struct.pack(">I", 0) + names
