"""From a scenario and a seed to disks, texts and answers. The same seed gives the same bytes."""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from triage import canonical
from triage.engine.training import NOTICE, mark_name
from triage.errors import ProfileError
from triage.hashing import sha256
from triage.strict import Reader
from triage.training import hiding, people
from triage.training.artifacts import MAKERS
from triage.training.artifacts.scene import Scene
from triage.training.artifacts.system import machine_of
from triage.training.hiding import Draft, Owner, Shown
from triage.training.media.model import Disk, Entry, Volume
from triage.training.noise import noise
from triage.training.people import Person
from triage.training.scenario import Hide, ImagePlan, Scenario, Step, VolumePlan
from triage.training.templates import fill, fill_all
from triage.training.tree import Inventor, Node
from triage.training.truth import Expect, Image, Item, Question, Truth
from triage.training.values import KINDS

_FIRST_DAY: Final = datetime(2024, 2, 5, tzinfo=UTC)  # a Monday
_WEEKS: Final = 50
_LATEST: Final = 40  # minutes by which a seed moves the time line
_FORGETFUL: Final = ("fat16", "fat32")
_SHORT = re.compile(r"[A-Z0-9_~-]{1,8}(\.[A-Z0-9_~-]{1,3})?|[a-z0-9_~-]{1,8}(\.[a-z0-9_~-]{1,3})?")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An exercise before it is files. `words` fill the templates of the scenario's texts."""

    scenario: Scenario
    disks: Mapping[str, Disk]  # by name of the image
    items: tuple[Item, ...]
    questions: tuple[Question, ...]
    words: Mapping[str, str]
    salt: str
    seed_commitment: str
    when: datetime  # after everything that happened: when the disks were copied

    def truth(self, hashes: Mapping[str, str]) -> Truth:
        """Return the answers; `hashes` are SHA-256 of the media, by name of the image."""
        return Truth(
            scenario=self.scenario.name,
            salt=self.salt,
            seed_commitment=self.seed_commitment,
            images=tuple(Image(name=name, sha256=digest) for name, digest in hashes.items()),
            items=self.items,
            questions=self.questions,
        )


def build(scenario: Scenario, seed: str) -> Built:
    """Make the disks and answers of one student. Raises ProfileError for a wrong scenario."""
    return _Builder(scenario, seed).build()


class _Builder:
    def __init__(self, scenario: Scenario, seed: str) -> None:
        self.scenario, self.seed = scenario, seed
        self.inventor = Inventor(f"disk-triage training/{scenario.name}/{seed}")
        week, moved = struct.unpack("<HH", self.inventor.bytes("calendar", 4))
        self.begin = _FIRST_DAY + timedelta(weeks=week % _WEEKS, minutes=moved % _LATEST)
        self.people = people.draw(self.inventor, tuple(scenario.people))
        self.words = self._first_words()
        self.drafts: defaultdict[tuple[str, str], Draft] = defaultdict(Draft)
        self.items: list[Item] = []

    def _first_words(self) -> dict[str, str]:
        words: dict[str, str] = {}
        for person in self.people.values():
            words |= person.words()
        for name, kind in self.scenario.values.items():
            words[name] = KINDS[kind](self.inventor, name)
        return words

    def build(self) -> Built:
        for step in self.scenario.steps:
            self._take(step)
        when = self.begin + _DAY * (self._last_day() + 3)
        disks = {plan.name: self._disk(plan) for plan in self.scenario.images}
        salt = self.inventor.bytes("salt", 16).hex()
        told = canonical.line({"scenario": self.scenario.name, "seed": self.seed, "salt": salt})
        return Built(
            scenario=self.scenario,
            disks=disks,
            items=tuple(self.items),
            questions=tuple(self._questions()),
            words=self.words,
            salt=salt,
            seed_commitment=sha256(told),
            when=when,
        )

    def _last_day(self) -> int:
        return max((step.minute // 1440 for step in self.scenario.steps), default=0)

    def _plan(self, step: Step) -> VolumePlan:
        image = next(plan for plan in self.scenario.images if plan.name == step.image)
        return next(plan for plan in image.volumes if plan.name == step.volume)

    def _take(self, step: Step) -> None:
        plan, person = self._plan(step), self.people[step.who]
        zone = timedelta(minutes=self.scenario.utc_offset)
        seconds = self.inventor.bytes(f"second {step.id}", 1)[0] % 60
        settings = fill_all(dict(step.settings), self.words, where=step.where)
        scene = Scene(
            id=step.id,
            inventor=self.inventor,
            own=Inventor(f"{self.inventor.seed}/{step.id}"),
            volume=f"{step.image}/{step.volume}",
            family=plan.family,
            owner=person,
            people=self.people,
            home=_home(plan, person),
            folder=fill(step.folder, self.words, where=step.where),
            begin=self.begin,
            when=self.begin + timedelta(minutes=step.minute, seconds=seconds) - zone,
            zone=zone,
            settings=Reader(settings, step.where),
        )
        MAKERS[step.make](scene)
        scene.settings.done()
        name = step.name and fill(step.name, self.words, where=step.where).strip("/")
        if step.hide is Hide.DELETED and plan.filesystem in _FORGETFUL:
            _demand_long_names(scene, step)
        draft = self.drafts[step.image, step.volume]
        shown = hiding.hide(
            scene, step, draft, _owner(self.inventor, scene.volume, plan, person), name
        )
        self.words |= {f"{step.id}.{word}": text for word, text in scene.words.items()}
        self.words[f"{step.id}.when"] = f"{scene.when:%Y-%m-%d %H:%M} UTC"
        if name:
            self.words[f"{step.id}.path"] = f"/{name}"
        self.items.extend(_items(step, shown, draft))

    def _disk(self, plan: ImagePlan) -> Disk:
        signature = self.inventor.bytes(f"disk {plan.name}", 4)
        volumes = tuple(self._volume(plan, volume) for volume in plan.volumes)
        return Disk(
            scheme=plan.scheme, volumes=volumes, signature=int.from_bytes(signature, "little")
        )

    def _volume(self, image: ImagePlan, plan: VolumePlan) -> Volume:
        draft = self.drafts[image.name, plan.name]
        width = 8 if plan.filesystem == "ntfs" else 4
        serial = self.inventor.bytes(f"volume {image.name} {plan.name}", width)
        notice = Node(data=f"{NOTICE}\n".encode(), modified=self.begin)
        nobody = Owner(uid=0, sid=None)
        mark = hiding.entry(mark_name(self.scenario.name), notice, nobody)
        entries = {mark.path: mark, **draft.entries}
        spelled = {parent.casefold(): parent for path in draft.entries for parent in _parents(path)}
        for ordinary in self._noise(image, plan):
            folder, _, name = ordinary.path.rpartition("/")
            path = f"{spelled.setdefault(folder.casefold(), folder)}/{name}"
            entries.setdefault(path, replace(ordinary, path=path))
        return Volume(
            filesystem=plan.filesystem,
            label=plan.label,
            size=plan.size,
            serial=int.from_bytes(serial, "little"),
            entries=tuple(entries.values()),
            scraps=tuple(draft.scraps),
            slack=draft.slack,
            utc_offset=self.scenario.utc_offset,
        )

    def _noise(self, image: ImagePlan, plan: VolumePlan) -> Iterator[Entry]:
        """Yield ordinary files around what is to be found, shared by those who use the volume."""
        here = [step.who for step in self.scenario.steps if step.image == image.name]
        users = list(dict.fromkeys(here)) or list(self.people)
        volume = f"{image.name}/{plan.name}"
        inventor = Inventor(f"{self.inventor.seed}/noise {volume}")
        for number, key in enumerate(users):
            person = self.people[key]
            share = len(range(number, plan.noise, len(users)))
            owner = _owner(self.inventor, volume, plan, person)
            for file in noise(inventor, share, home=_home(plan, person), before=self.begin):
                node = Node(data=file.data, modified=file.modified)
                yield hiding.entry(file.path, node, owner)

    def _questions(self) -> Iterator[Question]:
        for asked in self.scenario.questions:
            where = f"{self.scenario.name}.questions.{asked.id}"
            yield Question(
                id=asked.id,
                text=fill(asked.text, self.words, where=where),
                hints=tuple(fill(hint, self.words, where=where) for hint in asked.hints),
                answer=fill(asked.answer, self.words, where=where),
                points=asked.points,
            )


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _home(plan: VolumePlan, person: Person) -> str:
    match plan.family:
        case "windows":
            return f"Users/{person.account}"
        case "linux":
            return f"home/{person.account}"
        case "none":
            return ""


def _demand_long_names(scene: Scene, step: Step) -> None:
    """Refuse what cannot be asked for: FAT overwrites the first byte of a deleted short name."""
    for path in scene.tree.nodes:
        if _SHORT.fullmatch(name := path.rpartition("/")[2]):
            text = f"{name} loses its first letter when it is deleted: give it a longer name"
            raise ProfileError(text, where=step.where)


def _owner(inventor: Inventor, volume: str, plan: VolumePlan, person: Person) -> Owner:
    if plan.family == "none":
        return Owner(uid=0, sid=None)
    numbers = (*machine_of(inventor, volume), person.rid)
    sid = "S-1-5-21-" + "-".join(map(str, numbers)) if plan.family == "windows" else None
    return Owner(uid=person.uid, sid=sid)


def _items(step: Step, shown: Sequence[Shown], draft: Draft) -> Iterator[Item]:
    """Yield the answers of one step; a decoy has one for each kind that it only looks like."""
    place = hiding.place_of(step)
    about = {"image": step.image, "volume": step.volume, "place": place}
    if step.expect is Expect.MUST_NOT:
        path = next(reversed(draft.entries)) if draft.entries else None
        for kind in step.kinds:
            yield Item(
                id=f"{step.id}-{kind.replace('.', '-').replace('*', 'any')}",
                expect=Expect.MUST_NOT,
                kind=kind,
                path=path,
                points=step.points,
                question=step.question,
                family=kind.partition(".")[0],
                **about,  # type: ignore[arg-type]
            )
        return
    for number, one in enumerate(shown, 1):
        must = one.main and step.expect is Expect.MUST
        yield Item(
            id=f"{step.id}-{number}",
            expect=Expect.MUST if must else Expect.MAY,
            kind=one.kind,
            path=one.path,
            match=one.match,
            points=step.points if must else 0,
            question=step.question if must else None,
            known_miss=step.known_miss if must else None,
            family=one.kind.partition(".")[0],
            **about,  # type: ignore[arg-type]
        )
