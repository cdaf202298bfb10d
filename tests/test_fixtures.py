"""Each fixture folder holds a small tree and what a run over it must find.

`fixtures/<family>/<app>/<case>/{tree/…, expected.jsonl, ORIGIN.md}`. `pytest --update-expected`
writes `expected.jsonl` anew; the review is the diff. A `profile.yaml` beside them is added to the
profile `quick`: for what is only done when asked for. Every secret that the run seals to the
recipient is then looked for in everything else that the run wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pyrage.x25519 import Identity

import triage
from triage import profile
from triage.bundle import Bundle
from triage.canonical import line
from triage.engine.options import Options

ROOT = Path(__file__).parents[1] / "fixtures"
SHORTEST = 8  # characters of a secret that is looked for: shorter ones stand in ordinary words
CASES = sorted(path.parent for path in ROOT.glob("*/*/*/ORIGIN.md"))


def told(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes with every version of the program."""
    kept = dict(record)
    kept["extractor"] = record["extractor"]["name"]
    kept.pop("id")
    kept["source"] = {
        name: record["source"][name] for name in ("path", "locator", "row", "allocation")
    }
    kept["account"] = record["account"] and record["account"]["name"]
    # Times of files in a folder are those of the checkout; they alone count nanoseconds.
    kept["times"] = [time for time in record["times"] if time["unit"] != "ns_unix"]
    return kept


def nowhere_in_clear(folder: Path, secrets: Iterable[dict[str, Any]]) -> None:
    """Look for every secret that a run found in every file that it left, in bytes and UTF-16."""
    values = {secret["secret"] for secret in secrets if len(secret["secret"]) >= SHORTEST}
    forms = [value.encode(form) for value in values for form in ("utf-8", "utf-16-le")]
    for path in folder.rglob("*") if forms else ():
        if path.is_file():
            content = path.read_bytes()
            assert not [form[:4] for form in forms if form in content], path


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.relative_to(ROOT)))
def test_fixture(case: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    bundle = tmp_path / "bundle"
    own = case / "profile.yaml"
    chosen = profile.load(["quick", *([str(own)] if own.exists() else [])])
    identity = Identity.generate()
    recipient = str(identity.to_public())
    triage.run(
        Options(image=case / "tree", output=bundle, profile=chosen, secrets_recipient=recipient)
    )
    data = bundle / "data"
    nowhere_in_clear(tmp_path, Bundle(bundle).secrets([identity]))
    assert (data / "problems.jsonl").read_bytes() == b"", "a fixture gives no problems"
    findings = (data / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    found = sorted(line(told(json.loads(text))) for text in findings)
    expected = case / "expected.jsonl"
    if request.config.getoption("--update-expected"):
        expected.write_bytes(b"".join(found))
    assert b"".join(found) == expected.read_bytes()
