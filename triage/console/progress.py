"""Progress on stderr, when somebody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from triage.console.output import stderr
from triage.console.safe import safe

Ready = Callable[[Sequence[Any], Sequence[Any], Sequence[Any]], None]


class ProgressObserver:
    """An engine observer that draws a bar a phase; silent when stderr is not a terminal."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty():
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}", markup=False),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=stderr(),
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def phase(self, name: str, total: int | None, unit: str) -> None:
        """Begin a bar."""
        if self._bars:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(safe(name), total=total, unit=unit)

    def progress(self, done: int) -> None:
        """Move the bar."""
        if self._bars and self._task is not None:
            self._bars.update(self._task, completed=done)

    def findings_ready(
        self, findings: Sequence[Any], coverage: Sequence[Any], problems: Sequence[Any]
    ) -> None:
        """Show the findings while hashing goes on."""
        if self._bars:
            self._bars.stop()
        self._ready(findings, coverage, problems)
        if self._bars:
            self._bars.start()
