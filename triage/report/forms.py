"""Printable forms, filled from a bundle: custody, certificates, checklists.

A form is a Jinja2 template, `NAME.html`. A folder of an agency replaces forms of the same name,
adds its own, and may replace `base.html` (letterhead) and `form.css`. Templates are run in Jinja2's
sandbox, and whatever they print goes through `inert` and is escaped, as in the report.

What a template is given: `bundle_id`, `seal_code`, `latest_seal_code`, `sealed`, `signer`, `run`
and `image` (run.json), `case`, `events` (custody, in order, each with `seal_code` or None),
`counts` (records), `training` (of a practice image, else None), `not_examined` (coverage, each with
`words`), `matters` and `always` (guidance on cryptocurrency; that of this installation where the
run recorded none), `tool`, `size`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from triage.bundle import Bundle, Record
from triage.console.cases import Cases, guidance_of
from triage.console.summary import place_of
from triage.console.training import training_of
from triage.console.words import reason, size
from triage.errors import UsageError
from triage.guidance import load
from triage.report.inert import inert
from triage.texts import say

_FOLDER: Final = "form_templates"
_STYLE: Final = "form.css"
_PARTS: Final = frozenset({"base.html", _STYLE})  # what forms are made of, none themselves
_MOST_NOT_EXAMINED: Final = 40


def forms(bundle: Bundle, templates: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each form, by name.

    Raises UsageError when a template of the agency is not one, BundleError like `Bundle`.
    """
    environment = _environment(templates)
    context = _context(bundle)
    names = sorted({*shipped(), *_own(templates)} - _PARTS)
    try:
        style = environment.get_template(_STYLE).render()
        digest = hashlib.sha256(style.encode("utf-8")).digest()
        context["style_hash"] = base64.b64encode(digest).decode("ascii")
        for name in names:
            yield name, environment.get_template(name).render(context).encode("utf-8")
    except jinja2.TemplateError as error:
        where = getattr(error, "name", None) or getattr(error, "filename", None)
        raise UsageError(
            f"template: {error.message or type(error).__name__}", where=where
        ) from error


def shipped() -> dict[str, str]:
    """Return the templates that come with the program, by name, for an agency to start from."""
    folder = files("triage.report").joinpath(_FOLDER)
    return {
        item.name: item.read_text("utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
    }


@lru_cache(maxsize=2)
def _environment(templates: Path | None) -> jinja2.Environment:
    ours = jinja2.PackageLoader("triage.report", _FOLDER)
    theirs = [jinja2.FileSystemLoader(templates)] if templates else []
    return ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*theirs, ours]),
        autoescape=True,
        finalize=inert,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _own(templates: Path | None) -> list[str]:
    if templates is None:
        return []
    if not templates.is_dir():
        raise UsageError("not a folder of templates", where=str(templates))
    return [path.name for path in templates.glob("*.html")]


def _context(bundle: Bundle) -> dict[str, Any]:
    run, seal = bundle.run, bundle.seal
    guidance = guidance_of(run) or next((g for g in load() if g.name == "crypto"), None)
    cases = Cases()
    for record in bundle.findings():
        cases.add(record)
    later = bundle.later_seals()
    return {
        "bundle_id": seal.predicate.get("bundle"),
        "seal_code": seal.code,
        "latest_seal_code": later[-1].code if later else None,
        "sealed": seal.predicate.get("sealed"),
        "signer": seal.predicate.get("signer"),
        "counts": seal.predicate.get("counts"),
        "run": run,
        "case": run["case"],
        "image": run["image"],
        "training": training_of(run),
        "tool": f"{run['tool']['name']} {run['tool']['version']}",
        "events": list(_events(bundle, [later_seal.code for later_seal in later])),
        "not_examined": list(_not_examined(bundle)),
        "matters": cases.matters(guidance) if guidance else (),
        "always": guidance.always if guidance else (),
        "size": size,
    }


def _events(bundle: Bundle, codes: list[str]) -> Iterator[Record]:
    """Yield custody events; those after the seal with the code that belongs on paper."""
    events = list(bundle.custody())
    first = len(events) - len(codes)  # each later log holds one event
    for number, event in enumerate(events):
        yield {**event, "seal_code": codes[number - first] if number >= first else None}


def _not_examined(bundle: Bundle) -> Iterator[Record]:
    counted = 0
    for line in bundle.coverage():
        if line.get("outcome") == "not_examined" and line.get("counts"):
            counted += 1
            if counted <= _MOST_NOT_EXAMINED:
                yield {**line, "words": f"{place_of(line)}: {reason(line['reason'])}"}
    if counted > _MOST_NOT_EXAMINED:
        yield {"words": say("summary.more", count=counted - _MOST_NOT_EXAMINED)}
