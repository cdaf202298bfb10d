"""Locked and logical volumes: opened with what fits, read through, and otherwise left as found."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.evidence.volume_writers import EXTENT, START, lvm
from triage.evidence.image import open_image
from triage.evidence.layers import Part
from triage.evidence.locks import Known, Secret, SecretKind, Trying, VolumeKey
from triage.evidence.nested import parts
from triage.evidence.sectors import sectors
from triage.model import ByteRun, Storage, VolumeState
from triage.training.writers.luks import SECTOR, essiv, luks1, luks2, xts

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
PASSWORD = b"correct horse"


@pytest.fixture(scope="module")
def ext4() -> bytes:
    return gzip.decompress((IMAGES / "odd-ext4.raw.gz").read_bytes())


def secret(value: bytes, kind: SecretKind = SecretKind.PASSWORD) -> Secret:
    return Secret(kind=kind, value=value, origin="test")


def trying(*values: bytes, most: int = 10, memory: int = 1 << 20) -> Trying:
    return Trying(map(secret, values), most=most, memory=memory)


def divided(folder: Path, data: bytes, keys: Trying | Known | None = None) -> list[Part]:
    path = folder / "image.raw"
    path.write_bytes(data)
    return parts(open_image(path), keys)


def told(found: Sequence[Part]) -> dict[str, tuple[VolumeState, str | None]]:
    return {p.volume.name: (p.volume.state, p.volume.filesystem) for p in found}


@pytest.mark.parametrize("size", [32, 64])
def test_xts_of_many_sectors_is_that_of_each(size: int) -> None:
    key, data = bytes(range(size)), np.random.default_rng(1).bytes(9 * SECTOR)
    cipher = sectors("aes-xts-plain64", key)
    assert cipher(xts(key, data), np.arange(9)) == data
    assert cipher(xts(key, data)[4 * SECTOR :], np.arange(4, 9)) == data[4 * SECTOR :]


def test_cbc_with_essiv() -> None:
    key, data = bytes(range(32)), np.random.default_rng(2).bytes(5 * SECTOR)
    assert sectors("aes-cbc-essiv:sha256", key)(essiv(key, data), np.arange(5)) == data


@pytest.mark.parametrize(
    "make",
    [
        lambda data: luks1(data, PASSWORD),
        lambda data: luks1(data, PASSWORD, mode="cbc-essiv:sha256"),
        lambda data: luks2(data, PASSWORD),
        lambda data: luks2(data, PASSWORD, sector=512),
    ],
    ids=["luks1", "luks1-cbc", "luks2-4096", "luks2-512"],
)
def test_luks_opens_with_the_password(tmp_path: Path, ext4: bytes, make: object) -> None:
    data = make(ext4)  # type: ignore[operator]  # a table of functions
    assert told(divided(tmp_path, data)) == {"whole": (VolumeState.LOCKED, None)}
    assert told(divided(tmp_path, data, trying(b"wrong"))) == {"whole": (VolumeState.LOCKED, None)}
    keys = trying(b"wrong", PASSWORD)
    found = divided(tmp_path, data, keys)
    assert told(found) == {
        "whole": (VolumeState.OPENED, None),
        "whole/luks": (VolumeState.FILESYSTEM, "ext4"),
    }
    assert found[0].volume.details["opened_by"] == "test"
    assert found[1].image.read_at(0, len(ext4)) == ext4
    assert found[1].image.read_at(130_000, 5000) == ext4[130_000:135_000]
    # What one worker derived opens the volume for all others, without a password.
    again = divided(tmp_path, data, Known(keys.found.values()))
    assert told(again) == told(found)


def test_runs_of_a_decrypted_file_lead_to_the_ciphertext(tmp_path: Path, ext4: bytes) -> None:
    part = divided(tmp_path, luks1(ext4, PASSWORD), trying(PASSWORD))[1]
    run = ByteRun(file_offset=0, image_offset=1024, length=10, storage=Storage.PLAIN)
    (lowered,) = part.on_media([run])
    assert (lowered.image_offset, lowered.storage) == (16 * SECTOR + 1024, Storage.ENCRYPTED)


def test_a_slot_that_needs_too_much_memory_is_said(tmp_path: Path, ext4: bytes) -> None:
    keys = trying(PASSWORD)
    found = divided(tmp_path, luks2(ext4, PASSWORD, memory=1 << 20), keys)
    assert found[0].volume.state is VolumeState.LOCKED
    assert keys.problems == {
        "whole": "a key slot needs 1024 MiB to try a password: more than allowed"
    }


def test_no_more_are_tried_than_the_limit(tmp_path: Path, ext4: bytes) -> None:
    keys = trying(b"a", b"b", PASSWORD, most=2)
    assert divided(tmp_path, luks1(ext4, PASSWORD), keys)[0].volume.state is VolumeState.LOCKED
    assert keys.problems == {"whole": "not every password was tried"}


def test_only_what_is_new_is_tried_again() -> None:
    keys = trying(b"a")
    assert not keys.add([secret(b"a")])
    assert keys.add([secret(b"a"), secret(b"b")])


@pytest.mark.parametrize("seed", range(8))
def test_damaged_headers_open_nothing_or_say_why(tmp_path: Path, ext4: bytes, seed: int) -> None:
    random = np.random.default_rng(seed)
    make = (luks1, luks2)[seed % 2]
    data = bytearray(make(ext4[:65536], PASSWORD))
    limit = 592 if make is luks1 else 6000
    for at in random.integers(8, limit, 3).tolist():
        data[at] = int(random.integers(256))
    found = divided(tmp_path, bytes(data), trying(PASSWORD))
    assert found[0].volume.name == "whole"


def test_a_key_of_an_odd_size_is_refused(tmp_path: Path, ext4: bytes) -> None:
    wrong = Known([VolumeKey(volume="whole", key=b"short", opened_by="nobody")])
    (found,) = divided(tmp_path, luks1(ext4, PASSWORD), wrong)
    assert found.volume.state is VolumeState.LOCKED
    assert "a key of 5 bytes" in (found.volume.problem or "")


def group(ext4: bytes, *, pieces: int = 1) -> list[bytearray]:
    """Return physical volumes with `root` in one piece and `data` in stripes of 32 KiB."""
    extent = EXTENT * SECTOR
    count = -(-len(ext4) // extent)
    members = [bytearray(START * SECTOR + (2 * count + 3) * extent) for _ in range(2)]
    padded = ext4.ljust(count * extent, b"\0")
    first = START * SECTOR
    members[0][first : first + len(padded)] = padded
    for number in range(2 * count):
        row, column = divmod(number, 2)
        at = first + (count if column == 0 else 1) * extent + row * (32 << 10)
        members[column][at : at + (32 << 10)] = padded[number * (32 << 10) :][: 32 << 10]
    lvm(members, {"root": [(0, count, [0, 0])], "data": [(0, count, [0, count, 1, 1])]})
    return members[:pieces]


def disk(*members: bytes | bytearray) -> bytes:
    """Return a disk with an MBR and each member as a partition of Linux LVM."""
    at, entries, body = 2048, b"", b""
    for member in members:
        entries += b"\0\0\0\0\x8e\0\0\0" + at.to_bytes(4, "little")
        entries += (len(member) // SECTOR).to_bytes(4, "little")
        at, body = at + len(member) // SECTOR, body + member
    head = bytes(446) + entries.ljust(64, b"\0") + b"\x55\xaa"
    return head.ljust(2048 * SECTOR, b"\0") + body


def test_logical_volumes_over_two_partitions(tmp_path: Path, ext4: bytes) -> None:
    found = divided(tmp_path, disk(*group(ext4, pieces=2)))
    names = told(found)
    assert names["p1"] == names["p2"] == (VolumeState.META, None)
    assert names["p1/lv-root"] == names["p1/lv-data"] == (VolumeState.FILESYSTEM, "ext4")
    assert names["p1/rest"] == (VolumeState.GAP, None)
    for part in found:
        if part.volume.name.startswith("p1/lv-"):
            assert part.image.read_at(0, len(ext4)) == ext4
    striped = next(part for part in found if part.volume.name == "p1/lv-data")
    run = ByteRun(file_offset=7, image_offset=1000, length=40_000, storage=Storage.PLAIN)
    lowered = striped.on_media([run])
    assert [r.file_offset for r in lowered] == [7, 7 + 32768 - 1000]
    assert sum(r.length for r in lowered) == 40_000
    media = (tmp_path / "image.raw").read_bytes()
    joined = b"".join(media[r.image_offset :][: r.length] for r in lowered)
    assert joined == ext4[1000:41_000]


def test_a_group_of_which_a_disk_is_missing(tmp_path: Path, ext4: bytes) -> None:
    found = divided(tmp_path, disk(*group(ext4)))
    names = told(found)
    assert names["p1/lv-root"] == (VolumeState.FILESYSTEM, "ext4")
    assert names["p1/lv-data"] == (VolumeState.UNSUPPORTED, None)
    (lost,) = (part.volume for part in found if part.volume.name == "p1/lv-data")
    assert lost.problem == "logical volume of LVM: a part of it lies on a disk that is not here"


def test_logical_volumes_in_a_locked_one(tmp_path: Path, ext4: bytes) -> None:
    locked = luks2(bytes(group(ext4)[0]), PASSWORD)
    found = divided(tmp_path, disk(locked), trying(PASSWORD))
    assert told(found)["p1/luks/lv-root"] == (VolumeState.FILESYSTEM, "ext4")


@pytest.mark.parametrize("seed", range(6))
def test_damaged_metadata_of_lvm(tmp_path: Path, ext4: bytes, seed: int) -> None:
    random = np.random.default_rng(seed)
    (member,) = group(ext4[:65536])
    for at in random.integers(512, 6500, 4).tolist():
        member[at] = int(random.integers(256))
    assert divided(tmp_path, bytes(member))[0].volume.name == "whole"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (b"seqno = 3", b"seqno = x", "an odd number"),
        (b"extent_size = 128", b"extent_size = abc", "does not add up"),
    ],
)
def test_words_for_numbers_cost_the_group_alone(
    tmp_path: Path, ext4: bytes, before: bytes, after: bytes, problem: str
) -> None:
    damaged = disk(*group(ext4)).replace(before, after)
    assert problem in str(divided(tmp_path, damaged)[2].volume.problem)


def test_extents_before_the_first_are_not_read(tmp_path: Path, ext4: bytes) -> None:
    damaged = disk(*group(ext4)).replace(b'"pv0", 0', b'"pv0",-1')
    lost = next(part.volume for part in divided(tmp_path, damaged) if "root" in part.volume.name)
    assert "outside of its physical volume" in (lost.problem or "")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), OverflowError("x")])
def test_damage_that_was_not_foreseen_costs_its_volume(
    tmp_path: Path, ext4: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("triage.evidence.lvm.read_physical", fails)
    found = divided(tmp_path, disk(*group(ext4), ext4))
    assert [part.volume.filesystem for part in found if part.volume.filesystem] == ["ext4"]
    assert "not foreseen" in " ".join(part.volume.problem or "" for part in found)


@pytest.mark.skipif(shutil.which("cryptsetup") is None, reason="needs cryptsetup")
def test_what_cryptsetup_encrypted(tmp_path: Path, ext4: bytes) -> None:
    image = tmp_path / "real.raw"
    image.write_bytes(ext4)
    os.truncate(image, 36 << 20)
    command = ["cryptsetup", "reencrypt", "--encrypt", "--batch-mode", "--type", "luks2"]
    command += ["--reduce-device-size", "32M", "--pbkdf-force-iterations", "4"]
    command += ["--pbkdf-memory", "64", "--key-file", "-", str(image)]
    done = subprocess.run(command, input=PASSWORD, check=False, capture_output=True)
    if done.returncode:
        pytest.skip("cryptsetup cannot encrypt a file here")
    found = parts(open_image(image), trying(PASSWORD))
    assert told(found)["whole/luks"] == (VolumeState.FILESYSTEM, "ext4")
    assert found[1].image.read_at(0, len(ext4)) == ext4
