"""A run without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triage.engine.options import Options, RunResult
from triage.engine.start import run
from triage.report import render_all


class Silent:
    """An observer that shows nothing."""

    def phase(self, name: str, total: int | None, unit: str) -> None: ...

    def progress(self, done: int) -> None: ...

    def findings_ready(
        self, findings: Sequence[Any], coverage: Sequence[Any], problems: Sequence[Any]
    ) -> None: ...


def silent_run(options: Options) -> RunResult:
    return run(options, Silent(), render_all)
