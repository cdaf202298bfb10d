from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import pytest

from triage.errors import TrainingError
from triage.training.truth import Data
from triage.training.validation.hiding import Hiding, hide, possible, vhd_footer
from triage.training.validation.noise import noise
from triage.training.validation.specimen import Shown, Specimen

WALLET = Specimen(
    name="wallet",
    data=Data.SELF_MADE,
    files={"Users/a/wallet": b"the wallet", "Users/a/log.txt": b"the log"},
    readable=(Shown(kind="wallet.file", path="Users/a/wallet"),),
)
NOTE = Specimen(
    name="note",
    data=Data.SELF_MADE,
    files={"note.txt": b"see x.onion"},
    readable=(Shown(kind="indicator.onion", path="note.txt", match={"value.onion": "x.onion"}),),
    bare=(Shown(kind="indicator.onion", path=None, match={"value.onion": "x.onion"}),),
)


@pytest.mark.parametrize(
    ("hiding", "filesystem", "paths"),
    [
        (Hiding.PLAIN, "exfat", ["/Users/a/wallet", "/note.txt"]),
        (Hiding.RENAMED, "exfat", ["/Pictures/001/IMG_0001.jpg", "/Pictures/002/IMG_0001.jpg"]),
        (Hiding.NO_EXTENSION, "ext4", ["/Backup/001/part1", "/Backup/002/part1"]),
        (Hiding.DELETED, "fat32", [None, None]),
        (Hiding.UNALLOCATED, "ext4", [None, None]),
        (Hiding.SLACK, "fat32", [None]),
        (Hiding.ZIP, "fat32", ["/Downloads/archive1.zip", "/Downloads/archive2.zip"]),
        (Hiding.GZIP, "fat32", [None, "/Downloads/002-1.gz"]),
        (
            Hiding.STREAM,
            "ntfs",
            ["/Documents/list1-1.txt:wallet", "/Documents/list2-1.txt:note.txt"],
        ),
        (Hiding.VHD_IMAGE, "exfat", ["/Users/a/wallet", "/note.txt"]),
    ],
)
def test_where_findings_are_to_be_had(
    hiding: Hiding, filesystem: Any, paths: list[str | None]
) -> None:
    lair = hide([WALLET, NOTE], hiding, filesystem)
    assert [one.path for one in lair.hidden] == paths
    assert (hiding is Hiding.SLACK) == ("wallet" in lair.left_out)
    assert all(entry.deleted == (hiding is Hiding.DELETED) for entry in lair.entries)


def test_what_is_hidden_is_there() -> None:
    packed = hide([WALLET], Hiding.ZIP, "exfat").entries[0].content
    assert packed is not None
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("Users/a/wallet") == b"the wallet"
    squeezed = hide([NOTE], Hiding.GZIP, "exfat").entries[0].content
    assert squeezed is not None
    assert gzip.decompress(squeezed) == b"see x.onion"
    assert hide([NOTE], Hiding.STREAM, "ntfs").entries[0].streams == {"note.txt": b"see x.onion"}
    assert list(hide([NOTE], Hiding.SLACK, "exfat").slack.values()) == [b"see x.onion"]
    assert hide([WALLET], Hiding.UNALLOCATED, "ext4").scraps == [b"the wallet", b"the log"]
    image = hide([NOTE], Hiding.RAW_IMAGE, "exfat").entries[0].content
    assert image is not None
    assert b"see x.onion" in image


def test_a_stream_is_a_thing_of_ntfs() -> None:
    assert possible(Hiding.STREAM, "ntfs")
    assert not possible(Hiding.STREAM, "ext4")
    assert possible(Hiding.SLACK, "ext4")


def test_two_specimens_of_one_path_are_refused() -> None:
    with pytest.raises(TrainingError, match="same path"):
        hide([NOTE, NOTE], Hiding.PLAIN, "exfat")


def test_footer_of_a_fixed_vhd() -> None:
    footer = vhd_footer(12 << 20)
    assert len(footer) == 512
    assert footer.startswith(b"conectix\0\0\0\2")
    told = int.from_bytes(footer[64:68], "big")
    assert told == ~sum(footer[:64] + footer[68:]) & 0xFFFFFFFF


def test_noise_follows_from_its_seed() -> None:
    first = noise("a", 40)
    assert first == noise("a", 40) != noise("b", 40)
    assert len(first) == 40
    assert any("Decoys" in path for path in first)
