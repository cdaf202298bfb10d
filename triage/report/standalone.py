"""Pages about several bundles: static, inert, without a script and without a link."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from triage.report.inert import inert

_STYLE = "many.css"


def standalone(template: str, context: Mapping[str, Any]) -> bytes:
    """Return a page as UTF-8. All that it may load is the style whose hash stands in its policy."""
    templates = _templates()
    style = templates.get_template(_STYLE).render()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    text = templates.get_template(template).render({**context, "style_hash": digest})
    return text.encode("utf-8")


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("triage.report"),
        autoescape=True,
        finalize=inert,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
