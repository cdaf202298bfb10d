"""The tables of a validation report, for every view of it. Each is of one set, never of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.training.ratio import Ratio, percent
from triage.training.validation.hiding import Hiding
from triage.training.validation.results import Cell, Validation, summed

_ORDER = {place: number for number, place in enumerate(Hiding)}
_DATA = {
    "self_made": "data made by this project through the real formats",
    "foreign": "data that the programs themselves wrote",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: a title, what to keep in mind, names of columns, rows of text."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(validation: Validation) -> Iterator[Table]:
    """Yield the tables of every set and depth, then false positives."""
    groups = sorted({(cell.set, cell.data) for cell in validation.cells})
    for set_, data in groups:
        own = [cell for cell in validation.cells if (cell.set, cell.data) == (set_, data)]
        yield _places(set_, data, own)
        for depth in sorted({cell.depth for cell in own}):
            at = [cell for cell in own if cell.depth == depth]
            about = (
                f"Profile `{depth}`, {_DATA[data]}: found of what is there. An extractor answers "
                "for what it finds where that lies open; `none`: nobody finds it there."
            )
            yield _cross(f"Set {set_}: kinds by place, {depth}", about, at, "kind")
            yield _cross(f"Set {set_}: extractors by place, {depth}", about, at, "extractor")
            yield _cross(f"Set {set_}: file systems by place, {depth}", about, at, "filesystem")
    yield _falsehoods(validation)


def _places(set_: str, data: str, cells: Sequence[Cell]) -> Table:
    counts = summed(cells, "place", "depth")
    depths = sorted({cell.depth for cell in cells})
    return Table(
        title=f"Set {set_}: places",
        about=f"{_DATA[data].capitalize()}. Share found, and the 95 % interval of Wilson for it: "
        "what chance between things of one sort could make of it. Errors of programs are "
        "systematic, so the real uncertainty is larger.",
        columns=("place", *depths),
        rows=tuple(
            (place, *(_with_interval(counts[place, depth]) for depth in depths))
            for place in _places_of(cells)
        ),
    )


def _cross(title: str, about: str, cells: Sequence[Cell], rows: str) -> Table:
    counts = summed(cells, rows, "place")
    places = _places_of(cells)
    names = sorted({str(getattr(cell, rows)) for cell in cells})
    return Table(
        title=title,
        about=about,
        columns=(rows.replace("filesystem", "file system"), *places),
        rows=tuple(
            (name, *(_short(counts.get((name, place))) for place in places)) for name in names
        ),
    )


def _falsehoods(validation: Validation) -> Table:
    return Table(
        title="False positives",
        about="Files in which nothing is: ordinary ones, and a third that only look like "
        "something. How many of them had a finding, with the 95 % interval.",
        columns=("set", "file system", "profile", "files with a finding", "kinds"),
        rows=tuple(
            (
                one.set,
                one.filesystem,
                one.depth,
                _with_interval(Ratio(part=one.wrong, whole=one.files)),
                ", ".join(f"{kind} {count}" for kind, count in one.kinds.items()) or "none",
            )
            for one in validation.falsehoods
        ),
    )


def _places_of(cells: Sequence[Cell]) -> list[str]:
    return sorted({cell.place for cell in cells}, key=lambda name: (_ORDER.get(name, 99), name))  # type: ignore[call-overload]


def _short(ratio: Ratio | None) -> str:
    return f"{ratio.part}/{ratio.whole}" if ratio else "–"


def _with_interval(ratio: Ratio) -> str:
    interval = ratio.interval
    if interval is None:
        return "–"
    low, high = (percent(end) for end in interval)
    return f"{ratio}, {low} to {high}"
