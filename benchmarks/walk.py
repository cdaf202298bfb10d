"""How fast a file system is listed, against The Sleuth Kit's `fls` in the same run.

    python benchmarks/walk.py [FS ...] [--files 300000] [--rounds 3] [--keep FOLDER] [--fast]

Builds an NTFS, a FAT32, an exFAT and an ext4 image of many small files (mkntfs and wimapply,
mkfs.fat and mcopy, mkfs.exfat and a writer of our own, mke2fs -d), raw and as E01 (ewfacquire),
and lists each by turns with `fls` (raw: -r -p -m /, E01: -r) and with us: the whole index, with the
patterns of all built-in extractors matched. Both are measured as wall clock and CPU seconds of the
best round; ours without the start of the interpreter, which a worker does once. Only the ratios
mean something on another machine. Needs as much space as 5 KiB a file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import exfat_writer

IN_A_FOLDER = 200
FOLDERS_BESIDE = 50
BYTES_A_FILE = 4900
MEMORY_UNIT = 1024  # bytes of ru_maxrss on Linux


def main() -> None:
    """Build, list, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("filesystems", nargs="*", metavar="FS", help=", ".join(BUILDERS))
    parser.add_argument("--fast", action="store_true", help="leave out --walker tsk")
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="build here and use again what is there")
    parser.add_argument(
        "--list", nargs=3, metavar=("IMAGE", "FS", "WALKER"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.list:
        image, filesystem, walker = options.list
        print(json.dumps(listed(Path(image), filesystem, walker)))
    elif options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        compare(options.keep, options)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), options)


def listed(image: Path, filesystem: str, walker: str) -> dict[str, float]:
    """List one image in this process."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from triage import registry  # noqa: PLC0415 - only this process needs the project
    from triage.evidence.image import open_image  # noqa: PLC0415
    from triage.evidence.patterns import PatternSet  # noqa: PLC0415
    from triage.evidence.tree import walk  # noqa: PLC0415
    from triage.evidence.volumes import volumes  # noqa: PLC0415
    from triage.evidence.walker import open_tree  # noqa: PLC0415
    from triage.model import Walker  # noqa: PLC0415

    patterns = [path for e in registry.load("none").entries for path in e.extractor.paths]
    compiled = PatternSet(patterns)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_image(image) as media:
        volume = next(v for v in volumes(media) if v.filesystem == filesystem)
        start, cpu = time.perf_counter(), time.process_time()
        found = walk(open_tree(media, volume, Walker(walker)), compiled, max_entries=10**8)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall": wall,
        "cpu": cpu,
        "entries": found.entries,
        "patterns": len(patterns),
        "block": len(found.block),
        "before": before * MEMORY_UNIT,
        "peak": peak * MEMORY_UNIT,
    }


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Print a line for each image and walker."""
    print(
        f"{'image':<10} {'walker':<6} {'entries':>8} {'fls':>7} {'ours':>7} {'ratio':>6} {'CPU':>6}"
    )
    memory = []
    for filesystem in options.filesystems or BUILDERS:
        raw = folder / f"{filesystem}.raw"
        if not raw.exists():
            BUILDERS[filesystem](folder, raw, options.files)
        for image in (raw, ewf(raw)):
            peer = ["fls", "-r", "-p", "-m", "/"] if image == raw else ["fls", "-r"]
            for walker in ("auto",) if options.fast else ("auto", "tsk"):
                theirs, ours = [], []
                for _ in range(options.rounds):
                    theirs.append(timed([*peer, str(image)]))
                    ours.append(own(image, filesystem, walker))
                wall, cpu = (min(number) for number in zip(*theirs, strict=True))
                our_wall, our_cpu = min(o["wall"] for o in ours), min(o["cpu"] for o in ours)
                entries = int(ours[0]["entries"])
                print(
                    f"{image.name:<10} {walker:<6} {entries:>8} {wall:>6.2f}s {our_wall:>6.2f}s"
                    f" {our_wall / wall:>5.2f}x {our_cpu / cpu:>5.2f}x",
                    flush=True,
                )
                memory.append((image.name, walker, ours[0]))
    print(f"\n{'image':<10} {'walker':<6} {'index':>15} {'process':>9} {'above the start':>16}")
    for name, walker, run in memory:
        print(
            f"{name:<10} {walker:<6} {run['block'] / run['entries']:>7.0f} B/entry"
            f" {run['peak'] / 1e6:>6.0f} MB {(run['peak'] - run['before']) / 1e6:>13.0f} MB"
        )
    print(f"\n{int(memory[0][2]['patterns'])} patterns")


def timed(command: list[str]) -> tuple[float, float]:
    """Return wall clock and CPU seconds of a command whose output goes nowhere."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def own(image: Path, filesystem: str, walker: str) -> dict[str, float]:
    """List an image in a process of its own."""
    command = [sys.executable, __file__, "--list", str(image), filesystem, walker]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def tree(folder: Path, files: int) -> Path:
    """Make the files, of which every third has content."""
    root = folder / "tree"
    if root.exists():
        return root
    chance = random.Random(1)  # noqa: S311 - the same files every time
    for number in range(files):
        place, within = divmod(number, IN_A_FOLDER)
        home = root / "Users" / f"u{place % 7}" / f"dir{place % FOLDERS_BESIDE}" / f"sub{place}"
        if within == 0:
            home.mkdir(parents=True)
        size = chance.randrange(50, 3000) if number % 3 == 0 else 0
        name = f"file_{within:04d}_{chance.randrange(10**6)}.txt"
        (home / name).write_bytes(chance.randbytes(size))
    return root


def media(image: Path, files: int) -> None:
    """Make an empty image that is large enough."""
    with image.open("wb") as stream:
        stream.truncate((files * BYTES_A_FILE + (64 << 20)) >> 20 << 20)


def ntfs(folder: Path, image: Path, files: int) -> None:
    """Build an NTFS image."""
    source, archive = tree(folder, files), folder / "tree.wim"
    media(image, files)
    for command in (
        ["mkntfs", "-q", "-f", "-F", str(image)],
        ["wimcapture", str(source), str(archive), "--compress=none"],
        ["wimapply", str(archive), str(image)],
    ):
        subprocess.run(command, capture_output=True, check=True)
    archive.unlink()


def fat32(folder: Path, image: Path, files: int) -> None:
    """Build a FAT32 image."""
    source = tree(folder, files)
    media(image, files)
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "1", str(image)], capture_output=True, check=True)
    command = ["mcopy", "-s", "-Q", "-i", str(image), str(source / "Users"), "::/"]
    subprocess.run(command, check=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})


def exfat(folder: Path, image: Path, files: int) -> None:
    """Build an exFAT image."""
    source = tree(folder, files)
    media(image, files)
    subprocess.run(["mkfs.exfat", "-c", "512", str(image)], capture_output=True, check=True)
    exfat_writer.write(image, source)


def ext4(folder: Path, image: Path, files: int) -> None:
    """Build an ext4 image."""
    source = tree(folder, files)
    media(image, files)
    inodes = str(files + files // 50 + 1000)
    command = ["mke2fs", "-q", "-t", "ext4", "-N", inodes, "-d", str(source), str(image)]
    subprocess.run(command, check=True)


BUILDERS = {"ntfs": ntfs, "fat32": fat32, "exfat": exfat, "ext4": ext4}


def ewf(raw: Path) -> Path:
    """Acquire an image as E01."""
    target = raw.with_suffix(".E01")
    if not target.exists():
        command = ["ewfacquire", "-u", "-q", "-c", "deflate:fast", "-f", "encase6", "-S", "1EiB"]
        command += ["-t", str(target.with_suffix("")), str(raw)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return target


if __name__ == "__main__":
    main()
