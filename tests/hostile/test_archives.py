"""Hostile archives from the file to the bundle: nothing leaves its place or grows for ever."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib

import pytest

from tests.hostile.conftest import KNOWN, Examine
from triage.engine import nursery


def tar(*members: tuple[str, bytes, bytes | None]) -> bytes:
    """Return a tar of (name, type, content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content or b"")
            member.linkname = "../../../etc/passwd" if kind in b"12" else ""
            archive.addfile(member, io.BytesIO(content) if content else None)
    return buffer.getvalue()


FILE, HARD, SOFT, CHARACTER, BLOCK, PIPE = b"0", b"1", b"2", b"3", b"4", b"6"


def test_tar_members_stay_inside(examine: Examine) -> None:
    image = tar(
        ("../../known-up.txt", FILE, b"up"),
        ("/etc/known-absolute.txt", FILE, b"absolute"),
        ("a/../../known-dots.txt", FILE, b"dots"),
        ("known.txt", FILE, b"kept"),
        ("\x1b]0;owned\x07\n", FILE, b"escape"),
        ("sda", BLOCK, None),
        ("null", CHARACTER, None),
        ("pipe", PIPE, None),
        ("link", SOFT, None),
        ("hard", HARD, None),
        ("link/known-through.txt", FILE, b"through"),
    )
    outcome = examine(image)
    assert outcome.known == {"kept", "up", "absolute", "dots", "through"}
    for path in outcome.read:
        assert ".." not in path.split("/")
    assert not {"/sda", "/null", "/pipe", "/link", "/hard"} & outcome.read


def test_tar_same_name_many_times(examine: Examine) -> None:
    members = [("known.txt", FILE, b"%d" % number) for number in range(20)]
    outcome = examine(tar(*members, ("other/known2.txt", FILE, b"kept")))
    assert "kept" in outcome.known
    assert "19" in outcome.known  # the last is what unpacking would leave


def test_tar_file_that_is_also_a_folder(examine: Examine) -> None:
    image = tar(
        ("a", FILE, b"file"), ("a/known.txt", FILE, b"below"), ("known2.txt", FILE, b"kept")
    )
    assert {"kept", "below"} <= examine(image).known


def test_tar_that_ends_in_the_middle(examine: Examine) -> None:
    whole = tar(("known.txt", FILE, b"kept"), ("known2.txt", FILE, b"x" * 5000))
    outcome = examine(whole[:2000])
    assert (outcome.code, outcome.known) == (3, {"kept"})


def test_tar_of_100_000_names_in_one_folder(examine: Examine) -> None:
    buffer = io.BytesIO()
    member = tarfile.TarInfo("crowd/n")
    for number in range(100_000):
        member.name = f"crowd/n{number}"
        buffer.write(member.tobuf(tarfile.USTAR_FORMAT) if number % 1000 == 0 else _like(number))
    last = tarfile.TarInfo("crowd/known.txt")
    last.size = 4
    buffer.write(last.tobuf(tarfile.USTAR_FORMAT) + b"kept".ljust(512, b"\0") + bytes(1024))
    outcome = examine(buffer.getvalue(), only=KNOWN)
    assert (outcome.code, outcome.known) == (0, {"kept"})
    walked = [line for line in outcome.lines("coverage") if line["step"] == "volume"]
    assert walked[0]["entries"] == 100_000 + 2


_HEADER = bytearray(tarfile.TarInfo("crowd/n000000").tobuf(tarfile.USTAR_FORMAT))
_SUM = sum(_HEADER[:148]) + 8 * 32 + sum(_HEADER[156:])


def _like(number: int) -> bytes:
    """Return the header of `crowd/nNNNNNN`, without what makes tarfile slow."""
    digits = b"%06d" % number
    _HEADER[7:13] = digits
    _HEADER[148:156] = b"%06o\0 " % (_SUM + sum(digits) - 6 * ord("0"))
    return bytes(_HEADER)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()


def test_zip_members_stay_inside(examine: Examine) -> None:
    image = zipped(
        ("../../known-up.txt", b"up"),
        ("/etc/known-absolute.txt", b"absolute"),
        ("C:\\known-drive.txt", b"drive"),
        ("..\\known-back.txt", b"back"),
        ("known.txt", b"kept"),
        ("\x1b[2J", b"escape"),
        ("a" * 60_000, b"long"),
    )
    outcome = examine(image)
    assert {"kept", "up", "absolute"} <= outcome.known
    for path in outcome.read:
        assert ".." not in path.split("/")


SMALL_MEMBERS = """
from triage.engine import nursery
from triage.evidence import zip as zip_source

zip_source.MAX_INFLATED = 8 << 20
nursery.main()
"""


def test_zip_bombs_are_refused_and_the_rest_is_read(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that inflates beyond the limit; one that says 4 bytes and has a million."""
    monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", SMALL_MEMBERS))
    big = zipped(("known.txt", b"kept"), ("bomb", bytes(9 << 20)), ("lie", bytes(10**6)))
    image = bytearray(big)
    at = image.rindex(b"PK\x01\x02")
    struct.pack_into("<I", image, at + 24, 4)
    outcome = examine(bytes(image))
    assert (outcome.code, outcome.known, outcome.read) == (3, {"kept"}, {"/known.txt"})
    assert {path for _, path in outcome.unexamined} == {"/bomb", "/lie"}


def test_zip_members_that_share_their_bytes_are_refused(examine: Examine) -> None:
    """Fifield 2019, "A better zip bomb": many entries, one kernel."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bytes(1 << 20)
    kernel = packer.compress(content) + packer.flush()
    checksum = zlib.crc32(content)
    parts = [_member("known.txt", b"kept", zlib.crc32(b"kept"), 4, 0)]
    shared = sum(len(part) for part in parts)
    parts.append(_member("bomb0", kernel, checksum, len(content), 8))
    central = [_entry("known.txt", zlib.crc32(b"kept"), 4, 4, method=0, at=0)]
    central += [
        _entry(f"bomb{n}", checksum, len(kernel), len(content), method=8, at=shared)
        for n in range(1000)
    ]
    body, directory = b"".join(parts), b"".join(central)
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, len(central), len(central), len(directory), len(body), 0
    )
    outcome = examine(body + directory + end)
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert "/bomb999" in {path for _, path in outcome.unexamined}
    assert len(outcome.read) == 2


def _member(name: str, packed: bytes, crc: int, size: int, method: int) -> bytes:
    head = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 20, 0, method, 0, 0x21, crc, len(packed), size, len(name), 0
    )
    return head + name.encode() + packed


def _entry(name: str, crc: int, packed: int, size: int, *, method: int, at: int) -> bytes:
    numbers = (20, 20, 0, method, 0, 0x21, crc, packed, size, len(name), 0, 0, 0, 0, 0, at)
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *numbers) + name.encode()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_with_another_method_is_said(examine: Examine, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("known.txt", "kept")
        archive.writestr("other", "other" * 100, compress_type=method)
    outcome = examine(buffer.getvalue())
    assert (outcome.code, outcome.known) == (3, {"kept"})
    assert "/other" in {path for _, path in outcome.unexamined}
