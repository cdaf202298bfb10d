"""BagIt's own files (RFC 8493): manifests, `bag-info.txt`, Payload-Oxum. Stricter than BagIt asks.

A manifest line is `<sha256><two spaces><path>` as `sha256sum -c` reads it; lines are sorted by
byte order, and a path is one that we could have written (`layout.is_safe`), so the percent coding
of RFC 8493 is never needed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from triage import canonical
from triage.bundle import layout
from triage.errors import AlteredError, BundleError, ParseError

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
OXUM = "Payload-Oxum"

_MAX_LINE = 4096
_LINE = re.compile(rb"([0-9a-f]{64})  ([!-~]+)\n")
_LABEL = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_OXUM = re.compile(rf"(?m)^{OXUM}: (\d{{1,18}})\.(\d{{1,18}})$")


def manifest(digests: Mapping[str, str]) -> bytes:
    """Return a manifest of path → SHA-256."""
    return b"".join(f"{digests[path]}  {path}\n".encode() for path in sorted(digests))


def parse_manifest(data: bytes, *, payload: bool) -> dict[str, str]:
    """Return path → SHA-256 of a payload or a tag manifest.

    Raises AlteredError naming the line: malformed, a path that leaves the bundle, is unsafe or on
    the wrong side, unsorted, or the same path twice, also where only the case differs.
    """
    digests: dict[str, str] = {}
    folded: set[str] = set()
    previous = ""
    try:
        for number, line in enumerate(canonical.lines(io.BytesIO(data), limit=_MAX_LINE), 1):
            where = f"line {number}"
            match = _LINE.fullmatch(line)
            if not match:
                raise AlteredError("not a SHA-256, two spaces and a path", where=where)
            path = match[2].decode("ascii")
            if not layout.is_safe(path):
                raise AlteredError(f"unsafe path {path!a}", where=where)
            if path.startswith("data/") != payload:
                raise AlteredError(f"{path} does not belong in this manifest", where=where)
            if path.casefold() in folded:
                raise AlteredError(f"{path} stands there twice", where=where)
            if path < previous:
                raise AlteredError("not sorted", where=where)
            digests[path] = match[1].decode("ascii")
            folded.add(path.casefold())
            previous = path
    except ParseError as error:
        raise AlteredError(error.message, where=error.where) from error
    return digests


def bag_info(labels: Mapping[str, str], *, files: int, size: int) -> bytes:
    """Return `bag-info.txt`: the labels, one line each, and the Payload-Oxum.

    Raises BundleError on a label that is not one, or that is ours to write.
    """
    texts = {OXUM: f"{size}.{files}"}
    for label, value in labels.items():
        if not _LABEL.fullmatch(label):
            raise BundleError(f"not a label for {layout.BAG_INFO}: {label!a}")
        if label.casefold() == OXUM.casefold():
            raise BundleError(f"{OXUM} is counted, not given")
        texts[label] = single_line(value)
    return "".join(f"{label}: {texts[label]}\n" for label in sorted(texts)).encode()


def single_line(value: str) -> str:
    """Return text that stays on its line whoever reads it: no control or format characters."""
    return "".join(
        char if char.isprintable() else f"\\u{ord(char):04x}"
        for char in " ".join(canonical.escaped(value).split())
    )


def parse_oxum(data: bytes) -> tuple[int, int]:
    """Return (files, bytes) of the Payload-Oxum. Raises AlteredError unless there is one."""
    found = _OXUM.findall(data.decode("utf-8", "replace"))
    if len(found) != 1:
        raise AlteredError(f"no single {OXUM}", where=layout.BAG_INFO)
    size, files = found[0]
    return int(files), int(size)
