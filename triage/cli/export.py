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
from triage.export import addresses_csv, hash_lines

_TARGETS = ("csv", "hashcat")


@cli.command("export", short_help="Make what other programs take: addresses, hashes.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Choice(_TARGETS), help="For whom.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="For hashcat: the image, which is read again.",
)
def export_command(bundle: Path, *, target: str, output: Path, image: Path | None) -> int:
    """Write FILE from what stands in BUNDLE.

    csv: addresses, extended public keys and transactions, for those who look at the ledger.
    hashcat: one line a locked store, for hashcat and john. A bundle holds no cracking material: it
    is read from --image again, which must be the one that the bundle was made of.

    \b
    Examples:
      triage export exhibit-7.bundle --to csv -o addresses.csv
      triage export exhibit-7.bundle --to hashcat --image exhibit-7.E01 -o locked.txt
    """
    opened = Bundle.open(bundle)
    if target == "csv":
        if image is not None:
            raise UsageError("csv needs no image", where="--image")
        content = addresses_csv(opened)
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
