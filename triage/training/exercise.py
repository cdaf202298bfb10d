"""The papers of an exercise: the sheet for the student, hints, and the solution for the teacher."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triage.training.build import Built
from triage.training.paper import Block, Bullets, Code, Heading, Space, Table, Text
from triage.training.templates import fill
from triage.training.truth import Expect, Item, Place

_LINES = 3  # to write an answer on
_PLACES: Mapping[Place, str] = {
    Place.PLAIN: "a file",
    Place.RENAMED: "a file under another name",
    Place.DELETED: "a deleted file",
    Place.UNALLOCATED: "free space, no file",
    Place.SLACK: "behind the end of a file",
    Place.ARCHIVE: "in an archive",
    Place.STREAM: "an alternate data stream",
    Place.NESTED: "in an image on the image",
    Place.SNAPSHOT: "a snapshot",
    Place.LOCKED: "a locked volume",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known once the images are written; `commitment` fixes the answers."""

    images: Mapping[str, str]  # file name → SHA-256 of the medium
    commitment: str


def sheet(built: Built, published: Published) -> list[Block]:
    """Return the student's sheet; its hints stand on a page of their own."""
    scenario = built.scenario
    return [
        Heading(scenario.title, 1),
        *_case(built),
        Heading("The images"),
        Table(
            ("File", "What it is", "SHA-256 of the medium"),
            [
                (name, image.title, f"`{digest}`")
                for (name, digest), image in zip(
                    published.images.items(), scenario.images, strict=True
                )
            ],
        ),
        Text(
            f"The answers were fixed before you began: the SHA-256 of their file is "
            f"`{published.commitment}`. It will be opened after the exercise."
        ),
        Heading("How to begin"),
        Code(_commands(built, list(published.images))),
        Heading("Questions", new_page=True),
        Text(
            "Write here, or fill in `answers.csv`: with `|` between several answers to a question, "
            "and under `path` where it lies."
        ),
        *_questions(built),
        Heading("Hints", new_page=True),
        Text("One at a time, and only when you are stuck."),
        *_hints(built),
    ]


def solution(built: Built, *, notes: bool = True) -> list[Block]:
    """Return the model answers, where everything lies, and what a teacher should know."""
    scenario = built.scenario
    blocks: list[Block] = [Heading(f"{scenario.title}: solution", 1)]
    if notes:
        blocks += [Heading("For the instructor"), Text(_filled(built, scenario.notes))]
    blocks += _answers(built)
    return blocks


def page(built: Built) -> list[Block]:
    """Return the page of the documentation: everything but what differs from seed to seed."""
    scenario = built.scenario
    names = [f"{image.name}.E01" for image in scenario.images]
    return [
        Heading(scenario.title, 1),
        Text(
            "Made from the scenario by `pytest tests/training/test_pages.py --update-expected`; do "
            "not edit. Names, addresses and times are those of the seed `documentation`: another "
            "seed gives others."
        ),
        Code([f"triage train build {scenario.name} --seed STUDENT -o {scenario.name}"]),
        *_case(built),
        Heading("What it teaches"),
        Bullets([_filled(built, text) for text in scenario.objectives]),
        Heading("How to begin"),
        Code(_commands(built, names)),
        Heading("Questions"),
        *_questions(built),
        Heading("Hints"),
        *_hints(built),
        Heading("Notes for the instructor"),
        Text(_filled(built, scenario.notes)),
        *_answers(built),
    ]


def answer_sheet(built: Built) -> str:
    """Return an empty answer sheet, as `triage train grade` takes it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("question", "answer", "path"))
    writer.writerows((question.id, "", "") for question in built.questions)
    return text.getvalue()


def _case(built: Built) -> Iterator[Block]:
    scenario = built.scenario
    yield Text(
        f"{scenario.level.capitalize()}, about {scenario.minutes} minutes, "
        f"{sum(question.points for question in built.questions)} points."
    )
    yield Heading("The case")
    yield Text(_filled(built, scenario.story))
    yield Heading("Your task")
    yield Text(_filled(built, scenario.task))


def _commands(built: Built, names: list[str]) -> list[str]:
    profile = built.scenario.profile
    bundles = [f"{name.rpartition('.')[0]}.bundle" for name in names]
    lines = []
    for name, bundle in zip(names, bundles, strict=True):
        lines.append(f"triage run {name} -o {bundle} --profile {profile}")
        lines.append(f"triage verify {bundle}")
    lines.append(
        f"triage links {' '.join(bundles)}" if len(names) > 1 else f"triage show {bundles[0]}"
    )
    return lines


def _questions(built: Built) -> Iterator[Block]:
    for number, question in enumerate(built.questions, 1):
        yield Heading(f"{number}. `{question.id}` ({question.points} points)", 3)
        yield Text(question.text)
        yield Space(_LINES)


def _hints(built: Built) -> Iterator[Block]:
    for number, question in enumerate(built.questions, 1):
        if question.hints:
            yield Heading(f"{number}. `{question.id}`", 3)
            yield Bullets(question.hints, numbered=True)


def _answers(built: Built) -> Iterator[Block]:
    yield Heading("Model answers", new_page=True)
    for number, question in enumerate(built.questions, 1):
        yield Heading(f"{number}. `{question.id}` ({question.points} points)", 3)
        yield Text(question.answer)
    yield Heading("What lies where")
    yield Table(
        ("Finding", "Image", "Place", "Path"),
        [_row(item) for item in built.items if item.expect is Expect.MUST],
    )
    decoys = [item for item in built.items if item.expect is Expect.MUST_NOT]
    if decoys:
        yield Text("Decoys, which must not be taken for what they look like:")
        yield Table(("Looks like", "Image", "Place", "Path"), [_row(item) for item in decoys])
    missed = [item for item in built.items if item.known_miss]
    if missed:
        yield Text("What this version is known not to find:")
        yield Bullets([f"`{item.kind}` in {item.path}: {item.known_miss}" for item in missed])


def _row(item: Item) -> tuple[str, str, str, str]:
    place = f"{item.image}/{item.volume}"
    return f"`{item.kind}`", place, _PLACES[item.place], f"`{item.path}`" if item.path else "none"


def _filled(built: Built, text: str) -> str:
    return fill(text, built.words, where=built.scenario.name)
