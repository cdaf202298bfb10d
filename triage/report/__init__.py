"""Views of a bundle for a reader. They read the bundle, never the image."""

from __future__ import annotations

from collections.abc import Iterator

from triage.bundle import Bundle, well_formed
from triage.report.text import summary
from triage.report.timeline import timeline
from triage.texts import ENGLISH, speaking


def prepare() -> None:
    """Compile the templates of the report, which takes as long as a small run.

    For a thread beside a run that waits for its workers; without it, `render` does it.
    """
    from triage.report.page import compile_templates  # noqa: PLC0415 - as in `render`

    compile_templates()


def render(bundle: Bundle, language: str = ENGLISH) -> bytes:
    """Return the HTML report: the same bytes for the same bundle and catalogue.

    `language` is that of the texts around the findings: a shipped one, or the path of a catalogue.

    Raises BundleError when the bundle cannot be read, or a record is not of the format; UsageError
    when there is no such language.
    """
    from triage.report.page import page  # noqa: PLC0415 - most commands need no template engine

    with speaking(language), well_formed():
        return page(bundle)


def render_all(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Yield what stands in data/report when a bundle is sealed: (name, content).

    Raises BundleError like `render`.
    """
    yield "report.html", render(bundle)
    with well_formed():
        yield "timeline.csv", timeline(bundle.findings())
        yield "summary.txt", summary(bundle)
