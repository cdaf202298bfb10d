"""Mutate small images by the thousand and triage each: every run must end with its bundle.

    python benchmarks/mutate.py [KIND ...] [--count 10000] [--first 0] [--seconds N]
    python benchmarks/mutate.py ntfs --replay 4711 --keep mutant.raw

A mutant is made from a seed, `KIND/NUMBER`, and is the same on every machine. It is opened, divided
into volumes, walked, and every file in it read, by the engine and its locked workers. A mutated
file system stands beside a sound one whose finding must always be there: what a worker loses in the
first must not cost the second. APFS and HFS+ need images that are not part of this project: set
TRIAGE_SAMPLES.

Counted are: `ok` (exit 0), `incomplete` (3 or 4: said, nothing lost), `refused` (exit 1 with a
reason), `error` (an exception that nobody foresaw, in a worker), `crash`, `hang`, `memory` (each
contained: one problem, the rest intact) and `lost`, which must be 0.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import signal
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conftest import lines  # noqa: E402 - found through the path set above
from tests.hostile.fat import SECTOR, Fat  # noqa: E402
from tests.nursery import SharedNursery, shared_nursery  # noqa: E402
from triage import profile  # noqa: E402
from triage.bundle import verify  # noqa: E402
from triage.engine.options import Options, Silent  # noqa: E402
from triage.engine.records import finding_id  # noqa: E402
from triage.engine.start import run  # noqa: E402
from triage.errors import TriageError, WorkerError  # noqa: E402
from triage.profile import Limits  # noqa: E402

IMAGES = ROOT / "fixtures" / "images"
PLUGINS = ROOT / "tests" / "hostile" / "plugins"
LIMITS = Limits(
    entries=20_000,
    artifact_bytes=8 << 20,
    hashed_file_bytes=8 << 20,
    worker_memory_bytes=1 << 30,
    silent_seconds=5,
)
PROFILE = replace(profile.load(["quick"]), extractors=("hostile.*",), export="none", limits=LIMITS)
LONGEST = 120  # seconds for one run: beyond it the parent itself hangs

CONTAINED = {
    "worker_died": "crash",
    "worker_lied": "crash",
    "worker_hung": "hang",
    "out_of_memory": "memory",
    "worker_error": "error",
    "extractor_error": "error",
}
OUTCOMES = ("ok", "incomplete", "refused", "error", "crash", "hang", "memory", "lost")
SOUND = "sound"

Range = tuple[int, int]


# --- mutants ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is mutated. `structures` are the (offset, length) ranges worth most of the mutations."""

    name: str
    data: bytes
    structures: tuple[Range, ...]
    beside: bool  # a file system, put on a disk beside a sound one
    suffix: str = ".raw"
    reseal: Callable[[bytearray], None] | None = None  # make checksums fit again


def mutant(kind: Kind, number: int) -> bytes:
    """Return a mutant, the same for the same number everywhere."""
    chance = random.Random(f"{kind.name}/{number}")  # noqa: S311 - repeatable, not secret
    data = bytearray(kind.data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8, 24))):
        chance.choice((_flip, _flip, _field, _field, _field, _swap, _copy, _blank))(
            data, kind, chance
        )
    if kind.reseal is not None and chance.random() < 0.7:  # noqa: PLR2004 - most of them
        kind.reseal(data)
    if chance.random() < 0.03:  # noqa: PLR2004 - a few, or most would be refused for it
        cut = chance.randrange(len(data))
        data[cut:] = bytes(len(data) - cut) if kind.beside else b""
    return beside_a_sound_one(bytes(data)) if kind.beside else bytes(data)


def _place(kind: Kind, chance: random.Random, length: int) -> int:
    """Return an offset, most often in a structure and aligned to `length`."""
    start, size = chance.choice(kind.structures)
    if chance.random() < 0.15:  # noqa: PLR2004 - anywhere
        start, size = 0, len(kind.data)
    at = start + chance.randrange(max(1, size - length))
    if chance.random() < 0.8:  # noqa: PLR2004 - fields are aligned
        at -= at % length
    return min(at, len(kind.data) - length)


def _flip(data: bytearray, kind: Kind, chance: random.Random) -> None:
    data[_place(kind, chance, 1)] ^= chance.choice((1 << chance.randrange(8), 0xFF))


def _field(data: bytearray, kind: Kind, chance: random.Random) -> None:
    """Put a telling value where a size, an offset or a count may stand."""
    length = chance.choice((1, 2, 2, 4, 4, 8))
    at = _place(kind, chance, length)
    order = "big" if kind.name == "hfsplus" or chance.random() < 0.05 else "little"  # noqa: PLR2004
    before = int.from_bytes(data[at : at + length], order)  # type: ignore[arg-type]
    most = (1 << 8 * length) - 1
    telling = (0, 1, 2, most, most - 1, most >> 1, (most >> 1) + 1, chance.randrange(most + 1))
    near = (before + 1, before - 1, before * 2, before << 8, before >> 1)
    value = chance.choice((*telling, *near, len(data), len(data) // SECTOR))
    data[at : at + length] = (value & most).to_bytes(length, order)  # type: ignore[arg-type]


def _swap(data: bytearray, kind: Kind, chance: random.Random) -> None:
    size = chance.choice((32, 512, 1024, 4096))
    one, other = _place(kind, chance, size), _place(kind, chance, size)
    first, second = bytes(data[one : one + size]), bytes(data[other : other + size])
    data[one : one + size], data[other : other + size] = second, first


def _copy(data: bytearray, kind: Kind, chance: random.Random) -> None:
    size = chance.choice((16, 32, 512, 1024, 4096))
    source, target = _place(kind, chance, size), _place(kind, chance, size)
    data[target : target + size] = bytes(data[source : source + size])


def _blank(data: bytearray, kind: Kind, chance: random.Random) -> None:
    size = chance.choice((16, 512, 1024))
    at = _place(kind, chance, size)
    data[at : at + size] = bytes((chance.choice((0, 0xFF)),)) * size


def beside_a_sound_one(volume: bytes) -> bytes:
    """Return a disk with `volume` as p1 and a sound FAT volume with one known file as p2."""
    sound = Fat(sectors=128)
    other = sound.image([sound.file("known.txt", SOUND.encode())])
    first = 64
    second = first + -(-len(volume) // SECTOR)
    entries = ((0x07, first, second - first), (0x01, second, len(other) // SECTOR))
    table = b"".join(struct.pack("<4xB3xII", *entry) for entry in entries).ljust(64, b"\0")
    head = (bytes(446) + table + b"\x55\xaa").ljust(first * SECTOR, b"\0")
    return head + volume.ljust((second - first) * SECTOR, b"\0") + other


# --- what to mutate -----------------------------------------------------------------------------


def kinds(samples: Path | None) -> Iterator[Kind]:
    """Yield every kind whose image is there."""
    for name in ("ntfs", "ext4", "fat12", "fat16", "exfat", "iso9660"):
        data = gzip.decompress((IMAGES / f"{name}.raw.gz").read_bytes())
        yield Kind(name=name, data=data, structures=structures(name, data), beside=True)
    mbr = gzip.decompress((IMAGES / "mbr-extended.raw.gz").read_bytes())
    yield Kind(name="mbr", data=mbr, structures=_records(mbr), beside=False)
    gpt = gzip.decompress((IMAGES / "gpt.raw.gz").read_bytes())
    table = ((0, SECTOR), (SECTOR, 92), (2 * SECTOR, 1024), (len(gpt) - SECTOR, 92))
    yield Kind(name="gpt", data=gpt, structures=table, beside=False, reseal=_reseal_gpt)
    ewf = (IMAGES / "single.E01").read_bytes()
    yield Kind(
        name="e01",
        data=ewf,
        structures=tuple(_sections(ewf)),
        beside=False,
        suffix=".E01",
        reseal=_reseal_ewf,
    )
    for name in ("apfs", "hfsplus"):
        path = samples / "images" / f"{name}.raw" if samples else None
        if path is not None and path.is_file():
            data = path.read_bytes()
            yield Kind(name=name, data=data, structures=structures(name, data), beside=True)


def structures(name: str, data: bytes) -> tuple[Range, ...]:
    """Return where the structures of a file system lie: its head, and blocks with their marks."""
    marks = {
        "ntfs": (b"FILE", b"INDX", b"RCRD"),
        "hfsplus": (b"H+",),
        "iso9660": (b"\x01CD001", b"\x02CD001"),
    }.get(name, ())
    head = {"ext4": (1024, 3072), "iso9660": (32768, 8192), "hfsplus": (1024, 512)}
    found = [head.get(name, (0, SECTOR))] * 2
    held = [at for at in range(0, len(data) - SECTOR, SECTOR) if any(data[at : at + SECTOR])]
    for at in held:
        block = data[at : at + SECTOR]
        if any(block.startswith(mark) for mark in marks):
            found += [(at, 1024)] * 2
    if name == "apfs":  # every object has its type behind its checksum
        found += [(at - at % 4096, 4096) for at in held if at % 4096 == 0]
    if name not in {"ntfs", "apfs"}:
        # Tables and directories: what is neither empty nor noise.
        found += [(at, SECTOR) for at in held if len(set(data[at : at + SECTOR])) < 160]  # noqa: PLR2004
    return tuple(found)


def _records(data: bytes) -> tuple[Range, ...]:
    """Return the tables of all boot records, and the head of each file system."""
    marked = [at for at in range(0, len(data), SECTOR) if data[at + 510 : at + 512] == b"\x55\xaa"]
    return tuple((at + 446, 66) for at in marked) + tuple((at, 64) for at in marked)


def _reseal_gpt(data: bytearray) -> None:
    """Let the checksums of both GPT headers fit; entries where the header says they are."""
    for at in (SECTOR, len(data) - SECTOR):
        header = bytes(data[at : at + 92])
        if len(header) < 92 or header[:8] != b"EFI PART":  # noqa: PLR2004 - UEFI 5.3.2
            continue
        start, count, size = struct.unpack_from("<QII", header, 72)
        if count * size < len(data):
            entries = data[start * SECTOR : start * SECTOR + count * size]
            struct.pack_into("<I", data, at + 88, zlib.crc32(entries))
        struct.pack_into("<I", data, at + 16, 0)
        struct.pack_into("<I", data, at + 16, zlib.crc32(data[at : at + 92]))


def _sections(data: bytes) -> Iterator[Range]:
    """Yield the descriptors of an E01 segment, and the bodies of the short sections."""
    at = 13
    while True:
        kind, following, _ = struct.unpack_from("<16sQQ", data, at)
        yield at, 76
        yield at, 76
        name = kind.rstrip(b"\0")
        if name != b"sectors" and following > at + 76:
            yield at + 76, min(following - at - 76, 1052)
        if name in {b"done", b"next"}:
            return
        at = following


def _reseal_ewf(data: bytearray) -> None:
    """Let the Adler-32 of descriptors, volume, tables and hashes fit, as far as they are found."""
    at = 13
    for _ in range(64):
        if at + 76 > len(data):
            return
        kind, following, _ = struct.unpack_from("<16sQQ", data, at)
        _adler(data, at, 72)
        name, body = kind.rstrip(b"\0"), at + 76
        sizes = {b"volume": 1048, b"data": 1048, b"disk": 1048, b"hash": 32, b"digest": 76}
        if name in sizes:
            _adler(data, body, sizes[name])
        elif name in {b"table", b"table2"}:
            _adler(data, body, 20)
            (count,) = struct.unpack_from("<I", data, body) if body + 4 <= len(data) else (0,)
            _adler(data, body + 24, 4 * count)
        if following <= at:
            return
        at = following


def _adler(data: bytearray, start: int, length: int) -> None:
    if start + length + 4 <= len(data):
        checksum = zlib.adler32(data[start : start + length])
        struct.pack_into("<I", data, start + length, checksum)


# --- runs ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What came of the mutants of one kind."""

    counts: Counter[str] = field(default_factory=Counter)
    told: list[tuple[int, str, str]] = field(default_factory=list)  # number, outcome, why

    def add(self, number: int, outcome: str, why: str) -> None:
        """Count one; keep what was not clean."""
        self.counts[outcome] += 1
        if outcome not in {"ok", "incomplete", "refused"}:
            self.told.append((number, outcome, why))


class ParentHung(Exception):  # noqa: N818 - raised by the alarm, caught two lines below
    """One run took longer than all its limits together."""


class _Clock:
    """Ticks once a second while this process may run: time when it is stopped does not count."""

    def __init__(self) -> None:
        self._ticks = 0

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._tick)
        signal.setitimer(signal.ITIMER_REAL, 1, 1)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _tick(self, *_: object) -> None:
        self._ticks += 1
        if self._ticks > LONGEST:
            raise ParentHung


def examine(kind: Kind, number: int, folder: Path, nursery: SharedNursery) -> tuple[str, str]:
    """Triage one mutant; return the outcome and, unless it is clean, why."""
    path, bundle = folder / f"mutant{kind.suffix}", folder / "bundle"
    path.write_bytes(mutant(kind, number))
    options = Options(
        image=path,
        output=bundle,
        profile=PROFILE,
        plugins=str(PLUGINS),
        allow_incomplete=number % 2 == 1,
    )
    try:
        with _Clock():
            result = run(options, Silent(), lambda _: ())
    except WorkerError as error:
        return "lost", f"{error.message} {nursery.crashed}"
    except TriageError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - exactly what is looked for
        return "lost", f"{type(error).__name__}: {error}"
    return _judged(kind, bundle, int(result.exit_code), nursery.crashed)


def _judged(kind: Kind, bundle: Path, code: int, crashed: Sequence[int]) -> tuple[str, str]:
    if not verify(bundle, finding_id=finding_id).intact:
        return "lost", "the bundle is not intact"
    data = bundle / "data"
    values = [line["value"] for line in lines(data / "findings.jsonl")]
    if kind.beside and SOUND not in {value.get("host") for value in values}:
        return "lost", f"the finding of the sound volume, {_problems(data, crashed)}"
    failed = [line for line in lines(data / "problems.jsonl") if line["code"] in CONTAINED]
    if not failed:
        # A worker that dies once and not again leaves no problem: the second try did it.
        return ("incomplete" if code else "ok"), ""
    why = _problems(data, crashed)
    named = {(line["volume"], line["path"], line["address"], line["extractor"]) for line in failed}
    if len(named) != len(failed):
        return "lost", f"one failure is told twice: {why}"
    allocated = [line for line in lines(data / "coverage.jsonl") if line["reason"] in CONTAINED]
    if len(allocated) != len(failed) or (any(line["counts"] for line in allocated) and not code):
        return "lost", f"a failure is not in coverage: {why}"
    ranks = [OUTCOMES.index(CONTAINED[line["code"]]) for line in failed]
    return OUTCOMES[max(ranks)], why


def _problems(data: Path, crashed: Sequence[int]) -> str:
    told = Counter(
        f"{line['code']} {line['extractor'] or 'walk'} {line['text']}"
        for line in lines(data / "problems.jsonl")
        if line["code"] in CONTAINED
    )
    told.update(f"signal {number}" for number in crashed)
    return "; ".join(f"{count}x {text}" for text, count in told.most_common(4))


def campaign(kind: Kind, numbers: Sequence[int], *, until: float = float("inf")) -> Tally:
    """Triage mutants one after the other; stop early when the clock passes `until`."""
    tally = Tally()
    memory = Path("/dev/shm")  # noqa: S108 - no file of another user is followed
    place: Any = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with shared_nursery(str(PLUGINS)) as nursery:
        for number in numbers:
            if time.monotonic() > until:
                break
            with tempfile.TemporaryDirectory(dir=place) as name:
                tally.add(number, *examine(kind, number, Path(name), nursery))
    return tally


def _told(kind: str, tally: Tally) -> None:
    total = sum(tally.counts.values())
    cells = "".join(f"{tally.counts[outcome]:>11,}" for outcome in OUTCOMES)
    print(f"{kind:<9}{total:>8,}{cells}", flush=True)
    for number, outcome, why in tally.told:
        print(f"    {kind}/{number} {outcome}: {why}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign and print a line for each kind; exit 1 when a run was lost."""
    folder = os.environ.get("TRIAGE_SAMPLES")
    known = {kind.name: kind for kind in kinds(Path(folder) if folder else None)}
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(known))
    parser.add_argument("--count", type=int, default=10_000, help="mutants of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--seconds", type=float, help="stop a kind after this time")
    parser.add_argument("--replay", type=int, metavar="NUMBER", help="only this mutant")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="with --replay: write it here")
    given = parser.parse_args(arguments)
    unknown = set(given.kinds) - set(known)
    if unknown:
        parser.error(f"no image of {', '.join(sorted(unknown))}")
    chosen = [known[name] for name in given.kinds or known]
    if given.replay is not None:
        if given.keep:
            given.keep.write_bytes(mutant(chosen[0], given.replay))
        numbers: Sequence[int] = [given.replay]
    else:
        numbers = range(given.first, given.first + given.count)
    print(f"{'':<9}{'mutants':>8}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES), flush=True)
    lost = 0
    for kind in chosen:
        until = time.monotonic() + given.seconds if given.seconds else float("inf")
        tally = campaign(kind, numbers, until=until)
        _told(kind.name, tally)
        lost += tally.counts["lost"]
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
