"""Files of Telegram Desktop: what opens, what does not, what is none."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from triage.errors import ParseError
from triage.formats import tdf

TREE = Path(__file__).parents[2] / "fixtures/chat/telegram_desktop/opened/tree"
ALICE = TREE / "home/alice/.local/share/TelegramDesktop/tdata"
BOB = TREE / "home/bob/Telegram/tdata"


def opened() -> tdf.Opened:
    found = tdf.open_key(tdf.key_file(tdf.container((ALICE / "key_datas").read_bytes())))
    assert found is not None
    return found


def sealed(data: bytes, version: int = 4_006_005) -> bytes:
    number = struct.pack("<I", version)
    seal = data + struct.pack("<I", len(data)) + number + b"TDF$"
    digest = hashlib.md5(seal).digest()  # noqa: S324 - of the format
    return b"TDF$" + number + data + digest


def array(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("data", "D877F783D5D3EF8C"),
        ("data#2", "A7FDF864FBC10B77"),
        ("data#3", "F8806DD0C461824F"),
    ],
)
def test_folder_names(name: str, folder: str) -> None:
    assert tdf.folder_of(name) == folder


@pytest.mark.parametrize(
    ("number", "text"), [(4006005, "4.6.5"), (1008015, "1.8.15"), (0, "0.0.0")]
)
def test_versions(number: int, text: str) -> None:
    assert tdf.version_text(number) == text


def test_the_empty_passcode_opens() -> None:
    found = opened()
    assert (found.accounts, found.active) == ((0, 1), 0)
    account = tdf.container((ALICE / "D877F783D5D3EF8Cs").read_bytes())
    assert tdf.authorization(account, found.local_key) == tdf.Authorization(
        user_id=1_000_000_001, data_centre=2
    )
    chats = tdf.read_map(
        tdf.container((ALICE / "D877F783D5D3EF8C/maps").read_bytes()), found.local_key
    )
    assert chats is not None
    assert chats.own is not None
    assert (chats.own.first_name, chats.own.phone) == ("Alice", "15550100001")
    assert chats.drafts == (
        tdf.Peer(kind="user", id=1_000_000_003),
        tdf.Peer(kind="channel", id=1_234_567),
    )
    assert chats.whole


def test_a_passcode_keeps_it_closed() -> None:
    keys = tdf.key_file(tdf.container((BOB / "key_datas").read_bytes()))
    assert tdf.open_key(keys) is None
    assert tdf.open_key(keys, b"1234") is not None


def test_the_key_of_another_folder_does_not_open() -> None:
    account = tdf.container((BOB / "D877F783D5D3EF8Cs").read_bytes())
    assert tdf.authorization(account, opened().local_key) is None
    chats = tdf.container((BOB / "D877F783D5D3EF8C/maps").read_bytes())
    assert tdf.read_map(chats, opened().local_key) is None


def test_every_changed_byte_is_noticed() -> None:
    data = (ALICE / "D877F783D5D3EF8Cs").read_bytes()
    for at in range(0, len(data), 7):
        with pytest.raises(ParseError):
            tdf.container(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("length", range(0, 400, 13))
def test_a_cut_file_is_none(length: int) -> None:
    data = (ALICE / "key_datas").read_bytes()
    if length < len(data):
        with pytest.raises(ParseError):
            tdf.container(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        array(b"x" * 32),
        array(b"x" * 31) + array(b"y" * 288) + array(b"z" * 32),
        array(b"x" * 32) + array(b"y" * 287) + array(b"z" * 32),
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff" * 3,
    ],
)
def test_a_sealed_file_that_holds_no_keys(data: bytes) -> None:
    with pytest.raises(ParseError):
        tdf.key_file(tdf.container(sealed(data)))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 48])
def test_what_is_not_encrypted_does_not_open(size: int) -> None:
    assert tdf.decrypt(b"\1" * size, b"\2" * 256) is None
    assert tdf.decrypt(b"\1" * 64, b"\2" * size) is None


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "chat/telegram"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with chat/telegram"
)


@needs_samples
def test_what_telegram_4_6_5_wrote_on_its_first_run() -> None:
    found = tdf.container((SAMPLES / "first-run/tdata/key_datas").read_bytes())
    assert tdf.version_text(found.version) == "4.6.5"
    keys = tdf.open_key(tdf.key_file(found))
    assert keys is not None
    assert (keys.accounts, keys.active) == ((0,), None)


@needs_samples
def test_a_real_account_behind_a_passcode() -> None:
    name = "opentele#thedemons!"
    keys = tdf.key_file(tdf.container((SAMPLES / f"locked/key_{name}s").read_bytes()))
    assert tdf.open_key(keys) is None
    found = tdf.open_key(keys, b"!thedemons#opentele")
    assert found is not None
    folder = SAMPLES / "locked" / tdf.folder_of(name)
    account = tdf.container(folder.with_name(f"{folder.name}s").read_bytes())
    assert tdf.authorization(account, found.local_key) == tdf.Authorization(
        user_id=1528072955, data_centre=5
    )
    chats = tdf.read_map(tdf.container((folder / "maps").read_bytes()), found.local_key)
    assert chats is not None
    assert chats.whole
