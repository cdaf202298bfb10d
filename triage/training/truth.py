"""What is on a made image: the answers that runs and people are measured by.

`truth.json` is JSON of one form, `disk-triage-truth/1`, for practice and for validation. The same
fields as in a finding are named as there (`value.crypto_address`, `account.name`, `times.visited`).
`commitment` is what `sha256sum` prints of the file that `to_bytes` gives: published with an
exercise, it shows later that nobody changed the answers. With a passphrase the file is an age file
(age-encryption.org/v1), which `age --decrypt` opens as well.

Everything that is wrong with a file raises ProfileError, pointing at the key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

from triage import canonical
from triage.bundle import age
from triage.errors import ProfileError, UsageError
from triage.strict import Reader

FORMAT: Final = "disk-triage-truth/1"

_LARGEST = 64 * 2**20  # bytes of a file
_MOST_ITEMS, _MOST_QUESTIONS, _MOST_IMAGES = 100_000, 1000, 100
_MOST_POINTS = 1000
_LONGEST = 10_000  # characters of one text
_WHOLE = 100  # percent
_SHA256 = re.compile("[0-9a-f]{64}")
_FIELD = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")

Wanted: TypeAlias = str | int | bool | tuple[str, ...] | None
"""What a field must hold. Of a list, at least these, in any order."""


class Expect(StrEnum):
    """Whether a complete search finds it; `must_not` is a decoy, `may` neither earns nor costs."""

    MUST = "must"
    MAY = "may"
    MUST_NOT = "must_not"


class Place(StrEnum):
    """Where the bytes lie."""

    PLAIN = "plain"
    RENAMED = "renamed"  # another name, extension or folder, or no extension
    DELETED = "deleted"  # the file system still knows of it
    UNALLOCATED = "unallocated"
    SLACK = "slack"
    ARCHIVE = "archive"
    STREAM = "stream"  # an alternate data stream of NTFS
    NESTED = "nested"  # in a disk image on the disk
    SNAPSHOT = "snapshot"
    LOCKED = "locked"  # in an encrypted volume


class Data(StrEnum):
    """Who wrote the bytes: makers of this project, or the programs themselves."""

    SELF_MADE = "self_made"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A medium; `sha256` is of its bytes, not of the container around them."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that lies, or seems to lie, on an image.

    kind: of the finding; of a decoy it may be a pattern (`wallet.*`).
    path: as findings write it, and of what lies in an archive or an image that of the outermost
        file; null where no file is. Of a decoy it may end with `/`: everything below.
    match: field of the finding → what it holds.
    partial: field of `match`, `path` or `volume` → percent of the points where not all is right; of
        an answer sheet, what a person is asked for.
    known_miss: why this version is known not to find it; people may still.
    family: groups items in tables (`wallet`, `chat`).
    """

    id: str
    expect: Expect
    kind: str
    image: str
    volume: str | None
    path: str | None
    place: Place
    match: Mapping[str, Wanted] = field(default_factory=dict)
    points: int = 1
    partial: Mapping[str, int] = field(default_factory=dict)
    question: str | None = None
    known_miss: str | None = None
    family: str
    data: Data = Data.SELF_MADE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a student is asked. `hints` come one after the other, `answer` is the model answer.

    Items that name the question are its answers; one without items is answered by `answer` itself.
    """

    id: str
    text: str
    hints: tuple[str, ...] = ()
    answer: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All answers of one scenario.

    salt: random hex digits, so that nobody finds the answers from the commitment by trying.
    seed_commitment: SHA-256 that fixes the seed without telling it.
    """

    scenario: str
    salt: str
    seed_commitment: str
    images: tuple[Image, ...]
    items: tuple[Item, ...]
    questions: tuple[Question, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, whoever made it."""
        images = _unique("images", (image.name for image in self.images))
        questions = _unique("questions", (question.id for question in self.questions))
        _unique("items", (item.id for item in self.items))
        for item in self.items:
            where = f"items.{item.id}"
            if item.image not in images:
                raise ProfileError("names no image of the list", where=f"{where}.image")
            if item.question is not None and item.question not in questions:
                raise ProfileError("names no question of the list", where=f"{where}.question")
            if not set(item.partial) <= {*item.match, "path", "volume"}:
                raise ProfileError("names a field that is not matched", where=f"{where}.partial")
            if sum(item.partial.values()) > _WHOLE:
                raise ProfileError("is more than the whole", where=f"{where}.partial")


def to_bytes(truth: Truth) -> bytes:
    """Return the file: canonical JSON and a newline, the same bytes for the same answers."""
    return canonical.line({"format": FORMAT, **_plain(truth)})


def commitment(truth: Truth) -> str:
    """Return the SHA-256 of the file in clear, to be published before the answers are."""
    return hashlib.sha256(to_bytes(truth)).hexdigest()


def sealed(truth: Truth, passphrase: str) -> bytes:
    """Return the file for those who know the passphrase. Takes about a second, on purpose."""
    return age.encrypt_with_passphrase(to_bytes(truth), passphrase)


def is_sealed(path: Path) -> bool:
    """Whether a file can only be read with a passphrase. Raises UsageError as `load` does."""
    return age.is_encrypted(_read(path))


def load(path: Path, passphrase: str | None = None) -> Truth:
    """Read a file, in clear or sealed.

    Raises UsageError when it cannot be read or opened, and ProfileError pointing at the key.
    """
    data = _read(path)
    if age.is_encrypted(data):
        if passphrase is None:
            raise UsageError("is sealed: its passphrase is needed", where=str(path))
        data = age.decrypt_with_passphrase(data, passphrase)
    return parse(data, where=path.name)


def parse(data: bytes, *, where: str) -> Truth:
    """Read a file in clear, spelled in any way that is JSON."""
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"not JSON: {error}"[:200], where=where) from None
    reader = Reader(value, where)
    if reader.take("format", str, None) != FORMAT:
        raise ProfileError(f"must be {FORMAT}", where=reader.place("format"))
    images = tuple(_image(item) for item in reader.mappings("images", _MOST_IMAGES))
    truth = Truth(
        scenario=_text(reader, "scenario"),
        salt=_text(reader, "salt"),
        seed_commitment=_text(reader, "seed_commitment"),
        images=images,
        items=tuple(_item(item) for item in reader.mappings("items", _MOST_ITEMS)),
        questions=tuple(_question(item) for item in reader.mappings("questions", _MOST_QUESTIONS)),
    )
    reader.done()
    return truth


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise UsageError(f"more than {_LARGEST} bytes", where=str(path))
    return data


def _image(reader: Reader) -> Image:
    image = Image(name=_text(reader, "name"), sha256=_text(reader, "sha256"))
    if not _SHA256.fullmatch(image.sha256):
        raise ProfileError("must be 64 hex digits", where=reader.place("sha256"))
    reader.done()
    return image


def _item(reader: Reader) -> Item:
    item = Item(
        id=_text(reader, "id"),
        expect=Expect(_choice(reader, "expect", Expect)),
        kind=_text(reader, "kind"),
        image=_text(reader, "image"),
        volume=_text_or_none(reader, "volume"),
        path=_text_or_none(reader, "path"),
        place=Place(_choice(reader, "place", Place)),
        match=_match(reader.mapping("match")),
        points=_number(reader, "points", 0, _MOST_POINTS),
        partial=_partial(reader.mapping("partial")),
        question=_text_or_none(reader, "question"),
        known_miss=_text_or_none(reader, "known_miss"),
        family=_text(reader, "family"),
        data=Data(_choice(reader, "data", Data)),
    )
    reader.done()
    return item


def _question(reader: Reader) -> Question:
    question = Question(
        id=_text(reader, "id"),
        text=_text(reader, "text"),
        hints=reader.strings("hints", ()),
        answer=_text(reader, "answer"),
        points=_number(reader, "points", 0, _MOST_POINTS),
    )
    reader.done()
    return question


def _match(reader: Reader) -> dict[str, Wanted]:
    found: dict[str, Wanted] = {}
    for key in reader.keys(_MOST_POINTS):
        if not _FIELD.fullmatch(key):
            raise ProfileError("is not the name of a field", where=reader.place(key))
        value = reader.anything(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = tuple(value)
        elif value is not None and not isinstance(value, str | int | bool):
            raise ProfileError("must be text, integer, truth or texts", where=reader.place(key))
        found[key] = value
    return found


def _partial(reader: Reader) -> dict[str, int]:
    return {key: _number(reader, key, 1, _WHOLE) for key in reader.keys(_MOST_POINTS)}


def _choice(reader: Reader, key: str, words: type[StrEnum]) -> str:
    word = reader.choice(key, tuple(words), None)
    if word is None:
        raise ProfileError("is missing", where=reader.place(key))
    return word


def _text(reader: Reader, key: str) -> str:
    text = _text_or_none(reader, key)
    if text is None:
        raise ProfileError("is missing", where=reader.place(key))
    return text


def _text_or_none(reader: Reader, key: str) -> str | None:
    text: str | None = reader.take(key, str, None)
    if text is not None and not 0 < len(text) <= _LONGEST:
        raise ProfileError(f"must be text of 1 to {_LONGEST} characters", where=reader.place(key))
    return text


def _number(reader: Reader, key: str, least: int, most: int) -> int:
    value: int | None = reader.take(key, int, None)
    if value is None or not least <= value <= most:
        raise ProfileError(f"must be a number from {least} to {most}", where=reader.place(key))
    return value


def _unique(where: str, names: Iterator[str]) -> set[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ProfileError(f"{name!a} stands twice", where=where)
        seen.add(name)
    return seen


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _plain(truth: Truth) -> dict[str, canonical.Json]:
    value = canonical.jsonable(truth)
    assert isinstance(value, dict)  # noqa: S101 - for mypy: a dataclass becomes an object
    return value
