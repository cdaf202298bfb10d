"""Traces of programs in Windows: real hives with values that plaso's tests expect, hostile ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.program import (
    _known,
    links,
    machine_hives,
    prefetch,
    recycle_bin,
    text_traces,
    user_hive,
)
from triage.api import ParseError, ProgramExecuted, ProgramPresent, ProgramTraces
from triage.formats import times
from triage.formats.indicators import parse

Extract = Callable[..., Any]
TREE = Path(__file__).parents[3] / "fixtures/program/windows/traces/tree"
RECENT = "Users/a/AppData/Roaming/Microsoft/Windows/Recent"

EVERYTHING = """
name: everything
version: 1
date: 2024-01-01
categories: {any: Any program}
groups:
  - category: any
    source: this test
    entries: {"path:*[!abcd].exe": program, "app:microsoft.windows.gettingstarted": start}
"""


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_known, "PROGRAMS", parse(EVERYTHING, name="everything"))


def hive(samples: Path, name: str) -> bytes:
    return (samples / "os/windows" / name).read_bytes()


@pytest.mark.usefixtures("everything")
def test_user_assist_of_windows_7(extract: Extract, samples: Path) -> None:
    found = extract(user_hive.user_hive, {"/Users/n/NTUSER.DAT": hive(samples, "NTUSER-WIN7.DAT")})
    counts = {(f.entries, f.times[1].utc) for f in found.of(ProgramTraces)}
    assert counts == {(61, "2012-04-06T18:54:34.093Z"), (29, "2012-04-06T18:54:22.995Z")}
    (start,) = (f for f in found.of(ProgramExecuted) if f.software == "start")
    assert (start.run_count, start.active_seconds) == (14, 420)
    assert start.times[0].utc == "2010-11-10T07:49:37.0780676Z"


@pytest.mark.usefixtures("everything")
def test_user_assist_of_windows_xp(extract: Extract, samples: Path) -> None:
    path = "/Documents and Settings/joe/NTUSER.DAT"
    found = extract(user_hive.user_hive, {path: hive(samples, "NTUSER.DAT")})
    runs = {(f.program_path, f.run_count) for f in found.of(ProgramExecuted)}
    assert (r"C:\Program Files\Jetico\BCWipe\BCWipeTM.exe", 1) in runs
    assert [f.trace for f in found.of(ProgramPresent)].count("muicache") == 4


@pytest.mark.usefixtures("everything")
def test_amcache_of_windows_10(extract: Extract, samples: Path) -> None:
    path = "/Windows/AppCompat/Programs/Amcache.hve"
    found = extract(machine_hives.amcache, {path: hive(samples, "win10-Amcache.hve")})
    (count,) = found.of(ProgramTraces)
    assert count.entries == 30
    seven = next(f for f in found.of(ProgramPresent) if f.program_path.endswith("7z.exe"))
    assert len(seven.sha1 or "") == 40
    assert seven.times[0].utc == "2019-12-16T21:01:12.7939089Z"


@pytest.mark.parametrize(  # plaso's own tests expect these
    ("name", "path", "deleted"),
    [
        ("$I103S5F.jpg", r"C:\Users\random\Downloads\bunnies.jpg", "2016-06-29T21:37:45.618Z"),
        (
            "$II3DF3L.zip",
            r"C:\Users\nfury\Documents\Alloy Research\StarFury.zip",
            "2012-03-12T20:49:58.633Z",
        ),
    ],
)
def test_bin_of_windows(samples: Path, name: str, path: str, deleted: str) -> None:
    found = recycle_bin.parse(hive(samples, name))
    assert (found.path, times.utc(found.deleted, "filetime")) == (path, deleted)


def test_a_program_that_lies_there_is_told(extract: Extract) -> None:
    name = "Windows/Prefetch/TOR.EXE-0123ABCD.pf"
    program = "Users/alice/Desktop/Tor Browser/Browser/TorBrowser/Tor/tor.exe"
    data = (TREE / name).read_bytes()
    (gone,) = extract(prefetch.files, {name: data}).of(ProgramExecuted)
    (there,) = extract(prefetch.files, {name: data, program: b"MZ"}).of(ProgramExecuted)
    assert (gone.on_disk, there.on_disk) == (False, True)
    assert gone.summary().endswith("no longer at that place")


def test_prefetch_counts_its_folder_once(extract: Extract) -> None:
    data = (TREE / "Windows/Prefetch/TOR.EXE-0123ABCD.pf").read_bytes()
    tree = {f"Windows/Prefetch/{name}-0123ABCD.pf": data for name in ("A.EXE", "B.EXE", "TOR.EXE")}
    tree["Windows/Prefetch/AgAppLaunch.db"] = b"not one of them"
    (count,) = extract(prefetch.files, tree).of(ProgramTraces)
    assert (count.entries, count.listed) == (3, 1)


def _shim_7(path: str) -> bytes:
    text = path.encode("utf-16-le")
    head = struct.pack("<II", 0xBADC0FEE, 1).ljust(128, b"\0")
    entry = struct.pack("<HHIQQ", len(text), len(text), 0, 128 + 48, 130_000_000_000_000_000)
    return head + entry.ljust(48, b"\0") + text


@pytest.mark.parametrize(
    ("start", "mark", "between"),
    [
        (0x34, b"10ts", b""),  # Windows 10
        (0x80, b"10ts", bytes(10)),  # Windows 8.1: a package's name, flags
        (0x80, b"00ts", bytes(10)),  # Windows 8
    ],
)
def test_shim_cache_of_later_windows(start: int, mark: bytes, between: bytes) -> None:
    path = r"C:\tor.exe".encode("utf-16-le")
    when = 130_000_000_000_000_000
    body = struct.pack("<H", len(path)) + path + between + struct.pack("<QI", when, 0)
    entry = mark + struct.pack("<II", 0, len(body)) + body
    raw = struct.pack("<I", start).ljust(start, b"\0") + entry * 2
    assert [(e.path, e.modified) for e in machine_hives._shims(raw)] == [(r"C:\tor.exe", when)] * 2


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_shim_7(r"C:\a.exe"), [r"C:\a.exe"]),
        (_shim_7(r"C:\a.exe")[:-4], []),
        (b"\xee\x0f\xdc\xba" + b"\xff" * 200, []),
        (b"\x34\0\0\0" + b"10ts" * 50, []),
        (b"", []),
    ],
)
def test_shim_cache(raw: bytes, expected: list[str]) -> None:
    assert [entry.path for entry in machine_hives._shims(raw)] == expected


@pytest.mark.parametrize("content", [b"", b"regf", b"\xff" * 3000, b"L\0\0\0" * 100, b"a|b|c\n|||"])
@pytest.mark.parametrize(
    ("extractor", "path"),
    [
        (prefetch.files, "Windows/Prefetch/TOR.EXE-0123ABCD.pf"),
        (links.shortcuts, "Users/a/Desktop/Tor Browser.lnk"),
        (
            links.jump_lists,
            f"{RECENT}/AutomaticDestinations/f2a9149d1c88d093.automaticDestinations-ms",
        ),
        (recycle_bin.recycle_bin, "$Recycle.Bin/S-1-5-21-1/$IABC"),
        (text_traces.pca, "Windows/appcompat/pca/PcaAppLaunchDic.txt"),
        (machine_hives.system_hive, "Windows/System32/config/SYSTEM"),
    ],
)
def test_what_only_has_the_name(
    extract: Extract, extractor: Any, path: str, content: bytes
) -> None:
    try:
        found = extract(extractor, {path: content}).findings
    except ParseError:
        return
    assert all(isinstance(one, ProgramTraces) for one in found)


INFO2 = "/RECYCLER/S-1-5-21-1-2-3-1001/INFO2"


def info2(*records: tuple[bytes, str, int]) -> bytes:
    head = struct.pack("<5I", 5, 0, 0, 800, 0)
    return head + b"".join(
        struct.pack("<260sIIQI", ansi, number, 2, 128_000_000_000_000_000, 77)
        + wide.encode("utf-16-le").ljust(520, b"\0")
        for ansi, wide, number in records
    )


def test_the_bin_of_xp(extract: Extract) -> None:
    path = r"C:\tor\tor.exe"
    data = info2(
        (path.encode(), path, 1),
        (b"\0" + path.encode()[1:], "", 2),
        (b"C:\\x.txt", "", 3),
        (b"", "", 4),
    )
    folder = INFO2.rpartition("/")[0]
    found = extract(recycle_bin.recycler, {INFO2: data, f"{folder}/Dc1.exe": b"x"}).findings
    assert [(one.content_kept, one.locator) for one in found] == [
        (True, "record at 20"),
        (False, "record at 820, left the bin"),
    ]
    assert {one.belongs_to for one in found} == {"S-1-5-21-1-2-3-1001"}
    assert found[1].program_path == r"?:\tor\tor.exe"


@pytest.mark.parametrize("data", [b"", b"\xff" * 900, info2((b"", "", 0))[:500]])
def test_other_bins_of_xp(extract: Extract, data: bytes) -> None:
    try:
        assert extract(recycle_bin.recycler, {INFO2: data}).findings == []
    except ParseError:
        return
