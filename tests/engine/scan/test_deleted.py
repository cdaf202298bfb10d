"""Deleted files: what is recovered, what is another's by now, and what published answers say."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from tests.conftest import lines
from tests.engine.scan.test_scan import Disk, coverage, findings, onion, run
from triage.engine.terms import load

RECOVERED = {  # name → MD5, from the test's own page
    "/_ing.dat": "59b20779f69ff9f0ac5fcd2c38835a79",
    "/_ult1.dat": "ffd27bd782bdce67750b6b9ee069d2ef",
    "/_ir1/mult2.dat": "59cf0e9cd107bc1e75afb7374f6e05bb",
}
FRAGMENTED = {  # what it gives for tools that take the clusters in a row: FAT keeps no other record
    "/_rag1.dat": "c4f3b9a0f17d464f4fc61b94ecf6cc21",
    "/_rag2.dat": "965370acfa85aa7e26ab04bbd45cdcae",
    "/_ir1/dir2/frag3.dat": "a7a14ac62f79fdea4056ed5e8bcf97ef",
}


def test_undeleted_from_fat_as_the_published_test_says(samples: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(samples / "images" / "dftt-6-undel-fat.zip") as archive:
        files = {Path(name).name: archive.read(name) for name in archive.namelist()}
    (tmp_path / "image.dd").write_bytes(files["6-fat-undel.dd"])
    digests = re.findall(rb"\b[0-9a-f]{32}\b", files["index.html"])
    (tmp_path / "md5").write_bytes(b"\n".join(digests))
    terms = load(None, tmp_path / "md5", None)
    bundle = run(tmp_path / "image.dd", tmp_path / "b", terms=terms)
    found = {
        record["source"]["path"]: record["value"]["digest"]
        for record in lines(bundle / "data" / "findings.jsonl")
        if record["kind"] == "indicator.hash"
    }
    assert found == RECOVERED | FRAGMENTED


def test_clusters_that_are_in_use_again_are_not_the_deleted_file(tmp_path: Path) -> None:
    disk = Disk("ntfs", tmp_path / "image")
    place, length = disk.run("/gone.txt")
    disk.put(place + 3, f" {onion(4)} ".encode())
    disk.write()
    before = run(disk.path, tmp_path / "before")
    assert [record["source"]["path"] for record in findings(before)] == ["/gone.txt"]
    cluster = place // disk.space.unit
    disk.media[disk.run("/$Bitmap")[0] + cluster // 8] |= 1 << cluster % 8
    disk.write()
    after = run(disk.path, tmp_path / "after")
    (record,) = findings(after)
    assert record["source"]["path"] is None
    assert record["source"]["allocation"] == "allocated"
    assert record["source"]["byte_runs"][0]["image_offset"] == place + 4
    assert [line["overwritten"] for line in coverage(before, "scan_files")] == [0]
    assert [line["overwritten"] for line in coverage(after, "scan_files")] == [length]
