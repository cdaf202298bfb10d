"""`triage export`: what other programs take."""

from __future__ import annotations

import os
from pathlib import Path

import click

from triage.bundle import Bundle
from triage.bundle.output import writing
from triage.cli.command import cli
from triage.console.output import note
from triage.engine.locks import read_locks
from triage.errors import ExitCode, UsageError
from triage.export import TARGETS, hash_lines


@cli.command("export", short_help="Make what other programs and agencies take.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--to", "target", required=True, type=click.Choice([*TARGETS, "hashcat"]), help="For whom."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="For hashcat: the image, which is read again.",
)
def export_command(bundle: Path, *, target: str, output: Path, image: Path | None) -> int:
    """Write FILE from what stands in BUNDLE.

    \b
    case        CASE 1.5 / UCO 1.4, JSON-LD, for other forensic programs
    stix        STIX 2.1, for intelligence platforms
    misp        a MISP event, for this organisation only until somebody says otherwise
    timesketch  dated events, one JSON object a line, for Timesketch and plaso's readers
    csv         addresses, extended public keys, transactions, for those who look at the ledger
    sqlite      every record as tables, for questions of your own
    hashcat     one line a locked store, for hashcat and john

    For hashcat the --image is read again, which must be the one that the bundle was made of: a
    bundle holds no cracking material. What a format cannot hold is counted on stderr. Ids are the
    same in each export, and in those of another run over the same media.

    \b
    Examples:
      triage export exhibit-7.bundle --to case -o exhibit-7.jsonld
      triage export exhibit-7.bundle --to timesketch -o exhibit-7.jsonl
      triage export exhibit-7.bundle --to csv -o addresses.csv
      triage export exhibit-7.bundle --to hashcat --image exhibit-7.E01 -o locked.txt
    """
    opened = Bundle.open(bundle)
    if target in TARGETS:
        if image is not None:
            raise UsageError(f"{target} needs no image", where="--image")
        exported = TARGETS[target](opened)
        content = exported.content
        for text in exported.notes:
            note(text)
    else:
        if image is None:
            raise UsageError("hashcat needs the image: the bundle holds no cracking material")
        locks = read_locks(opened, image)
        content = hash_lines(locks)
        note(f"{len(locks.stores)} locked stores; {len(locks.without)} without a known format")
    _write(output, content)
    return ExitCode.OK


def _write(path: Path, content: bytes) -> None:
    """Write a new file that others cannot read. Raises UsageError when it exists."""
    if os.path.lexists(path):
        raise UsageError("exists already", where=str(path))
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
