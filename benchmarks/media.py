"""Write a volume of many files, against the tools that make such volumes; then as E01.

`python benchmarks/media.py` prints CPU seconds of both and their ratio. The peers are given the
files as a folder: `mke2fs -d` for ext4, `mkfs.fat` and `mcopy` for FAT32, and `ewfacquire` at its
fast compression for the E01. For exFAT and NTFS no tool fills a volume without mounting it.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from triage.training.media import Disk, Entry, Filesystem, Volume, write_e01, write_raw

_MIB = 1 << 20
_START = 1_709_539_200 * 10**9
_WORD = hashlib.sha256(b"benchmark").digest() * 128  # 4 KiB


def entries(count: int) -> tuple[Entry, ...]:
    """Return files of 0 to 63 KiB in folders of a hundred."""
    return tuple(
        Entry(
            path=f"/folder {number // 100:03}/file number {number:05}.bin",
            content=_WORD * (number % 16),
            created=_START + number * 10**9,
            modified=_START + number * 10**9,
            accessed=_START + number * 10**9,
            changed=_START + number * 10**9,
        )
        for number in range(count)
    )


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of `work`, children included."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    begun = spent()
    work()
    return spent() - begun


def run(*command: str | Path) -> None:
    """Run a tool quietly."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--size", type=int, default=256, help="MiB")
    options = parser.parse_args()
    files = entries(options.files)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for one in files:
            place = folder / "tree" / one.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(one.content or b"")
        for filesystem in ("fat32", "exfat", "ntfs", "ext4"):
            measure(folder, filesystem, files, options.size * _MIB)


def measure(folder: Path, filesystem: Filesystem, files: tuple[Entry, ...], size: int) -> None:
    """Print a line for the raw image, and one for the E01."""
    volume = Volume(filesystem=filesystem, label="BENCH", size=size, serial=1, entries=files)
    disk = Disk(scheme="none", volumes=(volume,), signature=1)
    raw, e01, other = (folder / f"{filesystem}.{end}" for end in ("raw", "E01", "other"))
    texts = {"case": "1", "evidence": "1", "examiner": "none", "notes": "none"}
    ours = cpu(lambda: write_raw(disk, raw))
    packed = cpu(lambda: write_e01(disk, e01, **texts, when=_START))
    tree = folder / "tree"
    with other.open("wb") as file:
        file.truncate(size)
    match filesystem:
        case "ext4":
            peer = cpu(lambda: run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, other))
        case "fat32":
            peer = cpu(lambda: run("mkfs.fat", "-F", "32", other))
            peer += cpu(lambda: run("mcopy", "-s", "-i", other, *sorted(tree.iterdir()), "::/"))
        case _:
            peer = 0.0
    acquired = cpu(
        lambda: run("ewfacquire", "-u", "-q", "-c", "fast", "-S", "1.4GiB", "-t", other, raw)
    )
    ratio = f"{ours / peer:5.2f} of {peer:.2f} s" if peer else "no peer"
    print(f"{filesystem:6} raw {ours:6.2f} s  {ratio}")
    print(f"{filesystem:6} E01 {packed:6.2f} s  {packed / acquired:5.2f} of {acquired:.2f} s")


if __name__ == "__main__":
    main()
