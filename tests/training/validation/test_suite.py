from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from triage.bundle.seal import parse_seal
from triage.cli.command import invoke
from triage.engine.basis import basis
from triage.engine.method import this_method
from triage.errors import UsageError
from triage.hashing import sha256
from triage.training.truth import Data, load
from triage.training.validation import foreign, suite
from triage.training.validation.images import FILESYSTEMS, artifact_images, locked_images
from triage.training.validation.results import Measured, read
from triage.training.validation.specimen import Shown, Specimen
from triage.training.validation.specimens import made

NOTE = Specimen(
    name="note",
    data=Data.SELF_MADE,
    files={"note.txt": b"see x.onion"},
    readable=(Shown(kind="indicator.onion", path="note.txt", match={"value.onion": "x.onion"}),),
)


def findings() -> Iterator[dict[str, Any]]:
    """What a program says that finds plain files, and something in the noise."""
    for volume in ("p1", "p11"):
        yield {
            "id": f"f-{volume}",
            "kind": "indicator.onion",
            "value": {"onion": "x.onion"},
            "times": [],
            "source": {"volume": volume, "path": "/note.txt", "within": None},
            "also_in": [],
            "extractor": {"name": "engine.scan"},
        }


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(image: Path, output: Path, *, depth: str, **_: object) -> tuple[Any, Measured]:
        del output
        return SimpleNamespace(findings=findings), Measured(
            name=image.name, sha256="a" * 64, depth=depth, exit_code=0, findings=2, seal_code="A"
        )

    monkeypatch.setattr(suite, "examine", examine)
    monkeypatch.setattr(suite, "_artifacts", lambda *_: (NOTE,))


def validate(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["triage", "validate", *map(str, words)])
    return invoke()


@pytest.mark.usefixtures("measured")
def test_a_run_may_rest_on_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "v"
    words = ("-o", folder, "--set", "artifacts", "--filesystem", "exfat", "--format", "json")
    assert validate(monkeypatch, *words) == 0
    told = json.loads(capsys.readouterr().out)
    found = read((folder / "validation.json").read_bytes())
    plain = [cell for cell in found.cells if cell.place == "plain"]
    assert [(cell.depth, cell.found, cell.there) for cell in plain] == [
        ("deep", 1, 1),
        ("standard", 1, 1),
    ]
    assert sum(cell.found for cell in found.cells) == 2
    assert [one.wrong for one in found.falsehoods] == [1, 1]

    stated = (folder / "validation.statement.json").read_bytes()
    assert basis(folder).statement == sha256(stated) == told["statement"]
    predicate = parse_seal(stated).predicate
    assert predicate["method"]["digest"] == this_method().digest
    assert len(load(folder / "images" / "artifacts-exfat.truth.json").items) == 10
    assert (folder / "validation.html").exists()
    assert validate(monkeypatch, *words) == 2  # never into a folder that is there


def test_foreign_data_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(suite.SAMPLES, raising=False)
    assert validate(monkeypatch, "-o", tmp_path / "v", "--set", "foreign") == 2
    with pytest.raises(UsageError, match="cannot read the sample"):
        list(foreign.foreign(tmp_path))


def test_every_artifact_can_be_made_and_no_two_places_share_values() -> None:
    first, second = (
        {one.name: one for one in made(seed, "none")} for seed in ("a place", "another")
    )
    assert len(first) > 20
    assert all(one.readable for one in first.values())
    for name in ("notes.addresses", "wallets.electrum", "darknet.links"):
        assert first[name].bare
        assert first[name].bare != second[name].bare


def test_an_image_has_every_place_and_noise_apart() -> None:
    for image in artifact_images("x", lambda *_: (NOTE,), ("ntfs", "ext4")):
        places = {one.hiding for one in image.placed}
        (noise,) = image.noise
        assert noise == f"p{len(places) + 1}"
        assert ("alternate stream" in places) == image.name.endswith("ntfs")
    assert len(FILESYSTEMS) == 4


def test_a_locked_image_is_the_same_with_and_without_its_password(tmp_path: Path) -> None:
    locked, opened = locked_images("x", lambda *_: (NOTE,))
    assert (locked.password, opened.password is not None) == (None, True)
    locked.write(tmp_path / "one")
    data = (tmp_path / "one").read_bytes()
    assert data.startswith(b"LUKS\xba\xbe\0\2")
    assert b"x.onion" not in data
