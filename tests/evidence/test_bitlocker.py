"""BitLocker: every protector that is read, both kinds of ciphers, and what is damaged."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.evidence.test_locked import divided, secret, told
from tests.evidence.volume_writers import BitLocker
from triage.evidence import bitlocker
from triage.evidence.locks import Known, SecretKind, Trying
from triage.model import VolumeState

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
SALT = b"s" * 16
NUMBERS = (1, 20, 300, 4000, 50000, 6, 7, 65535)
RECOVERY = b"-".join(b"%06d" % (11 * number) for number in NUMBERS)
PASSWORD = "pässword".encode()


@pytest.fixture(scope="module")
def exfat() -> bytes:
    return gzip.decompress((IMAGES / "exfat.raw.gz").read_bytes())[: 1 << 20]


def stretched(data: bytes) -> bytes:
    """Return the key after three rounds, as the description of the format has them."""
    first, last = hashlib.sha256(data).digest(), bytes(32)
    for count in range(3):
        last = hashlib.sha256(last + first + SALT + struct.pack("<Q", count)).digest()
    return last


def opening(value: bytes, kind: SecretKind) -> Trying:
    return Trying([secret(value, kind)], most=9, memory=1 << 20)


@pytest.mark.parametrize("diffused", [False, True])
def test_a_start_up_key_opens(tmp_path: Path, exfat: bytes, diffused: bool) -> None:
    made = BitLocker(exfat[: 300 << 10] if diffused else exfat, diffused=diffused)
    data = made.write()
    assert told(divided(tmp_path, data)) == {"whole": (VolumeState.LOCKED, None)}
    found = divided(tmp_path, data, opening(made.key_file(), SecretKind.KEY_FILE))
    assert [part.volume.name for part in found] == ["whole", "whole/bitlocker"]
    assert found[0].volume.state is VolumeState.OPENED
    assert found[1].image.read_at(0, len(data)) == made.content


def test_a_suspended_volume_opens_by_itself(tmp_path: Path, exfat: bytes) -> None:
    made = BitLocker(exfat, suspended=True)
    found = divided(tmp_path, made.write(), Known())
    assert found[0].volume.details["opened_by"].startswith("clear key")
    assert found[1].image.read_at(300_000, 4096) == made.content[300_000:304_096]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ((RECOVERY, SecretKind.RECOVERY_KEY), VolumeState.OPENED),
        ((b"Key:\r\n" + RECOVERY + b"\r\n", SecretKind.KEY_FILE), VolumeState.OPENED),
        ((PASSWORD, SecretKind.PASSWORD), VolumeState.OPENED),
        ((b"wrong", SecretKind.PASSWORD), VolumeState.LOCKED),
        ((b"000011-" * 7 + b"000012", SecretKind.RECOVERY_KEY), VolumeState.LOCKED),
    ],
)
def test_what_is_stretched(
    tmp_path: Path,
    exfat: bytes,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[bytes, SecretKind],
    state: VolumeState,
) -> None:
    monkeypatch.setattr(bitlocker, "_ROUNDS", 3)  # a million in earnest
    packed = struct.pack("<8H", *NUMBERS)
    text = hashlib.sha256("pässword".encode("utf-16-le")).digest()
    keys = {0x0800: stretched(packed), 0x2000: stretched(text)}
    made = BitLocker(exfat)
    data = made.write(derived={k: (SALT, key) for k, key in keys.items()})
    assert divided(tmp_path, data, opening(*given))[0].volume.state is state


def test_the_key_of_the_sectors_is_checked(tmp_path: Path, exfat: bytes) -> None:
    made = BitLocker(exfat)
    data = made.write()
    wrong = opening(b"x" * 32, SecretKind.KEY)
    assert told(divided(tmp_path, data, wrong)) == {"whole": (VolumeState.LOCKED, None)}
    right = opening(made.key, SecretKind.KEY)
    assert divided(tmp_path, data, right)[0].volume.state is VolumeState.OPENED


def test_a_later_block_serves_when_the_first_is_gone(tmp_path: Path, exfat: bytes) -> None:
    made = BitLocker(exfat, suspended=True)
    data = bytearray(made.write())
    for place in made.metadata[:2]:
        data[place : place + 65536] = bytes(65536)
    assert divided(tmp_path, bytes(data))[0].volume.state is VolumeState.OPENED


@pytest.mark.parametrize("seed", range(8))
def test_damaged_metadata(tmp_path: Path, exfat: bytes, seed: int) -> None:
    made = BitLocker(exfat[: 300 << 10], suspended=True)
    data = bytearray(made.write())
    random = np.random.default_rng(seed)
    for at in random.integers(8, 600, 6).tolist():
        for place in made.metadata:
            data[place + at] = int(random.integers(256))
    found = divided(tmp_path, bytes(data))
    assert found[0].volume.scheme == "bitlocker"
