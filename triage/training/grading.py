"""What an answer is worth: found and missed, decoys taken for real, marks for each question.

A *submission* is what one person or one run answered: bundles (`triage.training.bundles`) or an
answer sheet (`triage.training.sheet`). Both give the same `Grade`. Marks are in hundredths of a
point, so that shares stay exact.

Of a bundle the marks are those of all items that must be found and that this version is not known
to miss. Of a sheet they are those of the questions: what a program misses a person can still find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.training.matching import WHOLE, Answer
from triage.training.ratio import Ratio
from triage.training.truth import Expect, Item, Question, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGrade:
    """One item and how it was answered. `counts`: whether it is part of recall and marks."""

    item: Item
    answer: Answer
    counts: bool

    @property
    def found(self) -> bool:
        """Whether it was answered, if only in part."""
        return self.answer.percent > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionGrade:
    """One question: `earned` of `possible` hundredths of a point, and the items it asks for."""

    question: Question
    earned: int
    possible: int
    items: tuple[ItemGrade, ...]

    @property
    def full(self) -> bool:
        """Whether nothing is missing."""
        return self.earned == self.possible


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One graded submission.

    items: real ones, asked for or not. decoys: those that were taken for real.
    wrong: answers of a sheet that are no answer, or of a bundle none.
    unlisted: findings of bundles that the truth says nothing about; neither right nor wrong.
    notes: what must be said of the submission itself.
    """

    name: str
    items: tuple[ItemGrade, ...]
    decoys: tuple[ItemGrade, ...]
    questions: tuple[QuestionGrade, ...]
    earned: int
    possible: int
    wrong: tuple[str, ...] = ()
    unlisted: int = 0
    notes: tuple[str, ...] = ()

    @property
    def recall(self) -> Ratio:
        """Of the items that count, how many were found, if only in part."""
        counted = [grade for grade in self.items if grade.counts]
        return Ratio(part=sum(grade.found for grade in counted), whole=len(counted))

    @property
    def precision(self) -> Ratio:
        """Of all that was answered and can be judged, how much is real."""
        real = sum(grade.found for grade in self.items)
        return Ratio(part=real, whole=real + len(self.decoys) + len(self.wrong))

    @property
    def score(self) -> Ratio:
        """The marks."""
        return Ratio(part=self.earned, whole=self.possible)

    @property
    def missed(self) -> tuple[ItemGrade, ...]:
        """What counts and was not found in full."""
        return tuple(g for g in self.items if g.counts and g.answer.percent < WHOLE)


def in_points(hundredths: int) -> str:
    """Return hundredths of a point as people write them: `7.5`."""
    return f"{hundredths // WHOLE}.{hundredths % WHOLE:02}".rstrip("0").rstrip(".")


def grade_items(
    truth: Truth, answer: Callable[[Item], Answer], counts: Callable[[Item], bool]
) -> tuple[tuple[ItemGrade, ...], tuple[ItemGrade, ...]]:
    """Return the real items, and the decoys that were taken for real."""
    graded = [
        ItemGrade(item=item, answer=answer(item), counts=counts(item)) for item in truth.items
    ]
    return (
        tuple(grade for grade in graded if grade.item.expect is not Expect.MUST_NOT),
        tuple(g for g in graded if g.item.expect is Expect.MUST_NOT and g.found),
    )


def grade_question(
    question: Question, items: Sequence[ItemGrade], *, answered: bool = False
) -> QuestionGrade:
    """Return the marks of a question: its points, shared out as its items have points.

    Of a bundle too, all its items: a question is not answered while something of it is missing.
    `answered`: the model answer itself was given.
    """
    own = tuple(grade for grade in items if grade.item.question == question.id)
    whole = sum(grade.item.points for grade in own)
    share = sum(grade.item.points * grade.answer.percent for grade in own)
    possible = question.points * WHOLE
    earned = possible if answered else question.points * share // whole if whole else 0
    return QuestionGrade(question=question, earned=earned, possible=possible, items=own)
