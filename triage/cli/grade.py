"""`triage train grade`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from triage.batch.links import bundles_in
from triage.bundle.output import writing
from triage.cli.command import format_option
from triage.cli.train import train
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.errors import ExitCode, TriageError, UsageError, worst
from triage.report.grades import grades_page
from triage.training.bundles import grade_bundles
from triage.training.classroom import Classroom, Ungraded, class_csv
from triage.training.feedback import known_misses, lacking, other_missed, place_of
from triage.training.grading import Grade, in_points
from triage.training.ratio import Ratio, percent
from triage.training.sheet import grade_sheet
from triage.training.truth import Truth, commitment, is_sealed, load

_PATH = click.Path(path_type=Path)
_WRITERS: MappingProxyType[str, Callable[[Classroom], bytes]] = MappingProxyType(
    {".html": grades_page, ".csv": class_csv}
)
_PASSPHRASE = "TRIAGE_TRUTH_PASSPHRASE"  # noqa: S105 - the name of a variable


@train.command("grade", short_help="Grade bundles or answer sheets against a key.")
@click.argument("answers", nargs=-1, required=True, type=_PATH, metavar="BUNDLE|CSV...")
@click.option("--key", required=True, type=_PATH, metavar="TRUTH", help="truth.json, or sealed.")
@click.option("--class", "class_", is_flag=True, help="Each BUNDLE or CSV is another student's.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=_PATH,
    metavar="REPORT",
    help="REPORT.html or .csv; may be given more than once. It holds the answers.",
)
@format_option
def grade_command(
    answers: tuple[Path, ...],
    *,
    key: Path,
    class_: bool,
    outputs: tuple[Path, ...],
    format_: str,
) -> int:
    """Say what was found, what was missed and where it lay, and what was taken for real.

    An answer is an answer sheet (a CSV with the columns `question` and `answer`, and `path` where
    it is asked for), or a bundle made with any options; a case over several drives has several
    bundles, and a folder stands for all bundles in it. The passphrase of a sealed key is read from
    TRIAGE_TRUTH_PASSPHRASE, or asked for.

    \b
    Exit codes: 0 graded · 2 wrong usage, also an answer sheet that cannot be read · 3 of a class
    something could not be graded · 4 a bundle is of another image, or not what was sealed

    \b
    Examples:
      triage train grade stick.bundle --key truth.json
      triage train grade answers.csv --key truth.json.age -o feedback.html
      triage train grade --class sheets/*.csv --key truth.json -o class.html -o class.csv
    """
    for path in outputs:
        if path.suffix.lower() not in _WRITERS:
            raise UsageError(f"must end in {', '.join(_WRITERS)}", where=str(path))
    truth = load(key, _passphrase(key))
    room = _class(answers, truth) if class_ else _one(answers, truth)
    for path in outputs:
        with writing(path):
            path.write_bytes(_WRITERS[path.suffix.lower()](room))
    if format_ == "json":
        write_json({"commitment": commitment(truth), **_plain(room)})
    elif format_ == "jsonl":
        write_jsonl(_plain_grade(grade) for grade in room.grades)
    elif class_:
        _print_class(room)
    else:
        _print(room.grades[0])
    for one in room.ungraded:
        note(f"not graded: {one.name}: {one.reason}")
    return worst(
        ExitCode.OK,
        *(ExitCode.MISMATCH if one.altered else ExitCode.INCOMPLETE for one in room.ungraded),
    )


def _one(answers: Sequence[Path], truth: Truth) -> Classroom:
    return Classroom(truth=truth, grades=(_graded(answers, truth),), ungraded=())


def _class(answers: Sequence[Path], truth: Truth) -> Classroom:
    grades: list[Grade] = []
    ungraded: list[Ungraded] = []
    for path in answers:
        try:
            grades.append(_graded([path], truth))
        except TriageError as error:
            altered = error.exit_code is ExitCode.MISMATCH
            ungraded.append(Ungraded(name=_name(path), reason=str(error), altered=altered))
    return Classroom(
        truth=truth,
        grades=tuple(sorted(grades, key=lambda grade: grade.name)),
        ungraded=tuple(ungraded),
    )


def _graded(paths: Sequence[Path], truth: Truth) -> Grade:
    name = _name(paths[0])
    sheets = [path for path in paths if path.is_file()]
    if not sheets:
        return grade_bundles(name, bundles_in(paths), truth)
    if len(paths) > 1:
        raise UsageError(
            "one student has one sheet, or bundles; --class grades those of many",
            where=str(sheets[0]),
        )
    return grade_sheet(name, sheets[0], truth)


def _name(path: Path) -> str:
    return path.name.removesuffix(".csv").removesuffix(".bundle")


def _passphrase(key: Path) -> str | None:
    if not is_sealed(key):
        return None
    given = os.environ.get(_PASSPHRASE)
    if given is None and sys.stdin.isatty():
        given = click.prompt("passphrase of the key", hide_input=True, err=True)
    return given


def _print(grade: Grade) -> None:
    console = stdout()
    rows = []
    for one in grade.questions:
        missed = [] if one.full else [*lacking(one), *(f"hint: {h}" for h in one.question.hints)]
        marks = f"{in_points(one.earned)} of {in_points(one.possible)}"
        rows.append((one.question.id, marks, "; ".join(missed) or "complete"))
    if rows:
        console.print(table(None, ("question", "points", "what was missed"), rows))
        console.print()
    lists = [
        *(("missed", line) for line in other_missed(grade)),
        *(("decoy taken for real", place_of(one)) for one in grade.decoys),
        *(("no answer", line) for line in grade.wrong),
        *(("known miss", line) for line in known_misses(grade)),
        *(("note", line) for line in grade.notes),
    ]
    if lists:
        console.print(table(None, ("besides", ""), lists))
        console.print()
    console.print(
        facts(
            {
                "points": f"{in_points(grade.earned)} of {in_points(grade.possible)}",
                "recall": grade.recall,
                "precision": grade.precision,
                "not judged": f"{grade.unlisted} findings" if grade.unlisted else None,
            }
        )
    )


def _print_class(room: Classroom) -> None:
    console = stdout()
    rows = [
        (
            grade.name,
            f"{in_points(grade.earned)} of {in_points(grade.possible)}",
            grade.recall,
            len(grade.decoys),
            len(grade.wrong),
        )
        for grade in room.grades
    ]
    console.print(table(None, ("student", "points", "found", "decoys", "wrong"), rows))
    console.print()
    hardest = [
        (one.question.id, percent(one.marks.permille or 0), one.full, one.nothing)
        for one in room.hardest
    ]
    columns = ("question, the hardest first", "marks", "in full", "nothing")
    console.print(table(None, columns, hardest))


def _plain(room: Classroom) -> dict[str, Any]:
    return {
        "scenario": room.truth.scenario,
        "grades": [_plain_grade(grade) for grade in room.grades],
        "ungraded": {one.name: one.reason for one in room.ungraded},
        "hardest": [one.question.id for one in room.hardest],
    }


def _plain_grade(grade: Grade) -> dict[str, Any]:
    return {
        "name": grade.name,
        "points": in_points(grade.earned),
        "of": in_points(grade.possible),
        "recall": _plain_ratio(grade.recall),
        "precision": _plain_ratio(grade.precision),
        "questions": {one.question.id: in_points(one.earned) for one in grade.questions},
        "items": {one.item.id: one.answer.percent for one in grade.items},
        "missed": [one.item.id for one in grade.missed],
        "decoys": [one.item.id for one in grade.decoys],
        "wrong": list(grade.wrong),
        "unlisted": grade.unlisted,
        "notes": list(grade.notes),
    }


def _plain_ratio(ratio: Ratio) -> dict[str, int | None]:
    return {"part": ratio.part, "whole": ratio.whole, "permille": ratio.permille}
