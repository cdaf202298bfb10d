"""Path patterns: the same answer on every host, all patterns matched in one walk.

`/` separates names; `*`, `?` and `[…]` match within one name; `{a,b}` is either; `**` is any
number of folders, none included; a pattern ending in `/` matches folders, any other matches files.
Patterns start at the root of a file system and are always case-insensitive (Unicode case folding),
whatever the file system or the examiner's machine does.

All patterns are compiled into one automaton over path components. A folder has one state; `step`
takes it to the state of a child, and `search` does so for the names of many folders that share a
state, looking closer only at the few names that some pattern has a part for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from triage.errors import UsageError

_ANY_DEPTH = "**"
_GLOB = re.compile(r"[*?\[]")
_STAR = "[^/]*"
_WILD = "*?["
_PARTS = re.compile(r"[*?]+|\[.[^\]]*\]")  # between them, letters that stand for themselves
_MAX_ALTERNATIVES = 256
_LONG = 1 << 16  # characters of a text, from which an expression for many names pays
_MAX_MEMO = 4096  # names remembered a state: hostile images have millions


def expand(pattern: str) -> Iterator[str]:
    """Yield the patterns that `{a,b}` groups stand for, left to right; groups may nest.

    Raises UsageError on an unbalanced brace or more than 256 alternatives.
    """
    pending, yielded = [pattern], 0
    while pending:
        text = pending.pop()
        opening = text.find("{")
        if opening < 0:
            if "}" in text:
                raise UsageError(f"unbalanced }} in pattern {pattern!r}")
            yielded += 1
            if yielded > _MAX_ALTERNATIVES:
                raise UsageError(f"too many alternatives in pattern {pattern!r}")
            yield text
            continue
        depth, start = 0, opening + 1
        options: list[str] = []
        for position in range(opening, len(text)):
            char = text[position]
            if char == "{":
                depth += 1
            elif char == "," and depth == 1:
                options.append(text[start:position])
                start = position + 1
            elif char == "}":
                depth -= 1
                if depth == 0:
                    options.append(text[start:position])
                    break
        else:
            raise UsageError(f"unbalanced {{ in pattern {pattern!r}")
        rest = text[position + 1 :]
        pending.extend(f"{text[:opening]}{option}{rest}" for option in reversed(options))


def _component(glob: str) -> str:
    """Translate one name with wildcards into a regular expression source that stays in a name."""
    out: list[str] = []
    position = 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "*":
            if not out or out[-1] != _STAR:  # `**` inside a name is one star
                out.append(_STAR)
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            end = glob.find("]", position + 1)
            if end < 0:
                raise UsageError(f"unbalanced [ in pattern {glob!r}")
            body = glob[position:end]
            negated = body[:1] in ("!", "^")
            ranges = "".join(c if c == "-" else re.escape(c) for c in body[negated:])
            out.append(f"(?!/)[{'^' if negated else ''}{ranges}]")
            position = end + 1
        else:
            out.append(re.escape(char))
    return "".join(out)


def _compiled(glob: str) -> re.Pattern[str]:
    try:
        return re.compile(_component(glob))
    except re.error as error:
        raise UsageError(f"bad [ in pattern {glob!r}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finder:
    """Finds, in a text of names that each end in `/`, those that match some glob or are listed."""

    regex: re.Pattern[str]
    backwards: bool = False  # it reads the text from its end
    needs: str = ""  # in the text, or nothing can match

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield where in the text each name begins, and the name."""
        if self.needs not in text:
            return
        if self.backwards:
            for match in self.regex.finditer(f"{text[::-1]}/"):
                yield len(text) - match.end(), match[0][:0:-1]
        else:
            for match in self.regex.finditer(f"/{text}"):
                yield match.start(), match[0][1:]


def _finders(globs: Iterable[str]) -> Iterator[_Finder]:
    """Yield what finds the names that match some glob.

    What begins with a wildcard and ends without one is sought backwards: an expression that begins
    with a letter leaves most names at their first.
    """
    forwards: list[str] = []
    backwards: list[str] = []
    for glob in sorted(globs):
        if glob[0] not in _WILD:
            forwards.append(glob)
        elif glob[-1] not in "*?" and "[" not in glob:
            backwards.append(glob[::-1])
        else:
            needs = max(_PARTS.split(glob), key=len)
            yield _Finder(regex=re.compile(f"/{_component(glob)}(?=/)"), needs=needs)
    if forwards:
        yield _Finder(regex=_any_name(forwards))
    if backwards:
        yield _Finder(regex=_any_name(backwards), backwards=True)


def _any_name(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile(f"/{_alternatives(sorted(globs))}(?=/)")


def _alternatives(globs: Iterable[str], depth: int = 3) -> str:
    """Return an expression for some globs: by their first letters, so that few are tried."""
    sources = []
    for first, group in groupby(globs, key=lambda glob: glob[:1]):
        some = list(group)
        if depth and len(some) > 1 and first and first not in _WILD:
            rest = _alternatives([glob[1:] for glob in some], depth - 1)
            sources.append(re.escape(first) + rest)
        else:
            sources += [_component(glob) for glob in some]
    return f"(?:{'|'.join(sources)})"


Step = tuple[int, tuple[int, ...], tuple[int, ...]]
"""State below, file patterns that match, folder patterns that match."""


@dataclass(slots=True)
class _State:
    """A set of positions in patterns, and what each child name does to it."""

    literals: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    globs: list[tuple[re.Pattern[str], str, tuple[int, int]]] = field(default_factory=list)
    any_glob: re.Pattern[str] | None = None
    finders: tuple[_Finder, ...] = ()  # the same for a text of names
    listed: _Finder | None = None  # the literals, for a long text; made when there is one
    everything: bool = False  # some glob is a mere `*`
    staying: frozenset[tuple[int, int]] = frozenset()
    stay_id: int | None = None
    memo: dict[str, Step] = field(default_factory=dict)


def _listed(state: _State, text: str) -> Iterator[tuple[int, str]]:
    """Yield where in a text of names the literals of a state stand."""
    if len(text) >= _LONG:
        if state.listed is None and state.literals:
            state.listed = _Finder(regex=_any_name(state.literals))
        if state.listed is not None:
            yield from state.listed.find(text)
        return
    at = 0
    for name in text.split("/")[:-1]:
        if name in state.literals:
            yield at, name
        at += len(name) + 1


class PatternSet:
    """Many patterns as one automaton. Pattern numbers are positions in the given sequence.

    Raises UsageError for a pattern that can never match or is not well formed.
    """

    ROOT = 0
    DEAD = -1  # nothing below can match

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._parts: list[tuple[str, ...]] = []
        self._owner: list[int] = []
        self._folder: list[bool] = []
        self._regexes: dict[str, re.Pattern[str]] = {}
        for number, pattern in enumerate(self.patterns):
            for text in expand(pattern):
                parts = tuple(part.casefold() for part in text.strip("/").split("/"))
                if not all(parts) or parts[-1] == _ANY_DEPTH:
                    raise UsageError(f"pattern {pattern!r} has an empty name or ends in **")
                for part in parts:
                    if part not in self._regexes and part != _ANY_DEPTH and _GLOB.search(part):
                        self._regexes[part] = _compiled(part)
                self._parts.append(parts)
                self._owner.append(number)
                self._folder.append(text.endswith("/"))
        self._states: list[_State] = []
        self._ids: dict[frozenset[tuple[int, int]], int] = {}
        self._intern(frozenset((number, 0) for number in range(len(self._parts))))

    def _intern(self, positions: frozenset[tuple[int, int]], stay: _State | None = None) -> int:
        """Return the number of a state; `stay` is one that it has all positions of, and more."""
        if not positions and self._states:  # the root stands even for no pattern at all
            return self.DEAD
        known = self._ids.get(positions)
        if known is not None:
            return known
        state, staying, pending = _State(), set[tuple[int, int]](), list(positions)
        if stay is not None:
            # Nearly all positions of nearly all states; the rest is a handful.
            state.literals, state.globs = dict(stay.literals), list(stay.globs)
            staying.update(stay.staying)
            pending = list(positions - stay.staying)
        while pending:
            number, at = pending.pop()
            part = self._parts[number][at]
            if part == _ANY_DEPTH:
                staying.add((number, at))
                pending.append((number, at + 1))
            elif part in self._regexes:
                state.globs.append((self._regexes[part], part, (number, at + 1)))
            else:
                state.literals[part] = [*state.literals.get(part, ()), (number, at + 1)]
        globs = {glob for _, glob, _ in state.globs}
        if stay is not None and len(globs) == len({glob for _, glob, _ in stay.globs}):
            state.any_glob, state.everything = stay.any_glob, stay.everything
            state.finders = stay.finders
        elif globs:
            sources = sorted({regex.pattern for regex, _, _ in state.globs})
            state.any_glob = re.compile("|".join(sources))
            state.everything = _STAR in sources
            state.finders = tuple(_finders(globs))
        state.staying = frozenset(staying)
        self._ids[positions] = len(self._states)
        self._states.append(state)
        return self._ids[positions]

    def step(self, state_id: int, name: str) -> Step:
        """Return (state below, file patterns matching, folder patterns matching) for a child."""
        if state_id == self.DEAD:
            return self.DEAD, (), ()
        state = self._states[state_id]
        folded = name.casefold()
        globbed = state.any_glob is not None and state.any_glob.fullmatch(folded) is not None
        if not globbed and folded not in state.literals:
            return self.onward(state_id), (), ()
        return self._known(state, folded)

    def onward(self, state_id: int) -> int:
        """Return the state below a child whose name no pattern asks for."""
        if state_id == self.DEAD:
            return self.DEAD
        return self._stay(self._states[state_id])

    def _stay(self, state: _State) -> int:
        if state.stay_id is None:
            state.stay_id = self._intern(state.staying)
        return state.stay_id

    def search(self, state_id: int, text: str) -> Iterator[tuple[int, Step]]:
        """Yield (position, step) for the names that do more than `onward` says.

        `text` holds the names of children, in any number, each followed by `/`.
        """
        if state_id == self.DEAD or not text:
            return
        state = self._states[state_id]
        folded = text.casefold()
        if state.everything:
            for position, name in enumerate(folded.split("/")[:-1]):
                yield position, self._known(state, name)
            return
        found = {at: name for finder in state.finders for at, name in finder.find(folded)}
        found.update(_listed(state, folded))
        position = last = 0
        for at in sorted(found):
            position += folded.count("/", last, at)
            last = at
            yield position, self._known(state, found[at])

    def _known(self, state: _State, name: str) -> Step:
        known = state.memo.get(name)
        if known is None:
            known = self._step(state, name)
            if len(state.memo) < _MAX_MEMO:
                state.memo[name] = known
        return known

    def _step(self, state: _State, name: str) -> Step:
        reached = list(state.literals.get(name, ()))
        reached += [target for regex, _, target in state.globs if regex.fullmatch(name)]
        onward = set(state.staying)
        files: set[int] = set()
        folders: set[int] = set()
        for number, at in reached:
            if at < len(self._parts[number]):
                onward.add((number, at))
            elif self._folder[number]:
                folders.add(self._owner[number])
            else:
                files.add(self._owner[number])
        stay = self._stay(state)
        known = None if stay == self.DEAD else self._states[stay]
        below = self._intern(frozenset(onward), known)
        return below, tuple(sorted(files)), tuple(sorted(folders))

    def matches(self, path: str, *, folder: bool = False) -> tuple[int, ...]:
        """Return the numbers of the patterns that match a whole path."""
        state = self.ROOT
        files: tuple[int, ...] = ()
        folders: tuple[int, ...] = ()
        for name in path.strip("/").split("/"):
            state, files, folders = self.step(state, name)
        return folders if folder else files
