"""What a student is told: what was missed, where it lay, and what was wrong about an answer."""

from __future__ import annotations

from collections.abc import Iterator

from triage.training.grading import Grade, ItemGrade, QuestionGrade
from triage.training.matching import WHOLE
from triage.training.truth import Place

_WHERE = {
    Place.PLAIN: "where its program puts it",
    Place.RENAMED: "under another name, so that only its content tells",
    Place.DELETED: "deleted, still listed by the file system",
    Place.UNALLOCATED: "in unallocated space",
    Place.SLACK: "in slack, behind the end of a file",
    Place.ARCHIVE: "in an archive",
    Place.STREAM: "in an alternate data stream",
    Place.NESTED: "in a disk image on the disk",
    Place.SNAPSHOT: "in a snapshot",
    Place.LOCKED: "in a locked volume",
}


def place_of(grade: ItemGrade) -> str:
    """Return what an item is and where it lies: `wallet.file in p1 /Users/…, where …`."""
    item = grade.item
    where = " ".join(part for part in (item.volume, item.path) if part)
    return f"{item.kind}{f' in {where}' if where else ''}, {_WHERE[item.place]}"


def lacking(grade: QuestionGrade) -> Iterator[str]:
    """Yield what is missing in the answer to a question."""
    for item in grade.items:
        if item.answer.percent < WHOLE:
            yield _missed(item)


def other_missed(grade: Grade) -> Iterator[str]:
    """Yield what was missed that no question asks for."""
    for item in grade.missed:
        if item.item.question is None:
            yield _missed(item)


def known_misses(grade: Grade) -> Iterator[str]:
    """Yield what this version is known to miss, and why; it costs no marks."""
    for item in grade.items:
        if item.item.known_miss and not item.counts:
            word = "found after all" if item.found else item.item.known_miss
            yield f"{place_of(item)}: {word}"


def _missed(grade: ItemGrade) -> str:
    if not grade.found:
        return place_of(grade)
    wrong = ", ".join(grade.answer.wrong)
    return f"{place_of(grade)}: {grade.answer.percent} %, not right or not given: {wrong}"
