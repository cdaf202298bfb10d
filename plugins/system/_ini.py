"""Key files of Linux desktops: sections of names with values."""

from __future__ import annotations


def sections_of(text: str) -> dict[str, dict[str, str]]:
    """Read a keyfile: sections of `key=value`, keys in small letters."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            section = sections.setdefault(line.strip()[1:-1], {})
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section[key.strip().casefold()] = value.strip()
    return sections
