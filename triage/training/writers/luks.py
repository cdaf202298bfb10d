"""LUKS volumes with one password, small and always the same: never to keep anything.

Keys and salts are fixed, rounds few. The ciphers are those of `cryptography` for one sector at a
time: other code than the readers'. LUKS1: on-disk format 1.2.3 (2018); LUKS2: format 1.1.2 (2022).
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SECTOR = 512
ROUNDS = 10


def xts(key: bytes, data: bytes, *, sector: int = SECTOR, step: int = 1, first: int = 0) -> bytes:
    """Encrypt with AES-XTS (IEEE 1619), the number of the sector in `step` as tweak."""
    parts = []
    for number in range(len(data) // sector):
        tweak = (first + number * step).to_bytes(16, "little")
        encryptor = Cipher(algorithms.AES(key), modes.XTS(tweak)).encryptor()
        parts.append(encryptor.update(data[number * sector : (number + 1) * sector]))
    return b"".join(parts)


def essiv(key: bytes, data: bytes) -> bytes:
    """Encrypt as `aes-cbc-essiv:sha256` of dm-crypt."""
    salt = Cipher(algorithms.AES(hashlib.sha256(key).digest()), modes.ECB())  # noqa: S305 - as in dm-crypt
    parts = []
    for number in range(len(data) // SECTOR):
        vector = salt.encryptor().update(number.to_bytes(16, "little"))
        encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        parts.append(encryptor.update(data[number * SECTOR : (number + 1) * SECTOR]))
    return b"".join(parts)


def _split(key: bytes, stripes: int) -> bytes:
    """Return the key in stripes, by the anti-forensic splitter with SHA-256."""
    mixed = bytes(len(key))
    parts = []
    for number in range(stripes - 1):
        stripe = hashlib.shake_128(b"%d" % number).digest(len(key))
        parts.append(stripe)
        mixed = bytes(a ^ b for a, b in zip(mixed, stripe, strict=True))
        blocks = [mixed[at : at + 32] for at in range(0, len(mixed), 32)]
        mixed = b"".join(
            hashlib.sha256(struct.pack(">I", n) + block).digest()[: len(block)]
            for n, block in enumerate(blocks)
        )
    parts.append(bytes(a ^ b for a, b in zip(mixed, key, strict=True)))
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % SECTOR)


def luks1(content: bytes, password: bytes, *, mode: str = "xts-plain64") -> bytes:
    """Return a LUKS1 volume with one password in its second slot."""
    key = hashlib.sha256(b"volume key").digest()
    encrypt = xts if mode == "xts-plain64" else essiv
    salt, stripes, place, payload = b"s" * 32, 8, 8, 16
    digest = hashlib.pbkdf2_hmac("sha256", key, b"d" * 32, ROUNDS, 20)
    head = b"LUKS\xba\xbe\x00\x01" + b"aes".ljust(32, b"\0") + mode.encode().ljust(32, b"\0")
    head += b"sha256".ljust(32, b"\0") + struct.pack(">II", payload, len(key)) + digest
    head += b"d" * 32 + struct.pack(">I", ROUNDS) + b"5eed0000-test".ljust(40, b"\0")
    slots = [struct.pack(">II32sII", 0xDEAD, 0, b"", 0, stripes)] * 8
    slots[1] = struct.pack(">II32sII", 0x00AC71F3, ROUNDS, salt, place, stripes)
    area_key = hashlib.pbkdf2_hmac("sha256", password, salt, ROUNDS, len(key))
    kept = encrypt(area_key, _padded(_split(key, stripes)))
    head = (head + b"".join(slots)).ljust(place * SECTOR, b"\0") + kept
    return head.ljust(payload * SECTOR, b"\0") + encrypt(key, content)


def luks2(content: bytes, password: bytes, *, sector: int = 4096, memory: int = 64) -> bytes:
    """Return a LUKS2 volume with one password, derived by Argon2id with `memory` KiB."""
    key = hashlib.sha512(b"volume key").digest()
    stripes, place, payload = 8, 16 << 10, 32 << 10

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    digest = hashlib.pbkdf2_hmac("sha256", key, b"d" * 32, ROUNDS, 32)
    area = {
        "keyslots": {
            "0": {
                "type": "luks2",
                "key_size": len(key),
                "af": {"type": "luks1", "stripes": stripes, "hash": "sha256"},
                "area": {
                    "type": "raw",
                    "offset": str(place),
                    "size": "4096",
                    "encryption": "aes-xts-plain64",
                    "key_size": 64,
                },
                "kdf": {
                    "type": "argon2id",
                    "time": 1,
                    "memory": memory,
                    "cpus": 1,
                    "salt": text(b"s" * 32),
                },
            }
        },
        "segments": {
            "0": {
                "type": "crypt",
                "offset": str(payload),
                "size": "dynamic",
                "iv_tweak": "0",
                "encryption": "aes-xts-plain64",
                "sector_size": sector,
            }
        },
        "digests": {
            "0": {
                "type": "pbkdf2",
                "keyslots": ["0"],
                "segments": ["0"],
                "hash": "sha256",
                "iterations": ROUNDS,
                "salt": text(b"d" * 32),
                "digest": text(digest),
            }
        },
    }
    head = b"LUKS\xba\xbe\x00\x02" + struct.pack(">QQ", 16 << 10, 1) + b"TEST".ljust(48, b"\0")
    head = head.ljust(168, b"\0") + b"5eed0000-test".ljust(40, b"\0")
    area_key = Argon2id(salt=b"s" * 32, length=64, iterations=1, lanes=1, memory_cost=64)
    kept = xts(area_key.derive(password), _padded(_split(key, stripes)))
    head = head.ljust(4096, b"\0") + json.dumps(area).encode()
    body = xts(key, content, sector=sector, step=sector // SECTOR)
    return (head.ljust(place, b"\0") + kept).ljust(payload, b"\0") + body
