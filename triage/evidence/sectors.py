"""Decrypting many sectors at once: AES-XTS and AES-CBC as volumes use them.

One call of the cipher for each sector would cost more than the cipher. Here AES works on all blocks
of a read together (ECB), and what ties blocks to their places, the tweaks of XTS and the chain of
CBC, is exclusive or over whole arrays. Sources: IEEE 1619 (XTS); kernel `drivers/md/dm-crypt.c`
for the names of ciphers and the numbers that sectors have in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from triage.errors import ParseError
from triage.evidence.arrays import Array

_BLOCK: Final = 16
_HASHES: Final = ("sha1", "sha256", "sha512")
_XTS_BYTES: Final = (32, 64)
_CBC_BYTES: Final = (16, 24, 32)


class Sectors(Protocol):
    """What decrypts whole sectors."""

    def __call__(self, data: bytes, numbers: Array) -> bytes:
        """Return the plain sectors. `numbers`: one for each sector, as the cipher counts them."""
        ...


def aes_xts(key: bytes) -> Sectors:
    """Return AES-XTS; `key` is both keys, that of the data first. Raises ParseError."""
    if len(key) not in _XTS_BYTES:
        raise ParseError(f"AES-XTS with a key of {len(key)} bytes")
    half = len(key) // 2
    plain, tweaked = _ecb(key[:half], decrypt=True), _ecb(key[half:], decrypt=False)

    def decrypt(data: bytes, numbers: Array) -> bytes:
        tweaks = _tweaks(tweaked(_wide(numbers)), len(data) // len(numbers) // _BLOCK)
        mixed = np.frombuffer(data, "<u8") ^ tweaks
        return (np.frombuffer(plain(mixed.tobytes()), "<u8") ^ tweaks).tobytes()

    return decrypt


def _tweaks(first: bytes, blocks: int) -> Array:
    """Return the tweak of each block: that of the block before times x, in GF(2^128)."""
    one, top = np.uint64(1), np.uint64(63)
    start = np.frombuffer(first, "<u8").reshape(-1, 2).T
    tweaks = np.empty((blocks, *start.shape), dtype=np.uint64)
    tweaks[0] = start
    for block in range(1, blocks):
        low, high = tweaks[block - 1]
        tweaks[block, 0] = (low << one) ^ ((high >> top) * np.uint64(0x87))
        tweaks[block, 1] = (high << one) | (low >> top)
    return np.ascontiguousarray(tweaks.transpose(2, 0, 1)).reshape(-1)


def aes_cbc(key: bytes, start: Callable[[Array], bytes] | None = None) -> Sectors:
    """Return AES-CBC; `start` gives the first vector of each sector, by default its number."""
    if len(key) not in _CBC_BYTES:
        raise ParseError(f"AES-CBC with a key of {len(key)} bytes")
    plain = _ecb(key, decrypt=True)
    vectors = start or _wide

    def decrypt(data: bytes, numbers: Array) -> bytes:
        chained = np.frombuffer(data, "<u8").reshape(len(numbers), -1, 2)
        mixed = np.frombuffer(plain(data), "<u8").reshape(chained.shape).copy()
        mixed[:, 1:] ^= chained[:, :-1]
        mixed[:, 0] ^= np.frombuffer(vectors(numbers), "<u8").reshape(-1, 2)
        return mixed.tobytes()

    return decrypt


def encrypted_numbers(key: bytes, *, last: int = 0) -> Callable[[Array], bytes]:
    """Return vectors that are numbers of sectors, encrypted; `last` is the last of 16 bytes."""
    cipher = _ecb(key, decrypt=False)
    return lambda numbers: cipher(_wide(numbers, last << 56))


def sectors(specification: str, key: bytes) -> Sectors:
    """Return what a specification of dm-crypt names, such as `aes-xts-plain64`.

    Raises ParseError for what is not read.
    """
    cipher, _, mode = specification.partition("-")
    if cipher == "aes" and mode in ("xts-plain64", "xts-plain"):
        # `plain` counts with 32 bits: no difference before 2 TiB, where nobody uses it.
        return aes_xts(key)
    if cipher == "aes" and mode in ("cbc-plain64", "cbc-plain"):
        return aes_cbc(key)
    if cipher == "aes" and mode.startswith("cbc-essiv:") and mode[10:] in _HASHES:
        return aes_cbc(key, encrypted_numbers(hashlib.new(mode[10:], key).digest()))
    raise ParseError(f"the cipher {specification[:64]}, which is not read")


def _ecb(key: bytes, *, decrypt: bool) -> Callable[[bytes], bytes]:
    if len(key) not in _CBC_BYTES:
        raise ParseError(f"AES with a key of {len(key)} bytes")
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - the modes are made of it

    def run(data: bytes) -> bytes:
        context = cipher.decryptor() if decrypt else cipher.encryptor()
        return context.update(data) + context.finalize()

    return run


def _wide(numbers: Array, high: int = 0) -> bytes:
    """Return numbers as 128 bits, little-endian."""
    wide = np.full((len(numbers), 2), high, dtype="<u8")
    wide[:, 0] = numbers
    return wide.tobytes()
