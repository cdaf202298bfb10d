"""The content scan of a run: every hiding place, each hit with the bytes it rests on."""

from __future__ import annotations

import gzip
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import IMAGES, lines
from tests.engine.runs import At, go, options, records, requests
from triage import profile
from triage.engine import messages as m
from triage.engine import nursery
from triage.engine import run as engine_run
from triage.engine.options import Silent
from triage.engine.source import open_source
from triage.errors import ExitCode, InterruptedRunError
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.tree import walk
from triage.formats.onion import onion_address
from triage.profile import Limits, Profile, Scope

DEEP = profile.load(["deep"])
SEED = "pause trap forward tomorrow arm recall direct word hope symptom square awake"
XPRV_LIKE = "5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR"


def onion(number: int) -> str:
    """Return the address of a service that nobody runs."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key()
    return onion_address(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def run(image: Path, bundle: Path, wanted: Profile = DEEP, **more: Any) -> Path:
    chosen = {"profile": wanted, "plugins": "none", "only": ("tor.memory.*",), **more}
    go(options(image, bundle, **chosen))
    return bundle


def findings(bundle: Path) -> list[dict[str, Any]]:
    return [
        record
        for record in lines(bundle / "data" / "findings.jsonl")
        if record["extractor"]["name"] == "engine.scan"
    ]


def coverage(bundle: Path, name: str) -> list[dict[str, Any]]:
    found = lines(bundle / "data" / "coverage.jsonl")
    return [line for line in found if line.get("name") == name]


def bytes_of(record: dict[str, Any], media: bytearray) -> bytes:
    """Return what `dd` would cut out of the media."""
    return b"".join(
        media[part["image_offset"] : part["image_offset"] + part["length"]]
        for part in record["source"]["byte_runs"]
    )


class Disk:
    """A small image of a file system, into which text is put where a tool would not put it."""

    def __init__(self, name: str, path: Path) -> None:
        self.media = bytearray(gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes()))
        self.path = path
        self.write()
        source = open_source(path, allow_incomplete=False, allow_writable_device=False)
        numbers = [n for n, volume in enumerate(source.volumes) if volume.filesystem]
        self.number, self.volume = numbers[0], source.volumes[numbers[0]]
        self.tree = source.tree(self.number)
        space = source.free_space(self.number)
        assert space is not None
        self.space = space
        found = walk(self.tree, PatternSet(["nothing"]), max_entries=1000)
        self.index = Index(memoryview(found.block), volume="")

    def put(self, place: int, text: bytes) -> None:
        self.media[place : place + len(text)] = text

    def write(self) -> None:
        self.path.write_bytes(self.media)

    def run(self, name: str) -> tuple[int, int]:
        """Return where the first bytes of a file lie, and how many of them."""
        for row in range(len(self.index)):
            if self.index.path(row) == name:
                for run in self.tree.runs(self.index.address(row)):
                    if run.image_offset is not None:
                        return run.image_offset, run.length
        raise LookupError(name)


@pytest.fixture(scope="module", params=["ntfs", "fat16", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """Return a disk with one address in each place."""
    made = Disk(request.param, tmp_path_factory.mktemp("disk") / "image")
    gone = "/_one.txt" if request.param == "fat16" else "/gone.txt"
    start, length = made.run("/random.bin")
    made.put(start + 100, f" {onion(1)} ".encode())
    made.put(start + 5000, f"  {onion(2)}  ".encode("utf-16-le"))
    made.put(start + length + 7, f" {onion(3)} ".encode())  # slack
    made.put(made.run(gone)[0] + 3, f" {onion(4)} ".encode())
    free = list(made.space.free)[-1]
    made.put((free[0] + free[1]) // 2, f" {onion(5)} {XPRV_LIKE} {onion(5)} ".encode())
    made.put(start + 8000, f"\nwallet seed: {SEED}\n".encode())
    made.write()
    return made


@pytest.fixture(scope="module")
def bundle(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(disk.path, tmp_path_factory.mktemp("bundle") / "b")


def test_each_address_is_told_with_its_place(disk: Disk, bundle: Path) -> None:
    found = {record["value"].get("onion"): record["source"] for record in findings(bundle)}
    allocated, wide, slack, deleted, free = (found[onion(n)] for n in range(1, 6))
    assert allocated["path"] == wide["path"] == slack["path"] == "/random.bin"
    assert allocated["allocation"]["name"] == "allocated"
    assert allocated["locator"] == "byte 101"
    assert wide["locator"] == "byte 5004, UTF-16LE"
    assert slack["allocation"] == "slack"
    assert slack["file"] is None
    assert deleted["path"].endswith("one.txt" if disk.volume.filesystem == "fat16" else "gone.txt")
    assert deleted["allocation"]["metadata"] == "deleted"
    assert free["allocation"] == "unallocated"
    assert (free["path"], free["address"], free["file"]) == (None, None, None)


def test_each_hit_can_be_cut_out_by_hand(disk: Disk, bundle: Path) -> None:
    for record in findings(bundle):
        data = bytes_of(record, disk.media)
        if "onion" in record["value"]:
            wide = "UTF-16LE" in record["source"]["locator"]
            text = record["value"]["onion"].encode("utf-16-le" if wide else "ascii")
            assert data == text * record["value"]["entries"]
        elif record["value"]["extent"] == "51 characters":
            assert data == XPRV_LIKE.encode()
        else:
            assert data == SEED.encode()


def test_secrets_are_told_without_their_value(bundle: Path) -> None:
    secrets = {
        record["value"]["secret_type"]: record
        for record in findings(bundle)
        if record["kind"] == "indicator.crypto-secret"
    }
    assert set(secrets) == {"wif", "bip39"}
    assert secrets["bip39"]["value"]["extent"] == "12 words"
    assert secrets["wif"]["source"]["allocation"] == "unallocated"
    for path in bundle.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert SEED.encode() not in data
            assert XPRV_LIKE.encode() not in data
    file = next(f for f in lines(bundle / "data" / "files.jsonl") if f["path"] == "/random.bin")
    assert file["exported"] is None
    assert secrets["bip39"]["source"]["file"] == file["key"]


def test_coverage_says_what_was_looked_for(bundle: Path) -> None:
    (files,) = coverage(bundle, "scan_files")
    (space,) = coverage(bundle, "unallocated")
    assert files["outcome"] == space["outcome"] == "found"
    assert files["count"] > 5
    assert files["overwritten"] == 0
    answers = {
        (line["kind"], line["outcome"])
        for line in lines(bundle / "data" / "coverage.jsonl")
        if line["step"] == "scan"
    }
    assert ("indicator.onion", "found") in answers
    assert ("tor.circuit", "absent") in answers


def test_nothing_is_told_twice(bundle: Path) -> None:
    told = [r["value"]["onion"] for r in findings(bundle) if r["kind"] == "indicator.onion"]
    assert sorted(told) == sorted(onion(n) for n in range(1, 6))


@pytest.mark.parametrize("disk", ["ntfs"], indirect=True)
def test_the_same_bytes_with_more_workers_and_after_a_break(
    disk: Disk, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert records(run(disk.path, tmp_path / "four", jobs=3)) == records(bundle)
    chosen = options(
        disk.path, tmp_path / "b", profile=DEEP, plugins="none", only=("tor.memory.*",)
    )
    with pytest.raises(InterruptedRunError):
        go(chosen, At("scan", steps=1))
    with requests(monkeypatch) as seen:
        go(replace(chosen, resume=True))
    assert records(tmp_path / "b") == records(bundle)
    assert not any(isinstance(request, m.ScanFiles) for request in seen)
    assert any(isinstance(request, m.ScanSpace) for request in seen)


@pytest.mark.parametrize("disk", ["ext4"], indirect=True)
def test_what_the_scope_leaves_out_is_not_read(disk: Disk, tmp_path: Path) -> None:
    scope = Scope(exclude_paths=("random.bin",))
    left_out = run(disk.path, tmp_path / "path", replace(DEEP, scope=scope))
    told = {r["value"].get("onion") for r in findings(left_out)}
    assert told == {onion(4), onion(5), None}
    assert {r["value"]["secret_type"] for r in findings(left_out) if "onion" not in r["value"]} == {
        "wif"
    }
    nobody = run(disk.path, tmp_path / "nobody", replace(DEEP, scope=Scope(accounts=("eve",))))
    assert findings(nobody) == []
    assert {line["outcome"] for line in coverage(nobody, "unallocated")} == {"out_of_scope"}


def test_other_depths_do_not_scan(tmp_path: Path) -> None:
    image = IMAGES / "phone.tar"
    shallow = run(image, tmp_path / "standard", profile.load(["standard"]))
    for name in ("scan_files", "unallocated"):
        assert [line["outcome"] for line in coverage(shallow, name)] == ["not_selected"]


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    return path


def test_many_things_in_one_file_are_counted(tmp_path: Path) -> None:
    many = "\n".join(onion(n) for n in range(30)).encode()
    image = tar(tmp_path / "image.tar", {"list.txt": many, "twice.txt": many[:63] * 20})
    few = replace(DEEP, limits=replace(Limits(), scan_hits_per_file=10))
    bundle = run(image, tmp_path / "b", few)
    told = findings(bundle)
    listed = [r["value"]["onion"] for r in told if r["source"]["path"] == "/list.txt"]
    assert sorted(listed) == sorted(onion(n) for n in range(10))  # the first by place
    (twice,) = [r for r in told if r["source"]["path"] == "/twice.txt"]
    assert twice["value"]["entries"] == 20
    assert len(twice["source"]["byte_runs"]) == 8
    (line,) = coverage(bundle, "not_listed")
    assert (line["outcome"], line["count"], line["counts"]) == ("found", 20, False)
    (problem,) = lines(bundle / "data" / "problems.jsonl")
    assert problem["text"] == "20 places of more things than are listed"


def test_what_an_extractor_told_is_not_told_again(tmp_path: Path) -> None:
    event = (
        b"650 CIRC 12 BUILT PURPOSE=HS_CLIENT_REND REND_QUERY=%s "
        b"TIME_CREATED=2026-01-02T03:04:05.000000\r\n" % onion(9).removesuffix(".onion").encode()
    )
    image = tar(tmp_path / "image.tar", {"pagefile.sys": event, "copy.bin": event})
    bundle = run(image, tmp_path / "b")
    circuits = {
        record["source"]["path"]: record["extractor"]["name"]
        for record in lines(bundle / "data" / "findings.jsonl")
        if record["kind"] == "tor.circuit"
    }
    assert circuits == {"/pagefile.sys": "tor.memory.circuits", "/copy.bin": "engine.scan"}


SMALL_PARTS = """
from triage.engine import nursery
from triage.engine.scan import plan, sweep
plan.PART = sweep.PART = 1 << 19
nursery.main()
"""
HOSTILE_WORKER = """
import os
from triage.engine import nursery
from triage.engine.scan import sweep
pieces = sweep.Sweep._pieces
def hostile(self, volume, row, *more):
    if b"crash" in volume.index.name(row):
        os.abort()
    return pieces(self, volume, row, *more)
sweep.Sweep._pieces = hostile
nursery.main()
"""


def test_large_files_are_cut_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", SMALL_PARTS))
    data = bytearray(3 << 19)
    places = (10, (1 << 19) - 20, (1 << 20) - 62, (1 << 20) + 1, (3 << 19) - 70)
    for number, place in enumerate(places):
        data[place : place + 62] = onion(number).encode()
    image = tar(tmp_path / "image.tar", {"memory.dmp": bytes(data), "small": b"x"})
    with requests(monkeypatch) as seen:
        bundle = run(image, tmp_path / "b", jobs=2)
    told = {r["value"]["onion"]: r["source"]["locator"] for r in findings(bundle)}
    assert told == {onion(n): f"byte {place}" for n, place in enumerate(places)}
    parts = [request.part.at for request in seen if isinstance(request, m.ScanFiles)]
    assert sorted(parts) == [0, 0, 1 << 19, 1 << 20]


def test_a_file_that_kills_workers_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursery, "NURSERY", ("-P", "-c", HOSTILE_WORKER))
    files = {f"{n}": onion(n).encode() for n in range(3)} | {"1 crash": onion(9).encode()}
    image = tar(tmp_path / "image.tar", files)
    chosen = options(image, tmp_path / "b", profile=DEEP, plugins="none", only=("tor.memory.*",))
    assert go(chosen).exit_code is ExitCode.INCOMPLETE
    assert {r["value"]["onion"] for r in findings(tmp_path / "b")} == {onion(n) for n in range(3)}
    (line,) = [
        line for line in coverage(tmp_path / "b", "scan_files") if line["outcome"] != "found"
    ]
    assert (line["reason"], line["counts"]) == ("worker_died", True)


def test_the_budget_is_a_third_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Scanning(Silent):
        now = False

        def phase(self, name: str, total: int | None, unit: str) -> None:
            del total, unit
            Scanning.now |= name.startswith("scan")

    monkeypatch.setattr(engine_run.Run, "out_of_time", lambda _: Scanning.now)
    image = tar(tmp_path / "image.tar", {"list.txt": onion(1).encode()})
    chosen = options(image, tmp_path / "b", profile=DEEP, plugins="none", only=("tor.memory.*",))
    assert go(chosen, Scanning()).exit_code is ExitCode.INCOMPLETE
    (line,) = coverage(tmp_path / "b", "scan_files")
    assert (line["outcome"], line["counts"]) == ("not_examined", True)
