"""Short documents for people: once described, then Markdown for the docs, HTML for the printer.

Texts may hold `code` between back-ticks and blank lines between paragraphs, nothing else; in HTML
everything is escaped, and the page loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

_CODE = re.compile("`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Heading:
    """Level 1 to 3. `new_page`: printed at the top of a page."""

    text: str
    level: int = 2
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: Sequence[str]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to type."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a row of headings."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Space:
    """Room to write on, so many lines; nothing in Markdown."""

    lines: int


Block: TypeAlias = Heading | Text | Bullets | Code | Table | Space

_STYLE = """
body{font:11pt/1.45 serif;max-width:46em;margin:2em auto;padding:0 1em;color:#111;background:#fff}
h1,h2,h3{line-height:1.2;break-after:avoid}
h2{border-bottom:1px solid #999;margin-top:1.6em}
table{border-collapse:collapse;width:100%}
td,th{border:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top}
td,code,pre{overflow-wrap:anywhere}
td:first-child{overflow-wrap:normal}
pre{background:#f2f2f2;padding:.6em;white-space:pre-wrap}
li,tr{break-inside:avoid}
.mark{border:2px solid #111;padding:.4em .7em;font-weight:bold}
.line{border-bottom:1px solid #999;height:1.9em}
@media print{body{margin:0;max-width:none}.page{break-before:page}
.mark{position:fixed;top:0;left:0;right:0;background:#fff}body{padding-top:3.2em}}
"""


def to_html(title: str, mark: str, blocks: Sequence[Block]) -> bytes:
    """Return a page as UTF-8; `mark` stands on top, in print on every sheet."""
    body = "\n".join(part for block in blocks for part in _html(block))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<p class="mark">{escape(mark)}</p>\n{body}\n</body>\n</html>\n'
    ).encode()


def _html(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level, new_page):
            page = ' class="page"' if new_page else ""
            yield f"<h{level}{page}>{_inline(text)}</h{level}>"
        case Text(text):
            yield from (f"<p>{_inline(part)}</p>" for part in _paragraphs(text))
        case Bullets(items, numbered):
            tag = "ol" if numbered else "ul"
            yield f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>"
        case Code(lines):
            text = "\n".join(lines)
            yield f"<pre>{escape(text)}</pre>"
        case Table(head, rows):
            yield "<table>"
            yield f"<tr>{''.join(f'<th>{_inline(cell)}</th>' for cell in head)}</tr>"
            for row in rows:
                yield f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>"
            yield "</table>"
        case Space(lines):
            yield '<div class="line"></div>' * lines


def to_markdown(blocks: Sequence[Block]) -> str:
    """Return a Markdown document."""
    parts = ("\n".join(_markdown(block)) for block in blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level, _):
            yield f"{'#' * level} {text}"
        case Text(text):
            yield "\n\n".join(_paragraphs(text))
        case Bullets(items, numbered):
            yield from (f"{f'{n}.' if numbered else '*'} {text}" for n, text in enumerate(items, 1))
        case Code(lines):
            yield from ("```", *lines, "```")
        case Table(head, rows):
            yield f"| {' | '.join(head)} |"
            yield f"|{'---|' * len(head)}"
            for row in rows:
                cells = (cell.replace("|", r"\|") for cell in row)
                yield f"| {' | '.join(cells)} |"
        case Space(_):
            return


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))
