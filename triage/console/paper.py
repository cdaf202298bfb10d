"""Lines of text that are fitted to a terminal, and whole in a pipe or a file."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from triage.console.safe import safe

_WIDEST_CELL = 60  # characters of a cell that others are lined up under
_NARROWEST = 20  # columns for the text of a line, however narrow the terminal
_LONGEST = 4000  # characters of one line of evidence text
_LONGEST_ON_TERMINAL = 500
_ONION = re.compile(r"\b([a-z2-7]{10})[a-z2-7]{40}([a-z2-7]{6}\.onion)\b")


def text_console(stream: io.StringIO) -> Console:
    """Return a console that writes plain text, whatever the environment says."""
    return Console(
        file=stream,
        width=_LONGEST,
        force_terminal=False,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )


class Paper:
    """Writes lines that are fitted to a terminal, and whole everywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = console.width if console.is_terminal else None  # None: wrap nothing

    def heading(self, text: str, style: str = "bold") -> None:
        """Write a heading after an empty line."""
        self._console.print()
        self.line(text, style=style)

    def line(self, text: object, *, indent: int = 0, hang: int = 0, style: str = "") -> None:
        """Write a line of evidence or of ours; what is wrapped is indented by `hang` more."""
        self._write(" " * indent, self._shown(text), indent + hang, style)

    def columns(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Write rows, indented; the last cell takes the room that is left."""
        shown = [
            [*(safe(_clipped(cell)) for cell in row[:-1]), self._shown(row[-1])] for row in rows
        ]
        widths = [max(map(cell_len, column)) for column in list(zip(*shown, strict=True))[:-1]]
        for *cells, last in shown:
            head = "  " + "".join(
                f"{cell}{' ' * (width - cell_len(cell))}  "
                for cell, width in zip(cells, widths, strict=True)
            )
            self._write(head, last, cell_len(head), "")

    def _shown(self, value: object) -> str:
        text, most = str(value), _LONGEST if self.width is None else _LONGEST_ON_TERMINAL
        if len(text) <= most:
            return safe(text)
        return f"{safe(text[:most])}… (cut: {len(text):,} characters)"

    def _write(self, head: str, text: str, hang: int, style: str) -> None:
        if self.width is None:
            self._console.print(Text((head + text).rstrip()), soft_wrap=True)
            return
        shown = Text(_ONION.sub(r"\1…\2", text))
        room = max(self.width - max(cell_len(head), hang), _NARROWEST)
        for number, part in enumerate(shown.wrap(self._console, room) or [Text()]):
            part.rstrip()
            line = Text(head if number == 0 else " " * hang, style=style) + part
            line.stylize(style)
            line.rstrip()
            self._console.print(line, soft_wrap=True)


def _clipped(text: str) -> str:
    return text if len(text) <= _WIDEST_CELL else f"{text[: _WIDEST_CELL - 1]}…"
