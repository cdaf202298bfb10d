from __future__ import annotations

import json
import os
import random
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from triage.errors import EvidenceError
from triage.evidence.encryption import by_signature, recognise
from triage.evidence.superblocks import Recognised
from triage.model import VolumeState

SIZE = 1 << 20
ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
LOCKED, UNREAD, META = VolumeState.LOCKED, VolumeState.UNSUPPORTED, VolumeState.META


@dataclass
class Bytes:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def _at(*parts: tuple[int, bytes], size: int = SIZE) -> bytes:
    data = bytearray(size)
    for place, part in parts:
        data[place : place + len(part)] = part
    return bytes(data)


def _luks1() -> bytes:
    head = b"LUKS\xba\xbe\x00\x01" + b"aes".ljust(32, b"\0") + b"xts-plain64".ljust(32, b"\0")
    head += b"sha256".ljust(32, b"\0") + struct.pack(">II", 4096, 64) + bytes(56)
    head += str(ID).encode().ljust(40, b"\0")
    return head + b"".join(
        struct.pack(">I44x", 0xAC71F3 if slot == 2 else 0xDEAD) for slot in range(8)
    )


def _luks2(magic: bytes = b"LUKS\xba\xbe", area: object = None) -> bytes:
    head = magic + struct.pack(">HQQ", 2, 16384, 3) + b"stick".ljust(48, b"\0")
    head = head.ljust(168, b"\0") + str(ID).encode().ljust(40, b"\0")
    area = (
        area
        if area is not None
        else {
            "keyslots": {"0": {"kdf": {"type": "argon2id"}}, "1": {"kdf": {"type": "pbkdf2"}}},
            "segments": {"0": {"encryption": "aes-xts-plain64"}},
            "tokens": {"0": {"type": "systemd-tpm2"}},
        }
    )
    return head.ljust(4096, b"\0") + json.dumps(area).encode()


def _bitlocker(*protectors: int, to_go: bool = False) -> bytes:
    guid = uuid.UUID("4967D63B-2E29-4AD8-8399-F6A339E3D001").bytes_le
    head = bytearray(512)
    head[:11] = b"\xeb\x58\x90" + (b"MSWIN4.1" if to_go else b"-FVE-FS-")
    at = 424 if to_go else 160
    head[at : at + 16] = guid
    struct.pack_into("<3Q", head, at + 16, 65536, 131072, 196608)
    entries = b"".join(struct.pack("<HHHH26xH", 36, 2, 8, 1, kind) for kind in protectors)
    body = struct.pack("<IIII", 48 + len(entries), 1, 48, 48 + len(entries)) + ID.bytes_le
    body += struct.pack("<IIQ", 1, 0x8004, 0) + entries
    block = b"-FVE-FS-" + struct.pack("<HH", 64, 2) + bytes(52) + body
    return _at((0, bytes(head)), (65536, block))


def _core_storage(cipher: int, key: bytes) -> bytes:
    head = struct.pack("<8xHH76x2sI", 1, 0x10, b"CS", 1)
    return _at((0, head), (168, struct.pack("<II", 16, cipher) + key), (304, ID.bytes))


def _lvm() -> bytes:
    label = b"LABELONE" + struct.pack("<QII8s", 1, 0, 32, b"LVM2 001")
    areas = struct.pack("<QQQQQQ", 131072, 0, 0, 0, 4096, 65536) + bytes(16)
    text = b"vg_secret {\nid = ..."
    header = bytes(4) + b" LVM2 x[5A%r0N*>" + struct.pack("<IQQQQ", 1, 4096, 65536, 512, len(text))
    pv = b"abcdefghijklmnopqrstuvwxyz012345" + struct.pack("<Q", SIZE) + areas
    return _at((512, label + pv), (4096, header), (4096 + 512, text))


def _md1(minor: int) -> bytes:
    head = struct.pack("<IIII", 0xA92B4EFC, 1, 0, 0) + ID.bytes + b"host:0".ljust(32, b"\0")
    head += struct.pack("<QiIQII", 0, 5, 2, 0, 1024, 3) + bytes(200)
    return _at(({0: SIZE // 512 - 16 & ~7, 1: 0, 2: 8}[minor] * 512, head))


def _md090(order: str) -> bytes:
    identity = (0x44556677, 0x8899AABB, 0xCCDDEEFF)
    words = (0xA92B4EFC, 0, 90, 0, 0, 0x00112233, 0, 1, 0, 2, 2, 0, 0, *identity)
    return _at(((SIZE & ~0xFFFF) - 65536, struct.pack(f"{order}16I", *words)))


def _zfs(order: str) -> bytes:
    name = b"\0\0\0\x04name\0\0\0\x09\0\0\0\x01\0\0\0\x04tank"
    return _at((16400, name), (131072 + 5120, struct.pack(f"{order}Q", 0x00BAB10C)))


MIXED = random.Random(3).randbytes(SIZE)  # noqa: S311 - the same bytes every time

CASES = [
    pytest.param(
        _at((0, _luks1())),
        LOCKED,
        "luks1",
        {"uuid": str(ID), "cipher": "aes-xts-plain64", "hash": "sha256", "keyslots": "1"},
        id="luks1",
    ),
    pytest.param(
        _at((0, _luks2())),
        LOCKED,
        "luks2",
        {"uuid": str(ID), "label": "stick", "kdf": "argon2id, pbkdf2", "tokens": "systemd-tpm2"},
        id="luks2",
    ),
    pytest.param(
        _at((0x4000, _luks2(b"SKUL\xba\xbe"))),
        LOCKED,
        "luks2",
        {"cipher": "aes-xts-plain64"},
        id="luks2, first header destroyed",
    ),
    pytest.param(
        _bitlocker(0x0800, 0x2000),
        LOCKED,
        "bitlocker",
        {
            "guid": str(ID).upper(),
            "cipher": "AES-XTS 128",
            "protectors": "password, recovery password",
            "variant": "fixed drive",
        },
        id="bitlocker",
    ),
    pytest.param(
        _bitlocker(0, to_go=True),
        LOCKED,
        "bitlocker",
        {"variant": "To Go", "protectors": "clear key"},
        id="bitlocker to go, suspended",
    ),
    pytest.param(
        _core_storage(2, b"k" * 16), LOCKED, "corestorage", {"uuid": str(ID)}, id="filevault"
    ),
    pytest.param(
        _core_storage(0, bytes(16)), UNREAD, "corestorage", {"uuid": str(ID)}, id="fusion"
    ),
    pytest.param(_lvm(), UNREAD, "lvm", {"volume_group": "vg_secret"}, id="lvm"),
    *(
        pytest.param(
            _md1(minor),
            UNREAD,
            "md",
            {"uuid": str(ID), "level": "5", "disks": "3", "version": f"1.{minor}"},
            id=f"md 1.{minor}",
        )
        for minor in (0, 1, 2)
    ),
    *(
        pytest.param(
            _md090(order),
            UNREAD,
            "md",
            {"uuid": str(ID), "level": "1", "disks": "2", "version": "0.90"},
            id=f"md 0.90 {order}",
        )
        for order in "<>"
    ),
    pytest.param(
        _at((4096 + 24, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81") + ID.bytes)),
        UNREAD,
        "bcache",
        {"uuid": str(ID)},
        id="bcache",
    ),
    pytest.param(
        _at((3, b"ReFS"), (16, b"FSRS"), (40, b"\x03\x0e")), UNREAD, "refs", {"version": "3.14"}
    ),
    pytest.param(
        _at((0x10020, ID.bytes), (0x10040, b"_BHRfS_M"), (0x1012B, b"pool")),
        UNREAD,
        "btrfs",
        {"uuid": str(ID), "label": "pool"},
        id="btrfs",
    ),
    pytest.param(
        _at((0, b"XFSB"), (32, ID.bytes), (108, b"data")),
        UNREAD,
        "xfs",
        {"uuid": str(ID), "label": "data"},
        id="xfs",
    ),
    pytest.param(
        _at((1024, b"\x10\x20\xf5\xf2"), (1132, ID.bytes), (1148, "phone".encode("utf-16-le"))),
        UNREAD,
        "f2fs",
        {"uuid": str(ID), "label": "phone"},
        id="f2fs",
    ),
    pytest.param(_zfs("<"), UNREAD, "zfs", {"pool": "tank"}, id="zfs little-endian"),
    pytest.param(_zfs(">"), UNREAD, "zfs", {"pool": "tank"}, id="zfs big-endian"),
    pytest.param(
        _at((4086, b"SWAPSPACE2"), (1036, ID.bytes)), META, "swap", {"uuid": str(ID)}, id="swap"
    ),
    pytest.param(_at((65526, b"SWAPSPACE2")), META, "swap", {}, id="swap of 64 KiB pages"),
    pytest.param(
        _at((1024, b"BD"), (1060, b"\x03Old")), UNREAD, "hfs-classic", {"label": "Old"}, id="hfs"
    ),
    pytest.param(_at((32, b"NXSB"), (36, b"\x00\x10")), UNREAD, "apfs", {}, id="apfs, damaged"),
]


@pytest.mark.parametrize(("data", "state", "scheme", "details"), CASES)
@pytest.mark.parametrize("before", [0, 12345 * 512])
def test_a_volume_is_recognised_wherever_it_lies(
    data: bytes, state: VolumeState, scheme: str, details: dict[str, str], before: int
) -> None:
    found = recognise(Bytes(MIXED[:1] * before + data + b"\xff" * 4096), before, len(data))
    assert found is not None
    assert (found.state, found.scheme) == (state, scheme)
    assert details.items() <= found.details.items()
    assert found.words


@pytest.mark.parametrize("data", [case.values[0] for case in CASES])
def test_truncated_structures_raise_nothing(data: object) -> None:
    assert isinstance(data, bytes)
    for length in (0, 1, 11, 90, 100, 300, 512, 600, 1030, 1100, 4096, 4200, 20_000, 66_000):
        found = recognise(Bytes(data[:length]), 0, length)
        assert found is None if length == 0 else found is not None


@pytest.mark.parametrize("data", [case.values[0] for case in CASES])
def test_mutated_structures_raise_nothing(data: object) -> None:
    assert isinstance(data, bytes)
    places = [at for at, byte in enumerate(data) if byte]
    draw = random.Random(2)  # noqa: S311 - the same damage every time
    for _ in range(30):
        broken = bytearray(data)
        for _ in range(4):
            broken[draw.choice(places)] = draw.choice((0, 1, 0x7F, 0xFF))
        by_signature(Bytes(bytes(broken)), 0, len(broken))


def test_words_say_when_the_key_lies_in_clear() -> None:
    found = recognise(Bytes(_bitlocker(0x0100, 0x0000)), 0, SIZE)
    assert found is not None
    assert "suspended" in found.words


def test_words_say_when_the_first_header_is_destroyed() -> None:
    found = recognise(Bytes(_at((0x8000, _luks2(b"SKUL\xba\xbe")))), 0, SIZE)
    assert found is not None
    assert "second one at 32768" in found.words


@pytest.mark.parametrize(
    "area",
    [[], {"keyslots": []}, {"segments": {"0": {"encryption": 5}}}, {"tokens": {"0": None}}, "x"],
)
def test_a_luks2_header_with_odd_json_is_still_luks2(area: object) -> None:
    found = recognise(Bytes(_at((0, _luks2(area=area)))), 0, SIZE)
    assert found is not None
    assert found.scheme == "luks2"
    assert "cipher" not in found.details


def test_json_nested_without_end_is_no_crash() -> None:
    head = _luks2()[:4096] + b"[" * 12_000
    found = recognise(Bytes(_at((0, head))), 0, SIZE)
    assert found is not None
    assert found.scheme == "luks2"


def _near_misses() -> list[bytes]:
    return [
        _at((0, b"LUKS\xba\xbf")),
        _at((3, b"MSWIN4.1"), (424, bytes(16))),
        _at((88, b"CS")),
        _at((3, b"ReFS")),
        _at((4087, b"SWAPSPACE2")),
        _at((0, struct.pack("<II", 0xA92B4EFC, 7))),
        _at((512, b"LABELONE" + bytes(16) + b"LVM1 001")),
        _at((1024, b"BD"), (1024 + 0x7C, b"H+")),
    ]


@pytest.mark.parametrize("data", _near_misses())
def test_near_misses_are_not_recognised(data: bytes) -> None:
    found = recognise(Bytes(data), 0, len(data))
    assert found is not None
    assert found.scheme is None
    assert found.state in {VolumeState.UNKNOWN, VolumeState.EMPTY}


def _content(data: bytes) -> Recognised:
    found = recognise(Bytes(data), 0, len(data))
    assert found is not None
    return found


def test_zeros_are_empty() -> None:
    assert _content(bytes(SIZE)).state is VolumeState.EMPTY
    assert _content(bytes(10)).state is VolumeState.EMPTY


def test_random_data_is_called_what_it_cannot_be_told_from() -> None:
    found = _content(MIXED)
    assert (found.state, found.scheme) == (VolumeState.UNKNOWN, "random")
    assert "cannot be told from random data" in found.words


@pytest.mark.parametrize(
    "data",
    [
        MIXED[:8192],  # too little to say
        MIXED[: SIZE // 2] + bytes(SIZE // 2),
        (b"The quick brown fox jumps over the lazy dog. " * 40_000)[:SIZE],
        bytes(range(256)) * (SIZE // 256),  # more even than random data ever is
    ],
)
def test_other_data_is_not_called_random(data: bytes) -> None:
    found = _content(data)
    assert (found.state, found.scheme) == (VolumeState.UNKNOWN, None)


def test_what_cannot_be_read_is_nothing() -> None:
    class Hole(Bytes):
        def read_at(self, offset: int, length: int) -> bytes:
            raise EvidenceError(f"no {length} bytes at {offset}")

    assert recognise(Hole(bytes(SIZE)), 0, SIZE) is None
    assert recognise(Bytes(bytes(SIZE)), SIZE + 5, 100) is None


def test_sample_apfs_is_named_with_its_volumes() -> None:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = (Path(os.environ["TRIAGE_SAMPLES"]) / "images" / "apfs.raw").read_bytes()
    found = _content(data)
    assert (found.state, found.scheme) == (UNREAD, "apfs")
    assert found.details["volumes"].startswith("apfs_test (")
    locked = bytearray(data)
    for block in range(0, len(data), 4096):
        if data[block + 32 : block + 36] == b"APSB":
            locked[block + 264] &= ~1
    encrypted = _content(bytes(locked))
    assert (encrypted.state, encrypted.details["encrypted"]) == (LOCKED, "apfs_test")


def test_sample_apfs_with_damage_anywhere_raises_nothing() -> None:
    if "TRIAGE_SAMPLES" not in os.environ:
        pytest.skip("TRIAGE_SAMPLES is not set")
    data = bytearray((Path(os.environ["TRIAGE_SAMPLES"]) / "images" / "apfs.raw").read_bytes())
    draw = random.Random(4)  # noqa: S311 - the same damage every time
    blocks = [0, data.index(b"APSB") // 4096 * 4096]
    omap = struct.unpack_from("<Q", data, 160)[0] * 4096
    blocks += [omap, struct.unpack_from("<Q", data, omap + 48)[0] * 4096]
    for _ in range(200):
        at = draw.choice(blocks) + draw.choice((draw.randrange(64), draw.randrange(4096)))
        kept, data[at] = data[at], draw.randrange(256)
        by_signature(Bytes(bytes(data)), 0, len(data))
        data[at] = kept
