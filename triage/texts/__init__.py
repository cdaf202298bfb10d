"""Every text that a reader of a report sees: one catalogue a language, `triage/texts/TAG.json`.

A catalogue is JSON, tables of name → text; `table.name` is the key of a text. A text may hold
placeholders, `{count}`, those that are markup also `code` in backticks, **bold** and *emphasis*.
Where a number decides about its form a text is a list, and the catalogue's own `language.plural`,
the formula of gettext, says which item: `n != 1`, `n > 1`, `n%10==1 && n%100!=11 ? 0 : 1`.

What a language does not say is said in English, text by text; the English catalogue is complete.
What stands in the bundle itself is not here: summaries of findings, guidance, words of extractors.
"""

from __future__ import annotations

import gettext
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Final, TypeAlias

from triage.errors import UsageError

Text: TypeAlias = str | tuple[str, ...]

ENGLISH: Final = "en"
_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The texts of one language, by key. `form`: a number → which item of a list is for it."""

    tag: str  # BCP 47, for the page
    texts: Mapping[str, Text]
    form: Callable[[int], int]

    def template(self, key: str, count: object = None) -> str:
        """Return a text with its placeholders. Raises KeyError when there is no such text."""
        text = self.texts[key]
        if isinstance(text, str):
            return text
        number = count if isinstance(count, int) else 0
        return text[min(self.form(number), len(text) - 1)]


def say(key: str, **values: object) -> str:
    """Return a text in the language that is spoken; integers get separators of thousands."""
    template = spoken().template(key, values.get("count"))
    return template.format_map({name: shown(value) for name, value in values.items()})


def word(table: str, code: object) -> str:
    """Return the words for one of our codes; for one that the table does not have, the code."""
    text = spoken().texts.get(f"{table}.{code}")
    return text if isinstance(text, str) else str(code).replace("_", " ")


def knows(key: str) -> bool:
    """Whether there is such a text."""
    return key in spoken().texts


def shown(value: object) -> object:
    """Return an integer with separators of thousands, everything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value


def spoken() -> Catalogue:
    """Return the catalogue of the language that is spoken."""
    return _spoken.get() or catalogue(ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language: the tag of a shipped one, or the path of a catalogue.

    Raises UsageError when there is none, or it is not of the form.
    """
    token = _spoken.set(catalogue(language))
    try:
        yield
    finally:
        _spoken.reset(token)


_spoken: ContextVar[Catalogue | None] = ContextVar("spoken", default=None)


def shipped() -> list[str]:
    """Return the tags of the languages that come with the program."""
    names = (item.name for item in files("triage.texts").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


@cache
def catalogue(language: str) -> Catalogue:
    """Return a catalogue, completed with English texts. Raises UsageError as `speaking`."""
    if language.endswith(".json"):
        path = Path(language)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=language) from error
    elif language == ENGLISH or language in shipped():
        data = files("triage.texts").joinpath(f"{language}.json").read_bytes()
    else:
        told = ", ".join(shipped())
        raise UsageError(f"no language {language!a}: there are {told}, or give a file .json")
    own = dict(_read(data, language))
    if language == ENGLISH:
        return _catalogue(own, own, language)
    english = catalogue(ENGLISH).texts
    return _catalogue(own, {**english, **dict(_fitting(own, english, language))}, language)


def _catalogue(own: Mapping[str, Text], texts: Mapping[str, Text], where: str) -> Catalogue:
    tag, plural = own.get("language.tag"), own.get("language.plural")
    if not isinstance(tag, str) or not isinstance(plural, str):
        raise UsageError("needs the texts language.tag and language.plural", where=where)
    try:
        form = gettext.c2py(plural)
        form(1)
    except (ValueError, ArithmeticError) as error:
        raise UsageError("language.plural is not a formula of gettext", where=where) from error
    return Catalogue(tag=tag, texts=texts, form=form)


def _read(data: bytes, where: str) -> Iterator[tuple[str, Text]]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError("not a catalogue in JSON", where=where) from error
    yield from _flat(value, (), where)


def _flat(value: Any, path: tuple[str, ...], where: str) -> Iterator[tuple[str, Text]]:
    key = ".".join(path)
    if isinstance(value, dict) and len(path) < _DEEPEST:
        for name, item in value.items():
            yield from _flat(item, (*path, name), where)
    elif isinstance(value, str) and path:
        yield key, value
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield key, tuple(value)
    else:
        raise UsageError("neither a text nor a list of its forms", where=f"{where} {key}")


def _fitting(
    own: Mapping[str, Text], english: Mapping[str, Text], where: str
) -> Iterator[tuple[str, Text]]:
    """Yield texts that can stand for the English ones; those of another version are passed over."""
    for key, text in own.items():
        there = english.get(key)
        if there is not None:
            if isinstance(text, str) is not isinstance(there, str):
                raise UsageError("must be a list where English is one", where=f"{where} {key}")
            if not placeholders(text) <= placeholders(there):
                raise UsageError("has a placeholder that is not filled", where=f"{where} {key}")
        elif not isinstance(text, str):
            continue
        yield key, text


def placeholders(text: Text) -> set[str]:
    """Return the names that a text has filled. Raises UsageError when it cannot be one."""
    forms = (text,) if isinstance(text, str) else text
    try:
        return {
            f"{name}{':' if spec else ''}{spec}{'!' if conversion else ''}{conversion or ''}"
            for form in forms
            for _, name, spec, conversion in Formatter().parse(form)
            if name is not None
        }
    except ValueError as error:
        raise UsageError(f"not a text: {error}", where=forms[0][:60]) from error
