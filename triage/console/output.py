"""Where things go: data to stdout, everything else to stderr, progress only to a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from triage import canonical
from triage.console.safe import safe

_WIDTH_WITHOUT_TERMINAL = 1000  # columns are as wide as they must be; nothing is wrapped


class _Console(Console):
    """Rich ends the program when a reader has left; a run must go on to its seal."""

    def on_broken_pipe(self) -> None:
        silence_stdout()


def stdout() -> Console:
    """Return a console for data; plain text without colour when it is not a terminal."""
    terminal = sys.stdout.isatty()
    return _Console(
        file=sys.stdout,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not terminal,
        width=None if terminal else _WIDTH_WITHOUT_TERMINAL,
    )


def stderr() -> Console:
    """Return a console for everything that is not data."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def silence_stdout() -> None:
    """Send what is still written to nowhere: its reader is gone, and that is no failure."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Say something on stderr."""
    click.echo(safe(text, newlines=True), err=True)


def write_json(value: Any) -> None:
    """Write one JSON document to stdout, for scripts: sorted keys, no evidence escapes lost."""
    text = json.dumps(canonical.jsonable(value), ensure_ascii=True, indent=2, sort_keys=True)
    click.echo(text)


def write_jsonl(values: Iterable[Any]) -> None:
    """Write one JSON document a line to stdout."""
    for value in values:
        click.echo(json.dumps(canonical.jsonable(value), ensure_ascii=True, sort_keys=True))


def table(title: str | None, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Return a table whose cells are shown as they are, made safe."""
    result = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(Text(safe("" if cell is None else cell)) for cell in row))
    return result


def facts(pairs: Mapping[str, object]) -> Table:
    """Return a two-column table of names and values, empty values left out."""
    result = Table(box=None, show_header=False, pad_edge=False)
    result.add_column(style="bold")
    result.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, "", (), [], {}):
            result.add_row(Text(name), Text(safe(value)))
    return result


__all__ = [
    "facts",
    "note",
    "silence_stdout",
    "stderr",
    "stdout",
    "table",
    "write_json",
    "write_jsonl",
]
