from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from triage.formats.ed25519 import public_key


@pytest.mark.parametrize("seed", [bytes(32), b"\xff" * 32, bytes(range(32)), b"fixture " * 4])
def test_as_the_library_does_it(seed: bytes) -> None:
    scalar = bytearray(hashlib.sha512(seed).digest()[:32])
    scalar[0] &= 248
    scalar[31] = scalar[31] & 63 | 64
    wanted = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert public_key(bytes(scalar)) == wanted


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_wrong_length(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        public_key(bytes(length))
