"""Bundles made for tests: folders that read like finished bundles, with findings of our choice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from triage import canonical

Record = dict[str, Any]


def finding(
    number: int, kind: str, *, summary: str = "", account: str = "", **value: Any
) -> Record:
    """Return one record; `number` makes its id and the key of its file."""
    return {
        "id": f"f-{number:032x}",
        "kind": kind,
        "summary": summary or f"finding {number}",
        "value": value,
        "shows": "used",
        "times": [],
        "source": {
            "image": "img-1",
            "volume": "p2",
            "filesystem": "ext4",
            "within": None,
            "path": f"/home/alice/{number}",
            "path_raw": None,
            "address": str(number),
            "allocation": {"name": "allocated", "metadata": "allocated", "reused": False},
            "file": f"e-{number}",
            "byte_runs": [],
            "locator": None,
            "row": None,
        },
        "also_in": [],
        "account": {"name": account, "volume": "p2"} if account else None,
        "extractor": {"name": "a.b.c", "version": "1", "origin": "built-in"},
        "confidence": "confirmed",
        "checks": [],
        "protection": None,
        "sensitivity": "personal",
    }


def make_bundle(
    path: Path,
    findings: Iterable[Record],
    *,
    case: str | None = None,
    exhibit: str | None = None,
    sha256: str | None = None,
    files: Iterable[Record] = (),
    coverage: Iterable[Record] = (),
    verdict: str = "match",
) -> Path:
    """Write what is read of a bundle: records and run.json."""
    data = path / "data"
    data.mkdir(parents=True)
    run = {
        "contract": 1,
        "case": {"case": case, "exhibit": exhibit},
        "profile": {"name": "standard"},
        "image": {
            "container": "raw",
            "segments": [{"name": "disk.raw", "size": 512}],
            "hashes": {"sha256": sha256} if sha256 else {},
            "hash_verdict": verdict,
        },
    }
    (data / "run.json").write_bytes(canonical.encode(run))
    for name, lines in (
        ("findings", findings),
        ("files", files),
        ("coverage", coverage),
        ("problems", ()),
        ("custody", ()),
    ):
        (data / f"{name}.jsonl").write_bytes(b"".join(map(canonical.line, lines)))
    return path


def crowd(folder: Path, bundles: int, findings: int) -> list[Path]:
    """Write many bundles: every tenth shares an address with its neighbour, all share one key."""
    made = []
    for number in range(bundles):
        records = [
            finding(
                one,
                "wallet.address",
                account="alice",
                coin="BTC",
                role="receive",
                crypto_address=f"bc1q{number}x{one}",
            )
            for one in range(findings - 2)
        ]
        records += [
            finding(
                findings,
                "wallet.address",
                coin="BTC",
                role="payee",
                crypto_address=f"bc1qshared{number // 10}",
            ),
            finding(findings + 1, "pgp.key", fingerprint="AB" * 20, store="x"),
        ]
        made.append(
            make_bundle(folder / f"{number:04}.bundle", records, case=str(number % 7), exhibit="1")
        )
    return made
