"""`verify --against`: the files of a bundle, read again from the image and hashed again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from triage.bundle import Bundle
from triage.engine.source import open_source
from triage.errors import EvidenceError, TriageError
from triage.evidence.second_reader import SecondReader
from triage.hashing import Digests
from triage.model import Container, Reader

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Remeasured:
    """What a second reading gave. `not_plain` files have no byte runs that stand as such."""

    same: int
    not_plain: int
    different: tuple[str, ...]
    image_hash: str  # match, mismatch, not computed
    reader: str  # which code read the image this time

    @property
    def verdict(self) -> str:
        """Return one sentence."""
        return (
            f"{self.same} files read again from their byte runs and equal, "
            f"{len(self.different)} different, {self.not_plain} without plain byte runs; "
            f"image hash: {self.image_hash}; read by {self.reader}"
        )


def remeasure(bundle: Bundle, image: Path) -> Remeasured:
    """Hash every file again from nothing but its byte runs, and the media as a whole.

    Reads bytes at offsets; parses no file system, so it needs no worker. An E01 image is read by
    pyewf, other code than wrote the bundle. Raises ImageError.
    """
    source = open_source(image, allow_incomplete=True, allow_writable_device=False)
    if source.media is None or source.info.media_size is None:
        raise TriageError("a folder or archive has no byte runs to compare")
    media, reader = source.media, "the same reader"
    if source.info.container is Container.EWF:
        media, reader = SecondReader(image, source.info), "pyewf"
    same = not_plain = 0
    different: list[str] = []
    for record in bundle.files():
        sha256 = record["hashes"].get("sha256")
        runs = record["byte_runs"]
        if sha256 is None or not runs or any(run["storage"] != "plain" for run in runs):
            not_plain += 1
            continue
        digests = Digests(("sha256",))
        try:
            for run in sorted(runs, key=lambda run: run["file_offset"]):
                _feed(digests, media, int(run["image_offset"]), int(run["length"]))
        except EvidenceError:
            different.append(f"{record['volume']}{record['path']}: cannot be read")
            continue
        if digests.hex()["sha256"] == sha256:
            same += 1
        else:
            different.append(f"{record['volume']}{record['path']}")
    expected = bundle.run["image"].get("hashes", {}).get("sha256")
    verdict = "not computed"
    if expected:
        digests = Digests(("sha256",))
        _feed(digests, media, 0, media.size)
        verdict = "match" if digests.hex()["sha256"] == expected else "mismatch"
        if verdict == "mismatch":
            different.append("image hash")
    return Remeasured(
        same=same,
        not_plain=not_plain,
        different=tuple(different),
        image_hash=verdict,
        reader=reader,
    )


def _feed(digests: Digests, media: Reader, offset: int, length: int) -> None:
    while length > 0:
        data = media.read_at(offset, min(length, _BLOCK))
        if not data:
            raise EvidenceError(f"no bytes at {offset}")
        digests.update(data)
        offset += len(data)
        length -= len(data)
