"""Many students and one exercise: who reached what, and which questions were hard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.batch.tables import csv_bytes
from triage.training.grading import Grade, QuestionGrade, in_points
from triage.training.ratio import Ratio
from triage.training.truth import Question, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """A submission that could not be graded, and why.

    altered: it is of another image than the truth, or not what was sealed.
    """

    name: str
    reason: str
    altered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardness:
    """What a class reached in one question: how many in full, how many nothing, which marks."""

    question: Question
    full: int
    nothing: int
    marks: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Classroom:
    """All submissions to one exercise, in the order of their names."""

    truth: Truth
    grades: tuple[Grade, ...]
    ungraded: tuple[Ungraded, ...]

    @property
    def hardest(self) -> tuple[Hardness, ...]:
        """The questions, from the one that fewest marks were earned in."""
        found = [_hardness(question, self.grades) for question in self.truth.questions]
        return tuple(sorted(found, key=lambda one: (one.marks.permille or 0, one.question.id)))

    @property
    def median(self) -> int | None:
        """The score in thousandths that half of the class reached; None of an empty class."""
        scores = sorted(grade.score.permille or 0 for grade in self.grades)
        return scores[(len(scores) - 1) // 2] if scores else None


def class_csv(room: Classroom) -> bytes:
    """Return one line a student, one column a question."""
    questions = [question.id for question in room.truth.questions]
    columns = (
        "student",
        "points",
        "of",
        "percent",
        "found",
        "of_items",
        "decoys",
        "wrong",
        *questions,
        "note",
    )
    return csv_bytes(columns, _rows(room, len(questions)))


def _rows(room: Classroom, questions: int) -> Iterator[Sequence[object]]:
    for grade in room.grades:
        yield (
            grade.name,
            in_points(grade.earned),
            in_points(grade.possible),
            (grade.score.permille or 0) // 10,
            grade.recall.part,
            grade.recall.whole,
            len(grade.decoys),
            len(grade.wrong),
            *(in_points(question.earned) for question in grade.questions),
            "; ".join(grade.notes),
        )
    for one in room.ungraded:
        yield (one.name, *[None] * (7 + questions), f"not graded: {one.reason}")


def _hardness(question: Question, grades: Sequence[Grade]) -> Hardness:
    own: list[QuestionGrade] = [
        one for grade in grades for one in grade.questions if one.question.id == question.id
    ]
    return Hardness(
        question=question,
        full=sum(one.full for one in own),
        nothing=sum(one.earned == 0 for one in own),
        marks=Ratio(part=sum(one.earned for one in own), whole=sum(one.possible for one in own)),
    )
