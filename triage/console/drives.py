"""A live table of the drives of a batch, on stderr, when somebody is looking."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from triage.console.output import stderr
from triage.console.safe import safe

_SHOWN = 12  # drives that have ended, the last ones
_PER_SECOND = 2


class DriveTable:
    """Shows events of a batch as they come: which drives run, for how long, what was found.

    Silent when stderr is not a terminal.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._planned: set[str] = set()
        self._running: dict[str, float] = {}
        self._ended: dict[str, Mapping[str, Any]] = {}  # the last one is the latest
        self._live: Live | None = None
        if sys.stderr.isatty():
            self._live = Live(
                get_renderable=self.renderable,
                console=stderr(),
                refresh_per_second=_PER_SECOND,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take an event of `batch.jsonl`."""
        bundle = str(event.get("bundle"))
        match event["event"]:
            case "planned":
                self._planned.add(bundle)
            case "started":
                self._running[bundle] = self._clock()
            case "finished" | "failed":
                self._running.pop(bundle, None)
                self._ended.pop(bundle, None)
                self._ended[bundle] = event
            case "skipped" if event["bundle"]:
                self._ended.setdefault(bundle, event)
            case _:
                pass

    def renderable(self) -> RenderableType:
        """Return what the terminal shows now."""
        counts = Counter(event["event"] for event in self._ended.values())
        head = (
            f"{len(self._ended)} of {len(self._planned | self._ended.keys())} runs, "
            f"{counts['failed']} failed, {len(self._running)} running"
        )
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("bundle", overflow="ellipsis", no_wrap=True)
        table.add_column("state")
        table.add_column("time", justify="right")
        table.add_column("findings", justify="right")
        table.add_column("not examined", justify="right")
        now = self._clock()
        for bundle, since in self._running.items():
            table.add_row(Text(safe(bundle)), "running", _clock_text(now - since), "", "")
        for bundle in list(self._ended)[: -_SHOWN - 1 : -1]:
            event = self._ended[bundle]
            milliseconds = event.get("milliseconds")
            table.add_row(
                Text(safe(bundle)),
                _state(event),
                "" if milliseconds is None else _clock_text(milliseconds / 1000),
                str(event.get("findings", "")),
                str(event.get("not_examined", "")),
            )
        return Group(Text(head), table)


def _state(event: Mapping[str, Any]) -> str:
    match event["event"]:
        case "skipped":
            return "done before"
        case "failed":
            return "FAILED"
        case _:
            code = event["exit_code"]
            return "done" if code == 0 else f"done, exit {code}"


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
