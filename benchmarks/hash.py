"""Hash the media of an E01: all three digests and every chunk checksum against `ewfverify`.

`python benchmarks/hash.py IMAGE.E01` prints seconds of all in the same run and the ratio, beside a
mere loop of pyewf that reads the media and hashes nothing. `walk.py --keep FOLDER` builds images.
The target is 0.9: three digests and checksums in less time than ewfverify needs for MD5.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

import pyewf

from triage.evidence.image import open_image
from triage.hashing import MEDIA_ALGORITHMS, ParallelDigests

_BLOCK = 1 << 22  # as the worker does


def ours(path: Path, algorithms: tuple[str, ...]) -> float:
    """Return the seconds that hashing the media takes."""
    begun = time.perf_counter()
    with open_image(path) as image, ParallelDigests(algorithms) as digests:
        for offset in range(0, image.size, _BLOCK):
            digests.update(image.read_at(offset, _BLOCK))
        digests.hex()
    return time.perf_counter() - begun


def peer(path: Path) -> float:
    """Return the seconds that ewfverify takes."""
    begun = time.perf_counter()
    subprocess.run(["ewfverify", "-q", path], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def loop(path: Path) -> float:
    """Return the seconds that pyewf takes to read the media, without a digest."""
    begun = time.perf_counter()
    handle = pyewf.handle()
    handle.open(pyewf.glob(str(path)))
    for _ in range(0, handle.get_media_size(), _BLOCK):
        handle.read(_BLOCK)
    handle.close()
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    best_peer = min(peer(options.image) for _ in range(options.runs))
    print(f"ewfverify (MD5)            {best_peer:7.2f} s")
    print(f"pyewf, no digest           {loop(options.image):7.2f} s")
    for algorithms in (MEDIA_ALGORITHMS, ("md5",)):
        best = min(ours(options.image, algorithms) for _ in range(options.runs))
        print(f"{'+'.join(algorithms):26} {best:7.2f} s   ratio {best / best_peer:.2f}")


if __name__ == "__main__":
    main()
