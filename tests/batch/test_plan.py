from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import IMAGES
from triage.batch.plan import Plan, make_plan
from triage.errors import UsageError


@pytest.fixture
def seized(tmp_path: Path) -> Path:
    """A folder as one comes from a seizure: images, segments, and what lies between them."""
    folder = tmp_path / "seized"
    (folder / "room 2").mkdir(parents=True)
    for name in ("split.001", "split.002", "split.003", "phone.tar", "README.md"):
        shutil.copy(IMAGES / name, folder)
    shutil.copy(IMAGES / "single.E01", folder / "room 2")
    for name in ("split.E01", "split.E02"):
        (folder / name).write_bytes(gzip.decompress((IMAGES / f"{name}.gz").read_bytes()))
    (folder / "luks.img").write_bytes(gzip.decompress((IMAGES / "luks2.raw.gz").read_bytes()))
    return folder


def names(plan: Plan) -> dict[str, list[str]]:
    return {job.name: [segment.name for segment in job.segments] for job in plan.jobs}


def make(*sources: str | Path, output: Path = Path("/nowhere")) -> Plan:
    return make_plan([os.fspath(source) for source in sources], output=output)


def test_images_are_found_by_their_bytes_and_grouped(seized: Path) -> None:
    plan = make(seized)
    found = names(plan)
    pair = [name for name in found if name.startswith("split-")]
    assert sorted(found[name] for name in pair) == [
        ["split.001", "split.002", "split.003"],
        ["split.E01", "split.E02"],
    ]
    assert set(found) - set(pair) == {"phone", "single", "luks"}
    assert [(left.path.name, left.counts) for left in plan.left] == [("README.md", False)]


def test_the_same_image_from_two_sources_is_one_job(seized: Path) -> None:
    plan = make(seized / "phone.tar", seized, seized / "*.tar")
    assert names(plan).keys() == names(make(seized)).keys()
    assert plan.jobs[0].name == "phone"


@pytest.mark.parametrize("name", ["split.002", "split.E02"])
def test_a_lone_later_segment_is_refused(seized: Path, name: str) -> None:
    with pytest.raises(UsageError, match="segment"):
        make(seized / name)


def test_a_lone_later_segment_in_a_folder_is_passed_over_and_counts(seized: Path) -> None:
    (seized / "split.E01").rename(seized.parent / "elsewhere.E01")
    (left,) = (left for left in make(seized).left if left.path.suffix == ".E02")
    assert left.counts
    assert "segment 2" in left.problem


def test_later_segments_named_beside_the_first_belong_to_it(seized: Path) -> None:
    plan = make(seized / "split.E02", seized / "split.E01")
    assert names(plan) == {"split": ["split.E01", "split.E02"]}
    assert names(make(seized / "split.0*")) == {"split": ["split.001", "split.002", "split.003"]}


def test_what_may_hold_evidence_counts(tmp_path: Path) -> None:
    shutil.copy(IMAGES / "single.E01", tmp_path / "a.E01")
    (tmp_path / "disk.vmdk").write_bytes(b"KDMV" + bytes(1000))
    (tmp_path / "cut.E01").write_bytes((IMAGES / "single.E01").read_bytes()[:10])
    with (tmp_path / "veracrypt").open("wb") as file:
        file.truncate(64 * 2**20)
    (tmp_path / "notes.txt").write_bytes(b"notes")
    (tmp_path / "nothing").touch()
    os.mkfifo(tmp_path / "fifo")
    plan = make(tmp_path)
    assert {left.path.name: left.counts for left in plan.left} == {
        "disk.vmdk": True,
        "cut.E01": True,
        "veracrypt": True,
        "notes.txt": False,
        "nothing": False,
    }


def test_a_bad_image_given_by_name_is_planned(tmp_path: Path) -> None:
    (tmp_path / "disk.vmdk").write_bytes(b"KDMV" + bytes(1000))
    assert names(make(tmp_path / "disk.vmdk")) == {"disk": ["disk.vmdk"]}


def test_nothing_is_taken_from_output_or_bundles(seized: Path) -> None:
    for folder in ("results", "old.bundle", "half.bundle.partial"):
        (seized / folder).mkdir()
        shutil.copy(IMAGES / "single.E01", seized / folder / "inner.E01")
    (seized / "old.bundle" / "bagit.txt").touch()
    plan = make(seized, output=seized / "results")
    assert not [job for job in plan.jobs if job.image.name == "inner.E01"]


def test_a_folder_of_files_is_an_image_in_a_list(seized: Path) -> None:
    sheet = seized / "list.csv"
    sheet.write_text("image,case,exhibit\nroom 2,5,7/a\nphone.tar,,\n")
    plan = make_plan([str(sheet)], output=Path("/nowhere"), case="4")
    assert [(job.name, job.case, job.exhibit) for job in plan.jobs] == [
        ("7-a", "5", "7/a"),
        ("phone", "4", None),
    ]


def test_names_given_before_stay(seized: Path) -> None:
    before = {job.image: job.name for job in make(seized / "split.001").jobs}
    plan = make_plan([str(seized)], output=Path("/nowhere"), named=before)
    after = {job.image.name: job.name for job in plan.jobs}
    assert after["split.001"] == "split"
    assert after["split.E01"].startswith("split-")


@pytest.mark.parametrize("source", ["missing.E01", "*.nothing", "empty"])
def test_a_source_that_is_not_there_is_refused(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        make(source)


def test_a_path_has_one_spelling(seized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(seized / "room 2")
    (seized / "room 2" / "l.csv").write_text("image\n../phone.tar\n")
    (seized / "link.tar").symlink_to("phone.tar")
    plain = make(seized / "phone.tar").jobs
    for source in ("../phone.tar", "../phone.t*", "l.csv", "../../seized/phone.tar"):
        assert [job.image for job in make(source).jobs] == [job.image for job in plain]
    assert len(make("..").jobs) == len(make(seized).jobs)
    assert make("../link.tar").jobs[0].name == "link"
