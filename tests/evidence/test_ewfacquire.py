"""Images that ewfacquire writes, in every format and compression that it has."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pyewf
import pytest

from triage.evidence.ewf import open_ewf

NOISE = random.Random(5).randbytes(5 << 18)  # noqa: S311 - the same bytes every time
SMALL = bytes(3 << 15) + b"as it was written " * 2048 + NOISE[: 3 << 14]
LARGE = SMALL + NOISE  # more than the smallest segment holds
FORMATS = [
    "ewf",
    "smart",
    "ftk",
    *(f"encase{n}" for n in range(1, 8)),
    "linen5",
    "linen6",
    "linen7",
]
LEVELS = ["none", "empty-block", "fast", "best"]


def acquire(folder: Path, media: bytes, *options: str) -> Path:
    """Acquire the media; return the first segment."""
    if shutil.which("ewfacquire") is None:
        pytest.skip("ewfacquire is not installed")
    source = folder / "media.raw"
    source.write_bytes(media)
    command = ["ewfacquire", "-u", "-q", "-d", "sha1", *options, "-t", str(folder / "image")]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    return next(path for path in sorted(folder.iterdir()) if path.stem == "image")


def assert_read(first: Path, media: bytes, segments: int) -> None:
    """Compare with the media and with pyewf."""
    names = sorted(str(path) for path in first.parent.glob("image.*"))
    assert len(names) == segments
    handle = pyewf.handle()
    handle.open(names)
    with closing(open_ewf(first)) as image:
        assert image.size == len(media) == handle.get_media_size()
        assert image.read_at(0, image.size) == media == handle.read_buffer_at_offset(len(media), 0)
        assert list(image.bad_chunks()) == []
        stored = image.info.stored_hashes
    handle.close()
    assert stored["md5"] == hashlib.md5(media, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(tmp_path: Path, kind: str) -> None:
    assert_read(acquire(tmp_path, SMALL, "-f", kind, "-c", "deflate:fast", "-S", "1EiB"), SMALL, 1)


@pytest.mark.parametrize("level", LEVELS)
def test_every_compression_is_read(tmp_path: Path, level: str) -> None:
    options = ("-f", "encase6", "-c", f"deflate:{level}", "-S", "1EiB")
    assert_read(acquire(tmp_path, SMALL, *options), SMALL, 1)


@pytest.mark.parametrize("kind", ["ewf", "smart", "ftk", "encase1", "encase5", "encase6"])
def test_split_images_are_read(tmp_path: Path, kind: str) -> None:
    assert_read(acquire(tmp_path, LARGE, "-f", kind, "-c", "deflate:fast", "-S", "1MiB"), LARGE, 2)
