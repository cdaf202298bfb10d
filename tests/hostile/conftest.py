"""Hostile images through the whole line: what each test of this folder needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ran, lines
from tests.nursery import shared_nursery
from triage import profile, report
from triage.bundle import verify
from triage.cli import command
from triage.engine.options import Options, Silent
from triage.engine.records import finding_id
from triage.engine.start import run
from triage.errors import ExitCode
from triage.profile import Limits

PLUGINS = Path(__file__).parent / "plugins"
QUICK = replace(profile.load(["quick"]), name="hostile", extractors=("hostile.*",))


@dataclass(frozen=True)
class Outcome:
    """A sealed bundle, and what a test asks of it."""

    code: ExitCode
    bundle: Path

    def lines(self, name: str) -> list[dict[str, Any]]:
        return lines(self.bundle / "data" / f"{name}.jsonl")

    @property
    def known(self) -> set[str]:
        """The findings that no hostile neighbour may change."""
        return self._hosts("known")

    @property
    def read(self) -> set[str]:
        """The paths of the files that were reached and read."""
        return self._hosts("every")

    def _hosts(self, trace: str) -> set[str]:
        found = self.lines("findings")
        values = [record["value"] for record in found if record["kind"] == "web.site"]
        return {value["host"] for value in values if value["trace"] == trace}

    @property
    def unexamined(self) -> set[tuple[str, str | None]]:
        """Reason and path of what could not be examined and counts."""
        return {
            (line["reason"], line.get("path")) for line in self.lines("coverage") if line["counts"]
        }

    @property
    def noted(self) -> set[tuple[str, str | None]]:
        """Code and path of each problem."""
        return {(line["code"], line["path"]) for line in self.lines("problems")}


LOOP = "directory_loop"
KNOWN = "hostile.test.known"  # only what must be kept, where reading every file would be slow

Examine = Callable[..., Outcome]
Command = Callable[..., Ran]


@pytest.fixture(autouse=True, scope="module")
def hostile_workers() -> Iterator[None]:
    """Share a nursery with the extractors of this folder: half a second saved with each run."""
    with shared_nursery(str(PLUGINS)):
        yield


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """Run the engine over an image made of bytes; the bundle must hold, whatever was in it."""

    def go(image: bytes, *, only: str = "hostile.test.*", **limits: int) -> Outcome:
        evidence, bundle = tmp_path / "image.raw", tmp_path / "bundle"
        evidence.write_bytes(image)
        options = Options(
            image=evidence,
            output=bundle,
            profile=replace(QUICK, limits=Limits(**limits)),
            only=(only,),
            plugins=str(PLUGINS),
            hash_media=False,
        )
        result = run(options, Silent(), lambda _: ())
        assert verify(bundle, finding_id=finding_id).intact
        return Outcome(code=result.exit_code, bundle=bundle)

    return go


@pytest.fixture
def command_line(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process: all of `triage` but a fresh interpreter and the report."""
    monkeypatch.setattr(report, "render_all", lambda _: ())

    def go(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["triage", *map(str, arguments)])
        code = command.invoke()
        shown = capfd.readouterr()
        return Ran(code, shown.out, shown.err)

    return go
