"""Shadow copies: volumes of their own, read where they differ from the live one."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from triage.engine.source import DiskSource, open_source
from triage.evidence.changes import changed_rows, runs_changed
from triage.evidence.index import Index
from triage.evidence.patterns import PatternSet
from triage.evidence.shadow import ShadowCopy
from triage.evidence.tree import walk
from triage.model import ByteRun, Storage, VolumeState

IMAGE = Path(__file__).parents[2] / "fixtures" / "images" / "shadow.raw.gz"
BLOCK = 16 << 10
HEADER, CATALOG = 0x1E00, 3 << 20  # where the fixture has them
STATE, KEY = "/home/alice/.tor/state", "/home/alice/.config/Signal/config.json"


def opened(path: Path) -> DiskSource:
    source = open_source(path, allow_incomplete=False, allow_writable_device=False)
    assert isinstance(source, DiskSource)
    return source


@pytest.fixture(scope="module")
def media() -> bytes:
    return gzip.decompress(IMAGE.read_bytes())


@pytest.fixture(scope="module")
def source(media: bytes, tmp_path_factory: pytest.TempPathFactory) -> DiskSource:
    path = tmp_path_factory.mktemp("shadow") / "image.raw"
    path.write_bytes(media)
    return opened(path)


def index_of(source: DiskSource, number: int) -> tuple[Index, memoryview[int]]:
    found = walk(source.tree(number), PatternSet([]), max_entries=10**6)
    assert found.places is not None
    index = Index(memoryview(found.block), volume=source.volumes[number].name)
    return index, memoryview(found.places).cast("q")


def row_of(index: Index, path: str) -> int:
    row = index.descend(0, path.split("/"))
    assert row is not None
    return row


def test_each_copy_is_a_volume_after_the_live_one(source: DiskSource) -> None:
    told = [(v.name, v.state, v.snapshot_of, v.within) for v in source.volumes]
    ready = VolumeState.FILESYSTEM
    assert told == [
        ("whole", ready, None, None),
        ("whole/vss-1", ready, "whole", "whole/vss-1"),
        ("whole/vss-2", ready, "whole", "whole/vss-2"),
    ]
    created = [volume.details.get("created") for volume in source.volumes]
    assert created == [None, "2024-05-06T08:08:10Z", "2024-05-07T11:00:00Z"]


def test_a_copy_holds_what_was_deleted_and_written_over(source: DiskSource) -> None:
    texts = []
    for number in range(3):
        index, _ = index_of(source, number)
        reader = source.tree(number).open(index.address(row_of(index, STATE)))
        texts.append(b"LastWritten 2024-05-06" in reader.read_at(0, reader.size))
        assert index.allocated(row_of(index, KEY)) == (number == 1)
    assert texts == [False, True, True]


def test_only_what_changed_is_to_be_read(source: DiskSource) -> None:
    live, _ = index_of(source, 0)
    changed = []
    for number in (1, 2):
        index, places = index_of(source, number)
        rows = changed_rows(index, live, places, source.snapshot(number))
        names = {index.path(int(row)) for row in np.flatnonzero(rows)}
        changed.append({name for name in names if not name.startswith("/$")})
    assert changed == [{"/home/alice/.config/Signal", KEY, STATE}, {STATE}]


def test_runs_lead_back_to_the_media(source: DiskSource) -> None:
    index, _ = index_of(source, 2)
    tree, part = source.tree(2), source.parts[2]
    (run,) = part.on_media(tree.runs(index.address(row_of(index, STATE))))
    assert (run.image_offset, run.storage) == (None, Storage.SNAPSHOT)
    store = row_of(index, "/home/alice/.config/Signal/sql/db.sqlite")
    (run,) = part.on_media(tree.runs(index.address(store)))
    assert run.storage is Storage.PLAIN
    assert source.media is not None
    assert run.image_offset is not None
    assert tree.open(index.address(store)).read_at(0, 64) == source.media.read_at(
        run.image_offset, 64
    )


def test_stretches_part_what_was_kept_from_what_is_as_it_was(source: DiskSource) -> None:
    copy = source.parts[1].layer
    assert isinstance(copy, ShadowCopy)
    stretches = list(copy.stretches(0, copy.size))
    assert sum(stretch.length for stretch in stretches) == copy.size
    kept = [s for s in stretches if s.storage is Storage.SNAPSHOT]
    assert sum(s.length for s in kept) == int(copy.details["changed_bytes"])
    for stretch in kept:
        run = ByteRun(file_offset=0, image_offset=stretch.at, length=1, storage=Storage.PLAIN)
        assert runs_changed([run], copy)
        assert not runs_changed([run], None)
    assert all(s.below == s.at for s in stretches if s.storage is Storage.PLAIN)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_structures_are_said_or_read(media: bytes, tmp_path: Path, seed: int) -> None:
    """Whatever is wrong with the catalog and the stores, the live volume is still there."""
    random = np.random.default_rng(seed)
    data = bytearray(media)
    for place in random.integers(0, 2, 4).tolist():
        start = (HEADER, CATALOG)[place]
        at = start + int(random.integers(16, 512 if start == HEADER else 8 * BLOCK))
        data[at : at + 8] = random.bytes(8)
    path = tmp_path / "image.raw"
    path.write_bytes(data)
    source = opened(path)
    assert source.volumes[0].state is VolumeState.FILESYSTEM
    for number, volume in enumerate(source.volumes):
        if volume.snapshot_of:
            index, _ = index_of(source, 0)
            assert len(list(source.parts[number].layer.stretches(0, 1 << 20))) > 0  # type: ignore[union-attr]  # a snapshot is a layer
            assert len(index) > 1


def test_a_catalog_that_ends_early_is_a_problem(media: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image.raw"
    path.write_bytes(media[:CATALOG] + bytes(BLOCK) + media[CATALOG + BLOCK :])
    (volume,) = opened(path).volumes
    assert volume.problem == "the shadow copies cannot be read"


@pytest.mark.skipif("TRIAGE_SAMPLES" not in os.environ, reason="TRIAGE_SAMPLES is not set")
def test_copies_that_windows_made() -> None:
    source = opened(Path(os.environ["TRIAGE_SAMPLES"]) / "images" / "vsstest.qcow2")
    live, _ = index_of(source, 0)
    assert live.child(0, "password.txt") is not None
    first, places = index_of(source, 1)
    row = row_of(first, "/syslog")
    content = source.tree(1).open(first.address(row))
    assert content.read_at(0, content.size).startswith(b"Jan 22 07:52:33 myhostname.myhost.com")
    changed = changed_rows(first, live, places, source.snapshot(1))
    assert changed[row]
    assert changed.sum() < 12
