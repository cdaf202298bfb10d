"""Disks that lie as files on an image are volumes of their own, and what is not opened is said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, lines
from tests.engine.runs import At, go, options, records
from tests.evidence.test_virtual_disk import _summed, split
from tests.training.media.described import MIB, entry
from triage import profile
from triage.errors import InterruptedRunError
from triage.model import Storage
from triage.training.media import Disk, Volume, write_raw

TREE = ROOT / "fixtures" / "tor" / "service" / "linux" / "tree"


def disk(path: Path, size: int, files: dict[str, bytes], *, bare: bool = False) -> bytes:
    entries = tuple(entry(name, content) for name, content in files.items())
    volume = Volume(filesystem="ext4", label="disk", size=size, serial=7, entries=entries)
    write_raw(Disk(scheme="none" if bare else "mbr", volumes=(volume,), signature=7), path)
    return path.read_bytes()


def fixed_vhd(media: bytes) -> bytes:
    footer = bytearray(512)
    footer[:8], footer[60:64] = b"conectix", (2).to_bytes(4, "big")
    footer[48:56] = len(media).to_bytes(8, "big")
    return media + _summed(bytes(footer), 64)


@dataclass(frozen=True)
class Outer:
    path: Path
    inner: bytes


@pytest.fixture(scope="module")
def outer(tmp_path_factory: pytest.TempPathFactory) -> Outer:
    folder = tmp_path_factory.mktemp("outer")
    service = {
        f"/var/lib/tor/shop/{path.name}": path.read_bytes()
        for path in sorted((TREE / "var" / "lib" / "tor" / "shop").iterdir())
        if path.is_file()
    }
    inner = disk(folder / "inner", 2 * MIB, service)
    flat = split(f'RW {len(inner) // 512} FLAT "b-flat.vmdk" 0\n', "monolithicFlat")
    files = {
        "/home/alice/vm/a.vhd": fixed_vhd(inner),
        "/home/alice/vm/b.vmdk": flat,
        "/home/alice/vm/b-flat.vmdk": inner,
        "/home/alice/vm/c.dat": inner,
        "/home/alice/vm/broken.vmdk": b"KDMV broken",
        "/home/alice/vm/noise.img": b"no disk " * 1000,
        "/home/alice/vm/empty.img": b"",
    }
    path = folder / "outer.dd"
    disk(path, 20 * MIB, files, bare=True)
    return Outer(path, inner)


def run(image: Path, bundle: Path, depth: str = "standard", **more: Any) -> Path:
    given = {"profile": profile.load([depth]), "plugins": "none", "only": ("tor.*",), **more}
    go(options(image, bundle, **given))
    return bundle / "data"


def inside(data: Path, kind: str = "tor.onion-service") -> dict[str, dict[str, Any]]:
    return {
        line["source"]["within"]["path"].rpartition("/")[2]: line["source"]
        for line in lines(data / "findings.jsonl")
        if line["kind"] == kind and line["source"]["within"]
    }


def answers(data: Path) -> dict[tuple[str, str | None], tuple[str | None, bool]]:
    return {
        (line["outcome"], line["path"].rpartition("/")[2] if line.get("path") else None): (
            line["reason"],
            line["counts"],
        )
        for line in lines(data / "coverage.jsonl")
        if line.get("name") == "disk_files"
    }


@pytest.fixture(scope="module")
def standard(outer: Outer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(outer.path, tmp_path_factory.mktemp("standard") / "b")


def test_a_virtual_machine_is_a_volume_of_its_own(standard: Path) -> None:
    found = inside(standard)
    assert set(found) == {"a.vhd", "b.vmdk"}
    source = found["a.vhd"]
    within = source["within"]
    assert within["volume"] == "whole"
    assert source["volume"] == f"whole/file-{within['address']}/p1"
    assert source["path"].startswith("/var/lib/tor/shop")
    volumes = json.loads((standard / "run.json").read_text(encoding="utf-8"))["volumes"]
    assert {v["in_file"]["path"] for v in volumes if v["in_file"]} == {
        "/home/alice/vm/a.vhd",
        "/home/alice/vm/b.vmdk",
    }
    read = [line for line in lines(standard / "files.jsonl") if line["within"]]
    assert {run["storage"] for line in read for run in line["byte_runs"]} == {"nested"}


def test_what_is_not_opened_is_said(standard: Path) -> None:
    assert answers(standard) == {
        ("found", "a.vhd"): (None, False),
        ("found", "b.vmdk"): (None, False),
        ("not_examined", "broken.vmdk"): ("unsupported", True),
    }


def test_deep_tells_them_by_their_content_and_leads_to_the_media(
    outer: Outer, tmp_path: Path
) -> None:
    data = run(outer.path, tmp_path / "b", "deep", only=("tor.onion-service.*",))
    assert set(inside(data)) == {"a.vhd", "b.vmdk", "c.dat"}
    media = outer.path.read_bytes()
    volume = inside(data)["c.dat"]["volume"]
    names = 0
    for line in lines(data / "files.jsonl"):
        if line["volume"] == volume and line["path"].endswith("hostname"):
            (run_,) = line["byte_runs"]
            assert run_["storage"] == Storage.PLAIN
            place = run_["image_offset"]
            assert b".onion" in media[place : place + run_["length"]]
            names += 1
    assert names


def test_the_same_bytes_with_more_workers_and_after_a_break(
    outer: Outer, standard: Path, tmp_path: Path
) -> None:
    run(outer.path, tmp_path / "two", jobs=2)
    assert records(tmp_path / "two") == records(standard.parent)
    chosen = {"profile": profile.load(["standard"]), "plugins": "none", "only": ("tor.*",)}
    with pytest.raises(InterruptedRunError):
        go(options(outer.path, tmp_path / "broken", **chosen), At("extract", 1))
    go(options(outer.path, tmp_path / "broken", resume=True, **chosen))
    assert records(tmp_path / "broken") == records(standard.parent)


def test_limits_scope_and_profiles_that_do_not_ask(outer: Outer, tmp_path: Path) -> None:
    quick = run(outer.path, tmp_path / "quick", "quick")
    assert answers(quick) == {("not_selected", None): (None, False)}
    text = (
        "name: tight\ndescription: x\ndepth: standard\ndisk_files: named\n"
        "limits: {disk_files: 1}\nscope: {exclude_paths: ['**/broken.vmdk']}\n"
    )
    own = tmp_path / "tight.yaml"
    own.write_text(text, encoding="utf-8")
    tight = run(outer.path, tmp_path / "tight", str(own))
    assert answers(tight) == {
        ("found", "a.vhd"): (None, False),
        ("not_examined", "b.vmdk"): ("limit", True),
        ("out_of_scope", "broken.vmdk"): (None, False),
    }


def test_a_disk_in_a_folder_is_named(outer: Outer, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "a.img").write_bytes(outer.inner)
    data = run(tmp_path / "image", tmp_path / "b")
    assert answers(data)["not_examined", "a.img"] == ("unsupported", True)
