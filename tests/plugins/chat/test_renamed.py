"""Every database of a chat fixture that stands in clear is known under a name that says nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import triage
from tests.conftest import ROOT, lines
from triage import profile
from triage.engine.options import Options
from triage.formats.sqlite import HEAD, in_clear

CHAT = ROOT / "fixtures" / "chat"
BY_NAME_ALONE = {"chat.imo.account"}  # `account (uid, name)`: many databases have such a table


def _databases() -> Iterator[tuple[str, str, Path]]:
    """Yield a name that tells nothing, the extractor and the file of each that has rows."""
    seen: dict[tuple[str, Path], None] = {}
    for case in sorted(CHAT.glob("*/*/expected.jsonl")):
        for text in case.read_text(encoding="utf-8").splitlines():
            record = json.loads(text)
            file = case.parent / "tree" / record["source"]["path"].lstrip("/")
            known = record["source"]["row"] and record["extractor"] not in BY_NAME_ALONE
            if known and in_clear(file.read_bytes()[:HEAD]):
                seen.setdefault((record["extractor"], file))
    for number, (name, file) in enumerate(seen):
        yield f"IMG_{number:04}.jpg", name, file


DATABASES = tuple(_databases())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str, str | None]]:
    root = tmp_path_factory.mktemp("renamed")
    (root / "e").mkdir()
    for name, _, file in DATABASES:
        (root / "e" / name).write_bytes(file.read_bytes())
        log = file.with_name(f"{file.name}-wal")
        if log.exists():
            (root / "e" / f"{name}-wal").write_bytes(log.read_bytes())
    chosen = profile.load(["standard", "chat"])
    triage.run(Options(image=root / "e", output=root / "b", profile=chosen))
    return {
        (
            record["source"]["path"],
            record["extractor"]["name"],
            record["source"]["found_by"],
            record["source"]["row"],
        )
        for record in lines(root / "b" / "data" / "findings.jsonl")
    }


@pytest.mark.parametrize(
    ("name", "extractor", "file"),
    DATABASES,
    ids=[f"{extractor}-{name}" for name, extractor, _ in DATABASES],
)
def test_a_renamed_database_is_known_by_its_schema(
    found: set[tuple[str, str, str, str | None]], name: str, extractor: str, file: Path
) -> None:
    assert (f"/{name}", extractor, "content", "live") in found, file
