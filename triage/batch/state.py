"""`batch.jsonl`: what a batch planned and what became of it, one canonical JSON object a line.

Each line is on the disk before the program goes on, so a kill or a power cut costs at most the
last one: it is torn then, and dropped. What each event holds stands in `docs/batch.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

from triage import canonical
from triage.bundle.output import writing
from triage.custody import Clock, lock, system_clock, utc_text
from triage.errors import AlteredError, BundleError, ParseError, UsageError

Event: TypeAlias = dict[str, Any]

FILE = "batch.jsonl"
EVENTS = ("planned", "started", "finished", "failed", "skipped")


class State:
    """The log of one batch, with what an earlier start left in it."""

    def __init__(
        self,
        folder: Path,
        *,
        resume: bool,
        tell: Callable[[Event], None] = lambda _: None,
        clock: Clock = system_clock,
    ) -> None:
        """Open or begin the log in `folder`, which is made if needed. `tell` hears each new event.

        Raises UsageError when there is one and `resume` is not given, BundleError when another
        process writes it or it cannot be written, AlteredError when it is not such a log.
        """
        self.path = folder / FILE
        self.planned: dict[str, Event] = {}  # bundle → its plan
        self.ended: dict[str, Event] = {}  # bundle → finished or failed, the last word
        self._tell = tell
        self._clock = clock
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=0)
        try:
            self._load(resume=resume, free=lock(self._file))
        except BaseException:
            self.close()
            raise

    def _load(self, *, resume: bool, free: bool) -> None:
        if not free:
            raise BundleError("another batch is writing here", where=str(self.path.parent))
        with writing(self.path):
            data = self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            os.ftruncate(self._file.fileno(), len(whole))
        if whole and not resume:
            raise UsageError("a batch was begun here; --resume continues it", where=str(self.path))
        for number, line in enumerate(whole.splitlines(), 1):
            where = f"{self.path} line {number}"
            try:
                event = canonical.decode(line)
            except ParseError as error:
                raise AlteredError(error.message, where=where) from error
            if not isinstance(event, dict) or event.get("event") not in EVENTS:
                raise AlteredError("not an event of a batch", where=where)
            self._take(cast("Event", event))

    def _take(self, event: Event) -> None:
        name, bundle = event["event"], str(event.get("bundle"))
        if name == "planned":
            self.planned[bundle] = event
        elif name in ("finished", "failed"):
            self.ended[bundle] = event

    def append(self, event: str, **about: Any) -> None:
        """Add an event. Raises BundleError, as of a full disk, when it cannot be written."""
        plain = cast(
            "Event",
            canonical.jsonable({"event": event, "utc": utc_text(self._clock()), **about}),
        )
        line = canonical.line(plain)
        with writing(self.path):
            size = os.fstat(self._file.fileno()).st_size
            try:
                view = memoryview(line)
                while view:
                    view = view[os.write(self._file.fileno(), view) :]
                os.fsync(self._file.fileno())
            except OSError:
                os.ftruncate(self._file.fileno(), size)  # no half line before the next one
                raise
        self._take(plain)
        self._tell(plain)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
