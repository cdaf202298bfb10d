"""Every command that a document shows is one that the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from triage.cli.command import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SYNOPSIS = "contract.md"  # shows what may be given, not what is typed


def shown() -> Iterator[list[str]]:
    for page in PAGES:
        if page.name == SYNOPSIS:
            continue
        for block in re.findall(r"```(?:sh)?\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.sub(r"^(\$ |\.venv/bin/)", "", line.strip())
                if command.startswith("triage ") and command.split()[1] in COMMANDS:
                    yield shlex.split(re.split(r" [|>] ", command)[0], comments=True)[1:]


SHOWN = list(shown())


@pytest.mark.parametrize("words", SHOWN, ids=[" ".join(words) for words in SHOWN])
def test_the_program_takes_it(words: list[str]) -> None:
    parsed(cli, words)


def parsed(command: click.Command, words: list[str]) -> None:
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, name
        command = found
    command.make_context(command.name, words)


def examples() -> Iterator[list[str]]:
    """Yield the examples of every `--help`."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        group = isinstance(command, click.Group)
        for one in command.commands.values() if isinstance(command, click.Group) else [command]:
            text = (one.callback.__doc__ or "").replace("\\\n", " ") if one.callback else ""
            for line in text.splitlines():
                if line.strip().startswith("triage "):
                    yield shlex.split(line.strip().replace("…", "x"))[1:]
        assert group or command.help


EXAMPLES = list(examples())


@pytest.mark.parametrize("words", EXAMPLES, ids=[" ".join(words) for words in EXAMPLES])
def test_the_examples_of_the_help_are_taken(words: list[str]) -> None:
    parsed(cli, words)


@pytest.mark.parametrize("words", [["verify", "x", "--nope"], ["seal", "sing", "x"], ["run", "x"]])
def test_what_it_does_not_take_is_noticed(words: list[str]) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parsed(cli, words)


def test_there_are_enough_of_both() -> None:
    assert len(SHOWN) > 25
    assert len(EXAMPLES) > 25
