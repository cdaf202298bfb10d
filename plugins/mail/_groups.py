"""Groups of Usenet that carry anonymous mail, in lists of groups (`newsrc`)."""

from __future__ import annotations

import re

# A colon: subscribed. An exclamation mark: known, not subscribed any more.
_GROUPS = re.compile(
    r"^(alt\.anonymous\.messages|alt\.privacy\.anon-server(?:\.stats)?)([:!])([ \t\d,-]{0,200})",
    re.MULTILINE,
)


def anonymous_groups(text: str) -> tuple[str, ...]:
    """Return the groups for anonymous mail that a list names, sorted."""
    return tuple(sorted({name for name, _, _ in _GROUPS.findall(text)}))


def read_articles(text: str) -> bool:
    """Whether the list says that articles of such a group were read or marked as read."""
    return any(any(map(str.isdigit, numbers)) for _, _, numbers in _GROUPS.findall(text))
