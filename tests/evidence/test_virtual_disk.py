"""Disks of virtual machines: the same bytes as QEMU shows, and damage that is said."""

from __future__ import annotations

import hashlib
import random
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.errors import EvidenceError, TriageError, UnsupportedImageError
from triage.evidence.blocks import CACHE, kept
from triage.evidence.image import open_image
from triage.hashing import crc32c
from triage.model import Container

SAMPLES = {  # name → SHA-256 of what `qemu-img convert -O raw` of QEMU 7.2 writes
    "windows_volume.qcow2": "44abe9deca9658f331a2bdba2deb53192d04f35d157a1fb3ba0597b03f0524f2",
    "ext2.vmdk": "a6c2f0e39afe6c6ab432ca5465349fcefe8dc944398e97b2d957d3f89dbb5d80",
    "ext2.vhd": "870be7ae16c1fa8faab05c6eb9205dc9a7ae35c5f552c5cf8a267c0bc6a5cb99",
}
BLOCK = 4096
BLOCKS = {0: b"\x01" * BLOCK, 3: bytes(range(256)) * 16, 6: b"\x07" * BLOCK}
SIZE = 8 * BLOCK - 512
IDENTITY = bytes(range(16))
MEDIA = b"".join(BLOCKS.get(number, bytes(BLOCK)) for number in range(8))[:SIZE]


def qcow2(
    *,
    version: int = 3,
    packed: bool = False,
    backing: bytes = b"",
    form: bytes = b"",
    **fields: int,
) -> bytes:
    """Return a disk whose clusters lie in another order than they are numbered."""
    given = {"crypt": 0, "features": 0, "size": SIZE, **fields}
    head = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(b"QFI\xfb", version, 2048 if backing else 0, len(backing), 12, given["size"]),
        *(given["crypt"], 1, BLOCK, 0, 1, 0, 0),
    )
    head += struct.pack(">QQQII", given["features"], 0, 0, 4, 104)
    head += struct.pack(">II", 0xE2792ACA, len(form)) + form.ljust(8, b"\0") if form else b""
    head = head.ljust(2048, b"\0") + backing
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


def vhd(
    *, fixed: bool = False, kind: int | None = None, parent: str = "", other: bytes = bytes(16)
) -> bytes:
    """Return a disk; with a parent the first half of each block is the parent's."""
    wanted = kind or (4 if parent else 2 if fixed else 3)
    footer = struct.pack(
        ">8sIIQI4sI4sQQII", b"conectix", 2, 1 << 16, 512, 0, b"test", 0, b"", SIZE, SIZE, 0, wanted
    )
    footer = (footer + bytes(4) + IDENTITY).ljust(512, b"\0")
    footer = _summed(footer, 64)
    if fixed:
        return MEDIA + footer
    head = struct.pack(">8sQQIII", b"cxsparse", (1 << 64) - 1, 1536, 1 << 16, 8, BLOCK)
    head = head.ljust(40, b"\0") + other + bytes(8) + parent.encode("utf-16-be")
    table, data = [0xFFFFFFFF] * 8, b""
    for number, block in reversed(BLOCKS.items()):
        table[number] = 4 + len(data) // 512
        data += (b"\x0f" if parent else b"\xff" * 512).ljust(512, b"\0") + block
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


def _checked(data: bytes) -> bytes:
    return data[:4] + crc32c(data).to_bytes(4, "little") + data[8:]


def vhdx(*, parent: bool = False, size: int = SIZE, log: bytes = b"") -> bytes:
    """Return a disk of one block, all of it there; `log` is pending."""
    place = {"log": 1, "metadata": 2, "bat": 3, "block": 4}
    guid = IDENTITY if log else bytes(16)
    head = b"head" + bytes(4) + (7).to_bytes(8, "little") + bytes(32) + guid
    head = (head + struct.pack("<HHIQ", 0, 1, len(log), 1 << 20)).ljust(4096, b"\0")
    old = (b"head" + bytes(4) + (6).to_bytes(8, "little")).ljust(4096, b"\0")
    regions = b"regi" + bytes(4) + struct.pack("<II", 2, 0)
    for known, name in (
        ("2dc27766-f623-4200-9d64-115e9bfd4a08", "bat"),
        ("8b7ca206-4790-4b9a-b8fe-575f050f886e", "metadata"),
    ):
        regions += uuid.UUID(known).bytes_le + struct.pack("<QII", place[name] << 20, 1 << 20, 1)
    items = (
        ("caa16737-fa36-4d43-b3b6-33f0aa44e76b", struct.pack("<II", 1 << 20, 2 * parent)),
        ("2fa54224-cd1b-4876-b211-5dbed83bf4b8", struct.pack("<Q", size)),
        ("8141bf1d-a96f-4709-ba47-f233a8faab5f", struct.pack("<I", 512)),
    )
    entries = b"metadata" + struct.pack("<HH20x", 0, len(items))
    values = b""
    for known, value in items:
        offset = (64 << 10) + len(values)
        entries += uuid.UUID(known).bytes_le + struct.pack("<IIII", offset, len(value), 0, 0)
        values += value.ljust(16, b"\0")
    made = bytearray(5 << 20)
    for at, data in (
        (0, b"vhdxfile"),
        (64 << 10, _checked(old)),
        (128 << 10, _checked(head)),
        (256 << 10, _checked(regions.ljust(64 << 10, b"\0"))),
        (place["log"] << 20, log),
        (place["metadata"] << 20, entries.ljust(64 << 10, b"\0") + values),
        (place["bat"] << 20, (place["block"] << 20 | 6).to_bytes(8, "little")),
        (place["block"] << 20, MEDIA),
    ):
        made[at : at + len(data)] = data
    return bytes(made)


def vhdx_log(*entries: tuple[int, int, bytes | None], identity: bytes = b"") -> bytes:
    """Return a log of entries: sequence, place, and the page that is written there or zeroed."""
    log = b""
    for sequence, at, page in entries:
        if page is None:
            described = b"zero" + struct.pack("<IQQQ", 0, 4096, at, sequence)
        else:
            described = b"desc" + page[-4:] + page[:8] + struct.pack("<QQ", at, sequence)
        size = 4096 + 4096 * (page is not None)
        head = struct.pack("<IIQII", size, 0, sequence, 1, 0) + (identity or IDENTITY)
        entry = (b"loge" + bytes(4) + head + bytes(16) + described).ljust(4096, b"\0")
        if page is not None:
            entry += b"data" + bytes(4) + page[8:-4] + bytes(4)
        log += _checked(entry)
    return log.ljust(64 << 10, b"\0")


def extent(blocks: dict[int, bytes]) -> bytes:
    """Return a sparse extent of eight grains, without a descriptor."""
    head = struct.pack("<4sIIQQQQIQQQ?4sH", b"KDMV", 1, 3, 64, 8, 0, 0, 8, 0, 1, 3, False, b"", 0)
    table, data = [0] * 8, b""
    for number, block in blocks.items():
        table[number] = 3 + len(data) // 512
        data += block
    first = struct.pack("<I", 2).ljust(512, b"\0")
    return head.ljust(512, b"\0") + first + struct.pack("<8I", *table).ljust(512, b"\0") + data


MADE: dict[str, tuple[Callable[[], bytes], Container]] = {
    "qcow2": (qcow2, Container.QCOW2),
    "qcow2 of version 2": (lambda: qcow2(version=2), Container.QCOW2),
    "compressed qcow2": (lambda: qcow2(packed=True), Container.QCOW2),
    "vhd": (vhd, Container.VHD),
    "fixed vhd": (lambda: vhd(fixed=True), Container.VHD),
    "vdi": (vdi, Container.VDI),
    "vhdx": (vhdx, Container.VHDX),
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
        qcow2(backing=b"gone.qcow2"),
        qcow2(backing=b"json:{}"),
        qcow2(backing=b".."),
        qcow2(backing=b"disk"),  # itself
        qcow2(crypt=1),
        qcow2(features=4),
        qcow2(features=1 << 40),
        qcow2(version=4),
        qcow2(size=1 << 60),
        vhd(parent="gone.vhd"),
        vhd(parent="disk"),
        vhd(kind=5),
        vhdx(parent=True),
        vhdx(size=1 << 50),
        vhdx(size=2 << 20)[: 3 << 20],
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


OLDER = bytes(reversed(range(256))) * (SIZE // 256)


def whole(path: Path) -> bytes:
    with open_image(path) as image:
        return image.read_at(0, image.size)


@pytest.mark.parametrize("form", [b"", b"raw"])
def test_what_a_qcow2_lacks_is_in_its_backing_file(form: bytes, tmp_path: Path) -> None:
    older = put(tmp_path / "older.img", OLDER[: 5 * BLOCK])
    path = put(tmp_path / "disk", qcow2(backing=b"/vm/older.img", form=form))
    expected = b"".join(
        BLOCKS.get(n, b"" if n == 1 else OLDER[: 5 * BLOCK][n * BLOCK :][:BLOCK]).ljust(
            BLOCK, b"\0"
        )
        for n in range(8)
    )[:SIZE]
    with open_image(path) as image:
        assert image.read_at(0, SIZE) == expected
        assert [segment.name for segment in image.info.segments] == ["disk", older.name]
        assert image.changed() == ()


def test_a_backing_file_may_have_one_itself(tmp_path: Path) -> None:
    put(tmp_path / "oldest.img", OLDER)
    put(tmp_path / "middle.qcow2", qcow2(backing=b"oldest.img"))
    disk = put(tmp_path / "disk", qcow2(backing=b"middle.qcow2"))
    assert whole(disk) == whole(tmp_path / "middle.qcow2")


def test_a_file_that_is_called_raw_is_not_asked_what_it_is(tmp_path: Path) -> None:
    put(tmp_path / "older.img", qcow2())
    path = put(tmp_path / "disk", qcow2(backing=b"older.img", form=b"raw"))
    with open_image(path) as image:
        assert image.read_at(2 * BLOCK, 16) == qcow2()[2 * BLOCK :][:16]


def test_sectors_of_a_vhd_are_its_own_or_its_parent_s(tmp_path: Path) -> None:
    put(tmp_path / "older.vhd", vhd(fixed=True))
    disk = bytearray(vhd(parent="older.vhd", other=IDENTITY))
    place = disk.index(b"\x07" * BLOCK)
    disk[place : place + BLOCK] = b"\x09" * BLOCK
    media = whole(put(tmp_path / "disk", bytes(disk)))
    assert media[6 * BLOCK : 7 * BLOCK] == b"\x07" * (BLOCK // 2) + b"\x09" * (BLOCK // 2)
    assert media[: 6 * BLOCK] == MEDIA[: 6 * BLOCK]
    put(tmp_path / "older.vhd", vhd(fixed=True).replace(IDENTITY, bytes(16)))
    with pytest.raises(UnsupportedImageError):
        open_image(tmp_path / "disk")


def split(extents: str, kind: str = "twoGbMaxExtentSparse", parent: str = "ffffffff") -> bytes:
    return (
        f"# Disk DescriptorFile\nversion=1\nCID=0000000a\nparentCID={parent}\n"
        f'createType="{kind}"\nparentFileNameHint="older.vmdk"\n{extents}'
    ).encode()


def test_a_split_vmdk_is_its_extents(tmp_path: Path) -> None:
    put(tmp_path / "d-s001.vmdk", extent({0: b"\x01" * BLOCK, 7: b"\x02" * BLOCK}))
    put(tmp_path / "d-s002.vmdk", extent({1: b"\x03" * BLOCK}))
    put(tmp_path / "d-flat.vmdk", bytes(512) + b"\x04" * 512)
    path = tmp_path / "d.vmdk"
    put(
        path,
        split(
            'RW 64 SPARSE "d-s001.vmdk"\nRW 64 SPARSE "d-s002.vmdk"\n'
            'RW 1 ZERO\r\nRW 1 FLAT "C:\\vm\\d-flat.vmdk" 1\n'
        ),
    )
    media = whole(path)
    assert len(media) == 130 * 512
    assert media[:BLOCK] + media[7 * BLOCK : 8 * BLOCK] == b"\x01" * BLOCK + b"\x02" * BLOCK
    assert media[9 * BLOCK : 10 * BLOCK] == b"\x03" * BLOCK
    assert media[128 * 512 :] == bytes(512) + b"\x04" * 512
    put(tmp_path / "older.vmdk", path.read_bytes())
    child = put(tmp_path / "c.vmdk", split('RW 64 SPARSE "d-s002.vmdk"\n', parent="0000000a"))
    assert whole(child) == media[:BLOCK] + b"\x03" * BLOCK + media[2 * BLOCK : 8 * BLOCK]
    with pytest.raises(UnsupportedImageError, match="part of a split disk"):
        open_image(tmp_path / "d-s001.vmdk")


@pytest.mark.parametrize(
    "extents",
    [
        'RW 64 SPARSE "gone.vmdk"',
        'RW 64 VMFSRDM "x"',
        'RW 999999999999999999 FLAT "d" 0',
        'RW 64 FLAT "d" 99999999999',
        'RW 64 SPARSE "d"',
        "RW 1 ZERO\n" * 5000,
        "",
    ],
)
def test_odd_extents_are_refused(extents: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match="VMDK"):
        open_image(put(tmp_path / "d", split(extents)))


def test_the_pending_log_of_a_vhdx_counts(tmp_path: Path) -> None:
    page, at = bytes(range(256)) * 16, 4 << 20
    log = vhdx_log((10, at + BLOCK, page), (11, at, None))
    stale = vhdx_log((9, at, page), identity=bytes(range(1, 17)))[:8192]
    with open_image(put(tmp_path / "disk", vhdx(log=log[:12288] + stale + log[20480:]))) as image:
        assert image.read_at(0, 3 * BLOCK) == bytes(BLOCK) + page + MEDIA[2 * BLOCK : 3 * BLOCK]
        assert image.info.notes == ("was not closed: 2 pages of its log count",)


def test_a_log_with_a_gap_counts_as_far_as_it_is_whole(tmp_path: Path) -> None:
    page, at = bytes(range(256)) * 16, 4 << 20
    log = vhdx_log((10, at, page), (12, at + BLOCK, page))
    with open_image(put(tmp_path / "disk", vhdx(log=log))) as image:
        assert image.read_at(0, 2 * BLOCK) == page + MEDIA[BLOCK : 2 * BLOCK]


def test_what_is_kept_of_tables_is_bounded_in_bytes() -> None:
    assert kept(2 << 20) * (2 << 20) <= CACHE
    assert kept(512) == 64
