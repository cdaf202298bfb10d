"""Python's readers say the same of tar and zip as ours, or that they cannot read."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from triage.errors import EvidenceError
from triage.evidence.archive import Memory
from triage.evidence.second_archive import SecondArchive

CONTENT = bytes(range(256)) * 300


def tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in ("./a/b", "../c", "twice", "twice", "b\udcff", "n" * 200):
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
    return data.getvalue()


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("./a/b", "/c", "ümlaut", "n" * 200):
            archive.writestr(name, CONTENT)
    return data.getvalue()


MADE = {"tar": tar(), "zip": zipped()}


def read(kind: str, data: bytes, path: str, size: int = len(CONTENT)) -> bytes:
    archive = SecondArchive(Memory(data=bytearray(data)), kind)
    return b"".join(archive.blocks("7", path, size))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("tar", "/a/b"),
        ("tar", "/c"),
        ("tar", "/b\udcff"),
        ("tar", "/" + "n" * 200),
        ("zip", "/a/b"),
        ("zip", "/c"),
        ("zip", "/ümlaut"),
        ("zip", "/" + "n" * 200),
    ],
)
def test_a_member_is_found_by_its_path(kind: str, path: str) -> None:
    assert read(kind, MADE[kind], path) == CONTENT


@pytest.mark.parametrize(
    ("kind", "path", "size", "why"),
    [
        ("tar", "/nowhere", len(CONTENT), "does not find"),
        ("tar", "/a/b", 5, "does not find"),
        ("tar", "/twice", len(CONTENT), "several members"),
        ("zip", "/nowhere", len(CONTENT), "does not find"),
    ],
)
def test_what_cannot_be_told_is_said(kind: str, path: str, size: int, why: str) -> None:
    with pytest.raises(EvidenceError, match=why):
        read(kind, MADE[kind], path, size)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_damage_is_an_error_of_ours_or_seen(kind: str) -> None:
    chance = random.Random(kind)  # noqa: S311 - damage, the same in every run
    digest = hashlib.sha256(CONTENT).digest()
    for _ in range(150):
        data = bytearray(MADE[kind])
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(3 if data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = read(kind, bytes(data), "/a/b")
        except EvidenceError:
            continue
        assert kind == "tar" or hashlib.sha256(found).digest() == digest


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"\0" * 10_240, b"x" * 700], ids=ascii)
def test_what_is_no_archive_has_no_files(kind: str, data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read(kind, data, "/a/b")


def test_no_file_of_the_host_is_touched(tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.write_bytes(CONTENT)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, str(target)
        archive.addfile(member)
    with pytest.raises(EvidenceError):
        read("tar", data.getvalue(), "/link", 0)
