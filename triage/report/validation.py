"""The validation report as a page to print."""

from __future__ import annotations

from triage.report.templating import policy_hash, rendered
from triage.training.validation.document import Document


def validation_page(document: Document) -> bytes:
    """Return the page: the same bytes for the same report."""
    context = {"document": document, "language": "en", "style_hash": policy_hash("many.css")}
    return rendered("validation.html", context)
