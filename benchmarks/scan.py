"""How fast the content scan is, and what it finds, over folders of ordinary files.

    python benchmarks/scan.py /usr/lib /usr/share/doc --mb 1024
    python benchmarks/scan.py --mix    # zeros, random bytes, binaries and text of this machine

Speed is CPU time of one core, beside the CPU time that `grep -c` needs for one plain pattern over
the same bytes (bulk_extractor is not in Debian 12): on a machine that others use only the ratio
means something. With folders, every hit is counted by kind and confidence, and `--show` prints
where the surer ones are, to be looked at by hand. Secrets are never printed.
"""

from __future__ import annotations

import argparse
import collections
import os
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from triage.formats.addresses import CryptoAddress
from triage.formats.extended_keys import ExtendedKey
from triage.formats.onion import I2PAddress, OnionAddress
from triage.formats.scan import Hit, Secret, scan_blocks

_BLOCK = 1 << 20
_SAMPLE = 64 << 20


def named(hit: Hit) -> str:
    """Return kind and worth of a hit in a few words."""
    what = hit.what
    if isinstance(what, Secret):
        sure = "supported" if what.supported or what.bits >= 24 else "possible"  # noqa: PLR2004
        whole = "" if what.complete else ", incomplete"
        return f"secret {what.kind} {what.words or ''} {what.language or ''} ({sure}{whole})"
    if isinstance(what, CryptoAddress):
        return f"address {what.coin} {what.type} ({', '.join(what.checks) or 'no checksum'})"
    if isinstance(what, ExtendedKey):
        return f"extended key {what.prefix}"
    if isinstance(what, OnionAddress):
        return f"onion version {what.version}"
    if isinstance(what, I2PAddress):
        return f"i2p {what.kind}"
    return "PGP message"


def files(folders: list[str], limit: int) -> Iterator[tuple[Path, int]]:
    """Yield regular files and how many of their bytes are read, to `limit` bytes in all."""
    left = limit
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        for root, names, found in os.walk(folder):
            names.sort()
            for name in sorted(found):
                path = Path(root, name)
                if path.is_symlink() or not path.is_file():
                    continue
                status = path.stat()
                if (status.st_dev, status.st_ino) in seen or not os.access(path, os.R_OK):
                    continue
                seen.add((status.st_dev, status.st_ino))
                size = min(left, status.st_size)
                left -= size
                yield path, size
                if left <= 0:
                    return


def over_folders(folders: list[str], limit: int, *, show: bool) -> None:
    """Scan files one by one and say what was found and how fast."""
    counts: collections.Counter[str] = collections.Counter()
    total = number = 0
    began = time.process_time()
    for path, size in files(folders, limit):
        with path.open("rb") as file:
            blocks = iter(lambda file=file: file.read(_BLOCK), b"")
            for hit in scan_blocks(blocks):
                counts[named(hit)] += 1
                if show and "possible" not in named(hit):
                    shown = "" if isinstance(hit.what, Secret) else str(hit.what)[:160]
                    print(f"{path} {hit.start} {hit.encoding} {named(hit)} {shown}")
        total += size
        number += 1
    spent = time.process_time() - began
    print(
        f"{number} files, {total / 1e6:.0f} MB, {spent:.1f} s CPU, {total / spent / 1e6:.0f} MB/s"
    )
    for name, count in counts.most_common():
        print(f"{count:8}  {count / (total / 1e9):10.1f} per GB  {name}")


def _gathered(folder: Path, pattern: str) -> bytes:
    data = bytearray()
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            data += path.read_bytes()
        if len(data) >= _SAMPLE:
            break
    data = bytearray(bytes(data) * (_SAMPLE // max(1, len(data)) + 1)) if data else data
    return bytes(data[:_SAMPLE])


def _grep(data: bytes) -> float:
    """Return CPU seconds of a peer that looks for one short pattern, and proves nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["grep", "-a", "-c", "-E", "[13][1-9A-HJ-NP-Za-km-z]{25,34}"]
    subprocess.run(command, input=data, capture_output=True, env={"LC_ALL": "C"}, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def over_mix() -> None:
    """Measure samples of one kind, and a mix: a quarter each of text, binaries, random, zeros."""
    library = Path(sysconfig.get_path("stdlib"))
    source = _gathered(library, "*.py")
    prose = _gathered(Path("/usr/share/doc"), "*.txt") or _gathered(Path("/usr/share"), "*.txt")
    binary = _gathered(Path("/usr/lib"), "*.so*")
    chance = os.urandom(_SAMPLE)
    quarter = _SAMPLE // 4
    samples = {
        "prose": prose,
        "source": source,
        "UTF-16": source[: _SAMPLE // 2].decode("latin-1").encode("utf-16-le"),
        "binaries": binary,
        "random": chance,
        "zeros": bytes(_SAMPLE),
        "mix": prose[:quarter] + binary[:quarter] + chance[:quarter] + bytes(quarter),
    }
    list(scan_blocks([prose[:_BLOCK]]))  # a worker builds its tables once
    for name, data in samples.items():
        if not data:
            continue
        blocks = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)]
        began = time.process_time()
        hits = sum(1 for _ in scan_blocks(blocks))
        spent = time.process_time() - began
        peer = _grep(data)
        megabytes = len(data) / 1e6
        print(
            f"{name:9} {megabytes / spent:6.0f} MB/s a core, grep {megabytes / peer:6.0f} MB/s, "
            f"scan takes {spent / peer:.2f} times grep's time, {hits} hits"
        )


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--mb", type=int, default=1 << 20, help="stop after so many megabytes")
    parser.add_argument("--show", action="store_true", help="print where the surer hits are")
    parser.add_argument("--mix", action="store_true", help="measure speed on samples")
    arguments = parser.parse_args()
    if arguments.mix or not arguments.folders:
        over_mix()
    if arguments.folders:
        over_folders(arguments.folders, arguments.mb * 1_000_000, show=arguments.show)


if __name__ == "__main__":
    sys.exit(main())
