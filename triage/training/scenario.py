"""A scenario: the story, the disks, what lies on them, what is asked. Read from YAML, strictly.

Texts are templates: `{owner}` is the name of a person, `{market}` a value, `{wallet.path}` what the
artifact `wallet` tells of itself. Which names there are stands in `docs/write-a-scenario.md`.
Everything that is wrong raises ProfileError, pointing at the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

from triage.errors import ProfileError, UsageError
from triage.strict import Reader, from_yaml
from triage.training.artifacts import MAKERS
from triage.training.artifacts.scene import Family
from triage.training.media.model import Filesystem, Scheme
from triage.training.truth import Expect
from triage.training.values import KINDS

FORMAT: Final = "disk-triage-scenario/1"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_AT = re.compile(r"day (\d{1,3}) ([01]\d|2[0-3]):([0-5]\d)")
_SIZE = re.compile(r"(\d{1,4}) MiB")
_MIB: Final = 1 << 20
_LARGEST: Final = 2048  # MiB
_MOST = 200  # of anything in a list
_MOST_POINTS = 100
_MINUTES_A_DAY: Final = 1440
_FILESYSTEMS: Final = ("fat16", "fat32", "exfat", "ntfs", "ext4")
_LEVELS: Final = ("beginner", "intermediate", "advanced")


class Hide(StrEnum):
    """Where an artifact is put."""

    PLAIN = "plain"
    RENAMED = "renamed"  # its file bears the name `as`
    DELETED = "deleted"
    UNALLOCATED = "unallocated"  # the bytes lie in free clusters, without a name
    SLACK = "slack"  # behind the end of a file `as`
    ARCHIVE = "archive"  # in a zip `as`
    STREAM = "stream"  # an alternate data stream of a file `as`, NTFS


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePlan:
    """A volume: `family` says which system lies on it, if any. `size` in bytes."""

    name: str
    filesystem: Filesystem
    label: str
    size: int
    family: Family
    noise: int  # ordinary files around what is to be found


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """A disk."""

    name: str
    title: str
    scheme: Scheme
    volumes: tuple[VolumePlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the time line: who leaves what, where, when, and how it is hidden.

    minute: since the beginning of day 0. settings: for the maker, still with templates.
    question: whose answer it is; None when nothing asks for it.
    """

    id: str
    minute: int
    who: str
    make: str
    image: str
    volume: str
    folder: str
    hide: Hide
    name: str | None  # `as`
    settings: Mapping[str, Any]
    question: str | None
    expect: Expect
    kinds: tuple[str, ...]  # decoys: what must not be found in it
    points: int
    known_miss: str | None
    where: str  # how errors name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, still with templates."""

    id: str
    text: str
    hints: tuple[str, ...]
    answer: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a trainer chooses."""

    name: str
    title: str
    level: str
    minutes: int  # that a class needs
    profile: str  # of `triage run` that the exercise is written for
    summary: str
    story: str
    task: str
    objectives: tuple[str, ...]
    notes: str  # for the instructor
    utc_offset: int  # minutes east of UTC of the clocks of the machines
    people: Mapping[str, str]  # key → who that is
    values: Mapping[str, str]  # name → kind
    images: tuple[ImagePlan, ...]
    steps: tuple[Step, ...]  # by time
    questions: tuple[Asked, ...]


def shipped() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the program."""
    folder = files("triage.training") / "scenarios"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load(name: str) -> Scenario:
    """Read a shipped scenario by name. Raises UsageError when there is none."""
    if name not in shipped():
        raise UsageError(f"no scenario of this name; there are {', '.join(shipped())}", where=name)
    text = (files("triage.training") / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8")
    return parse(text, name=name)


def parse(text: str, *, name: str) -> Scenario:
    """Read a scenario; `name` is what it is called, and how errors begin."""
    if not _NAME.fullmatch(name):
        raise ProfileError("a name is small letters, digits and hyphens", where=name)
    reader = Reader(from_yaml(text, name), name)
    if reader.take("format", str, None) != FORMAT:
        raise ProfileError(f"must be {FORMAT}", where=reader.place("format"))
    level = reader.choice("level", _LEVELS, "beginner") or "beginner"
    images = tuple(_image(item) for item in reader.mappings("images", 10))
    questions = tuple(_question(item) for item in reader.mappings("questions", _MOST))
    people = _texts(reader.mapping("people"))
    steps = sorted(
        (_step(item, people, images, questions) for item in reader.mappings("timeline", _MOST)),
        key=lambda step: step.minute,
    )
    scenario = Scenario(
        name=name,
        title=_text(reader, "title"),
        level=level,
        minutes=_number(reader, "minutes", 60, 10_000),
        profile=_text(reader, "profile", "deep"),
        summary=_text(reader, "summary"),
        story=_text(reader, "story"),
        task=_text(reader, "task"),
        objectives=reader.strings("objectives", ()),
        notes=_text(reader, "instructor"),
        utc_offset=_number(reader, "utc_offset", 0, 60),
        people=people,
        values=_values(reader.mapping("values")),
        images=images,
        steps=tuple(steps),
        questions=questions,
    )
    reader.done()
    _unique("timeline", name, [step.id for step in steps])
    _unique("questions", name, [question.id for question in questions])
    _unique("images", name, [image.name for image in images])
    return scenario


def _image(reader: Reader) -> ImagePlan:
    scheme = reader.choice("scheme", ("mbr", "gpt", "none"), "mbr")
    volumes = tuple(
        _volume(item, f"p{number}" if scheme != "none" else "whole")
        for number, item in enumerate(reader.mappings("volumes", 4), 1)
    )
    if not volumes or (scheme == "none" and len(volumes) > 1):
        raise ProfileError("must be one volume, or up to four", where=reader.place("volumes"))
    image = ImagePlan(
        name=_label(reader, "name"),
        title=_text(reader, "title"),
        scheme=scheme,  # type: ignore[arg-type]  # one of the words above
        volumes=volumes,
    )
    reader.done()
    return image


def _volume(reader: Reader, name: str) -> VolumePlan:
    filesystem = reader.choice("filesystem", _FILESYSTEMS, None)
    if filesystem is None:
        raise ProfileError("is missing", where=reader.place("filesystem"))
    size = _SIZE.fullmatch(_text(reader, "size"))
    if size is None or not 1 <= int(size[1]) <= _LARGEST:
        raise ProfileError(f"must be like `64 MiB`, to {_LARGEST}", where=reader.place("size"))
    family = reader.choice("system", ("windows", "linux", "none"), "none")
    volume = VolumePlan(
        name=name,
        filesystem=filesystem,  # type: ignore[arg-type]  # one of the words above
        label=_text(reader, "label", "TRAINING"),
        size=int(size[1]) * _MIB,
        family=family,  # type: ignore[arg-type]  # the same
        noise=_number(reader, "noise", 0, 10_000),
    )
    reader.done()
    return volume


def _step(
    reader: Reader,
    people: Mapping[str, str],
    images: tuple[ImagePlan, ...],
    questions: tuple[Asked, ...],
) -> Step:
    at = _AT.fullmatch(_text(reader, "at"))
    if at is None:
        raise ProfileError("must be like `day 3 21:40`", where=reader.place("at"))
    image, _, volume = _text(reader, "disk").partition("/")
    plan = next((plan for plan in images if plan.name == image), None)
    if plan is None or (volume or "p1") not in {each.name for each in plan.volumes} | {"p1"}:
        raise ProfileError("names no volume of `images`", where=reader.place("disk"))
    question = reader.take("question", str, None)
    if question is not None and question not in {each.id for each in questions}:
        raise ProfileError("names no question", where=reader.place("question"))
    make = _text(reader, "make")
    if make not in MAKERS:
        raise ProfileError(f"must be one of {', '.join(MAKERS)}", where=reader.place("make"))
    who = _text(reader, "who")
    if who not in people:
        raise ProfileError("names nobody of `people`", where=reader.place("who"))
    expect = Expect(reader.choice("expect", tuple(Expect), "must") or "must")
    hide = Hide(reader.choice("hide", tuple(Hide), "plain") or "plain")
    name = reader.take("as", str, None)
    if name is None and hide in {Hide.RENAMED, Hide.SLACK, Hide.ARCHIVE, Hide.STREAM}:
        raise ProfileError("is missing", where=reader.place("as"))
    step = Step(
        id=_label(reader, "id"),
        minute=int(at[1]) * _MINUTES_A_DAY + int(at[2]) * 60 + int(at[3]),
        who=who,
        make=make,
        image=image,
        volume=volume or plan.volumes[0].name,
        folder=reader.take("folder", str, "").strip("/"),
        hide=hide,
        name=name,
        settings=reader.take("with", dict, {}),
        question=question,
        expect=expect,
        kinds=reader.strings("kinds", ()),
        points=_number(reader, "points", 1, _MOST_POINTS),
        known_miss=reader.take("known_miss", str, None),
        where=reader.place("with"),
    )
    if (expect is Expect.MUST_NOT) != bool(step.kinds):
        raise ProfileError("goes with `expect: must_not`", where=reader.place("kinds"))
    reader.done()
    return step


def _question(reader: Reader) -> Asked:
    asked = Asked(
        id=_label(reader, "id"),
        text=_text(reader, "text"),
        hints=reader.strings("hints", ()),
        answer=_text(reader, "answer"),
        points=_number(reader, "points", 1, _MOST_POINTS),
    )
    reader.done()
    return asked


def _values(reader: Reader) -> dict[str, str]:
    found = {}
    for name in reader.keys(_MOST):
        kind = reader.choice(name, tuple(KINDS), None)
        if kind is None:
            raise ProfileError("is missing", where=reader.place(name))
        found[name] = kind
    return found


def _texts(reader: Reader) -> dict[str, str]:
    return {name: _text(reader, name) for name in reader.keys(_MOST)}


def _label(reader: Reader, key: str) -> str:
    text = _text(reader, key)
    if not _NAME.fullmatch(text):
        raise ProfileError("must be small letters, digits, hyphens", where=reader.place(key))
    return text


def _text(reader: Reader, key: str, default: str | None = None) -> str:
    text: str | None = reader.take(key, str, default)
    if not text or not text.strip():
        raise ProfileError("is missing", where=reader.place(key))
    return text.strip()


def _number(reader: Reader, key: str, default: int, most: int) -> int:
    number: int = reader.take(key, int, default)
    if not 0 <= number <= most:
        raise ProfileError(f"must be a number to {most}", where=reader.place(key))
    return number


def _unique(what: str, name: str, ids: list[str]) -> None:
    for one in ids:
        if ids.count(one) > 1:
            raise ProfileError(f"{one} stands twice", where=f"{name}.{what}")
