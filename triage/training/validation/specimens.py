"""The artifacts of the set `artifacts`: every maker that training has, with settings of its own.

Each place gets specimens of another seed, so that what is found in one cannot pass for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

from triage.strict import Reader, from_yaml
from triage.training import people
from triage.training.artifacts import MAKERS
from triage.training.artifacts.scene import Family, Scene
from triage.training.templates import fill_all
from triage.training.tree import Inventor
from triage.training.truth import Data
from triage.training.validation.specimen import Shown, Specimen
from triage.training.values import KINDS

_WHEN: Final = datetime(2025, 3, 5, 18, 30, tzinfo=UTC)
_MOST = 100


def made(seed: str, family: Family) -> Iterator[Specimen]:
    """Yield one specimen a line of `artifacts.yaml`. Raises ProfileError for a wrong line."""
    text = (files("triage.training.validation") / "artifacts.yaml").read_text(encoding="utf-8")
    reader = Reader(from_yaml(text, "artifacts.yaml"), "artifacts.yaml")
    inventor = Inventor(f"disk-triage validation/{seed}")
    drawn = people.draw(inventor, ("owner", "peer"))
    words: dict[str, str] = {}
    for person in drawn.values():
        words |= person.words()
    values = reader.mapping("values")
    for name in values.keys(_MOST):
        words[name] = KINDS[str(values.choice(name, tuple(KINDS), None))](inventor, name)
    for item in reader.mappings("artifacts", _MOST):
        name = str(item.choice("make", tuple(MAKERS), None))
        systems = item.strings("systems", ("windows", "linux", "none"))
        settings = fill_all(item.anything("with") or {}, words, where=item.place("with"))
        item.done()
        if family in systems:
            yield _made(name, inventor, drawn, family, settings)
    reader.done()


def _made(
    name: str,
    inventor: Inventor,
    drawn: Mapping[str, people.Person],
    family: Family,
    settings: Mapping[str, Any],
) -> Specimen:
    owner = drawn["owner"]
    homes = {"windows": f"Users/{owner.account}", "linux": f"home/{owner.account}", "none": ""}
    scene = Scene(
        id=name.replace(".", "-"),
        inventor=inventor,
        own=Inventor(f"{inventor.seed}/{name}"),
        volume=family,
        family=family,
        owner=owner,
        people=drawn,
        home=homes[family],
        folder="",
        begin=_WHEN - timedelta(days=40),
        when=_WHEN,
        zone=timedelta(),
        settings=Reader(settings, name),
    )
    MAKERS[name](scene)
    scene.settings.done()
    nodes = scene.tree.nodes
    return Specimen(
        name=name,
        data=Data.SELF_MADE,
        files={path: node.data for path, node in nodes.items() if node.target is None},
        readable=tuple(
            Shown(kind=claim.kind, path=claim.path, match=claim.match) for claim in scene.claims
        ),
        bare=tuple(Shown(kind=trace.kind, path=None, match=trace.match) for trace in scene.traces),
    )
