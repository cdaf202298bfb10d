"""Saves of Tox: ids, friends, damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats import tox

SAVE = Path(__file__).parents[2] / "fixtures/chat/tox/qtox/tree/home/alice/.config/tox/alice.tox"


def test_a_save() -> None:
    found = tox.read(SAVE.read_bytes())
    assert found.proven
    assert (found.name, found.status, len(found.tox_id)) == ("Alice", "away", 76)
    assert found.tox_id.startswith(found.public_key)
    bob, carol = found.friends
    assert (bob.name, bob.confirmed, bob.request, bob.last_seen) == ("Bob", True, "", 1717286400)
    assert (carol.name, carol.confirmed, carol.request) == ("", False, "add me")


def test_the_id_has_its_checksum() -> None:
    found = bytes.fromhex(tox.tox_id(bytes(range(32)), b"\1\2\3\4"))
    pairs = [found[at : at + 2] for at in range(0, 36, 2)]
    first = second = 0
    for pair in pairs:
        first, second = first ^ pair[0], second ^ pair[1]
    assert found[36:] == bytes([first, second])


def test_a_public_key_of_another_secret_is_told() -> None:
    data = bytearray(SAVE.read_bytes())
    data[20] ^= 1
    assert tox.read(bytes(data)).proven is False


@pytest.mark.parametrize("length", [0, 8, 15, 16, 60, 84, 200, 3000])
def test_a_cut_save_is_refused(length: int) -> None:
    with pytest.raises(ParseError):
        tox.read(SAVE.read_bytes()[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"toxEsave" + b"x" * 100,
        b"\0" * 100,
        tox.MAGIC + b"\xff\xff\xff\xff\x01\x00\xce\x01",
        tox.MAGIC + b"\x00\x00\x00\x00\xff\x00\xce\x01",
        tox.MAGIC + b"\x44\x00\x00\x00\x01\x00\xce\x02" + b"x" * 100,
    ],
)
def test_what_is_no_save_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        tox.read(data)


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/tox"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/tox"
)


@needs_samples
def test_the_save_of_toxcore() -> None:
    found = tox.read((SAMPLES / "save.tox.little").read_bytes())
    assert (found.name, found.status, found.proven) == ("name", "Hello World", True)
    (friend,) = found.friends
    assert (friend.confirmed, friend.request) == (False, "Add me.")


@needs_samples
def test_the_save_of_toxic() -> None:
    found = tox.read((SAMPLES / "lab_n.tox").read_bytes())
    assert (found.name, found.proven, found.friends) == ("LabTox", True, ())
    assert found.status.startswith("Away from keyboard")


@needs_samples
def test_a_save_in_the_wrong_byte_order_is_refused() -> None:
    with pytest.raises(ParseError):
        tox.read((SAMPLES / "save.tox.big").read_bytes())
