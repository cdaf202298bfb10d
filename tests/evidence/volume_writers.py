"""Locked and logical volumes as their specifications have them, small and always the same.

The ciphers are those of `cryptography` for one sector at a time: other code than the readers'.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SECTOR = 512
ROUNDS = 10
_MIB = 1 << 20


def xts(key: bytes, data: bytes, *, sector: int = SECTOR, step: int = 1, first: int = 0) -> bytes:
    parts = []
    for number in range(len(data) // sector):
        tweak = (first + number * step).to_bytes(16, "little")
        encryptor = Cipher(algorithms.AES(key), modes.XTS(tweak)).encryptor()
        parts.append(encryptor.update(data[number * sector : (number + 1) * sector]))
    return b"".join(parts)


def essiv(key: bytes, data: bytes) -> bytes:
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


EXTENT = 128  # sectors
START = 256  # sectors: where extents begin
_TEXT = """vg0 {
id = "group-id"
seqno = 3
status = ["RESIZEABLE", "READ", "WRITE"]
extent_size = %d	# sectors
physical_volumes {
%s}
logical_volumes {
%s}
}
# Generated by hand
contents = "Text Format Volume Group"
"""


def lvm(members: list[bytearray], volumes: dict[str, list[tuple[int, int, list[int]]]]) -> None:
    """Write labels and metadata into physical volumes.

    `volumes`: name → segments of (first extent, extents, [member, extent, member, extent, …]).
    """
    listed = "".join(
        f'pv{number} {{\nid = "{_identifier(number, dashes=True)}"\ndevice = "/dev/sda{number}"\n'
        f"pe_start = {START}\npe_count = 1000\n}}\n"
        for number in range(len(members))
    )
    text = (_TEXT % (EXTENT, listed, "".join(map(_volume, volumes, volumes.values())))).encode()
    for number, member in enumerate(members):
        label = b"LABELONE" + struct.pack("<QII8s", 1, 0, 32, b"LVM2 001")
        label += _identifier(number).encode() + struct.pack("<Q", len(member))
        label += struct.pack("<QQQQ", START * SECTOR, 0, 0, 0)
        label += struct.pack("<QQQQ", 4096, START * SECTOR - 4096, 0, 0)
        member[SECTOR : SECTOR + len(label)] = label
        size, first = START * SECTOR - 4096, START * SECTOR - 4096 - 64
        area = bytes(4) + b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, size)
        area += struct.pack("<QQII", first, len(text), 0, 0)
        member[4096 : 4096 + len(area)] = area
        member[4096 + first : 4096 + size] = text[:64]
        member[4096 + SECTOR : 4096 + SECTOR + len(text) - 64] = text[64:]  # round and round


def _identifier(number: int, *, dashes: bool = False) -> str:
    text = f"{number:032}"
    return f"{text[:6]}-{text[6:28]}-{text[28:]}" if dashes else text


def _volume(name: str, segments: list[tuple[int, int, list[int]]]) -> str:
    text = f'{name} {{\nid = "id-{name}"\nstatus = ["READ", "VISIBLE"]\n'
    text += f"segment_count = {len(segments)}\n"
    for number, (first, count, stripes) in enumerate(segments, 1):
        pairs = zip(stripes[::2], stripes[1::2], strict=True)
        listed = ", ".join(f'"pv{member}", {extent}' for member, extent in pairs)
        text += f"segment{number} {{\nstart_extent = {first}\nextent_count = {count}\n"
        text += f'type = "striped"\nstripe_count = {len(stripes) // 2}\nstripe_size = 64\n'
        text += f"stripes = [\n{listed}\n]\n}}\n"
    return text + "}\n"


class BitLocker:
    """A volume of Windows 10: 4 protectors, AES-XTS 128, or CBC 128 with the diffuser."""

    clear, startup, master = b"c" * 32, b"k" * 32, b"m" * 32
    head, metadata = 0x40000, (0x10000, 0x20000, 0x30000)

    def __init__(self, content: bytes, *, diffused: bool = False, suspended: bool = False) -> None:
        self.diffused, self.suspended = diffused, suspended
        self.key = hashlib.sha512(b"sectors").digest()[: 64 if diffused else 32]
        self.content = bytearray(content)
        holes = [(at, 65536) for at in self.metadata] + [(self.head, 8192)]
        for at, length in holes:  # where the volume keeps what is its own
            self.content[at : at + length] = bytes(length)

    def write(self, *, derived: dict[int, tuple[bytes, bytes]] | None = None) -> bytes:
        """Return the volume; `derived`: kind of a protector → (salt, key that is derived)."""
        sealed = bytearray(self._sectors(bytes(self.content), 0))
        sealed[self.head : self.head + 8192] = self._sectors(
            bytes(self.content[:8192]), self.head // SECTOR
        )
        entries = b""
        if self.suspended:
            inner = self._entry(0, 1, bytes(4) + self.clear)
            entries += self._protector(0x0000, inner + self._wrapped(self.clear, self.master))
        entries += self._protector(0x0200, self._wrapped(self.startup, self.master))
        for kind, (salt, key) in (derived or {}).items():
            inner = self._entry(0, 3, bytes(4) + salt)
            entries += self._protector(kind, inner + self._wrapped(key, self.master))
        entries += self._wrapped(self.master, self.key, kind=3)
        entries += self._entry(0xF, 0xF, struct.pack("<QQ", self.head, 8192))
        block = b"-FVE-FS-" + struct.pack("<HHHHQII", 0, 2, 4, 4, len(sealed), 0, 16)
        block += struct.pack("<4Q", *self.metadata, self.head)
        block += struct.pack("<IIII16sI", 48 + len(entries), 1, 48, 0, b"g" * 16, 9)
        block += struct.pack("<HHQ", 0x8000 if self.diffused else 0x8004, 0, 0) + entries
        for place in self.metadata:
            sealed[place : place + 65536] = block.ljust(65536, b"\0")
        boot = b"\xeb\x58\x90-FVE-FS-" + struct.pack("<H", SECTOR)
        boot = boot.ljust(176, b"\0") + struct.pack("<3Q", *self.metadata)
        sealed[:512] = boot.ljust(510, b"\0") + b"\x55\xaa"
        return bytes(sealed)

    def key_file(self) -> bytes:
        """Return a start-up key (BEK)."""
        inner = bytes(24) + self._entry(0, 1, bytes(4) + self.startup)
        return bytes(48) + self._entry(6, 9, inner)

    @staticmethod
    def _entry(kind: int, value: int, content: bytes) -> bytes:
        return struct.pack("<4H", 8 + len(content), kind, value, 1) + content

    def _protector(self, kind: int, inner: bytes) -> bytes:
        return self._entry(2, 8, bytes(26) + struct.pack("<H", kind) + inner)

    def _wrapped(self, key: bytes, content: bytes, *, kind: int = 0) -> bytes:
        nonce, plain = b"n" * 12, struct.pack("<III", 12 + len(content), 1, 0x2000) + content
        sealed = AESCCM(key, tag_length=16).encrypt(nonce, plain, None)
        return self._entry(kind, 5, nonce + sealed[-16:] + sealed[:-16])

    def _sectors(self, data: bytes, first: int) -> bytes:
        if not self.diffused:
            return xts(self.key, data, first=first)
        parts = []
        for number in range(len(data) // SECTOR):
            plain = data[number * SECTOR : (number + 1) * SECTOR]
            parts.append(self._diffused(plain, (first + number) * SECTOR))
        return b"".join(parts)

    def _diffused(self, plain: bytes, offset: int) -> bytes:
        """Encrypt a sector: key of the sector, diffuser A, diffuser B, CBC (Ferguson, 2006)."""
        tweak = Cipher(algorithms.AES(self.key[32:48]), modes.ECB())  # noqa: S305 - as specified
        number = offset.to_bytes(16, "little")
        pad = tweak.encryptor().update(number) + tweak.encryptor().update(number[:15] + b"\x80")
        mixed = bytes(a ^ b for a, b in zip(plain, pad * 16, strict=True))
        words = list(struct.unpack("<128I", mixed))
        for cycles, near, far, turns in ((5, -2, -5, (9, 0, 13, 0)), (3, 2, 5, (0, 10, 0, 25))):
            for at in reversed(range(cycles * 128)):
                place, turn = at % 128, turns[at % 4]
                other = words[(place + far) % 128]
                other = (other << turn | other >> 32 - turn) & 0xFFFFFFFF
                other ^= words[(place + near) % 128]
                words[place] = words[place] - other & 0xFFFFFFFF
        block = Cipher(algorithms.AES(self.key[:16]), modes.ECB())  # noqa: S305 - as specified
        vector = block.encryptor().update(number)
        cbc = Cipher(algorithms.AES(self.key[:16]), modes.CBC(vector)).encryptor()
        return cbc.update(struct.pack("<128I", *words))
