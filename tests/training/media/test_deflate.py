from __future__ import annotations

import hashlib
import zlib

import pytest

from triage.training.media.deflate import deflate

NOISE = bytes(range(256)) * 280


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        NOISE,
        bytes(515),
        bytes(516),
        bytes(517),
        bytes(32768),
        b"\xff" * 40_000,
        b"\x8f" * 1000 + b"\x90" * 1000 + b"\0" * 1000,
        NOISE[:100] + bytes(5000) + NOISE[:9] + b"\xe5" * 600 + b"end",
        b"".join(bytes([value]) * (500 + value) for value in range(256)),
    ],
    ids=range(11),
)
def test_zlib_reads_it(data: bytes) -> None:
    assert zlib.decompress(deflate(data)) == data


def test_runs_get_short_and_the_rest_hardly_grows() -> None:
    assert len(deflate(bytes(32768))) < 256
    assert len(deflate(NOISE)) < len(NOISE) + 32


def test_the_stream_is_always_the_same() -> None:
    data = NOISE[:3] + bytes(1000)
    digest = hashlib.sha256(deflate(data)).hexdigest()
    assert digest == "250503bfdaffad9a757ec7f6a3c5299af020fb8495daff103a888bab652ea209"
