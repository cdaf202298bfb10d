from __future__ import annotations

import re
import shutil
import struct
import subprocess
from dataclasses import replace

import pytest

from tests.training.media.described import MIB, Built, described, entry
from triage.errors import TrainingError
from triage.evidence.image import open_image
from triage.training.media import Disk, Entry, write_raw
from triage.training.media.canvas import Canvas, Clusters
from triage.training.media.ntfs_record import file_name
from triage.training.media.ntfs_tree import Item, names_index
from triage.training.media.partitions import lay_out

ANNA, BERT = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
ZONE = b"[ZoneTransfer]\r\nZoneId=3\r\n"


def owned(path: str, content: bytes, sid: str, **streams: bytes) -> Entry:
    return replace(entry(path, content), sid=sid, streams=streams)


ENTRIES = (
    owned("/Users/anna/setup.exe", b"MZ" * 300, ANNA, **{"Zone.Identifier": ZONE}),
    owned("/Users/bert/many.txt", b"t" * 200, BERT, a=b"A" * 500, b=b"B" * 9000, c=b""),
    entry("/halves.bin", b"h" * (5 * MIB)),  # over $MFTMirr in the middle of the volume
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    path = tmp_path_factory.mktemp("ntfs") / "ntfs.raw"
    volume = replace(described("ntfs"), size=10 * MIB, entries=ENTRIES, slack={})
    write_raw(Disk(scheme="none", volumes=(volume,), signature=1), path)
    return Built(volume, path, open_image(path))


@pytest.mark.parametrize("one", ENTRIES, ids=lambda one: one.path)
def test_content_and_streams(built: Built, one: Entry) -> None:
    found = built.entries()
    assert built.content(found[one.path]) == one.content
    for name, data in one.streams.items():
        assert built.content(found[f"{one.path}:{name}"]) == data


@pytest.mark.parametrize(("path", "sid"), [("/Users/anna/setup.exe", ANNA), ("/Users/bert", BERT)])
def test_owners_by_another_program(built: Built, path: str, sid: str) -> None:
    program = shutil.which("istat")
    if program is None:
        pytest.skip("istat is not installed")
    address = built.entries()[path].address
    command = [program, "-f", "ntfs", str(built.path), address.partition("-")[0]]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"({sid})" in shown


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["ntfsfix", "-n"], "successfully"),
        (["ntfsresize", "-i", "-f"], "Accounting clusters"),
        (["ntfsls", "-p", "/Users/anna"], "setup.exe"),
        (["ntfscat", "-n", "Zone.Identifier"], "ZoneId=3"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_tools_of_ntfs_3g(built: Built, command: list[str], word: str) -> None:
    program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    file = ["/Users/anna/setup.exe"] if command[0] == "ntfscat" else []
    done = subprocess.run(
        [program, *command[1:], str(built.path), *file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert word in done.stdout


@pytest.mark.parametrize(("name", "space"), [("a long name.text", 0), ("SHORT.TXT", 3)])
def test_no_name_promises_another_of_dos(name: str, space: int) -> None:
    """With 1, which wants a second name beside it, ntfs-3g cannot remove the file."""
    volume = replace(described("ntfs"), entries=(entry(f"/{name}", b""),), slack={})
    disk = Disk(scheme="none", volumes=(volume,), signature=1)
    data = b"".join(lay_out(disk).blocks(MIB))
    units = name.encode("utf-16-le")
    before = [match.start() - 1 for match in re.finditer(re.escape(units), data)]
    assert {data[at] for at in before} == {space}


@pytest.mark.parametrize("count", [0, 1, 5, 40, 500, 4000])
def test_an_index_of_any_size_holds_every_name_once_in_order(count: int) -> None:
    canvas = Canvas(8 * MIB)
    clusters = Clusters(canvas, origin=0, size=4096, first=0, count=2048)
    names = [f"{n:05} {'long ' * (n % 40)}" for n in range(count)]
    items = [
        (name, Item(struct.pack("<Q", n), file_name(5, name, (0, 0, 0, 0), attributes=0)))
        for n, name in enumerate(names)
    ]
    root, *rest = names_index(reversed(items), clusters, room=700)
    data = b"".join(canvas.blocks(8 * MIB))

    def walk(block: bytes, at: int) -> list[int]:
        numbers: list[int] = []
        while True:
            number, length, _, flags = struct.unpack_from("<QHHH", block, at)
            if flags & 1:
                (below,) = struct.unpack_from("<Q", block, at + length - 8)
                numbers += walk(whole(data[below * 4096 : below * 4096 + 4096]), 0x40)
            if flags & 2:
                return numbers
            numbers.append(number)
            at += length

    def whole(block: bytes) -> bytes:
        assert block.startswith(b"INDX")
        fixed = bytearray(block)
        for sector in range(8):
            end = sector * 512 + 510
            fixed[end : end + 2] = block[0x2A + sector * 2 : 0x2C + sector * 2]
        return bytes(fixed)

    assert walk(root, 24 + 8 + 32) == list(range(count))
    assert bool(rest) == (count > 5)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replace(ENTRIES[0], sid="anna"), "anna is no SID"),
        (replace(ENTRIES[0], sid="S-1-5-99999999999"), "no SID"),
        (replace(ENTRIES[0], streams={f"{n}" * 40: b"" for n in range(10)}), "more streams"),
    ],
)
def test_what_cannot_be_is_refused(bad: Entry, message: str) -> None:
    volume = replace(described("ntfs"), entries=(bad,), slack={})
    with pytest.raises(TrainingError, match=message):
        lay_out(Disk(scheme="none", volumes=(volume,), signature=1))
