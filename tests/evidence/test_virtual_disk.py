"""Disks of virtual machines: the same bytes as QEMU shows, and damage that is said."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.errors import EvidenceError, TriageError, UnsupportedImageError
from triage.evidence.image import open_image
from triage.model import Container

SAMPLES = {  # name → SHA-256 of what `qemu-img convert -O raw` of QEMU 7.2 writes
    "windows_volume.qcow2": "44abe9deca9658f331a2bdba2deb53192d04f35d157a1fb3ba0597b03f0524f2",
    "ext2.vmdk": "a6c2f0e39afe6c6ab432ca5465349fcefe8dc944398e97b2d957d3f89dbb5d80",
    "ext2.vhd": "870be7ae16c1fa8faab05c6eb9205dc9a7ae35c5f552c5cf8a267c0bc6a5cb99",
}
BLOCK = 4096
BLOCKS = {0: b"\x01" * BLOCK, 3: bytes(range(256)) * 16, 6: b"\x07" * BLOCK}
SIZE = 8 * BLOCK - 512
MEDIA = b"".join(BLOCKS.get(number, bytes(BLOCK)) for number in range(8))[:SIZE]


def qcow2(*, version: int = 3, packed: bool = False, **fields: int) -> bytes:
    """Return a disk whose clusters lie in another order than they are numbered."""
    given = {"backing": 0, "crypt": 0, "features": 0, "size": SIZE, **fields}
    head = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(b"QFI\xfb", version, given["backing"], 0, 12, given["size"], given["crypt"]),
        *(1, BLOCK, 0, 1, 0, 0),
    )
    head += struct.pack(">QQQII", given["features"], 0, 0, 4, 104)
    first = struct.pack(">Q", 2 * BLOCK | 1 << 63).ljust(BLOCK, b"\0")
    table, data, at = [0] * (BLOCK // 8), b"", 3 * BLOCK
    for number, block in reversed(BLOCKS.items()):
        if packed:
            deflate = zlib.compressobj(wbits=-12)
            raw = deflate.compress(block) + deflate.flush()
            sectors = (at % 512 + len(raw) - 1) // 512
            table[number] = 1 << 62 | sectors << 58 | at
        else:
            raw = block
            table[number] = at | 1 << 63
        data += raw
        at += len(raw)
    table[1] = 1  # all zeros, says version 3
    second = struct.pack(f">{len(table)}Q", *table)
    return head.ljust(BLOCK, b"\0") + first + second + data + bytes(BLOCK)


def _summed(data: bytes, at: int) -> bytes:
    total = ~(sum(data) - sum(data[at : at + 4])) & 0xFFFFFFFF
    return data[:at] + total.to_bytes(4, "big") + data[at + 4 :]


def vhd(*, fixed: bool = False, kind: int | None = None) -> bytes:
    wanted = kind or (2 if fixed else 3)
    footer = struct.pack(
        ">8sIIQI4sI4sQQII", b"conectix", 2, 1 << 16, 512, 0, b"test", 0, b"", SIZE, SIZE, 0, wanted
    )
    footer = _summed(footer.ljust(512, b"\0"), 64)
    if fixed:
        return MEDIA + footer
    head = struct.pack(">8sQQIII", b"cxsparse", (1 << 64) - 1, 1536, 1 << 16, 8, BLOCK)
    table, data = [0xFFFFFFFF] * 8, b""
    for number, block in reversed(BLOCKS.items()):
        table[number] = 4 + len(data) // 512
        data += b"\xff" * 512 + block
    packed = struct.pack(">8I", *table).ljust(512, b"\xff")
    return footer + _summed(head.ljust(1024, b"\0"), 36) + packed + data + footer


def vdi(*, kind: int = 1) -> bytes:
    head = bytearray(512)
    head[0x40:0x44] = b"\x7f\x10\xda\xbe"
    struct.pack_into("<III", head, 0x44, 0x00010001, 0x190, kind)
    struct.pack_into("<II", head, 0x154, 512, 1024)
    struct.pack_into("<QIII", head, 0x170, SIZE, BLOCK, 0, 8)
    table = [0xFFFFFFFF, 0xFFFFFFFE] * 4
    for place, number in enumerate(reversed(BLOCKS)):
        table[number] = place
    data = b"".join(reversed(BLOCKS.values()))
    return bytes(head) + struct.pack("<8I", *table).ljust(512, b"\0") + data


def vmdk(
    *, packed: bool = False, kind: str = "monolithicSparse", parent: str = "ffffffff"
) -> bytes:
    text = f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID={parent}\ncreateType="{kind}"\n'
    flags = 3 | (1 << 16 | 1 << 17) * packed
    head = struct.pack(
        "<4sIIQQQQIQQQ?4sH",
        *(
            b"KDMV",
            1,
            flags,
            SIZE // 512,
            BLOCK // 512,
            1,
            2,
            4,
            0,
            3,
            8,
            False,
            b"\n \r\n",
            packed,
        ),
    ).ljust(512, b"\0")
    tables, data, at = [0] * 8, b"", 6
    for number, block in reversed(BLOCKS.items()):
        raw = zlib.compress(block)
        raw = struct.pack("<QI", number * 8, len(raw)) + raw if packed else block
        tables[number] = at
        data += raw.ljust(-(-len(raw) // 512) * 512, b"\0")
        at = 6 + len(data) // 512
    first = struct.pack("<2I", 4, 5).ljust(512, b"\0")
    second = b"".join(struct.pack("<4I", *tables[n : n + 4]).ljust(512, b"\0") for n in (0, 4))
    return head + text.encode().ljust(1024, b"\0") + first + second + data


MADE: dict[str, tuple[Callable[[], bytes], Container]] = {
    "qcow2": (qcow2, Container.QCOW2),
    "qcow2 of version 2": (lambda: qcow2(version=2), Container.QCOW2),
    "compressed qcow2": (lambda: qcow2(packed=True), Container.QCOW2),
    "vhd": (vhd, Container.VHD),
    "fixed vhd": (lambda: vhd(fixed=True), Container.VHD),
    "vdi": (vdi, Container.VDI),
    "vmdk": (vmdk, Container.VMDK),
    "compressed vmdk": (lambda: vmdk(packed=True, kind="streamOptimized"), Container.VMDK),
}


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", MADE)
def test_every_byte_is_where_it_was(name: str, tmp_path: Path) -> None:
    make, container = MADE[name]
    with open_image(put(tmp_path / "disk", make())) as image:
        assert (image.info.container, image.size) == (container, SIZE)
        assert image.read_at(0, SIZE) == MEDIA
        for offset, length in ((0, 1), (BLOCK - 3, 7), (3 * BLOCK - 1, BLOCK + 2), (SIZE - 5, 99)):
            assert image.read_at(offset, length) == MEDIA[offset : offset + length]


@pytest.mark.parametrize("name", SAMPLES)
def test_real_disks_are_what_qemu_says(name: str, samples: Path) -> None:
    digest = hashlib.sha256()
    with open_image(samples / "images" / name) as image:
        for offset in range(0, image.size, 1 << 22):
            digest.update(image.read_at(offset, 1 << 22))
    assert digest.hexdigest() == SAMPLES[name]


@pytest.mark.parametrize(
    "data",
    [
        qcow2(backing=512),
        qcow2(crypt=1),
        qcow2(features=4),
        qcow2(features=1 << 40),
        qcow2(version=4),
        qcow2(size=1 << 60),
        vhd(kind=4),
        vdi(kind=4),
        vmdk(kind="monolithicFlat"),
        vmdk(parent="12345678"),
    ],
)
def test_what_is_not_all_there_is_named_and_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match=r"QCOW|VHD|VDI|VMDK"):
        open_image(put(tmp_path / "disk", data))


@pytest.mark.parametrize("flag", [1, 2])
def test_marks_of_trouble_are_noted(flag: int, tmp_path: Path) -> None:
    with open_image(put(tmp_path / "disk", qcow2(features=flag))) as image:
        assert image.info.notes == (("was not closed", "is marked as corrupt")[flag - 1],)


@pytest.mark.parametrize("name", MADE)
def test_damage_raises_and_reads_no_more_than_there_is(name: str, tmp_path: Path) -> None:
    data, chance = MADE[name][0](), random.Random(name)  # noqa: S311 - no secret
    for _ in range(40):
        broken = bytearray(data)
        for _ in range(3):
            broken[chance.randrange(min(len(broken), 3 * BLOCK))] = chance.choice((0, 1, 255))
        cut = broken[: chance.randrange(600, len(broken))] if chance.random() < 0.4 else broken
        try:
            with open_image(put(tmp_path / "disk", bytes(cut))) as image:
                assert image.size < 1 << 63
                for offset in range(0, min(image.size, 64 * BLOCK), BLOCK):
                    assert len(image.read_at(offset, BLOCK)) <= BLOCK
        except TriageError:
            continue


def test_a_block_behind_the_end_is_said(tmp_path: Path) -> None:
    with open_image(put(tmp_path / "disk", vdi()[:-BLOCK])) as image:
        assert image.read_at(6 * BLOCK, 512) == b"\x07" * 512
        with pytest.raises(EvidenceError, match="behind the end"):
            image.read_at(0, 512)
