"""Every file system we write, read by us, by The Sleuth Kit, and checked by its own tools."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.media.described import (
    ENTRIES,
    LONG,
    MANY,
    MIB,
    NS,
    SCRAP,
    SIZES,
    SLACK,
    Built,
    build,
    described,
    entry,
)
from triage.errors import TrainingError
from triage.model import EntryType, Walker
from triage.training.media import Disk, Filesystem, write_raw
from triage.training.media.partitions import lay_out

CHECKS = {
    "fat16": (["fsck.vfat", "-n"], "files"),
    "fat32": (["fsck.vfat", "-n"], "files"),
    "exfat": (["fsck.exfat", "-n"], "clean"),
    "ntfs": (["ntfsresize", "-i", "-f"], "Accounting clusters"),
    "ext4": (["e2fsck", "-f", "-n"], "Pass 5"),
}
LOCAL = {"fat16", "fat32", "exfat"}
HALVES = {"fat16", "fat32"}  # keep times to two seconds and days


@pytest.fixture(scope="module", params=SIZES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(request.param, tmp_path_factory.mktemp("media"))


def test_it_holds_what_was_described(built: Built) -> None:
    found = built.entries()
    assert built.walk().problems == ()
    for one in ENTRIES:
        there = found[one.path]
        assert there.allocation.allocated is not one.deleted
        assert there.type is (EntryType.DIRECTORY if one.content is None else EntryType.FILE)
        if one.content is not None:
            assert built.content(there) == one.content, one.path
    names = [path for path in found if path.startswith("/many/")]
    assert len(names) == MANY


def test_both_walkers_show_the_same(built: Built) -> None:
    assert bytes(built.walk().block) == bytes(built.walk(Walker.TSK).block)


def test_times_are_kept_as_far_as_the_format_can(built: Built) -> None:
    found = built.entries()[LONG].times
    (wanted,) = (one for one in ENTRIES if one.path == LONG)
    local = built.volume.filesystem in LOCAL
    assert found.zone == ("local" if local else "utc")
    if built.volume.filesystem in HALVES:
        assert found.modified == wanted.modified // (2 * NS) * 2 * NS
        assert found.accessed == wanted.accessed // (86400 * NS) * 86400 * NS
    elif local:
        assert found.modified == wanted.modified
        assert found.accessed == wanted.accessed // (2 * NS) * 2 * NS
    else:
        assert (found.modified, found.accessed) == (wanted.modified, wanted.accessed)
    assert found.created == wanted.created
    assert found.changed == (None if local else wanted.changed)


def test_a_folder_that_nobody_named_has_the_times_of_its_content(built: Built) -> None:
    found = built.entries()["/many"].times
    assert found.created is not None
    assert found.created // NS == START_OF_MANY // NS


START_OF_MANY = next(one.created for one in ENTRIES if one.path.startswith("/many/"))


def test_slack_and_scraps_lie_on_the_media(built: Built) -> None:
    found = built.entries()[LONG]
    end = built.place(found) + found.size
    assert built.image.read_at(end, len(SLACK)) == SLACK
    data = built.path.read_bytes()
    places = [match.start() for match in re.finditer(re.escape(SCRAP), data)]
    assert len(places) == 1 + 1000
    assert places[0] % 512 == 0


def test_its_own_checker_finds_nothing(built: Built) -> None:
    command, word = CHECKS[built.volume.filesystem]
    program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [program, *command[1:], built.path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert word in done.stdout
    assert not re.search(r"mismatch|differ|wrong|orphan|unused|fix\?", done.stdout, re.IGNORECASE)


def test_the_same_description_gives_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = build(built.volume.filesystem, tmp_path)
    assert again.path.read_bytes() == built.path.read_bytes()


# What changes these changes every practice image that was ever handed out.
DIGESTS = {
    "fat16": "5b1fb923f109cbbf479413c85674dfe43ba892ef1ffce2f0b466e4cd8bfc2a3e",
    "fat32": "809edc88455a28b62aa437847f5ea548e3d7ff00f01f9d4b9f74ef772297fdb9",
    "exfat": "0e2e6d056e18cd436be50fcc399c440bfbae7b89cbbb807a9d497ae43b1bed1f",
    "ntfs": "eae63e0e1da046a920c7593804a24daa325ed20ca21669ffe47fc08c54809b00",
    "ext4": "886f63b9cf04a2e9ca87e2a22839ecde63722999bd6c6c8bf547bdb73916b794",
}


def test_the_bytes_are_those_of_every_machine(built: Built) -> None:
    digest = hashlib.sha256(built.path.read_bytes()).hexdigest()
    assert digest == DIGESTS[built.volume.filesystem]


@pytest.mark.parametrize("filesystem", SIZES)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entries": (entry("/big", bytes(40 * MIB)),)}, "does not hold"),
        ({"entries": (entry("relative", b""),)}, "no absolute path"),
        ({"entries": (entry("/a/../b", b""),)}, "no absolute path"),
        ({"entries": (entry("/lone \ud800", b""),)}, "no absolute path"),
        ({"entries": (entry("/" + "n" * 256, b""),)}, "no absolute path"),
        ({"entries": (replace(entry("/a", b""), created=-1),)}, "a time before 1970"),
        ({"entries": (replace(entry("/a", b""), modified=1 << 63),)}, "a time before 1970"),
        ({"entries": (replace(entry("/a", b""), uid=-1),)}, "impossible owner"),
        ({"entries": (replace(entry("/a", b""), mode=0o100644),)}, "impossible owner or mode"),
        ({"entries": (replace(entry("/a", b""), streams={"": b""}),)}, "stream"),
        ({"entries": (replace(entry("/a"), streams={"a": b""}),)}, "streams, which only files"),
        ({"entries": (entry("/a", b""), entry("/a", b""))}, "there twice"),
        ({"entries": (entry("/a", b"x"), entry("/a/b", b""))}, "there twice"),
        ({"entries": (entry("/d", deleted=True), entry("/d/f", b""))}, "deleted folder"),
        ({"slack": {"/none": b"x"}}, "no file that slack could follow"),
        ({"entries": (entry("/a", b"x" * 600),), "slack": {"/a": bytes(9000)}}, "do not fit"),
        ({"size": 8 * MIB + 1}, "no multiple"),
        ({"size": 64 << 10}, "bytes|larger"),
        ({"label": "x" * 40}, "no label"),
    ],
)
def test_what_cannot_be_is_refused(
    filesystem: Filesystem, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    volume = replace(described(filesystem), **{"entries": (), "slack": {}, **changes})
    with pytest.raises(TrainingError, match=message) as error:
        write_raw(Disk(scheme="none", volumes=(volume,), signature=1), tmp_path / "x")
    assert volume.label in str(error.value)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("filesystem", sorted(SIZES.keys() - {"ext4"}))
@pytest.mark.parametrize("name", ["a:b", "what?", "end.", "end ", "tab\t", "😀" * 128])
def test_names_that_windows_does_not_give(filesystem: Filesystem, name: str) -> None:
    volume = replace(described(filesystem), entries=(entry(f"/{name}", b""),), slack={})
    with pytest.raises(TrainingError, match="no name that Windows gives"):
        lay_out(Disk(scheme="none", volumes=(volume,), signature=1))
