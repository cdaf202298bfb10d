"""A Tails stick is told from its partition names."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import IMAGES, Triage, lines
from triage.engine.tails import tails
from triage.findings import DarknetClient
from triage.model import Volume, VolumeState

SYSTEM = Volume(
    name="p1", offset=1 << 20, length=1 << 33, table="gpt", description="EFI system",
    label="Tails", state=VolumeState.FILESYSTEM, filesystem="fat32", scheme=None, details={},
    problem=None,
)  # fmt: skip
STORAGE = replace(
    SYSTEM, name="p2", label="TailsData", state=VolumeState.LOCKED, filesystem=None, scheme="luks2"
)


def found(*volumes: Volume) -> list[tuple[str, tuple[str, ...], str]]:
    statements = list(tails(volumes))
    return [
        (s.volume.name, s.finding.settings, s.finding.confidence)
        for s in statements
        if isinstance(s.finding, DarknetClient)
    ]


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        ((SYSTEM,), [("p1", ("persistent_storage=none",), "probable")]),
        (
            (SYSTEM, STORAGE),
            [("p1", ("persistent_storage=p2, luks2, 8589934592 bytes",), "confirmed")],
        ),
        (
            (STORAGE,),
            [("p2", ("persistent_storage=p2, luks2, 8589934592 bytes",), "probable")],
        ),
        ((replace(SYSTEM, table="dos"),), []),
        ((replace(SYSTEM, label="tails backup"),), []),
        ((), []),
    ],
)
def test_told_from_names(
    volumes: tuple[Volume, ...], expected: list[tuple[str, tuple[str, ...], str]]
) -> None:
    assert found(*volumes) == expected


def test_on_an_image(triage: Triage, tmp_path: Path) -> None:
    image = tmp_path / "gpt.raw"
    image.write_bytes(gzip.decompress((IMAGES / "gpt.raw.gz").read_bytes()))
    assert triage("run", image, "-o", tmp_path / "b").code == 3
    records = {r["kind"]: r for r in lines(tmp_path / "b" / "data" / "findings.jsonl")}
    assert records["darknet.client"]["value"]["application"] == "tails"
    assert records["encryption.volume"]["source"]["volume"] == "p2"
