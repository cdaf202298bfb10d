"""Texts of the catalogue as markup: what our templates print beside evidence.

Only the text itself can mark something; what is filled into it is shown inert and escaped.
"""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape

from triage.report.inert import inert
from triage.texts import shown, spoken

_MARKS = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<b>\1</b>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


def marked(key: str, **values: object) -> Markup:
    """Return a text with its marks as markup, `values` filled in. Raises KeyError like `say`."""
    template = _markup(spoken().template(key, values.get("count")))
    filled = {name: escape(inert(shown(value))) for name, value in values.items()}
    return Markup(template.format_map(filled))  # noqa: S704 - values are escaped, texts are ours


@cache
def _markup(text: str) -> str:
    found = str(escape(text))
    for mark, element in _MARKS:
        found = mark.sub(element, found)
    return found
