from __future__ import annotations

import pytest

from triage.errors import ParseError
from triage.formats.kdf import Argon2id, Kdf, Pbkdf2, Scrypt


@pytest.mark.parametrize(
    ("kdf", "password", "key"),
    [
        # RFC 6070, RFC 7914 sections 11 and 12
        (
            Pbkdf2(digest="sha1", salt=b"salt", rounds=4096),
            b"password",
            "4b007901b765489abead49d926f721d065a429c1",
        ),
        (
            Pbkdf2(digest="sha256", salt=b"salt", rounds=1),
            b"passwd",
            (
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
            ),
        ),
        (
            Scrypt(salt=b"NaCl", n=1024, r=8, p=16),
            b"password",
            (
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
            ),
        ),
    ],
)
def test_published_vectors(kdf: Kdf, password: bytes, key: str) -> None:
    assert kdf.cost > 0
    assert kdf.derive(password, len(key) // 2).hex() == key


@pytest.mark.parametrize(
    ("n", "r", "p"),
    [
        (0, 8, 1),
        (3, 8, 1),
        (-2, 8, 1),
        (1 << 14, 0, 1),
        (1 << 14, 8, 0),
        (1 << 20, 8, 1),
        (2, 1 << 30, 1),
        (1 << 14, 8, 1 << 30),
        (1 << 200, 8, 1),
    ],
)
def test_scrypt_refuses_what_would_eat_the_machine(n: int, r: int, p: int) -> None:
    with pytest.raises(ParseError):
        Scrypt(salt=b"", n=n, r=r, p=p)


@pytest.mark.parametrize(
    ("digest", "rounds", "salt"),
    [("sha256", 0, b""), ("sha256", 1 << 40, b""), ("crc", 1, b""), ("sha1", 1, b"s" * 5000)],
)
def test_pbkdf2_refuses_what_would_not_end(digest: str, rounds: int, salt: bytes) -> None:
    with pytest.raises(ParseError):
        Pbkdf2(digest=digest, salt=salt, rounds=rounds)
    with pytest.raises(ParseError):
        Pbkdf2(digest="sha1", salt=b"", rounds=1).derive(b"", 1 << 20)


def test_argon2id_of_the_reference() -> None:
    kdf = Argon2id(salt=b"somesalt", memory=256 << 10, rounds=2, lanes=1)
    assert kdf.derive(b"password", 32).hex() == (
        "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
    )
    assert kdf.cost == 512


@pytest.mark.parametrize(
    ("memory", "rounds", "lanes", "salt"),
    [
        (1 << 30, 3, 1, b"s" * 16),
        (1 << 20, 1 << 30, 1, b"s" * 16),
        (1 << 12, 3, 4, b"s" * 16),
        (1 << 20, 0, 1, b"s" * 16),
        (1 << 20, 3, 0, b"s" * 16),
        (1 << 20, 3, 99, b"s" * 16),
        (1 << 20, 3, 1, b"short"),
    ],
)
def test_argon2id_that_is_none_or_too_dear(
    memory: int, rounds: int, lanes: int, salt: bytes
) -> None:
    with pytest.raises(ParseError):
        Argon2id(salt=salt, memory=memory, rounds=rounds, lanes=lanes)
