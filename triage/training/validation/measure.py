"""Running the program over images whose answers are known, and counting."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import triage
from triage.bundle import Bundle
from triage.credentials import Credential, CredentialKind
from triage.engine.options import Options
from triage.profile import load as load_profile
from triage.training.matching import WHOLE, best_answer
from triage.training.truth import Data, Expect
from triage.training.validation.hiding import Hiding
from triage.training.validation.images import Placed
from triage.training.validation.results import Cell, Falsehood, Measured

DEPTHS: Final = ("standard", "deep")
_NOBODY: Final = "none"


@dataclass(slots=True, kw_only=True)
class Measure:
    """What was counted so far."""

    cells: Counter[tuple[str, ...]] = field(default_factory=Counter)  # found
    there: Counter[tuple[str, ...]] = field(default_factory=Counter)
    extractors: dict[tuple[str, str], str] = field(default_factory=dict)  # by specimen and kind
    falsehoods: list[Falsehood] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def results(self) -> Iterator[Cell]:
        """Yield the cells; of things that nobody finds anywhere, the extractor is `none`."""
        merged: Counter[tuple[str, ...]] = Counter()
        there: Counter[tuple[str, ...]] = Counter()
        for key, count in self.there.items():
            specimen, kind, *rest = key
            extractor = self.extractors.get((specimen, kind), _NOBODY)
            there[kind, extractor, *rest] += count
            merged[kind, extractor, *rest] += self.cells[key]
        for key in sorted(there):
            kind, extractor, set_, data, place, filesystem, depth = key
            yield Cell(
                set=set_,
                data=data,
                kind=kind,
                extractor=extractor,
                place=place,
                filesystem=filesystem,
                depth=depth,
                found=merged[key],
                there=there[key],
            )

    def count(self, set_: str, depth: str, placed: Sequence[Placed], bundle: Bundle) -> None:
        """Count what a run found of what is there; an answer that is right in part is none."""
        records: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for record in bundle.findings():
            records[_volume(record), record["kind"]].append(record)
        for one in placed:
            if one.item.expect is not Expect.MUST:
                continue
            there = records[str(one.item.volume), one.item.kind]
            answer = best_answer(one.item, there)
            key = (
                *(one.specimen, one.item.kind, set_, one.item.data),
                *(one.hiding, one.filesystem, depth),
            )
            self.there[key] += 1
            if answer.percent == WHOLE:
                self.cells[key] += 1
                if one.hiding == Hiding.PLAIN:
                    name = next(r for r in there if r["id"] == answer.finding)["extractor"]["name"]
                    self.extractors[one.specimen, one.item.kind] = name

    def count_noise(
        self,
        set_: str,
        filesystem: str,
        depth: str,
        noise: Mapping[str, int],
        bundle: Bundle,
    ) -> None:
        """Count the files of volumes with nothing on them in which something was found."""
        wrong: set[str] = set()
        kinds: Counter[str] = Counter()
        for record in bundle.findings():
            if _volume(record) in noise:
                source = record["source"]
                while source["within"]:
                    source = source["within"]
                wrong.add(str(source["path"]))
                kinds[record["kind"]] += 1
        self.falsehoods.append(
            Falsehood(
                set=set_,
                data=Data.SELF_MADE,
                filesystem=filesystem,
                depth=depth,
                files=sum(noise.values()),
                wrong=len(wrong),
                kinds=dict(sorted(kinds.items())),
            )
        )


def examine(
    image: Path, output: Path, *, depth: str, jobs: int, password: bytes | None = None
) -> tuple[Bundle, Measured]:
    """Run this program over an image as its command does. Raises what a run raises.

    password: of a volume, as it would stand in a credentials file.
    """
    given = password and Credential(number=1, kind=CredentialKind.VOLUME_PASSWORD, value=password)
    result = triage.run(
        Options(
            image=image,
            output=output,
            profile=load_profile([depth]),
            jobs=jobs,
            credentials=(given,) if given else (),
        )
    )
    bundle = Bundle.open(result.path)
    return bundle, Measured(
        name=image.name,
        sha256=str(bundle.run["image"]["hashes"].get("sha256", "")),
        depth=depth,
        exit_code=int(result.exit_code),
        findings=result.findings,
        seal_code=result.seal_code,
    )


def _volume(record: Mapping[str, Any]) -> str:
    """Return the volume of the disk itself: `p3` of `p3/luks`."""
    return str(record["source"]["volume"]).partition("/")[0]
