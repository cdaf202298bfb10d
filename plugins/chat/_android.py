"""Where an app of Android keeps its own files, told from a file on the shared storage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_SHARED = re.compile(
    r"(.*?)/?(?:data/media/(\d+)|sdcard|storage/emulated/(\d+))(?:/|$)", re.IGNORECASE | re.ASCII
)


def own_files(path: str, packages: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield paths of files of an app, for the user of the telephone whose storage `path` is on."""
    found = _SHARED.match(path)
    root = found[1] if found else ""
    user = (found[2] or found[3] if found else None) or "0"
    folders = [f"data/user/{user}"]
    if user == "0":
        folders.insert(0, "data/data")
    for folder in folders:
        for package in packages:
            for name in names:
                yield f"{root}/{folder}/{package}/{name}"
