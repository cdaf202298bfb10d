"""From a finding to a record: where it was found, by whom, whose it is, and under which id.

Everything here comes from the engine's own index and registry, never from the extractor. The one
thing taken from the finding is what it says, with secrets replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, overload

import triage
from triage.bundle import redacted
from triage.bundle.layout import CONTRACT_VERSION
from triage.canonical import Json, encode, escaped, jsonable
from triage.engine.accounts import Account
from triage.findings import KINDS, Finding
from triage.model import Allocation, ByteRun, Entry, Volume
from triage.redaction import redact_value
from triage.registry import Registered

IMAGE = "img-1"


def file_key(volume: str, entry: Entry) -> str:
    """Return the key of a file in files.jsonl: the same for the same file, in every run."""
    identity = {"volume": volume, "within": None, "path": entry.path, "address": entry.address}
    return "e-" + hashlib.sha256(encode(identity)).hexdigest()[:32]


def finding_id(record: Mapping[str, Any]) -> str:
    """Return the id that a record must have: it follows from what was found where.

    In a redacted bundle it follows from the commitment to the record that it was made from.
    """
    if record.get("redacted"):
        return redacted.finding_id(record["redacted"]["original"])
    source = record["source"]
    identity = [
        CONTRACT_VERSION,
        record["kind"],
        [record["value"].get(name) for name in KINDS[record["kind"]].identity],
        source["volume"],
        source["within"],
        source["path"],
        source["address"],
        source["locator"],
    ]
    return "f-" + hashlib.sha256(encode(identity)).hexdigest()[:32]


def allocation_value(allocation: Allocation) -> dict[str, Json]:
    """Return the contract's form of an allocation."""
    words = {True: "allocated", False: "deleted"}
    return {
        "name": words[allocation.name],
        "metadata": words[allocation.metadata],
        "reused": allocation.reused,
    }


def within_of(volume: Volume) -> dict[str, Json] | None:
    """Return the source of the file that a volume is in: of a disk of a virtual machine."""
    if volume.in_file is None:
        return None
    return {**asdict(volume.in_file), "within": None}


def make(
    finding: Finding,
    *,
    registered: Registered | None,
    volume: Volume,
    entry: Entry | None,
    found_by: str | None,
    account: Account | None,
    runs: Sequence[ByteRun] = (),
    allocation: str | None = None,
    member: Sequence[str] = (),
    engine: str = "engine.volumes",
) -> dict[str, Any]:
    """Build one record. `entry` None: the finding is about the volume itself, or bytes of it.

    `allocation` is of bytes that are not the content of `entry`; `member` leads into an archive
    that `entry` is, one name for each depth; `engine` names the step of the engine that found it,
    where no extractor did.
    """
    record: dict[str, Any] = {
        "kind": finding.kind,
        "summary": _one_line(finding.summary()),
        "value": finding.value(),
        "shows": finding.shows,
        "times": [asdict(time) for time in finding.times],
        "source": {
            "image": IMAGE,
            "volume": volume.name,
            "filesystem": volume.filesystem,
            "within": within_of(volume),
            "path": entry.path if entry else None,
            "address": entry.address if entry else None,
            "allocation": allocation or (allocation_value(entry.allocation) if entry else None),
            "found_by": found_by,
            "file": file_key(volume.name, entry) if entry and not allocation else None,
            "byte_runs": [asdict(run) for run in runs],
            "locator": finding.locator,
            "row": finding.row,
        },
        "also_in": [],
        "account": asdict(account) if account else None,
        "extractor": {
            "name": registered.extractor.name if registered else engine,
            "version": registered.origin.version if registered else triage.__version__,
            "origin": registered.origin.source if registered else "built-in",
        },
        "confidence": finding.confidence,
        "checks": list(finding.checks),
        "protection": finding.protection,
        "sensitivity": finding.sensitivity,
    }
    for name in member:
        source = record["source"]
        within = {key: source[key] for key in ("volume", "within", "path", "address")}
        record["source"] = {**source, "within": within, "path": name, "address": None}
    # Redacted first: the base64 twins of undecodable text would repeat what stood there.
    plain: Any = jsonable(redact_value(record))
    plain["source"].setdefault("path_raw", None)
    plain["id"] = finding_id(plain)
    result: dict[str, Any] = plain
    return result


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))


class Records(Sequence[dict[str, Any]]):
    """Records by id, kept as lines of JSON: a fifth of the memory, decoded when they are read."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Records: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | Records:
        if isinstance(place, slice):
            return Records(self._lines[place])
        record: dict[str, Any] = json.loads(self._lines[place])
        return record


def merge(records: Iterable[dict[str, Any]], volumes: Iterable[Volume] = ()) -> Records:
    """Merge equal ids: the smallest record wins, times are joined; sorted by id.

    What stands in a snapshot as it does in its live volume, or in a later snapshot, is one record,
    with the other places in `also_in`.
    """
    lines: dict[str, bytes] = {}
    equal: dict[str, list[bytes]] = {}
    for record in records:
        line = encode(record)
        if lines.setdefault(record["id"], line) is not line:
            equal.setdefault(record["id"], [lines[record["id"]]]).append(line)
    for identifier, group in equal.items():
        known, *others = (json.loads(line) for line in sorted(group))
        times = {encode(time): time for one in (known, *others) for time in one["times"]}
        known["times"] = [times[key] for key in sorted(times)]
        lines[identifier] = encode(known)
    _join_snapshots(lines, list(volumes))
    return Records([lines[identifier] for identifier in sorted(lines)])


def _join_snapshots(lines: dict[str, bytes], volumes: Sequence[Volume]) -> None:
    """Take out what a snapshot only repeats."""
    live = {v.name: (v.snapshot_of, age) for age, v in enumerate(volumes) if v.snapshot_of}
    if not live:
        return
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for line in lines.values():
        record = json.loads(line)
        volume = record["source"]["volume"]
        name, age = live.get(volume, (volume, len(volumes)))
        source = {**record["source"], "volume": name}
        groups.setdefault(finding_id({**record, "source": source}), []).append((age, record))
    for group in groups.values():
        group.sort(key=lambda item: -item[0])  # the live volume, then the latest snapshot
        kept: list[dict[str, Any]] = []
        for _, record in group:
            same = next((known for known in kept if _told(known) == _told(record)), None)
            if same is None:
                kept.append(record)
                continue
            where = {key: record["source"][key] for key in ("volume", "path", "address", "file")}
            same["also_in"].append(where)
            del lines[record["id"]]
            lines[same["id"]] = encode(same)


def _told(record: dict[str, Any]) -> list[Any]:
    """Return what a record says, but for where it lies and whose it is."""
    return [record[name] for name in ("kind", "value", "times", "confidence", "protection")]
