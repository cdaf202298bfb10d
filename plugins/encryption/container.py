"""Container files: volumes of LUKS in a file, and files that are random from end to end.

VeraCrypt, TrueCrypt and plain dm-crypt leave no header: a container is random bytes, and nothing
tells it from other random bytes. What is told here is that: a file of whole sectors, at least
256 KiB (the smallest container of VeraCrypt has 292), whose first 4 KiB and 64 samples of 4 KiB
from all of it have the counts of random bytes (chi-square), and that does not begin like a
compressed file. Written from the documentation of VeraCrypt 1.26 and LUKS, for any system; tested
with random data and with ordinary files: how often it is wrong stands in docs/false-positives.md.
Not read: what is inside; containers that are a disk or a partition (`encryption.volume`).
References: veracrypt.io, "VeraCrypt Volume Format Specification"; LUKS1 On-Disk Format 1.2.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    EncryptionContainer,
    Header,
    Protection,
    RandomBytes,
    Reader,
    Sensitivity,
    Shows,
    extractor,
)
from triage.formats.randomness import RANDOM, chi_square, compressed

_SAMPLES, _SAMPLE = 64, 4096
_HEAD, _SECTOR = 4096, 512
_LUKS = b"LUKS\xba\xbe"
_LEAST = RandomBytes().least


@extractor(
    name="encryption.container.file",
    paths=(
        # VeraCrypt 1.x and TrueCrypt 4 to 7 suggest these endings, on any system
        "**/*.{hc,tc}",
        # what people call files for cryptsetup, Linux
        "**/*.luks",
    ),
    content=(
        Header(_LUKS + b"\x00\x01"),  # cryptsetup, any version
        Header(_LUKS + b"\x00\x02"),  # cryptsetup 2.0 and later
        RandomBytes(),  # VeraCrypt, TrueCrypt, any system
    ),
    yields=(EncryptionContainer,),
)
def file(artifact: Artifact) -> Iterator[EncryptionContainer]:
    """List container files: LUKS with its header, and files that are random throughout."""
    reader = artifact.open()
    head = artifact.head(_HEAD)
    if head.startswith(_LUKS):
        version = int.from_bytes(head[6:8], "big")
        label = head[24:72].split(b"\0")[0].decode("utf-8", "replace") if version != 1 else ""
        # Both versions name a hash here; eight bytes of magic alone can begin any file.
        whole = head[72:104].rstrip(b"\0").replace(b"-", b"").isalnum()
        yield EncryptionContainer(
            scheme=f"luks{version}",
            size=reader.size,
            label=label or None,
            shows=Shows.PRESENT,
            confidence=Confidence.CONFIRMED if whole else Confidence.POSSIBLE,
            checks=("header",) if whole else ("first eight bytes",),
            protection=Protection.ENCRYPTED,
            sensitivity=Sensitivity.PUBLIC,
        )
        return
    if reader.size < _LEAST or reader.size % _SECTOR or compressed(head):
        return
    told = _told(reader)
    if told is None:
        return
    sampled, value = told
    named = artifact.path.lower().endswith((".hc", ".tc"))
    checks = ("whole sectors", "chi-square of the first 4 KiB", "chi-square of samples")
    yield EncryptionContainer(
        scheme="headerless",
        size=reader.size,
        sampled_bytes=sampled,
        chi_square=value,
        shows=Shows.PRESENT,
        confidence=Confidence.PROBABLE if named else Confidence.POSSIBLE,
        checks=(*checks, "name") if named else checks,
        protection=Protection.ENCRYPTED,
        sensitivity=Sensitivity.PUBLIC,
    )


def _told(reader: Reader) -> tuple[int, int] | None:
    """Return how many bytes were looked at and their chi-square; None: they are not random."""
    last = reader.size - _SAMPLE
    places = sorted({last * number // (_SAMPLES - 1) // 512 * 512 for number in range(_SAMPLES)})
    samples = []
    for place in places:
        samples.append(reader.read_at(place, _SAMPLE))
        # One place with structure is enough, and nearly all others are told by the first ones.
        if chi_square(samples[-1:]) not in _ONE_OF_MANY:
            return None
    value = chi_square(samples)
    return (sum(map(len, samples)), value) if value in RANDOM else None


_ONE_OF_MANY = range(130, 400)  # for each of 64 samples: one random file in 10,000 is missed
