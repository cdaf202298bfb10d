"""Circuits that tor reported to Tor Browser, in memory that Windows, Linux or macOS wrote to disk.

Written from torspec's `control-spec` for tor 0.2.4 and later in page, swap and hibernation files,
crash dumps and memory images; tested with files made from that form by a committed script, not yet
with those of a real machine. Of each file the first 768 MiB are searched. Compressed memory
(hibernation files since Windows 8, swap of macOS) shows only what happens to stand uncompressed.
Not read: swap partitions and unallocated space; the content scan of `deep` looks there.
References: https://spec.torproject.org/control-spec/replies.html, IPED's `TorTCParser`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import Artifact, TorCircuit, extractor
from triage.formats.tor_circuits import Circuit, circuits, finding

_SEARCHED = 768 << 20
_BLOCK, _OVERLAP = 8 << 20, 4096
_MAX_CIRCUITS = 20_000


@extractor(
    name="tor.memory.circuits",
    paths=(
        # Windows 2000 and later
        "pagefile.sys",
        "swapfile.sys",
        "hiberfil.sys",
        "Windows/{MEMORY.DMP,Minidump/*.dmp,LiveKernelReports/**/*.dmp}",
        "**/CrashDumps/*.dmp",
        # Linux: swap files of Debian, Ubuntu and Fedora
        "{swapfile,swap.img,swap/swapfile}",
        # macOS
        "{,private/}var/vm/{sleepimage,swapfile*}",
        # memory of virtual machines
        "**/*.{vmem,vmsn}",
    ),
    yields=(TorCircuit,),
)
def memory(artifact: Artifact) -> Iterator[TorCircuit]:
    """Find circuits of tor in memory: when, through which relays, for which site or service."""
    found: dict[tuple[str, ...], Circuit] = {}
    for circuit in _events(artifact):
        key = (circuit.created, circuit.rendezvous or "", circuit.user_name or "")
        known = found.get(key)
        if known is None and len(found) >= _MAX_CIRCUITS:
            artifact.problem(f"more than {_MAX_CIRCUITS} circuits")
            break
        if known is None or len(circuit.relays) > len(known.relays):
            found[key] = circuit
    for circuit in found.values():
        yield finding(circuit)


def _events(artifact: Artifact) -> Iterator[Circuit]:
    reader = artifact.open()
    end = min(reader.size, _SEARCHED)
    if reader.size > end:
        artifact.problem(f"only the first {_SEARCHED} bytes were searched")
    last = -1
    for start in range(0, end, _BLOCK):
        data = reader.read_at(start, min(_BLOCK + _OVERLAP, end - start))
        for circuit in circuits(data):
            place = start + circuit.offset
            if place > last and circuit.offset < _BLOCK:
                last = place
                yield replace(circuit, offset=place)
