r"""Evidence text as inert characters: what every value that a template prints goes through.

The template engine escapes markup; this shows what is not visible as `\u{…}`, so that a name cannot
turn a line round or hide in it, and cuts what is so long that it would bury the rest.
"""

from __future__ import annotations

import unicodedata

from markupsafe import Markup

from triage.console.safe import safe
from triage.texts import say

LONGEST = 2000
"""Characters of one value that a page shows."""

_MARKS_IN_A_ROW = 4  # combining characters on one letter; more are there to cover what is around


def inert(value: object) -> str:
    """Return a value as text to show: `–` for None, yes or no for a truth value.

    Markup of our own templates (the result of a macro) stays as it is.
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        return "–"
    if isinstance(value, bool):
        return say("common.yes" if value else "common.no")
    text = str(value)
    if len(text) > LONGEST:
        text = say("common.cut", text=text[:LONGEST], count=len(text))
    return safe(_unstacked(text))


def _unstacked(text: str) -> str:
    if text.isascii():
        return text
    stacked, shown = 0, []
    for char in text:
        stacked = stacked + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        shown.append(char if stacked <= _MARKS_IN_A_ROW else f"\\u{{{ord(char):x}}}")
    return "".join(shown)
