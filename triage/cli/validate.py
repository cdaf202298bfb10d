"""`triage validate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import click

from triage.bundle import load_signer
from triage.bundle.output import writing
from triage.cli.command import cli, format_option
from triage.cli.run import passphrase
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.engine.basis import RESULTS
from triage.errors import ExitCode
from triage.hashing import sha256
from triage.report.validation import validation_page
from triage.training.media.model import Filesystem
from triage.training.validation.document import document
from triage.training.validation.markdown import markdown
from triage.training.validation.results import Validation, summed
from triage.training.validation.statement import statement
from triage.training.validation.suite import NOT_EXAMINED, NOT_MADE, SAMPLES, SETS, Asked, validate

_PATH = click.Path(path_type=Path)


@cli.command("validate", short_help="Measure what this installation finds, and state it.")
@click.option("-o", "--output", type=_PATH, required=True, metavar="DIR", help="A new folder.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Choice(SETS),
    help=f"What to measure; may be given more than once. Default: all, `foreign` with {SAMPLES}.",
)
@click.option(
    "--filesystem",
    "filesystems",
    multiple=True,
    type=click.Choice(get_args(Filesystem)),
    help="Only images of this file system; may be given more than once.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1)
@click.option("--sign", type=_PATH, metavar="KEY", help="Sign the statement, as `run --sign` does.")
@click.option("--examiner", metavar="NAME", help="Who validates.")
@click.option("--notes", metavar="TEXT", help="Anything else for the record: which machine it is.")
@format_option
def validate_command(
    output: Path,
    *,
    sets: tuple[str, ...],
    filesystems: tuple[str, ...],
    jobs: int,
    sign: Path | None,
    examiner: str | None,
    notes: str | None,
    format_: str,
) -> int:
    """Measure what this version finds on this machine, and write a signed statement about it.

    Artifacts of every family are put into images of FAT, exFAT, NTFS and ext4: in their place,
    renamed, deleted, in slack and unallocated space, in archives, streams and disk images; noise
    and decoys beside them. The images are examined with the profiles standard and deep. DIR holds
    images, bundles, validation.json, .html, .md and the statement. It takes a quarter of an hour
    and a few gigabytes.

    \b
    Exit codes: 0 measured · 3 something could not be measured: see the limits · 1 · 2

    \b
    Examples:
      triage validate -o validation-2026-11 --sign lab.key --examiner "A. Examiner"
      triage run exhibit-7.E01 -o exhibit-7.bundle --validation validation-2026-11
      triage validate -o quick --set artifacts --filesystem ext4
    """
    signer = load_signer(sign, passphrase()) if sign else None
    samples = os.environ.get(SAMPLES)
    chosen = sets or tuple(name for name in SETS if name != "foreign" or samples)
    validation = validate(
        Asked(
            folder=output,
            sets=chosen,
            jobs=jobs,
            samples=Path(samples) if samples else None,
            examiner=examiner,
            notes=notes,
            filesystems=filesystems,
        ),
        note,
    )
    results = validation.to_bytes()
    stated = statement(validation, results, signer)
    digest = sha256(stated)
    report = document(validation, digest, signer.key_id if signer else None)
    for name, content in (
        (RESULTS, results),
        ("validation.html", validation_page(report)),
        ("validation.md", markdown(validation)),
        ("validation.statement.json", stated),
    ):
        with writing(output / name):
            (output / name).write_bytes(content)
    _tell(validation, output, digest, format_)
    made = {one.name for one in validation.measured}
    return ExitCode.OK if made and not _unmade(validation) else ExitCode.INCOMPLETE


def _unmade(validation: Validation) -> bool:
    return any(limit.why.startswith((NOT_MADE, NOT_EXAMINED)) for limit in validation.limits)


def _tell(validation: Validation, output: Path, digest: str, format_: str) -> None:
    counts = summed(validation.cells, "set", "data", "place", "depth")
    rows = [
        {
            **dict(zip(("set", "data", "place", "depth"), key, strict=True)),
            "found": ratio.part,
            "there": ratio.whole,
        }
        for key, ratio in counts.items()
    ]
    if format_ == "json":
        write_json({"statement": digest, "places": rows, "folder": os.fspath(output)})
    elif format_ == "jsonl":
        write_jsonl(rows)
    else:
        console = stdout()
        shown = [(*key, ratio) for key, ratio in counts.items()]
        console.print(table(None, ("set", "data", "place", "profile", "found"), shown))
        console.print()
        console.print(facts({"report": output / "validation.html", "statement, SHA-256": digest}))
