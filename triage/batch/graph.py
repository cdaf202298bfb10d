"""Links as JSON, CSV and GraphML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from triage import __version__, canonical
from triage.batch.links import Links
from triage.batch.tables import csv_bytes
from triage.console.safe import safe

COLUMNS = (
    "type",
    "value",
    "drives",
    "cases",
    "bundle",
    "case",
    "exhibit",
    "roles",
    "accounts",
    "findings",
    "finding",
)
_KEYS = (  # GraphML: name, of what, type
    ("kind", "node", "string"),
    ("label", "node", "string"),
    ("case", "node", "string"),
    ("exhibit", "node", "string"),
    ("drives", "node", "int"),
    ("roles", "edge", "string"),
    ("findings", "edge", "int"),
)


def links_json(links: Links) -> bytes:
    """Return all of it as one JSON document; `source` is a number in `sources`."""
    value: Any = canonical.jsonable(
        {"tool": {"name": "disk-triage", "version": __version__}, **asdict(links)}
    )
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def links_csv(links: Links) -> bytes:
    """Return one line for each place of each link."""
    return csv_bytes(COLUMNS, _rows(links))


def _rows(links: Links) -> Iterator[tuple[object, ...]]:
    for link in links.links:
        for place in link.places:
            source = links.sources[place.source]
            yield (
                link.type,
                link.value,
                link.drives,
                " | ".join(link.cases),
                source.bundle,
                source.case,
                source.exhibit,
                " | ".join(place.roles),
                " | ".join(place.accounts),
                place.findings,
                place.finding,
            )


def links_graphml(links: Links) -> bytes:
    """Return a graph (GraphML 1.0): bundles and identifiers are nodes, places are edges."""
    return "".join(f"{line}\n" for line in _graphml(links)).encode("utf-8")


def _graphml(links: Links) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for name, of, type_ in _KEYS:
        yield f'<key id="{name}" for="{of}" attr.name="{name}" attr.type="{type_}"/>'
    yield '<graph edgedefault="undirected">'
    for number in sorted({place.source for link in links.links for place in link.places}):
        source = links.sources[number]
        yield _element(
            f'node id="b{number}"',
            kind="bundle",
            label=source.bundle,
            case=source.case,
            exhibit=source.exhibit,
        )
    for number, link in enumerate(links.links):
        yield _element(f'node id="v{number}"', kind=link.type, label=link.value, drives=link.drives)
        for place in link.places:
            yield _element(
                f'edge source="b{place.source}" target="v{number}"',
                roles=" ".join(place.roles),
                findings=place.findings,
            )
    yield "</graph>"
    yield "</graphml>"


def _element(tag: str, **data: object) -> str:
    inner = "".join(
        # `safe` first: XML 1.0 knows no form for most control characters.
        f"<data key={quoteattr(name)}>{escape(safe(value))}</data>"
        for name, value in data.items()
        if value is not None
    )
    return f"<{tag}>{inner}</{tag.partition(' ')[0]}>"
