from __future__ import annotations

from pathlib import Path

import pytest

from triage.batch.sheet import read_sheet
from triage.errors import UsageError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.csv", "image,case,exhibit\ndisk.E01,2026-1,007\nsub/b.raw,,\n"),
        ("l.csv", '\ufeffexhibit,image\r\n007,"disk.E01"\r\n\r\n,sub/b.raw\r\n'),
        ("l.yaml", "- image: disk.E01\n  exhibit: 007\n- {image: sub/b.raw, exhibit: ~}\n"),
        ("l.yml", "# ours\n- exhibit: '007'\n  image: disk.E01\n- image: sub/b.raw\n"),
    ],
)
def test_values_are_taken_as_written(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    one, two = read_sheet(path)
    assert (one.image, one.exhibit) == (tmp_path / "disk.E01", "007")
    assert (two.image, two.case, two.exhibit) == (tmp_path / "sub" / "b.raw", None, None)


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("l.csv", "image,case\na,1\nb,2,3\n", 3, "has 3 columns, the first line 2"),
        ("l.csv", "case,exhibit\n1,2\n", 1, "`image` among them"),
        ("l.csv", "image,image\na,b\n", 1, "each once"),
        ("l.csv", "image,secret\na,b\n", 2, "unknown field 'secret'"),
        ("l.csv", "image,case\n,2\n", 2, "names no image"),
        ("l.csv", 'image\n"a\n', 2, "not CSV"),
        ("l.csv", 'image\na"b"c\n"x"y\n', 3, "not CSV"),
        ("l.csv", "image\na\nb\na\n", 4, "the same image as"),
        ("l.yaml", "- image: a\n- case: 2\n", 2, "names no image"),
        ("l.yaml", "- image: a\n  color: red\n", 2, "unknown field 'color'"),
        ("l.yaml", "- image: a\n  image: b\n", 2, "stands twice"),
        ("l.yaml", "- image: a\n  case: [1, 2]\n", 2, "a field and its text"),
        ("l.yaml", "- image: a\n- b\n", 2, "must have fields"),
        ("l.yaml", "image: a\n", 1, "must be a list"),
        ("l.yaml", "- image: a\n  - b: [\n", 2, "not YAML"),
        ("l.yaml", '- image: "a\\0b"\n', 1, "is not a path"),
    ],
)
def test_error_points_at_the_line(
    tmp_path: Path, name: str, text: str, line: int, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_sheet(path)
    assert caught.value.where == f"{path} line {line}"
    assert says in caught.value.message


@pytest.mark.parametrize("data", [b"", b"\n", b"image\n", b"\xff\xfe\x00", b"[" * 200])
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes) -> None:
    for name in ("l.csv", "l.yaml"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError):
            read_sheet(tmp_path / name)
