"""CSV for spreadsheets: cells that one would take for a formula get a leading `'`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from triage.console.safe import safe

_LONGEST = 8000  # characters of a cell; spreadsheets cut at 32,767 bytes without a word
# The full-width forms of = + - @ are formulas in East Asian settings; spaces and quotes before
# one do not help, and where `;` is the separator a formula may begin after any of them.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"[\s\"']*[{_SIGNS}]")
_INNER = re.compile(rf"(;[\s\"']*)(?=[{_SIGNS}])")


def csv_bytes(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Return a table as CSV (RFC 4180, UTF-8); None is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = safe(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    text = _INNER.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text
