"""What people are told to do about what was found: short steps, each with what it rests on.

A guidance is one YAML file, `profiles/guidance/NAME.yaml`; a folder of an agency replaces those of
the same name. It is read when a profile is loaded and recorded in `run.json` in the same form, so
that the report of a bundle always shows the words of its run.

Which case a finding belongs to is decided by `triage.console.cases`, not by the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from triage.errors import ProfileError
from triage.strict import Reader, from_yaml

CASES: Final = {
    "crypto": (
        "secret-in-clear",
        "unlocked-wallet",
        "locked-wallet",
        "hardware-wallet",
        "exchange-account",
        "addresses-only",
        "software-only",
    ),
    "evidence": ("locked-volume", "remote-account", "other-device"),
}
"""Cases of each guidance, the most pressing first."""

_MOST = 50  # steps of one case, sources
_LONGEST = 600  # characters of one text


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do or to leave; `sources` are keys of the guidance's sources."""

    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do in one case. `urgent`: waiting may cost what there is to secure."""

    title: str
    urgent: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a step rests on; `read` says honestly how much of it the author has seen."""

    title: str
    date: str
    url: str
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """One subject: what to do in every case, and in each of them."""

    name: str
    version: int
    date: str  # YYYY-MM-DD
    always: tuple[Step, ...]
    cases: Mapping[str, Advice]  # all of CASES[name], in that order
    sources: Mapping[str, Source]


def load(folder: Path | None = None) -> tuple[Guidance, ...]:
    """Return all guidance, an agency's before that of the same name which is shipped.

    Raises ProfileError when a file is not of the form, or the folder has none of ours.
    """
    if folder is not None and not any((folder / f"{name}.yaml").is_file() for name in CASES):
        wanted = ", ".join(f"{name}.yaml" for name in CASES)
        raise ProfileError(f"no folder with one of {wanted}", where=str(folder))
    found = []
    for name in CASES:
        own = folder / f"{name}.yaml" if folder else None
        if own and own.is_file():
            try:
                text = own.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                raise ProfileError("cannot be read", where=str(own)) from None
            found.append(parse(from_yaml(text, str(own)), where=str(own)))
        else:
            shipped = files("triage.profiles").joinpath(f"guidance/{name}.yaml")
            found.append(parse(from_yaml(shipped.read_text(encoding="utf-8"), name), where=name))
    return tuple(found)


def parse(value: Any, *, where: str) -> Guidance:
    """Read a guidance as YAML or `run.json` holds it. Raises ProfileError naming the key."""
    reader = Reader(value, where)
    name = reader.choice("name", tuple(CASES), None)
    if name is None:
        raise ProfileError("is missing", where=reader.place("name"))
    sources = reader.mapping("sources")
    known = {key: _source(sources.mapping(key)) for key in sources.keys(_MOST)}
    sources.done()
    cases = reader.mapping("cases")
    guidance = Guidance(
        name=name,
        version=reader.take("version", int, 0),
        date=(reader.day("date") or "")[:10],
        always=_steps(reader, "always", known),
        cases={case: _advice(cases.mapping(case), known) for case in CASES[name]},
        sources=known,
    )
    cases.done()
    reader.done()
    return guidance


def _advice(reader: Reader, known: Mapping[str, Source]) -> Advice:
    urgent = reader.flag("urgent")
    advice = Advice(
        title=_text(reader, "title"), urgent=urgent, steps=_steps(reader, "steps", known)
    )
    reader.done()
    return advice


def _steps(reader: Reader, key: str, known: Mapping[str, Source]) -> tuple[Step, ...]:
    steps = []
    for item in reader.mappings(key, _MOST):
        step = Step(text=_text(item, "text"), sources=item.strings("sources", ()))
        for source in step.sources:
            if source not in known:
                raise ProfileError(f"names no source: {source[:40]}", where=item.place("sources"))
        item.done()
        steps.append(step)
    return tuple(steps)


def _source(reader: Reader) -> Source:
    source = Source(**{key: _text(reader, key) for key in ("title", "date", "url", "read")})
    reader.done()
    return source


def _text(reader: Reader, key: str) -> str:
    text: str = reader.take(key, str, "")
    if not 0 < len(text) <= _LONGEST:
        raise ProfileError(f"must be text of 1 to {_LONGEST} characters", where=reader.place(key))
    return text
