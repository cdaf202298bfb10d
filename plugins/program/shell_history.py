"""Commands of the list in the histories of bash, zsh, fish and others, and of PowerShell.

Written from the manuals of bash 5 (`HISTTIMEFORMAT`), zsh 5 (`EXTENDED_HISTORY`) and fish 3; tested
with histories of all three. A line is kept when a command in it is on the list, or when it
installs, removes or deletes a program of it. What follows an option for a password is left out;
other secrets in a line are not recognised. PowerShell (PSReadLine) keeps
no times. Not read: histories in databases (atuin).

References: https://www.gnu.org/software/bash/manual/ and https://zsh.sourceforge.io/Doc/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    ProgramExecuted,
    ProgramPresent,
    ProgramRemoved,
    Sensitivity,
    Time,
    extractor,
)
from triage.formats.indicators import Indicator
from triage.formats.stamps import stamp

from . import _known
from ._lines import lines, without_secrets

_HOME = "{home/*,root,Users/*,var/root}"
_EPOCH = re.compile(r"#(\d{9,11})")
_ZSH = re.compile(r": (\d{9,11}):(\d{1,7});(.*)")
_FISH = re.compile(r"- cmd: (.*)")
_FISH_WHEN = re.compile(r"  when: (\d{9,11})")
_BETWEEN = frozenset("|;&")
_BEFORE = frozenset(
    {
        "sudo",
        "doas",
        "nohup",
        "time",
        "exec",
        "command",
        "env",
        "nice",
        "setsid",
        "bash",
        "sh",
        "torify",
    }
)
_INSTALL = re.compile(
    r"(?:apt(?:-get)?|aptitude|dnf|yum|zypper|snap|flatpak|brew|yay|paru)\s(?:.*\s)?"
    r"(?P<how>install|in|remove|purge|autoremove|erase|uninstall|rm)\s(?P<what>.*)"
)
_PACMAN = re.compile(r"(?:pacman|yay|paru)\s+-(?P<how>[SR])\w*\s(?P<what>.*)")
_REMOVALS = frozenset({"remove", "purge", "autoremove", "erase", "uninstall", "rm", "R"})
_DELETE = frozenset(
    {
        "rm",
        "shred",
        "srm",
        "wipe",
        "trash",
        "trash-put",
        "unlink",
        "rmdir",
        "remove-item",
        "ri",
        "del",
    }
)

Found = ProgramExecuted | ProgramPresent | ProgramRemoved


@dataclass(slots=True, kw_only=True)
class _Use:
    """One command of one history."""

    known: Indicator
    word: str
    kind: str  # executed, present, removed
    count: int = 0
    first: int | None = None
    last: int | None = None
    line: int = 0
    told: str = ""
    hidden: bool = False


@extractor(
    name="program.windows.powershell-history",
    paths=(
        # PowerShell 5 and later: every console of an account writes into one file
        "Users/*/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/*_history.txt",
        # PowerShell 7 on Linux and macOS
        f"{_HOME}/.local/share/powershell/PSReadLine/*_history.txt",
    ),
    yields=(ProgramExecuted, ProgramPresent, ProgramRemoved),
)
def powershell_history(artifact: Artifact) -> Iterator[Found]:
    """List commands of listed programs in PowerShell's history, in order and without times."""
    lines_of = ((number, line.strip().replace("\\", "/")) for number, line in lines(artifact))
    yield from _found((number, line, None) for number, line in lines_of if line)


@extractor(
    name="program.unix.shell-history",
    paths=(
        # bash; ash of BusyBox; ksh: Linux and macOS
        f"{_HOME}/.{{bash_history,ash_history,sh_history}}",
        # zsh: its default on macOS, what distributions set up, what its first-run dialog writes
        f"{_HOME}/.{{zsh_history,zhistory,histfile}}",
        # bash on macOS, sessions of Terminal
        "Users/*/.bash_sessions/*.history*",
        "Users/*/.zsh_sessions/*.history",
        # fish 2.3 and later
        f"{_HOME}/.local/share/fish/fish_history",
    ),
    yields=(ProgramExecuted, ProgramPresent, ProgramRemoved),
)
def histories(artifact: Artifact) -> Iterator[Found]:
    """List commands of listed programs in a shell's history: how often, first and last time."""
    yield from _found(_commands(artifact))


def _found(commands: Iterable[tuple[int, str, int | None]]) -> Iterator[Found]:
    """Yield what commands, with line number and time, say of listed programs."""
    uses: dict[tuple[str, str], _Use] = {}
    for number, line, when in commands:
        for use in _uses(line):
            known = uses.setdefault((use.kind, use.word), use)
            known.count += 1
            if when:
                known.first = known.first or when
                known.last = when
            known.line, known.told = number, use.told
            known.hidden |= use.hidden
    for use in uses.values():
        times: tuple[Time, ...] = stamp("last_entered", use.last, "s_unix")
        if use.first != use.last:
            times = (*stamp("first_entered", use.first, "s_unix"), *times)
        place = f"line {use.line}"
        sensitivity = Sensitivity.SECRET if use.hidden else Sensitivity.PERSONAL
        if use.kind == "executed":
            yield _known.executed(
                use.known,
                "shell-history",
                use.word,
                locator=place,
                times=times,
                run_count=use.count,
                command_line=use.told,
                sensitivity=sensitivity,
            )
        else:
            make = _known.removed if use.kind == "removed" else _known.present
            yield make(use.known, "shell-history", use.word, locator=place, times=times)


def _commands(artifact: Artifact) -> Iterator[tuple[int, str, int | None]]:
    """Yield line number, command line and time (seconds since 1970 UTC) of each command."""
    fish = artifact.entry.name == "fish_history"
    when: int | None = None
    waiting: tuple[int, str] | None = None
    for number, line in lines(artifact):
        if fish:
            command, dated = _FISH.fullmatch(line), _FISH_WHEN.fullmatch(line)
            if dated and waiting:
                yield *waiting, int(dated[1])
                waiting = None
            elif command:
                if waiting:
                    yield *waiting, None
                waiting = (number, command[1])
            continue
        epoch, extended = _EPOCH.fullmatch(line), _ZSH.fullmatch(line)
        if epoch:
            when = int(epoch[1])
        elif extended:
            yield number, extended[3], int(extended[1])
        elif line.strip():
            yield number, line, when
            when = None
    if waiting:
        yield *waiting, None


def _uses(line: str) -> Iterator[_Use]:
    for words in _parts(line):
        while words and (words[0] in _BEFORE or "=" in words[0] or words[0].startswith("-")):
            wrapper = words.pop(0)
            if wrapper == "torify":
                words.insert(0, "torify")
                break
        if not words:
            continue
        command = words[0]
        bare = command.casefold().removesuffix(".exe")
        known = _known.PROGRAMS.command(bare) or (
            _known.PROGRAMS.path(command) if "/" in command or bare != command.casefold() else None
        )
        if known:
            told, hidden = without_secrets(words)
            yield _Use(known=known, word=command[:200], kind="executed", told=told, hidden=hidden)
        yield from _changes(words)


def _changes(words: list[str]) -> Iterator[_Use]:
    """Yield what a command installs, removes or deletes."""
    text = " ".join(words)
    found = _INSTALL.match(text) or _PACMAN.match(text)
    if found:
        kind = "removed" if found["how"] in _REMOVALS else "present"
        for name in found["what"].split():
            known = _known.PROGRAMS.package(name) or _known.PROGRAMS.app(name)
            known = known or _known.PROGRAMS.file(name)
            if known:
                yield _Use(known=known, word=name[:200], kind=kind, told=text[:300])
    elif words[0].rpartition("/")[2].casefold() in _DELETE:
        for name in words[1:]:
            path = name.rstrip("/*")
            known = _known.PROGRAMS.path(path) if not name.startswith("-") else None
            if known:
                yield _Use(known=known, word=name[:200], kind="removed", told=text[:300])


def _parts(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line: between `|`, `;` and `&` that are not quoted."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= _BETWEEN:
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # an open quote: what stands in it is no command
        pass
    yield words
