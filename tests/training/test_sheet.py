from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from triage.cli.command import cli, invoke
from triage.errors import UsageError
from triage.report.grades import grades_page
from triage.training.classroom import Classroom, class_csv
from triage.training.grading import Grade, in_points
from triage.training.sheet import blank_sheet, grade_sheet, read_sheet
from triage.training.truth import Expect, Image, Item, Place, Question, Truth, to_bytes

ONION = "expyuzz4wqqyqhjn.onion"


def item(number: int, question: str | None, **more: object) -> Item:
    return Item(
        **{
            "id": f"i-{number}",
            "expect": Expect.MUST,
            "kind": "indicator.onion",
            "image": "d",
            "volume": "p1",
            "path": f"/Users/bob/{number}",
            "place": Place.PLAIN,
            "family": "tor",
            "question": question,
            **more,
        }  # type: ignore[arg-type]
    )


TRUTH = Truth(
    scenario="exercise",
    salt="5a",
    seed_commitment="0",
    images=(Image(name="d", sha256="a" * 64),),
    items=(
        item(1, "q-01", match={"value.onion": f"http://{ONION}/"}, points=2),
        item(2, "q-01", match={"value.onion": "second.onion"}, points=2, known_miss="too deep"),
        item(
            3,
            "q-02",
            match={"times.visited": "2025-03-05T19:42:11Z", "value.kept": True},
            partial={"times.visited": 70, "path": 30},
        ),
        item(4, None, match={"value.onion": "third.onion"}),
        item(9, None, expect=Expect.MUST_NOT, match={"value.onion": "decoy.onion"}, points=0),
    ),
    questions=(
        Question(id="q-01", text="Which onions?", answer="both", points=5),
        Question(id="q-02", text="When?", hints=("Look.",), answer="in spring", points=3),
        Question(id="q-03", text="How many drives?", answer="One", points=1),
    ),
)


def graded(tmp_path: Path, text: str | bytes) -> Grade:
    path = tmp_path / "ann.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return grade_sheet("ann", path, TRUTH)


@pytest.mark.parametrize(
    ("lines", "earned"),
    [
        ("", "0"),
        (f"q-01,{ONION}", "2.5"),
        (f"q-01,x{ONION}", "0"),
        (f"q-01,hxxp://{ONION.replace('.', '[.]')}", "2.5"),
        (f"Q1,HTTP://{ONION.upper()}", "2.5"),
        (f"q-01,http://{ONION}|second.onion", "5"),
        ("q-01,both", "5"),
        ("q 01,Second.Onion", "2.5"),
        ("q-02,2025-03-05 19:42:11 UTC", "2.1"),
        (r"q-02,2025-03-05t19:42:11z,c:\users\BOB\3", "3"),
        ("q-02,2025-03-05 19:42:12", "0"),
        ("q-03,one", "1"),
        ("q-03, ", "0"),
    ],
)
def test_what_answers_earn(tmp_path: Path, lines: str, earned: str) -> None:
    grade = graded(tmp_path, f"question,answer,path\n{lines}\n")
    assert in_points(grade.earned) == earned
    assert in_points(grade.possible) == "9"


@pytest.mark.parametrize(
    "data",
    [
        "Question;Note;ANSWER\r\n\r\nq-03;;one\r\n".encode("utf-8-sig"),
        "question\tanswer\nq-03\tone\n".encode("utf-16"),
        "question;answer;m\xfcde\nq-03;one;\xfc\n".encode("cp1252"),
        b'"answer","question"\n"one","Q-03"',
    ],
)
def test_spreadsheets_are_taken_as_they_are(tmp_path: Path, data: bytes) -> None:
    assert in_points(graded(tmp_path, data).earned) == "1"


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"", "ann.csv", "is empty"),
        (b"a,b\n1,2\n", "ann.csv line 1", "`question`"),
        (b"question,question,answer\n", "ann.csv line 1", "once"),
        (b"question,answer\n\nq-77,x\n", "ann.csv line 3", "q-77"),
        (b'question,answer\n"q-01,x\n', "ann.csv line 2", "not CSV"),
        (b"question,answer\nq\0,x", "ann.csv", "not text"),
        (b"question,answer\n" + b"q-01,x\n" * 10_001, "ann.csv", "lines"),
    ],
)
def test_an_error_points_at_the_line(tmp_path: Path, data: bytes, where: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        graded(tmp_path, data)
    assert str(caught.value.where).endswith(where)


def test_decoys_and_wrong_answers_cost_precision(tmp_path: Path) -> None:
    text = "question,answer\nq-01,second.onion\nq-01,decoy.onion\nq-02,yesterday\n"
    grade = graded(tmp_path, text)
    assert [one.item.id for one in grade.decoys] == ["i-9"]
    assert grade.wrong == ("line 4, q-02: yesterday",)
    assert str(grade.precision) == "1 of 3 (33.3 %)"
    assert str(grade.recall) == "1 of 3 (33.3 %)"  # what the tool misses counts for a person


def test_a_blank_sheet_asks_everything_and_earns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ann.csv"
    path.write_bytes(blank_sheet(TRUTH))
    assert read_sheet(path, TRUTH) == ()
    assert b"q-01,Which onions?,5,," in path.read_bytes()


def test_the_class_and_its_hardest_question(tmp_path: Path) -> None:
    room = Classroom(
        truth=TRUTH,
        grades=(
            graded(tmp_path, "question,answer\nq-01,both\nq-03,one\n"),
            graded(tmp_path, "question,answer\nq-01,second.onion\nq-03,one\n"),
        ),
        ungraded=(),
    )
    assert [one.question.id for one in room.hardest] == ["q-02", "q-01", "q-03"]
    assert (room.hardest[1].full, room.hardest[1].nothing) == (1, 0)
    header, first, *_ = class_csv(room).decode().splitlines()
    assert header.endswith("q-01,q-02,q-03,note")
    assert first == "ann,6,9,66,2,3,0,0,5,0,1,"
    page = grades_page(room).decode()
    assert "<h2>The hardest questions first</h2>" in page
    assert "Hint: Look." in page


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, good, bad = (tmp_path / name for name in ("truth.json", "ann.csv", "<b>.csv"))
    key.write_bytes(to_bytes(TRUTH))
    good.write_text("question,answer\nq-01,both\nq-03,=one\n")
    bad.write_text("nothing\n")
    page, table = tmp_path / "class.html", tmp_path / "class.csv"

    def triage(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["triage", "train", "grade", *map(str, words)])
        return invoke()

    assert cli.commands is not None
    assert triage(good, "--key", key) == 0
    assert "5 of 9" in capsys.readouterr().out
    assert triage("--class", good, bad, "--key", key, "-o", page, "-o", table) == 3
    assert "&lt;b&gt;" in page.read_text()
    assert "<b>.csv" not in page.read_text()
    assert "not graded" in table.read_text()
    assert triage(bad, "--key", key) == 2
    assert triage(good, bad, "--key", key) == 2
    assert triage(good, "--key", key, "-o", "x.pdf") == 2
    capsys.readouterr()
    assert triage(good, "--key", key, "--format", "json") == 0
    (told,) = json.loads(capsys.readouterr().out)["grades"]
    assert (told["points"], told["of"], told["wrong"]) == ("5", "9", ["line 3, q-03: =one"])


def test_what_the_model_answer_names_is_what_is_asked(tmp_path: Path) -> None:
    items = (
        item(1, "q-01", match={"value.version": "14.0.5", "value.browser": "tor-browser"}),
        item(2, "q-01", match={"value.url": "http://other.onion/"}),  # nobody asks for it
        item(3, "q-01", match={"value.extent": "12 words"}, path=None),
    )
    question = Question(id="q-01", text="?", answer="14.0.5 in /Users/bob/1; 12 words", points=4)
    truth = replace(TRUTH, items=items, questions=(question,))
    path = tmp_path / "ann.csv"
    for answers, earned in (
        ("q-01,14.0.5,/users/bob/1\nq-01,12", "4"),
        ("q-01,14.0.5", "1"),  # without its place
        ("q-01,tor-browser", "0"),
        ("q-01,112", "0"),
    ):
        path.write_text(f"question,answer,path\n{answers}\n")
        assert in_points(grade_sheet("ann", path, truth).earned) == earned
