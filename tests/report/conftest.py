from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from triage import canonical
from triage.bundle import Bundle
from triage.findings import KINDS
from triage.guidance import load

Record: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[..., Record]
MakeBundle: TypeAlias = Callable[..., Bundle]

ALICE = {"id": "uid:1000", "name": "alice", "volume": "p2", "root": "/home/alice", "basis": "x"}


def time(utc: str | None, *, event: str = "last_written", zone: str = "utc") -> Record:
    return {"event": event, "utc": utc, "raw": "1700000000", "unit": "s_unix", "zone": zone}


def value_of(kind: str, text: str) -> Record:
    """A value of this kind, every text of which is `text`."""
    value: Record = {}
    names = set(KINDS[kind].value_fields())
    for field in (field for field in fields(KINDS[kind]) if field.name in names):
        declared = str(field.type)
        if declared.startswith("str"):
            value[field.name] = text
        elif declared.startswith("bool"):
            value[field.name] = True
        elif declared.startswith("int"):
            value[field.name] = 123456
        elif declared.startswith("tuple"):
            value[field.name] = [text, text]
        else:
            value[field.name] = {text: text}
    return value


@pytest.fixture(scope="session")
def make() -> Make:
    def make(
        number: int,
        kind: str = "tor.client",
        *,
        text: str = "text",
        summary: str | None = None,
        value: Record | None = None,
        times: Iterable[Record] = (),
        account: Record | None = None,
        source: Record | None = None,
        **more: Any,
    ) -> Record:
        return {
            "id": f"f-{number:032x}",
            "kind": kind,
            "summary": f"finding {number}" if summary is None else summary,
            "value": value_of(kind, text) if value is None else value,
            "shows": "present",
            "times": list(times),
            "source": {
                "image": "img-1",
                "volume": "p2",
                "filesystem": "ext4",
                "within": None,
                "path": "/home/alice/state",
                "path_raw": None,
                "address": "12",
                "allocation": {"name": "allocated", "metadata": "allocated", "reused": False},
                "file": "e-1",
                "byte_runs": [],
                "locator": f"line {number}",
                "row": None,
                **(source or {}),
            },
            "also_in": [],
            "account": account,
            "extractor": {"name": "tor.test", "version": "1", "origin": "built-in"},
            "confidence": "confirmed",
            "checks": [],
            "protection": None,
            "sensitivity": "personal",
            **more,
        }

    return make


RUN: Record = {
    "contract": 1,
    "tool": {"name": "disk-triage", "version": "0"},
    "case": dict.fromkeys(("authority", "case", "examiner", "exhibit", "notes")),
    "started": "2025-01-02T03:04:05.6Z",
    "finished": "2025-01-02T03:05:05.6Z",
    "clock": "system clock",
    "environment": {
        "python": "3.11",
        "implementation": "cpython",
        "system": "Linux",
        "release": "6",
        "machine": "x86_64",
        "libraries": {"jinja2": "3"},
    },
    "sandbox": {"rlimits": True},
    "jobs": 1,
    "options": {"only": [], "plugins": "none"},
    "profile": {
        "name": "standard",
        "depth": "standard",
        "description": "",
        "limits": {"entries": 5},
        "scope": {"accounts": ["alice"], "not_before": None},
        "guidance": [asdict(guidance) for guidance in load()],
    },
    "extractors": [],
    "image": {
        "id": "img-1",
        "container": "raw",
        "segments": [{"name": "disk.raw", "size": 512}],
        "media_size": 512,
        "sector_size": 512,
        "stored_hashes": {},
        "header": {},
        "notes": [],
        "missing": [],
        "hashes": {},
        "hash_verdict": "no stored hash",
        "hash_checks": [],
    },
    "volumes": [],
    "repeatable": True,
    "not_repeatable": [],
    "exit_code": 0,
    "incomplete": False,
}


def bundle_in(
    folder: Path,
    findings: Iterable[Record] = (),
    coverage: Iterable[Record] = (),
    files: Iterable[Record] = (),
    problems: Iterable[Record] = (),
    **run: Any,
) -> Bundle:
    """Write the records of a bundle that was never sealed."""
    data = folder / "x.bundle" / "data"
    data.mkdir(parents=True)
    (data / "run.json").write_bytes(canonical.encode({**RUN, **run}))
    for name, records in (
        ("findings", findings),
        ("coverage", coverage),
        ("files", files),
        ("problems", problems),
        ("custody", [{"bundle": "ab" * 32, "seq": 0}]),
    ):
        (data / f"{name}.jsonl").write_bytes(b"".join(map(canonical.line, records)))
    return Bundle(data.parent)


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    return partial(bundle_in, tmp_path)
