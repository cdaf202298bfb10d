"""Answer sheets: a table that a student filled in, graded against the questions.

The first line names the columns, in any order and case: `question` (its id) and `answer`; `path`
(where it lies) where the exercise asks for it; others are ignored. One line is one answer; a
question may have several, also in one cell, with `|` between them. The separator may be a comma, a
semicolon or a tab, the text UTF-8, UTF-16 with its mark, or what a spreadsheet of Windows writes
(CP1252).

What is asked for are the fields of the items that `partial` names; where it names none, the texts
of `match` and the paths that stand in the model answer, each worth the same; where none stands
there, any one text of `match`. The model answer itself is always right. Case, spaces, the mark of a
defanged address (`hxxp`, `[.]`), `http://` and the spelling of a time do not count.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError
from triage.training.grading import Grade, ItemGrade, QuestionGrade, grade_items, grade_question
from triage.training.matching import NOTHING, PATH, VOLUME, WHOLE, Answer
from triage.training.truth import Expect, Item, Truth, Wanted

QUESTION, ANSWER = "question", "answer"
_LARGEST = 4 * 2**20  # bytes of a sheet
_MOST = 10_000  # lines
_SEPARATORS = ";\t,"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[t ]+(\d\d:\d\d(?::\d\d)?)(?:\.0+)?\s*(?:z|utc|\+00:00)?")
_COUNTED = re.compile(r"(\d+) [a-z]+")  # `12 words`: the number alone says the same
_SCHEME = re.compile("^https?://")
_DRIVE = re.compile("^[a-z]:(?=/)")
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_WORDS = {True: ("true", "yes"), False: ("false", "no"), None: ("none", "null")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One answer to one question; `number` is that of the line in the file."""

    number: int
    question: str
    answer: str
    path: str | None


def grade_sheet(name: str, path: Path, truth: Truth) -> Grade:
    """Grade a filled-in sheet. Raises UsageError, naming the line, when it cannot be read."""
    lines = read_sheet(path, truth)
    given: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        given[line.question].append(line)

    models = {question.id: _plain(question.answer) for question in truth.questions}
    solved = {line.question for line in lines if _plain(line.answer) == models[line.question]}
    asked = _asked(truth, models)

    def answer(item: Item) -> Answer:
        if item.expect is Expect.MUST_NOT:
            return _said(item, _Asked(fields=_texts(item), enough=1), lines)
        if item.id not in asked:
            return NOTHING
        if item.question in solved:
            return Answer(percent=WHOLE, finding=None, wrong=())
        return _said(item, asked[item.id], given[str(item.question)])

    items, decoys = grade_items(truth, answer, lambda item: item.id in asked)
    counted = [grade for grade in items if grade.counts]
    questions = tuple(
        grade_question(question, counted, answered=question.id in solved)
        for question in truth.questions
    )
    return Grade(
        name=name,
        items=items,
        decoys=decoys,
        questions=questions,
        earned=sum(question.earned for question in questions),
        possible=sum(question.possible for question in questions),
        wrong=tuple(_wrong(lines, questions, models, decoys)),
    )


def read_sheet(path: Path, truth: Truth) -> tuple[Line, ...]:
    """Return the answers that are filled in, under the ids that the truth spells."""
    header, rows = _table(path)
    names = [_key(cell) for cell in header]
    for wanted in (QUESTION, ANSWER):
        if names.count(wanted) != 1:
            raise UsageError(
                f"the first line must name the columns, `{wanted}` once among them; "
                f"it names {', '.join(filter(None, names)) or 'none'}",
                where=f"{path} line 1",
            )
    ids = {_key(question.id): question.id for question in truth.questions}
    found: list[Line] = []
    for number, cells in rows:
        row = dict(zip(names, cells, strict=False))
        text = row.get(ANSWER, "").strip()
        if not text:
            continue
        asked = row.get(QUESTION, "").strip()
        question = ids.get(_key(asked))
        if question is None:
            raise UsageError(
                f"there is no question {asked[:40]!a}; there are {', '.join(ids.values())}"[:400],
                where=f"{path} line {number}",
            )
        place = row.get(PATH, "").strip() or None
        found.extend(
            Line(number=number, question=question, answer=part.strip(), path=place)
            for part in text.split("|")
            if part.strip()
        )
    return tuple(found)


def blank_sheet(truth: Truth) -> bytes:
    """Return a sheet to fill in: every question once, as CSV with a byte order mark."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow((QUESTION, "text", "points", ANSWER, PATH))
    writer.writerows((one.id, one.text, one.points, "", "") for one in truth.questions)
    return stream.getvalue().encode("utf-8-sig")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Fields that a person is asked for, with their right spellings; `enough` of them are full."""

    fields: Mapping[str, tuple[str, ...]]
    enough: int


def _asked(truth: Truth, models: Mapping[str, str]) -> dict[str, _Asked]:
    """Return what is asked of each item, by its id; an item that nothing asks for is left out."""
    found: dict[str, _Asked] = {}
    items = [
        item
        for item in truth.items
        if item.question is not None and item.expect is not Expect.MUST_NOT and item.points > 0
    ]
    for item in items:
        fields: Mapping[str, Wanted] = {**item.match, PATH: item.path, VOLUME: item.volume}
        if item.partial:
            named = {name: _spellings(fields[name]) for name in item.partial}
        else:
            named = {
                name: spellings
                for name, spellings in _texts(item).items()
                if any(_stands_in(one, models[str(item.question)]) for one in spellings)
            }
        if named:
            found[item.id] = _Asked(fields=named, enough=len(named))
    answered = {item.question for item in items if item.id in found}
    for item in items:
        if item.question not in answered:
            found[item.id] = _Asked(fields=_texts(item), enough=1)
    return found


def _texts(item: Item) -> dict[str, tuple[str, ...]]:
    """Return the texts of an item, its path among them, with their spellings."""
    fields: Mapping[str, Wanted] = {**item.match, PATH: item.path}
    return {
        name: _spellings(value) for name, value in fields.items() if isinstance(value, str | tuple)
    }


def _stands_in(text: str, model: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", model) is not None


def _said(item: Item, asked: _Asked, lines: Sequence[Line]) -> Answer:
    """Return how much of an item some lines say."""
    wrong = tuple(name for name, right in asked.fields.items() if not _given(right, lines))
    right = len(asked.fields) - len(wrong)
    if right == 0:
        return NOTHING
    if right >= asked.enough:
        return Answer(percent=WHOLE, finding=None, wrong=())
    percent = WHOLE * right // asked.enough
    if item.partial:
        percent = sum(share for name, share in item.partial.items() if name not in wrong)
    return Answer(percent=percent, finding=None, wrong=wrong)


def _spellings(value: Wanted) -> tuple[str, ...]:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    text = _plain(str(value))
    number = _COUNTED.fullmatch(text)
    return (text, number[1]) if number else (text,)


def _given(right: Sequence[str], lines: Sequence[Line]) -> bool:
    """Whether one of the lines gives it, as the answer or as the place."""
    return any(_plain(text) in right for line in lines for text in (line.answer, line.path) if text)


def _wrong(
    lines: Sequence[Line],
    questions: Sequence[QuestionGrade],
    models: Mapping[str, str],
    decoys: Sequence[ItemGrade],
) -> Iterator[str]:
    """Yield the answers that nothing of their question is right about; decoys stand apart."""
    taken = {
        spelling for grade in decoys for right in _texts(grade.item).values() for spelling in right
    }
    right = {
        question.question.id: {
            models[question.question.id],
            *(
                spelling
                for grade in question.items
                for value in (*grade.item.match.values(), grade.item.path, grade.item.volume)
                for spelling in _spellings(value)
            ),
        }
        for question in questions
    }
    for line in lines:
        if _plain(line.answer) not in right[line.question] | taken:
            yield f"line {line.number}, {line.question}: {line.answer[:200]}"


def _plain(text: str) -> str:
    """Return an answer without what does not count."""
    text = unicodedata.normalize("NFC", text).strip().strip(_QUOTES).casefold()
    text = " ".join(text.split()).replace("hxxp", "http").replace("[.]", ".").replace("[:]", ":")
    text = _SCHEME.sub("", _DRIVE.sub("", text.replace("\\", "/")))
    if match := _TIME.fullmatch(text):
        return f"{match[1]} {match[2]}"
    return text.rstrip("/.") or text


def _key(text: str) -> str:
    """Return the name of a column or a question without what people spell in many ways."""
    return re.sub(r"[\W_]+|(?<!\d)0+(?=\d)", "", text.casefold())


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the lines with their numbers; every line is as wide as it is."""
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        while True:
            number = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                break
            if any(cell.strip() for cell in cells):
                rows.append((number, cells))
            if len(rows) > _MOST:
                raise UsageError(f"more than {_MOST} lines", where=str(path))
    except csv.Error as error:
        raise UsageError(f"not CSV: {error}", where=f"{path} line {reader.line_num}") from None
    if not rows:
        raise UsageError("is empty", where=str(path))
    return rows[0][1], rows[1:]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise UsageError(f"more than {_LARGEST} bytes, so no answer sheet", where=str(path))
    codings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for coding in codings:
        try:
            text = data.decode(coding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError("is not text", where=str(path))
