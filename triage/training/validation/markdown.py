"""The page `docs/validation.md`: made from `validation.json` and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from triage.training.validation.document import limits
from triage.training.validation.results import Validation
from triage.training.validation.tables import tables

_HEAD = """\
# Validation

Measured by `triage validate`, from whose `validation.json` this page is made; nobody wrote a
figure by hand. What each set is, how to repeat it, and what a laboratory has to add stands in
[how to validate](validate.md).

**Self-made and foreign data are never averaged.** Self-made files follow the formats as we
understand them: where we misread one, reader and maker err alike. A place in which the program
finds nothing is an honest zero.
"""


def markdown(validation: Validation) -> bytes:
    """Return the page: the same bytes for the same results."""
    return ("\n".join(_lines(validation)) + "\n").encode()


def _lines(validation: Validation) -> Iterator[str]:
    yield _HEAD
    method = validation.method
    yield f"Version {method['version']}, Python {method['python']}, begun {validation.begun[:10]}."
    yield f"Method `{method['digest']}`.\n"
    for table in (*tables(validation), limits(validation)):
        yield f"## {table.title}\n"
        yield f"{table.about}\n"
        yield f"| {' | '.join(table.columns)} |"
        yield f"|{'---|' * len(table.columns)}"
        for row in table.rows:
            yield f"| {' | '.join(row)} |"
        yield ""
