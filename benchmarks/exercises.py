"""Whether every exercise can be solved: build, run and grade each scenario over some seeds.

    python benchmarks/exercises.py [SCENARIO ...] [--seeds 10] [--jobs 2]

Each image is run with the profile that the scenario names and graded against the key of the same
build. Printed are points and precision of the tool, what it missed that the key does not call a
known miss, decoys that it took for real, and seconds. Exits with 1 when a seed gave less than full
marks: then a scenario, a maker or an extractor is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from triage.training import scenario
from triage.training.build import build
from triage.training.publish import publish

TRIAGE = (sys.executable, "-m", "triage")


def solved(name: str, seed: str, folder: Path, jobs: int) -> bool:
    """Build, run and grade one exercise; print a line and return whether it got full marks."""
    read, begun = scenario.load(name), time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        built = build(read, seed)
        publish(built, folder / "made", format_="e01", answers=True, passphrase=None)
    middle = time.monotonic()
    bundles = []
    for image in read.images:
        bundle = folder / f"{image.name}.bundle"
        command = [*TRIAGE, "run", folder / "made" / f"{image.name}.E01", "-o", bundle]
        command += ["--profile", read.profile, "--jobs", str(jobs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"{name} {seed}: {image.name} ended with {done.returncode}: {done.stderr[-200:]}")
            return False
        bundles.append(bundle)
    key = folder / "made" / "truth.json"
    command = [*TRIAGE, "train", "grade", *bundles, "--key", key, "--format", "json"]
    graded = subprocess.run(command, capture_output=True, check=True)
    (grade,) = json.loads(graded.stdout)["grades"]
    wrong = [*grade["missed"], *grade["wrong"], *grade["decoys"]]
    spent = f"built in {middle - begun:.1f} s, run in {time.monotonic() - middle:.1f} s"
    print(f"{name:15} {seed:8} {grade['points']:>3} of {grade['of']:>3}  {spent}  {wrong or ''}")
    return not wrong and grade["points"] == grade["of"]


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenarios", nargs="*", default=scenario.shipped())
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    whole = True
    for name in asked.scenarios:
        for number in range(asked.seeds):
            with tempfile.TemporaryDirectory() as folder:
                whole &= solved(name, f"seed-{number}", Path(folder), asked.jobs)
            sys.stdout.flush()
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
