"""Prefetch, shortcuts, jump lists and shell items: made ones, real ones, hostile ones."""

from __future__ import annotations

import importlib.util
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.plugins.conftest import Memory
from triage.errors import LimitError, ParseError
from triage.formats import jump_list, prefetch, shell_items, shell_link, times, xpress

BUILD = Path(__file__).parents[2] / "fixtures/build/shell_files.py"
WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def _built() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shell_files_for_tests", BUILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shell_files_for_tests"] = module
    spec.loader.exec_module(module)
    return module


made = _built()
PREFETCH = made.prefetch(
    "TOR.EXE", ["\\VOLUME{1}\\A", "\\VOLUME{1}\\TOR.EXE"], runs=3, times=[WHEN]
)
LINK = made.link(
    r"E:\x\tor.exe", created=WHEN, modified=WHEN, size=5, label="STICK", serial=7, machine="pc"
)
LIST = made.automatic_destinations({r"C:\a": WHEN, r"C:\b": WHEN}, machine="pc")


def test_prefetch() -> None:
    read = prefetch.parse(PREFETCH)
    assert (read.version, read.executable, read.run_count) == (30, "TOR.EXE", 3)
    assert [times.utc(raw, "filetime") for raw in read.run_times] == ["2024-05-06T07:08:09Z"]
    assert read.files[-1].endswith("TOR.EXE")
    assert read.volumes[0].serial == 0x5EED0001


@pytest.mark.parametrize(  # that of CMD.EXE is what plaso's own test expects
    ("name", "expected"),
    [
        ("CMD.EXE-087B4001.pf", (17, "CMD.EXE", 2, "2013-03-10T10:11:49.28125Z")),
        ("NOTEPAD.EXE-D8414F97.pf", (30, "NOTEPAD.EXE", 2, "2019-06-05T19:55:04.8777787Z")),
        (
            "BYTECODEGENERATOR.EXE-C1E9BCE6.pf",
            (30, "BYTECODEGENERATOR.EXE", 7, "2015-05-14T22:11:58.0911341Z"),
        ),
        (
            "AM_DELTA_PATCH_1.443.990.0.EX-7037CF86.pf",
            (31, "AM_DELTA_PATCH_1.443.990.0.EX", 1, None),
        ),
    ],
)
def test_prefetch_of_windows(samples: Path, name: str, expected: tuple[Any, ...]) -> None:
    data = (samples / "os/windows" / name).read_bytes()
    read = prefetch.parse(data)
    assert (read.version, read.executable, read.run_count) == expected[:3]
    if expected[3]:
        assert times.utc(read.run_times[0], "filetime") == expected[3]
    libscca = pytest.importorskip("pyscca")  # another program's opinion, where it is installed
    other = libscca.open(str(samples / "os/windows" / name))
    assert tuple(other.filenames) == read.files
    assert [volume.serial_number for volume in other.volumes] == [v.serial for v in read.volumes]


def test_link() -> None:
    link = shell_link.parse(LINK)
    assert (link.target, link.volume_label, link.volume_serial) == (r"E:\x\tor.exe", "STICK", 7)
    assert (link.machine, link.file_size) == ("pc", 5)


def test_links_of_windows(samples: Path) -> None:
    folder = samples / "os/windows"
    assert shell_link.parse((folder / "example.lnk").read_bytes()).machine == "win-tj9qcsjkags"
    nero = shell_link.parse((folder / "NeroInfoTool.lnk").read_bytes())
    assert nero.target.endswith(r"Nero InfoTool\InfoTool.exe")
    assert times.utc(nero.modified, "filetime") == "2009-06-05T20:13:20Z"
    automatic = (folder / "1b4dd67f29cb1962.automaticDestinations-ms").read_bytes()
    opened = [
        times.utc(entry.opened, "filetime") for entry in jump_list.automatic(Memory(automatic))
    ]
    assert len(opened) == 7
    assert opened[0] == "2015-08-29T15:32:44.0343008Z"
    custom = (folder / "5afe4de1b92fc382.customDestinations-ms").read_bytes()
    assert any("migwiz" in (e.link.arguments or "") for e in jump_list.custom(custom) if e.link)


def test_jump_list() -> None:
    found = list(jump_list.automatic(Memory(LIST)))
    assert [(entry.path, entry.machine, entry.count) for entry in found] == [
        (r"C:\a", "pc", 1),
        (r"C:\b", "pc", 2),
    ]
    (only,) = jump_list.custom(b"\2\0\0\0" + LINK + b"rest")
    assert only.path == r"E:\x\tor.exe"


def test_shell_items_make_a_path() -> None:
    drive = struct.pack("<HB", 25, 0x2F) + rb"C:\\".ljust(22, b"\0")
    name = "Tor Browser".encode("utf-16-le") + b"\0\0"
    long = struct.pack("<HHI", 20 + len(name) + 2, 3, 0xBEEF0004) + bytes(12) + name
    folder = struct.pack("<BxIHHH", 0x31, 0, 0x5521, 0x3904, 16) + b"TORBRO~1\0\0"
    at = 2 + len(folder)
    folder += long + struct.pack("<H", at)
    items = drive + struct.pack("<H", len(folder) + 2) + folder + b"\0\0"
    parsed = shell_items.parse(items)
    assert shell_items.path(parsed) == r"C:\Tor Browser"
    assert parsed[1].modified == 0x55213904


READERS: list[tuple[Callable[[bytes], Any], bytes]] = [
    (prefetch.parse, PREFETCH),
    (prefetch.parse, xpress.decompress_mam(PREFETCH)),
    (shell_link.parse, LINK),
    (lambda data: list(jump_list.automatic(Memory(data))), LIST),
    (lambda data: list(jump_list.custom(data)), LINK * 3),
    (shell_items.parse, LINK),
]


@pytest.mark.parametrize(("read", "data"), READERS)
def test_damage_is_told(read: Callable[[bytes], Any], data: bytes) -> None:
    step = max(len(data) // 60, 1)
    for at in range(0, len(data), step):
        for changed in (data[:at], data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]):
            try:
                read(changed)
            except (ParseError, LimitError):
                continue


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"MAM\x04" + struct.pack("<I", 1 << 30), LimitError),
        (b"MAM\x04" + struct.pack("<I", 100) + bytes(300), ParseError),
        (b"MAM\x04" + struct.pack("<I", 100) + b"\x11" * 300, ParseError),
        (b"MAM\x03" + bytes(300), ParseError),
        (b"", ParseError),
    ],
)
def test_compressed_data_that_cannot_be(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        xpress.decompress_mam(data, limit=1 << 20)
