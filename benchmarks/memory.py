"""The memory of a process and all that it started, as the sum of PSS. Linux only."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

EVERY = 0.1  # seconds between two looks


def watched(run: subprocess.Popen[bytes]) -> int:
    """Wait for a process; return the largest sum of PSS that was seen, in bytes."""
    peak = 0
    while run.poll() is None:
        peak = max(peak, sum(map(_pss, _tree(run.pid))))
        time.sleep(EVERY)
    return peak


def _tree(root: int) -> list[int]:
    """Return a process and all that it started, and they."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(status[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
