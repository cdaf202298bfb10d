"""What an extractor finds in a file, and then in the deleted rows of the databases that it read.

It runs a second time over databases into which the deleted rows were put back. Only what says that
it rests on such a row is kept: so every extractor that tells the states of its rows finds them,
joined with what they refer to, and they never mix with the rows that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.engine.view import EvidenceArtifact, Task
from triage.extractor import Extractor
from triage.findings import Finding, RowState

_NOT_READ = "the deleted rows of a database could not all be read"


def all_findings(extractor: Extractor, task: Task, row: int) -> Iterator[Finding]:
    """Yield the findings of one artifact. Raises what the extractor raises the first time."""
    yield from extractor.run(EvidenceArtifact(task, row))
    if not task.deleted:
        return
    try:
        for finding in extractor.run(EvidenceArtifact(task.with_deleted(), row)):
            if finding.row is RowState.FREELIST:
                # A number may have been given again: the row that has it now is another one.
                place = ", ".join(filter(None, (finding.locator, "deleted")))
                yield replace(finding, locator=place)
    except Exception:  # noqa: BLE001 - what was deleted may look like anything, and the rest is told
        task.troubles.append((_NOT_READ, None))
