"""Where a run begins: what can be refused is refused, and workers come to be while we import."""

from __future__ import annotations

import os
import time

from triage.bundle import BundleWriter
from triage.engine.nursery import launcher
from triage.engine.options import Observer, Options, Reporter, RunResult
from triage.engine.sandbox import forbid_dumps
from triage.engine.terms import refuse_unscanned
from triage.errors import UsageError


def run(options: Options, observer: Observer, reporter: Reporter) -> RunResult:
    """Triage one image into a sealed bundle.

    Raises UsageError, ImageError and BundleError before anything is written where it can;
    InterruptedRunError on Ctrl-C before the findings are complete, which leaves `.partial`; later
    it seals. With `resume` a `.partial` is continued: BundleError says what is not the same.
    """
    began = time.monotonic()
    partial = options.output.with_name(f"{options.output.name}.partial")
    if os.path.lexists(options.output) or (os.path.lexists(partial) and not options.resume):
        BundleWriter.create(options.output, resume=options.resume)  # says why it is refused
    refuse_unscanned(options.terms, options.profile)
    image = options.image.absolute()
    if image.is_dir() and options.output.absolute().is_relative_to(image):
        raise UsageError("the bundle would be written into the evidence", where=str(options.output))
    if options.credentials:
        forbid_dumps()
    with launcher(options.plugins) as workers:
        from triage.engine.run import run_with  # noqa: PLC0415 - the nursery imports meanwhile

        return run_with(workers, options, observer, reporter, began=began)
