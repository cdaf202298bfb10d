"""Names that climb, command, lie or are no text: they stay what they are, and inside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.conftest import Examine
from tests.hostile.ext import Ext
from tests.hostile.fat import Fat, entry, long_name
from tests.hostile.ntfs import KEPT, ntfs

Volume = Callable[[], tuple[bytes, set[str]]]


def ext_names() -> tuple[bytes, set[str]]:
    ext = Ext()
    kept, odd = ext.file(b"kept"), ext.file(b"odd")
    names = {
        b"../../../../evil": "/..\\x2f..\\x2f..\\x2f..\\x2fevil",
        b"/etc/passwd": "/\\x2fetc\\x2fpasswd",
        b"a\nb": "/a\nb",
        b"\x1b]0;owned\x07\x1b[2J": "/\x1b]0;owned\x07\x1b[2J",
        b"\xff\xfe\x80": "/\\xff\\xfe\\x80",
        b"\xed\xa0\x80": "/\\xed\\xa0\\x80",
        b"nul\x00byte": "/nul",  # as Linux reads it, too
        b"CON": "/CON",
        b"NUL.txt": "/NUL.txt",
        b"x" * 255: "/" + "x" * 255,
        b"Case": "/Case",
        b"case": "/case",
        "\u202etxt.exe".encode(): "/\u202etxt.exe",
        b"<script>alert(1)": "/<script>alert(1)",
        b"=cmd|'C'!A0": "/=cmd|'C'!A0",
        b" ": "/ ",
        b"dot. ": "/dot. ",
        b"C:\\x:y": "/C:\\x:y",
    }
    image = ext.image([(b"known.txt", kept), *((name, odd) for name in names)])
    return image, set(names.values())


def fat_names() -> tuple[bytes, set[str]]:
    fat = Fat()
    root = [fat.file("known.txt", b"kept")]
    for number, name in enumerate(("../evil", "\x1b[2J\n", "CON", "\ud800x")):
        short = b"ODD%d    TXT" % number
        root.append(long_name(name.encode("utf-16-le", "surrogatepass"), short))
        root.append(entry(short, cluster=fat.put(b"odd"), size=3))
    root.append(entry(b"\x1b[2J\n/..\xff\x80", cluster=fat.put(b"odd"), size=3))
    return fat.image(root), {"/..\\x2fevil", "/CON"}


def ntfs_names() -> tuple[bytes, set[str]]:
    volume = ntfs()
    for old, new in (
        ("TRAINING", "NUL.\udfff\ud800x "),
        ("docs", "\x1b[2J"),
        ("packed", "../../"),
        ("random.bin", "ra\x00dom\n\r/n"),
    ):
        assert volume.rename(old, new) >= 2
    return volume.image(), {
        "/\x1b[2J/small.txt",
        "/..\\x2f..\\x2f/plain.txt",
        "/ra",
        "/NUL.^^ ",  # as TSK writes lone surrogates, and swallows what follows
    }


@pytest.mark.parametrize("made", [ext_names, fat_names, ntfs_names])
def test_names_stay_what_they_are_and_inside(examine: Examine, made: Volume) -> None:
    image, expected = made()
    outcome = examine(image)
    assert outcome.known in ({"kept"}, {KEPT})
    assert expected <= outcome.read
    for path in outcome.read:
        assert not any(part in {"..", "."} for part in path.split("/"))
