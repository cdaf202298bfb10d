"""Whether an address belongs to a privacy or disposable mail service, by the dated list `web`."""

from __future__ import annotations

from triage.formats.indicators import WEB

_CATEGORIES = frozenset({"privacy-mail", "disposable-mail", "alias-mail", "remailer"})


def service_of(address: str | None) -> tuple[str | None, str | None]:
    """Return the service, as `category: name`, and the list that says so; None for others."""
    listed = WEB.host((address or "").rpartition("@")[2]) if address else None
    if listed is None or listed.category not in _CATEGORIES:
        return None, None
    return f"{listed.category}: {listed.note or listed.pattern}", str(WEB)
