"""E01 files as EnCase 6 writes them, in chunks of 32 KiB.

Layout: libewf, "Expert Witness Compression Format (EWF)". All integers are little-endian, all
checksums Adler-32. Chunks are stored, or compressed where `deflate` finds runs.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas
from triage.training.media.deflate import deflate

_SECTOR = 512
_CHUNK = 64 * _SECTOR
_PER_TABLE = 16375  # chunks, as EnCase
_SEGMENT = 1 << 30  # bytes after which a new file begins; a table never reaches over two files
_MOST_SEGMENTS = 99  # E01 to E99
_PACKED = 1 << 31
_DESCRIPTOR = 76
_FIELDS = "a\tc\tn\te\tt\tav\tov\tm\tu\tp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """What the header says; `when` is nanoseconds since 1970, UTC."""

    case: str
    evidence: str
    examiner: str
    notes: str
    when: int


def write_ewf(
    canvas: Canvas, path: Path, acquisition: Acquisition, *, segment: int = _SEGMENT
) -> tuple[Path, ...]:
    """Write the media into `path` (.E01) and as many further segments as it takes; return them.

    Raises TrainingError for another ending or a text with tabs or line ends, FileExistsError when
    a segment exists.
    """
    if path.suffix != ".E01":
        raise TrainingError("an E01 image is named .E01", where=path.name)
    if canvas.size % _SECTOR:
        raise TrainingError(f"{canvas.size} bytes are no whole sectors")
    header = _header_sections(acquisition)
    identity = f"{canvas.size} {acquisition}".encode()
    volume = _volume(canvas, hashlib.sha256(identity).digest()[:16])
    digests = (hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False))
    chunks = canvas.blocks(_CHUNK)
    paths: list[Path] = []
    left = -(-canvas.size // _CHUNK)
    while left:
        if len(paths) == _MOST_SEGMENTS:
            raise TrainingError(f"takes more than {_MOST_SEGMENTS} segments", where=path.name)
        paths.append(path.with_suffix(f".E{len(paths) + 1:02}"))
        with new_file(paths[-1]) as file:
            file.write(b"EVF\x09\x0d\x0a\xff\x00\x01" + struct.pack("<HH", len(paths), 0))
            if len(paths) == 1:
                for kind, body in (*header, ("volume", volume)):
                    _put(file, kind, body)
            else:
                _put(file, "data", volume)
            while left and file.tell() < segment:
                part = islice(chunks, min(left, _PER_TABLE))
                left -= min(left, _PER_TABLE)
                _put_chunks(file, part, digests)
            if not left:
                md5, sha1 = (one.digest() for one in digests)
                _put(file, "digest", _summed(md5 + sha1 + bytes(40)))
                _put(file, "hash", _summed(md5 + bytes(16)))
            _put(file, "next" if left else "done", b"", last=True)
    return tuple(paths)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that did not exist, and remove it again when it cannot be finished."""
    with ExitStack() as cleanup, path.open("xb") as file:
        cleanup.callback(path.unlink)
        yield file
        cleanup.pop_all()


def _summed(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.adler32(data))


def _descriptor(kind: str, at: int, size: int, *, last: bool = False) -> bytes:
    """Return the head of a section at `at` whose content has `size` bytes."""
    following = at if last else at + _DESCRIPTOR + size
    whole = 0 if last else _DESCRIPTOR + size
    return _summed(struct.pack("<16sQQ40x", kind.encode(), following, whole))


def _put(file: BinaryIO, kind: str, body: bytes, *, last: bool = False) -> None:
    file.write(_descriptor(kind, file.tell(), len(body), last=last) + body)


def _header_sections(acquisition: Acquisition) -> list[tuple[str, bytes]]:
    """Return the header in both of its forms: UTF-16, and for older programs ASCII."""
    made = acquisition
    texts = (made.case, made.evidence, made.examiner, made.notes)
    if any(set(text) & set("\t\r\n") for text in texts):
        raise TrainingError("tabs and line ends cannot stand in the header of an E01")
    at = datetime.fromtimestamp(made.when // 10**9, UTC)
    stamps = (
        f"{at.timestamp():.0f}",
        f"{at.year} {at.month} {at.day} {at.hour} {at.minute} {at.second}",
    )
    wide, narrow = (
        "\n".join(
            (
                "1\nmain",
                _FIELDS,
                "\t".join(("training", *texts, "disk-triage", "", stamp, stamp, "0")),
                "\n",
            )
        )
        for stamp in stamps
    )
    return [
        ("header2", deflate(b"\xff\xfe" + wide.encode("utf-16-le"))),
        ("header", deflate(narrow.replace("\n", "\r\n").encode("ascii", "replace"))),
    ]


def _volume(canvas: Canvas, identity: bytes) -> bytes:
    data = struct.pack(
        "<B3xIIIQ12xB15xB3xI4x16s",
        *(1, -(-canvas.size // _CHUNK), _CHUNK // _SECTOR, _SECTOR, canvas.size // _SECTOR),
        *(3, 1, _CHUNK // _SECTOR, identity),  # a physical disk, fast compression
    )
    return _summed(data.ljust(1048, b"\0"))


def _put_chunks(
    file: BinaryIO, chunks: Iterator[bytes], digests: tuple[hashlib._Hash, ...]
) -> None:
    """Write chunks and the two tables that say where they lie."""
    start = file.tell()
    file.write(bytes(_DESCRIPTOR))
    offsets, at = [], _DESCRIPTOR
    for chunk in chunks:
        for digest in digests:
            digest.update(chunk)
        packed, flag = deflate(chunk), _PACKED
        if len(packed) >= len(chunk):
            packed, flag = _summed(chunk), 0
        file.write(packed)
        offsets.append(at | flag)
        at += len(packed)
    file.seek(start)
    file.write(_descriptor("sectors", start, at - _DESCRIPTOR))
    file.seek(start + at)
    head = _summed(struct.pack("<I4xQ4x", len(offsets), start))
    table = head + _summed(struct.pack(f"<{len(offsets)}I", *offsets))
    _put(file, "table", table)
    _put(file, "table2", table)
