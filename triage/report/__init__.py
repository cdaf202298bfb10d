"""Views of a bundle for a reader. They read the bundle, never the image."""

from __future__ import annotations

from collections.abc import Iterator

from triage.bundle import Bundle


def render(bundle: Bundle) -> bytes:
    """Return the HTML report."""
    return b""


def render_all(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Yield what stands in data/report when a bundle is sealed: (name, content)."""
    yield "report.html", render(bundle)
