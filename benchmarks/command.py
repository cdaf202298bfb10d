"""The whole `triage run --profile quick --no-hash`, report and bundle included, against `fls -r`.

    python benchmarks/command.py IMAGE ... [--jobs 2] [--jobs 1] [--rounds 3]

Takes turns with `fls` over images that `walk.py --keep FOLDER` has built, and prints wall clock and
CPU seconds of the best round as ratios, and the largest sum of PSS over all processes of the run.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import watched


def main() -> None:
    """Run by turns, print a line for each image and number of workers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    parser.add_argument("--jobs", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'image':<12} {'jobs':>4} {'fls':>7} {'ours':>7} {'ratio':>6} {'CPU':>6} {'PSS':>7}")
    for image in options.images:
        for jobs in options.jobs or [2, 1]:
            theirs, ours, peak = [], [], 0
            for _ in range(options.rounds):
                theirs.append(timed(["fls", "-r", str(image)])[:2])
                with tempfile.TemporaryDirectory() as folder:
                    *spent, memory = timed(command(image, Path(folder) / "bundle", jobs))
                ours.append(spent)
                peak = max(peak, int(memory))
            wall, cpu = (min(number) for number in zip(*theirs, strict=True))
            our_wall, our_cpu = (min(number) for number in zip(*ours, strict=True))
            line = f"{image.name:<12} {jobs:>4} {wall:>6.2f}s {our_wall:>6.2f}s"
            line += f" {our_wall / wall:>5.2f}x {our_cpu / cpu:>5.2f}x {peak / 1e6:>4.0f} MB"
            print(line, flush=True)


def command(image: Path, bundle: Path, jobs: int) -> list[str]:
    """Return the command that is measured."""
    run = [sys.executable, "-m", "triage", "run", str(image), "-o", str(bundle)]
    return [*run, "--profile", "quick", "--no-hash", "--jobs", str(jobs)]


def timed(command: list[str]) -> tuple[float, float, float]:
    """Return wall clock and CPU seconds of a command, and its largest sum of PSS in bytes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = watched(run)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in {0, 3}:
        raise SystemExit(f"{command[0]} ended with {run.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, peak


if __name__ == "__main__":
    main()
