"""What a batch costs against plain runs, one after the other, of the same drives.

    python benchmarks/batch.py IMAGE [--drives 8] [--profile standard] [--cluster]

Every drive is a link to IMAGE. Measured by turns, wall clock: `triage run --jobs 1` for one drive
after the other; `triage batch` with one worker process; `triage batch --images N` with N the
number of cores; the same again with `--resume`, when all is finished and only verified; with
`--cluster`, on a Dask scheduler with N workers of one thread each on this machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CORES = os.cpu_count() or 1


def main() -> None:
    """Link, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image", type=Path)
    parser.add_argument("--drives", type=int, default=8)
    parser.add_argument("--profile", default="standard")
    parser.add_argument("--cluster", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drives = [folder / f"{number}{options.image.suffix}" for number in range(options.drives)]
        for drive in drives:
            drive.symlink_to(options.image.resolve())
        compare(folder, drives, options.profile, cluster=options.cluster)


def compare(folder: Path, drives: list[Path], profile: str, *, cluster: bool) -> None:
    """Print a line for each way."""
    given = ["--profile", profile]
    plain = timed(
        ["run", str(drive), "-o", str(folder / f"{drive.stem}.bundle"), "--jobs", "1", *given]
        for drive in drives
    )
    each = plain / len(drives)
    print(f"{len(drives)} plain runs, one after the other: {plain:.1f} s, {each:.2f} s each")
    batch = ["batch", *map(str, drives), *given]
    ways = {
        "batch": [*batch, "--jobs", "1"],
        f"batch --images {CORES}": [*batch, "--images", str(CORES), "--jobs", "1"],
    }
    for name, command in ways.items():
        out = folder / "out"
        told(name, timed([[*command, "-o", str(out)]]), plain)
        if "--images" in name:
            told(f"{name} --resume", timed([[*command, "-o", str(out), "--resume"]]), plain)
        shutil.rmtree(out)
    if cluster:
        with scheduler(folder) as address:
            command = [*batch, "--jobs", "1", "--scheduler", address, "-o", str(folder / "out")]
            told(f"batch --scheduler, {CORES} workers", timed([command]), plain)


def told(name: str, seconds: float, plain: float) -> None:
    """Print how a way compares with plain runs."""
    print(f"{name:<36} {seconds:>7.1f} s  {plain / seconds:>5.2f} times as fast", flush=True)


def timed(commands: Iterator[list[str]] | list[list[str]]) -> float:
    """Return the seconds that commands take one after the other; exit code 3 is well."""
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "triage", *command], capture_output=True, check=False
        )
        if done.returncode not in (0, 3):
            raise SystemExit(done.stderr.decode())
    return time.perf_counter() - start


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """Start a scheduler with a worker for each core."""
    with ExitStack() as stack:

        def start(name: str, *arguments: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", f"distributed.cli.{name}", *arguments, "--no-dashboard"],
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    env={**os.environ, "DASK_TEMPORARY_DIRECTORY": str(folder)},
                )
            )
            stack.callback(process.kill)
            return process

        served = start("dask_scheduler", "--host=127.0.0.1", "--port=0", "--no-show")
        address = after(served, "Scheduler at:").rpartition(" ")[2].strip()
        workers = [start("dask_worker", address, "--nthreads=1") for _ in range(CORES)]
        for worker in workers:
            after(worker, "Starting established connection")
        yield address


def after(process: subprocess.Popen[str], text: str) -> str:
    """Return the line in which a process says something."""
    for line in process.stderr or ():
        if text in line:
            return line
    raise SystemExit(f"never said: {text}")


if __name__ == "__main__":
    main()
