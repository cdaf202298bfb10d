from __future__ import annotations

import pytest

from triage.batch.names import safe_name, unique_names
from triage.bundle.layout import is_safe


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("7", "7"),
        ("7/a", "7-a"),
        ("../../etc/passwd", "etc-passwd"),
        ("Größe Nr. 5", "Groe-Nr.-5"),
        ("", "image"),
        ("...", "image"),
        ("привет", "image"),
        ("con", "image-con"),
        ("LPT1.old", "image-LPT1.old"),
        ("x.partial", "x"),
        ("x.quick.bundle", "x"),
        ("a\0b\nc", "a-b-c"),
        ("x" * 500, "x" * 80),
    ],
)
def test_name_is_safe(text: str, name: str) -> None:
    assert safe_name(text) == name
    assert is_safe(safe_name(text))


def test_names_never_collide_whatever_the_order() -> None:
    wanted = [("disk", "/a/disk.E01"), ("Disk", "/b/Disk.E01"), ("disk", "/c/disk"), ("x", "/x")]
    names = unique_names(wanted)
    assert len({name.casefold() for name in names}) == len(wanted)
    assert names[3] == "x"
    shuffled = wanted[::-1]
    assert dict(zip(shuffled, unique_names(shuffled), strict=True)) == dict(
        zip(wanted, names, strict=True)
    )


def test_a_name_that_is_taken_is_told_apart() -> None:
    (name,) = unique_names([("disk", "/new/disk.E01")], taken=["DISK"])
    assert name.startswith("disk-")


def test_a_plain_name_like_a_told_apart_one_keeps_clear_of_it() -> None:
    one, two = unique_names([("disk", "/a"), ("disk", "/b")])
    again = unique_names([("disk", "/a"), ("disk", "/b"), (one, "/c"), (two, "/d")])
    assert len({name.casefold() for name in again}) == 4
