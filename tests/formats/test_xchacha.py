"""XChaCha20-Poly1305: the draft's own vector, and what libsodium sealed."""

from __future__ import annotations

import pytest

from triage.errors import ParseError
from triage.formats.xchacha import hchacha20, open_sealed

KEY = bytes(range(32))
SEALED = bytes.fromhex(  # by PyNaCl
    "000102030405060708090a0b0c0d0e0f1011121314151617ffac2f16fea6e8dc5e2142a7aa26cdc8202251858ea27299"
    "1e7d5a3c196c317b8e41327bd4b0b023900aad"
)


def test_the_key_of_the_draft() -> None:
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    assert hchacha20(KEY, nonce).hex() == (
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    )


def test_what_libsodium_sealed_opens() -> None:
    assert open_sealed(SEALED, KEY) == b"an intermediate key storage"
    assert open_sealed(SEALED, bytes(32)) is None
    assert open_sealed(SEALED[:-1] + bytes([SEALED[-1] ^ 1]), KEY) is None


@pytest.mark.parametrize(("data", "key"), [(b"", KEY), (SEALED[:39], KEY), (SEALED, KEY[:31])])
def test_what_is_too_short(data: bytes, key: bytes) -> None:
    with pytest.raises(ParseError):
        open_sealed(data, key)
