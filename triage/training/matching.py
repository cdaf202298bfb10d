"""Whether a finding says what an item of the truth asks for, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from triage.training.truth import Item, Wanted

Record: TypeAlias = Mapping[str, Any]

WHOLE = 100  # percent
PATH, VOLUME = "path", "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How well an item was answered: in percent of its points, by which finding, what was wrong."""

    percent: int
    finding: str | None
    wrong: tuple[str, ...]


NOTHING = Answer(percent=0, finding=None, wrong=())


def best_answer(item: Item, records: Sequence[Record]) -> Answer:
    """Return the answer of the finding that says most of it; the first of equals."""
    best = NOTHING
    for record in records:
        if not fnmatchcase(str(record["kind"]), item.kind):
            continue
        answer = _answer(item, record)
        if answer.percent > best.percent:
            best = answer
        if best.percent == WHOLE:
            break
    return best


def lies_there(item: Item, record: Record) -> bool:
    """Whether a finding is of the path that an item names; a path `…/` means all below it."""
    if item.path is None:
        return True
    wanted = item.path.casefold()
    return any(
        path == wanted or (wanted.endswith("/") and path.startswith(wanted))
        for path in _paths(record)
    )


def _answer(item: Item, record: Record) -> Answer:
    wrong = tuple(
        name for name, wanted in item.match.items() if not holds(wanted, _found(name, record))
    )
    if item.volume is not None and not _in_volume(item.volume, record):
        wrong = (*wrong, VOLUME)
    if not lies_there(item, record):
        wrong = (*wrong, PATH)
    percent = WHOLE
    if wrong:
        percent = sum(share for name, share in item.partial.items() if name not in wrong)
    return Answer(percent=percent, finding=str(record["id"]), wrong=wrong)


def holds(wanted: Wanted, found: Sequence[Any]) -> bool:
    """Whether one of the values found is the wanted one; of texts, whether all are in it."""
    if isinstance(wanted, tuple):
        return any(isinstance(value, list) and set(wanted) <= set(value) for value in found)
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        # Beyond 2^53 an integer is a decimal string in canonical JSON.
        return any(value in (wanted, str(wanted)) for value in found if value is not True)
    return any(value == wanted and type(value) is type(wanted) for value in found)


def _found(name: str, record: Record) -> list[Any]:
    """Return what stands under a field name; of `times.EVENT`, when it was, as UTC and raw."""
    first, *rest = name.split(".")
    if first == "times" and rest:
        times = [time for time in record["times"] if time["event"] == ".".join(rest)]
        return [time[key] for time in times for key in ("utc", "raw")]
    value: Any = record.get(first)
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return [value]


def _sources(record: Record) -> Iterator[Mapping[str, Any]]:
    """Yield where it was found, outwards: the member, the archive, what the archive lies in."""
    for source in (record["source"], *record["also_in"]):
        while source:
            yield source
            source = source.get("within")  # noqa: PLW2901 - the way out


def _in_volume(wanted: str, record: Record) -> bool:
    """Whether it lies in a volume, or in one inside it: `p3/luks` is in `p3`."""
    return any(
        volume == wanted or str(volume).startswith(f"{wanted}/")
        for volume in (source.get("volume") for source in _sources(record))
    )


def _paths(record: Record) -> set[str]:
    return {
        path.casefold()
        for source in _sources(record)
        if isinstance(path := source.get("path"), str)
    }
