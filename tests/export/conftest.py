from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.report.conftest import RUN
from triage.bundle import Bundle, BundleWriter
from triage.engine.records import finding_id

Make: TypeAlias = Callable[..., Bundle]

ONION = "z32rnynzzztfsybhegubsof662rxlzqujuigw5wmufufor6iudblejyd.onion"
COIN = "bc1qkd7eu3eud23hels4v9yqfknyr9gmy094hmsv77"
FILE = "e-" + "1" * 32


def record(kind: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": kind,
        "summary": f"{kind} {next(iter(value.values()))}",
        "value": value,
        "shows": "present",
        "times": [],
        "source": {
            "image": "img-1",
            "volume": "p1",
            "filesystem": "ntfs",
            "within": None,
            "path": "/Users/alice/a.db",
            "path_raw": None,
            "address": "40-128-1",
            "allocation": {"name": "allocated", "metadata": "allocated", "reused": False},
            "found_by": "path",
            "file": FILE,
            "byte_runs": [],
            "locator": None,
            "row": None,
        },
        "also_in": [],
        "account": {
            "id": "S-1-5-21-1",
            "name": "alice",
            "volume": "p1",
            "root": "/Users/alice",
            "basis": "registry",
        },
        "extractor": {"name": "web.firefox.places", "version": "0.1.0", "origin": "built-in"},
        "confidence": "probable",
        "checks": [],
        "protection": None,
        "sensitivity": "personal",
        **changes,
    }
    made["id"] = finding_id(made)
    return made


def time(event: str, utc: str | None, raw: str = "1") -> dict[str, Any]:
    zone = "utc" if utc else "local"
    return {"event": event, "utc": utc, "raw": raw, "unit": "s_unix", "zone": zone}


def findings() -> list[dict[str, Any]]:
    visited = time("visited", "2025-03-01T18:35:44.250Z")
    locked = {"scheme": "luks2", "state": "locked", "length": 5, "details": {}, "label": None}
    nowhere = record("encryption.volume", locked)
    nowhere["source"] |= {"path": None, "file": None, "address": None}
    nowhere["id"] = finding_id(nowhere)
    return [
        record(
            "web.visit", {"url": f"http://{ONION}/orders/1", "visited_raw": "1"}, times=[visited]
        ),
        record("web.bookmark", {"url": "place:sort=8&maxResults=10"}),
        record(
            "wallet.address",
            {"coin": "BTC", "crypto_address": COIN, "label": "=1+1\u202e"},
            times=[time("expires", "2099-01-01T00:00:00Z"), time("used", None)],
        ),
        record("indicator.onion", {"onion": ONION}),
        record("tor.bridge", {"address": "198.51.100.7:443", "line": "x"}),
        record(
            "chat.contact", {"service": "xmpp", "identifier": "mum@jabber.example", "alias": "Mum"}
        ),
        record("mail.account", {"mail_address": "alice@mail.example", "application": "kmail"}),
        record("system.account", {"account_id": "S-1-5-21-1", "name": "alice"}),
        nowhere,
    ]


def file() -> dict[str, Any]:
    return {
        "key": FILE,
        "volume": "p1",
        "within": None,
        "path": "/Users/alice/a.db",
        "address": "40-128-1",
        "allocation": {"name": "allocated", "metadata": "allocated", "reused": False},
        "size": 5,
        "read": "complete",
        "hashes": {"md5": "0" * 32, "sha1": "1" * 40, "sha256": "2" * 64},
        "times": {
            "accessed": None,
            "changed": None,
            "created": None,
            "modified": "1741201931000000000",
            "zone": "utc",
        },
        "byte_runs": [
            {"file_offset": 0, "image_offset": 4096, "length": 5, "storage": "plain"},
        ],
        "exported": None,
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Seal a bundle of handmade records. Its clock stands; its id is random."""

    def make(
        found: list[dict[str, Any]], *, name: str = "case.bundle", **case: str | None
    ) -> Bundle:
        def clock() -> datetime:
            return datetime(2025, 4, 1, 12, 0, 0, 123456, tzinfo=UTC)

        given = {"case": "C-1", "exhibit": "E-7", "examiner": "P. Muster", **case}
        with BundleWriter.create(tmp_path / name, clock=clock) as writer:
            writer.write_json(
                "run.json",
                {
                    **RUN,
                    "case": {**RUN["case"], **given},
                    "image": {
                        **RUN["image"],
                        "media_size": 8192,
                        "hashes": {"sha256": "3" * 64, "md5": "4" * 32},
                    },
                    "started": "2025-04-01T11:59:00.000000Z",
                },
            )
            writer.write_lines("findings.jsonl", found)
            writer.write_lines("files.jsonl", [file()])
            writer.write_lines(
                "coverage.jsonl",
                [
                    {
                        "step": "walk",
                        "outcome": "found",
                        "reason": None,
                        "counts": False,
                        "volume": "p1",
                    }
                ],
            )
            writer.write_lines("problems.jsonl", [])
            writer.seal(signer=None, bag_info={}, predicate={"incomplete": False})
        return Bundle.open(tmp_path / name)

    return make


@pytest.fixture
def made(make: Make) -> Bundle:
    return make(findings())
