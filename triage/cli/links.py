"""`triage links`: what several bundles have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path, PurePath
from types import MappingProxyType

import click

from triage.batch.graph import links_csv, links_graphml, links_json
from triage.batch.links import Link, Links, bundles_in, find_links
from triage.bundle.output import writing
from triage.cli.command import cli, format_option
from triage.console.output import note, stdout, table, write_json, write_jsonl
from triage.console.progress import ProgressObserver
from triage.errors import ExitCode, UsageError
from triage.report.links import links_page
from triage.texts import word

_PATH = click.Path(path_type=Path)
_SHOWN = 200
_BUNDLES = 4
_WRITERS: MappingProxyType[str, Callable[[Links], bytes]] = MappingProxyType(
    {".html": links_page, ".csv": links_csv, ".graphml": links_graphml, ".json": links_json}
)


@cli.command("links", short_help="Find what several bundles have in common.")
@click.argument("bundles", nargs=-1, required=True, type=_PATH, metavar="BUNDLE...")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=_PATH,
    metavar="FILE",
    help="FILE.html, .csv, .graphml or .json; may be given more than once.",
)
@click.option(
    "--common",
    type=click.IntRange(1, 100),
    default=50,
    show_default=True,
    metavar="PERCENT",
    help="Of 10 drives or more: leave out what more than so many percent have.",
)
@format_option
def links_command(
    bundles: tuple[Path, ...], *, outputs: tuple[Path, ...], common: int, format_: str
) -> int:
    """Find the same address, key, account, device or file in several bundles.

    BUNDLE may also be a folder of bundles, such as the one that `triage batch` wrote. Two bundles
    of one image count as one drive. Bundles are read and not verified. Exits 3 when one of them
    could not be read.

    \b
    Examples:
      triage links results/ -o links.html -o links.graphml
      triage links exhibit-7.bundle exhibit-9.bundle
    """
    for path in outputs:
        if path.suffix.lower() not in _WRITERS:
            raise UsageError(f"must end in {', '.join(_WRITERS)}", where=str(path))
    paths = bundles_in(bundles)
    with ProgressObserver(lambda *_: None) as observer:
        observer.phase("read", 2 * len(paths), "bundles")
        links = find_links(paths, percent=common, progress=observer.progress)
    for path in outputs:
        with writing(path):
            path.write_bytes(_WRITERS[path.suffix.lower()](links))
    if format_ == "json":
        write_json(json.loads(links_json(links)))
    elif format_ == "jsonl":
        write_jsonl(asdict(link) for link in links.links)
    elif not outputs:
        _print(links)
    for bundle, why in links.unread:
        note(f"could not be read: {bundle}: {why}")
    left = sum(links.suppressed.values())
    note(
        f"{len(links.links)} identifiers on more than one of {links.drives} drives; "
        f"{left} more left out as common"
    )
    return ExitCode.INCOMPLETE if links.unread else ExitCode.OK


def _print(links: Links) -> None:
    rows = [
        (
            word("identifier", link.type),
            link.value,
            link.drives,
            len(link.cases),
            _where(links, link),
        )
        for link in links.links[:_SHOWN]
    ]
    stdout().print(table(None, ("type", "value", "drives", "cases", "bundles"), rows))
    if len(links.links) > _SHOWN:
        note(f"{len(links.links) - _SHOWN} more: write them with -o FILE")


def _where(links: Links, link: Link) -> str:
    names = [PurePath(links.sources[place.source].bundle).name for place in link.places]
    more = f" and {len(names) - _BUNDLES} more" if len(names) > _BUNDLES else ""
    return ", ".join(names[:_BUNDLES]) + more
