from __future__ import annotations

import io
import random
import tarfile
import zipfile
from dataclasses import dataclass

import pytest

from triage.errors import UnsupportedImageError
from triage.evidence.signature import identify
from triage.model import Container


@dataclass
class Bytes:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def _kind(data: bytes) -> Container:
    return identify(Bytes(data), name="exhibit")


def _zip(*names: str, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            # A member of no date: the clock must not name a test.
            archive.writestr(zipfile.ZipInfo(name), "x" * 40)
        archive.comment = comment
    return out.getvalue()


def _tar(kind: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        archive.addfile(tarfile.TarInfo("data/file"), io.BytesIO())
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"EVF2\x0d\x0a\x81\x00", "Ex01"),
        (b"LVF\x09\x0d\x0a\xff\x00", "L01"),
        (b"LEF2\x0d\x0a\x81\x00", "Lx01"),
        (b"ADSEGMENTEDFILE\x00", "AD1"),
        (b"ADCRYPT\x00", "AD encryption"),
        (b"AFF10\r\n\x00", "AFF"),
        (b"QFI\xfb\x00\x00\x00\x01", "QCOW"),
        (b"encrcdsa", "encrypted Apple"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ],
)
@pytest.mark.parametrize("rest", [0, 5000])
def test_what_is_not_read_is_named(head: bytes, words: str, rest: int) -> None:
    with pytest.raises(UnsupportedImageError, match=words) as caught:
        _kind(head + bytes(rest))
    assert caught.value.where == "exhibit"


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (b"KDMV\x01\x00\x00\x00", Container.VMDK),
        (b"# Disk DescriptorFile\nversion=1", Container.VMDK),
        (b"conectix\x00\x00", Container.VHD),
        (bytes(4096) + b"conectix" + bytes(504), Container.VHD),
        (bytes(4096) + b"conectix" + bytes(503), Container.VHD),
        (b"vhdxfile", Container.VHDX),
        (b"QFI\xfb\x00\x00\x00\x03", Container.QCOW2),
        (bytes(0x40) + b"\x7f\x10\xda\xbe", Container.VDI),
    ],
)
def test_disks_of_virtual_machines_say_what_they_are(data: bytes, container: Container) -> None:
    assert _kind(data) is container


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"koly" + (4).to_bytes(4, "big") + (512).to_bytes(4, "big") + bytes(500), "DMG"),
    ],
)
def test_a_trailer_is_enough(tail: bytes, words: str) -> None:
    with pytest.raises(UnsupportedImageError, match=words):
        _kind(bytes(4096) + tail)


@pytest.mark.parametrize(
    "data",
    [
        _zip("container.description", "information.turtle"),
        _zip("aaa", "information.turtle"),
        _zip("aaa", comment=b"aff4://c7c60030-cc3e-43a6-b5d1-1551b29c9918"),
    ],
)
def test_a_zip_may_be_an_aff4_image(data: bytes) -> None:
    with pytest.raises(UnsupportedImageError, match="AFF4"):
        _kind(data)


@pytest.mark.parametrize(
    "data",
    [
        _zip("private/var/mobile/Library/x.db"),
        _zip("a/container.description", "x" * 300),
        _zip(),
        _zip("a", comment=b"made by aff4://"),
        _zip("a")[:40],
        b"PK\x05\x06",
        b"PK\x03\x04" + b"\xff" * 200,
    ],
)
def test_any_other_zip_holds_files(data: bytes) -> None:
    assert _kind(data) is Container.ZIP


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_is_told_by_its_checksum(kind: int) -> None:
    data = _tar(kind)
    assert _kind(data) is Container.TAR
    assert _kind(b"X" + data[1:]) is Container.RAW


def test_ewf_is_told_by_its_first_bytes() -> None:
    assert _kind(b"EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00") is Container.EWF


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"E",
        b"EVF",
        bytes(1024),
        b"EVF\x09\x0d\x0a\xff\x01" + bytes(600),
        b"\x33\xc0\x8e\xd0" + bytes(506) + b"\x55\xaa",
        bytes(32768) + b"\x01CD001\x01" + bytes(4096),
        bytes(4096) + b"koly" + bytes(508),
        random.Random(1).randbytes(4096),  # noqa: S311 - the same bytes every time
    ],
)
def test_everything_else_is_raw(data: bytes) -> None:
    assert _kind(data) is Container.RAW
