"""Build exfat-*.raw.xz: volumes on which the FUSE driver made, renamed and deleted much.

    sudo python tests/evidence/images/build_exfat.py [--seed 1] [--to FOLDER]

Invented data; no real person. What is in them comes from a seeded chance: directories of many
clusters that lie apart, sets of entries that end in another cluster, deleted names, directories
and their content. Needs root, loop devices, exfat-fuse and exfatprogs (Debian 12). Bytes differ
from run to run in times and the serial number; the differential test does not mind.
"""

# ruff: noqa: S311 - repeatable, not secret

from __future__ import annotations

import argparse
import contextlib
import lzma
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
STEPS = 500
VOLUMES = {"exfat-512": (4, "512"), "exfat-4k": (8, "4096"), "exfat-32k": (16, "32768")}
NAMES = ("Größe Привет", "😀 face", "...three", " space", "n" * 200, "a.b.c", "é" * 100)


def main() -> None:
    """Build all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, default=HERE)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name, (size, cluster) in VOLUMES.items():
        chance = random.Random(f"{name}/{options.seed}")
        with tempfile.TemporaryDirectory() as folder:
            image, root = Path(folder) / "image", Path(folder) / "root"
            root.mkdir()
            with image.open("wb") as stream:
                stream.truncate(size << 20)
            run("mkfs.exfat", "-c", cluster, "-L", "TRAINING", image)
            for _ in range(2):
                with mounted(image, root):
                    busy(root, chance)
            packed = lzma.compress(image.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
            (options.to / f"{name}.raw.xz").write_bytes(packed)


def run(*command: str | Path) -> str:
    """Run a tool and return what it says; raises CalledProcessError."""
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextlib.contextmanager
def mounted(image: Path, root: Path) -> Iterator[None]:
    """Mount a volume for a while."""
    device = run("losetup", "--find", "--show", image)
    try:
        run("mount.exfat-fuse", device, root)
        try:
            yield
        finally:
            run("umount", root)
            run("sync")
    finally:
        run("losetup", "--detach", device)


def busy(root: Path, chance: random.Random) -> None:
    """Make, rename and delete."""
    for _ in range(STEPS):
        with contextlib.suppress(OSError):  # there is one, there is none, no space is left
            step(root, chance)


def step(root: Path, chance: random.Random) -> None:
    """Do one thing."""
    every = sorted(root.rglob("*"))
    folders = [root, root, *(path for path in every if path.is_dir())]
    files = [path for path in every if path.is_file()]
    odd = chance.random() < 0.1
    name = chance.choice(NAMES) if odd else f"file {chance.randrange(10**5)} of this folder.txt"
    path, kind = chance.choice(folders[:9]) / name, chance.random()
    if kind < 0.55:
        path.write_bytes(b"content " * chance.choice((0, 1, 20, 300)))
    elif kind < 0.66:
        path.with_suffix("").mkdir()
    elif kind < 0.76 and files:
        chance.choice(files).rename(path)
    elif kind < 0.96 and files:
        chance.choice(files).unlink()
    elif len(folders) > 7:
        shutil.rmtree(chance.choice(folders[4:]))


if __name__ == "__main__":
    main()
