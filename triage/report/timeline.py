"""Every dated event of every finding as one CSV line, for spreadsheets.

A cell that a spreadsheet would take for a formula gets a leading `'`: findings.jsonl is the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from triage.console.headlines import account_name
from triage.console.safe import safe
from triage.report.gather import Record
from triage.texts import say

COLUMNS = (
    "utc",
    "event",
    "raw",
    "unit",
    "zone",
    "kind",
    "summary",
    "account",
    "volume",
    "path",
    "locator",
    "extractor",
    "id",
)

_LONGEST = 8000  # characters of a cell; spreadsheets cut at 32,767 bytes without a word
# The full-width forms of = + - @ are formulas in East Asian settings; spaces and quotes before
# one do not help, and where `;` is the separator a formula may begin after any of them.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"[\t\r\n\0]|[\s\"']*[{_SIGNS}]")
_INNER = re.compile(rf"(;[\s\"']*)(?=[{_SIGNS}])")


def timeline(findings: Iterable[Record]) -> bytes:
    """Return the events as CSV (RFC 4180, UTF-8), by UTC then id; those without UTC at the end."""
    lines: list[tuple[bool, str, str, bytes]] = []
    for record in findings:
        about = (
            record["kind"],
            record["summary"],
            account_name(record) if record["account"] else "",
            record["source"]["volume"],
            record["source"]["path"],
            record["source"]["locator"],
            record["extractor"]["name"],
            record["id"],
        )
        for time in record["times"]:
            utc = time["utc"] or ""
            line = _line((utc, time["event"], time["raw"], time["unit"], time["zone"], *about))
            lines.append((not utc, utc.removesuffix("Z"), record["id"], line))
    lines.sort()
    return b"".join((_line(COLUMNS), *(line for *_, line in lines)))


def _line(cells: Iterable[str | None]) -> bytes:
    return (",".join(map(_cell, cells)) + "\r\n").encode("utf-8")


def _cell(value: str | None) -> str:
    text = value or ""
    if len(text) > _LONGEST:
        text = say("common.cell_cut", text=text[:_LONGEST], count=len(text))
    guard = "'" if _FORMULA.match(text) else ""
    shown = _INNER.sub(r"\1'", safe(text)).replace('"', '""')
    return f'"{guard}{shown}"'
