from __future__ import annotations

import hashlib
import struct

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import keybox
from triage.formats.keybox import EMPTY, OPENPGP, X509, blobs, header


def first(flags: int = 2) -> bytes:
    return struct.pack(">IBBH4s5I", 32, 1, 1, flags, b"KBXf", 0, 1000, 2000, 0, 0)


def blob(data: bytes, *, kind: int = OPENPGP, digest: bool = True, trust: int = 6) -> bytes:
    keys = b"\x11" * 20 + bytes(8)
    tables = b"\0\0" + struct.pack(">HH", 1, 12) + bytes(12) + struct.pack(">HH", 1, 4) + bytes(4)
    trailer = bytes((trust, 0, 0, 0)) + bytes(8) + struct.pack(">II", 1234, 0)
    start = 20 + len(keys) + len(tables) + len(trailer)
    head = struct.pack(
        ">IBBHIIHH", start + len(data) + 20, kind, 1, 0, start, len(data), 1, len(keys)
    )
    whole = head + keys + tables + trailer + data
    check = hashlib.sha1(whole, usedforsecurity=False).digest() if digest else bytes(20)
    return whole + check


def test_header_and_blobs() -> None:
    data = first() + blob(b"one") + blob(b"gone", kind=EMPTY) + blob(b"two", kind=X509)
    found = header(data)
    assert (found.created, found.maintained, found.openpgp) == (1000, 2000, True)
    one, two = blobs(data)
    assert (one.kind, one.data, one.created, one.trust) == (OPENPGP, b"one", 1234, 6)
    assert one.intact
    assert (two.kind, two.data, two.offset) == (X509, b"two", 32 + 2 * len(blob(b"one")) + 1)


def test_wrong_checksum() -> None:
    (found,) = blobs(first() + blob(b"x", digest=False))
    assert found.intact is False


@pytest.mark.parametrize("data", [b"", b"x" * 31, b"x" * 32, first().replace(b"KBXf", b"KBXg")])
def test_no_keybox(data: bytes) -> None:
    with pytest.raises(ParseError):
        header(data)


@pytest.mark.parametrize("cut", range(1, 100, 7))
def test_truncated(cut: int) -> None:
    data = first() + blob(b"one") + blob(b"two")
    with pytest.raises(ParseError):
        list(blobs(data[:-cut]))


@pytest.mark.parametrize(
    ("at", "value"),
    [(32, b"\0\0\0\0"), (32, b"\xff\xff\xff\xff"), (40, b"\xff\xff\xff\xff"), (44, b"\x7f\0\0\0")],
)
def test_lying_lengths(at: int, value: bytes) -> None:
    data = bytearray(first() + blob(b"one"))
    data[at : at + 4] = value
    with pytest.raises(ParseError):
        list(blobs(bytes(data)))


def test_lying_tables_lose_the_time_alone() -> None:
    data = bytearray(first() + blob(b"one"))
    data[32 + 20 + 28 : 32 + 20 + 30] = b"\xff\xff"
    (found,) = blobs(bytes(data))
    assert (found.created, found.data, found.intact) == (0, b"one", False)


def test_endless_blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keybox, "MAX_BLOBS", 3)
    with pytest.raises(LimitError):
        list(blobs(first() + struct.pack(">IBB", 6, 0, 0) * 5))
