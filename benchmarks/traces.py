"""What traces of programs cost: a change journal of a million records, a large SOFTWARE hive.

    python benchmarks/traces.py [--records 1000000] [--hive-mb 500] [--rounds 3]
        [--patience 1800]

Both are built in a temporary folder; the hive is keys of `Classes`, as the largest part of a real
one is, around a list of installed programs. Each is read by the extractor that asks for it, in a
child process, over memory-mapped bytes. Wall clock and CPU seconds of the best round, and by how
much the child's memory grew, file pages apart. The peers are SHA-256 over the same bytes in the
same run, as no reader can be faster than reading, and plaso's `log2timeline` with the one parser
that fits, where it is on the PATH; it reads a change journal only inside of NTFS, so one is made
around it with `mkntfs` and `ntfscp`. It is stopped after `--patience` seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from triage.plugins.program import _installed, change_journal

from triage.artifact import Artifact
from triage.formats import usn_journal
from triage.training.writers import regf

_NAMES = 50_000  # different ones in the journal


class Mapped:
    """A file as a reader."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = len(self._map)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from the map."""
        return self._map[offset : offset + length]


class Alone:
    """As much of an artifact as these extractors ask for: nothing lies beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path = f"/{path.name}"
        self.entry = self
        self.name = path.name

    def open(self) -> Mapped:
        """Return the content."""
        return Mapped(self._path)

    def sibling(self, _name: str) -> None:
        """Return nothing."""

    def resolve(self, _path: str) -> None:
        """Return nothing."""

    def problem(self, text: str, *, locator: str | None = None) -> None:
        """Print what went wrong."""
        print(text, locator)


def journal(path: Path, records: int) -> None:
    """Write records that do not cross a page, as NTFS does; one in 10,000 names is listed."""
    choose = random.Random(7)  # noqa: S311 - to repeat it
    names = [f"file-{number:05}.tmp" for number in range(_NAMES)]
    with path.open("wb") as file:
        page = b""
        for number in range(records):
            name = "tor.exe" if number % 10_000 == 0 else names[choose.randrange(_NAMES)]
            raw = name.encode("utf-16-le")
            size = (60 + len(raw) + 7) & ~7
            when = 133_000_000_000_000_000 + number * 10_000
            record = struct.pack(
                "<IHHQQQQIIIIHH", size, 2, 0, number, 5, 0, when, 0x102, 0, 0, 32, len(raw), 60
            )
            record = (record + raw).ljust(size, b"\0")
            if len(page) + size > usn_journal._PAGE:  # noqa: SLF001 - the same constant
                file.write(page.ljust(usn_journal._PAGE, b"\0"))  # noqa: SLF001
                page = b""
            page += record
        file.write(page)


def hive(path: Path, megabytes: int) -> None:
    """Write a SOFTWARE hive of about this size."""
    data = bytes(1_000)
    groups = max(1, megabytes * 1_000_000 // (1_365 * 500))
    keys: dict[str, dict[str, regf.Value]] = {
        rf"Microsoft\Windows\CurrentVersion\Uninstall\p{number}": {
            "DisplayName": f"Program {number}"
        }
        for number in range(300)
    }
    keys[r"Microsoft\Windows\CurrentVersion\Uninstall\v"] = {"DisplayName": "VeraCrypt"}
    for group in range(groups):
        for number in range(500):
            keys[rf"Classes\g{group}\k{number}"] = {"data": data}
    path.write_bytes(regf.hive(keys))


def measured(work: Callable[[], int]) -> tuple[float, float, int, int]:
    """Return wall clock, CPU seconds, growth of memory in KiB and the answer, from a child."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF)
        pages = _anonymous()
        start = time.perf_counter()
        answer = work()
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        os.write(write_end, struct.pack("<ddqq", wall, cpu, _anonymous() - pages, answer))
        os._exit(0)
    os.waitpid(child, 0)
    wall, cpu, grown, answer = struct.unpack("<ddqq", os.read(read_end, 100))
    os.close(read_end)
    os.close(write_end)
    return wall, cpu, grown, answer


def _anonymous() -> int:
    """Return the process's own memory in KiB, without pages of files; Linux alone knows."""
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon"))


def digest(path: Path) -> int:
    """Read everything once."""
    reader, total = Mapped(path), hashlib.sha256()
    for at in range(0, reader.size, 1 << 20):
        total.update(reader.read_at(at, 1 << 20))
    return total.digest()[0]


def plaso(name: str, path: Path, patience: int) -> str:
    """Return what plaso needs for the same file; its memory is that of its largest process."""
    command = shutil.which("log2timeline") or shutil.which("log2timeline.py")
    source, parser = (path, "winreg") if name == "hive" else (_inside_ntfs(path), "usnjrnl")
    if command is None or source is None:
        return "not installed, or no mkntfs"
    storage = path.with_name(f"{name}.plaso")
    options = ["--parsers", parser, "--partitions", "all", "--status-view", "none", "--unattended"]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.Popen(
        [command, "-q", *options, "--storage-file", str(storage), str(source)],
        cwd=path.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # its workers go with it
    )
    try:
        run.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"not finished after {patience} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    return f"{wall:.0f} s wall, {cpu:.0f} s CPU, {after.ru_maxrss / 1024:.0f} MiB"


def _inside_ntfs(journal_file: Path) -> Path | None:
    """Return an NTFS image with this change journal, None without the programs for it."""
    if not (shutil.which("mkntfs") and shutil.which("ntfscp")):
        return None
    image = journal_file.with_name("ntfs.raw")
    with image.open("wb") as file:
        file.truncate(journal_file.stat().st_size + (200 << 20))
    subprocess.run(["mkntfs", "-F", "-Q", "-q", image], check=True, capture_output=True)
    where = ["-f", "-N", "$J", image, journal_file, "/$Extend/$UsnJrnl"]
    subprocess.run(["ntfscp", *where], check=True, capture_output=True)
    return image


def findings(found: Iterator[object]) -> int:
    """Count what an extractor yields."""
    return sum(1 for _ in found)


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--hive-mb", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=int, default=1800, help="seconds for plaso")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        usn, software = Path(folder) / "$J", Path(folder) / "SOFTWARE"
        journal(usn, options.records)
        hive(software, options.hive_mb)

        def of_journal() -> int:
            artifact: Artifact = Alone(usn)  # type: ignore[assignment]
            return findings(change_journal.change_journal.run(artifact))

        def of_hive() -> int:
            from triage.formats.registry import open_with_logs  # noqa: PLC0415 - in the child

            artifact: Artifact = Alone(software)  # type: ignore[assignment]
            return findings(_installed.installed(artifact, open_with_logs(artifact).root))

        for name, path, work in (("journal", usn, of_journal), ("hive", software, of_hive)):
            best = min(measured(work) for _ in range(options.rounds))
            peer = min(measured(lambda path=path: digest(path)) for _ in range(options.rounds))
            size = path.stat().st_size
            print(
                f"{name}: {size / 1e6:.0f} MB, {best[3]} findings, {best[0]:.2f} s wall,"
                f" {best[1]:.2f} s CPU, memory +{best[2] / 1024:.1f} MiB,"
                f" {best[0] / peer[0]:.2f} x SHA-256 ({peer[0]:.2f} s)"
            )
            print(f"  plaso: {plaso(name, path, options.patience)}")


if __name__ == "__main__":
    main()
