"""`triage demo`: the whole line on a practice image that comes with the program."""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import mkdtemp

import click

from triage import profile as profiles
from triage.bundle import verify
from triage.cli.command import cli
from triage.cli.run import run_and_tell
from triage.console.output import facts, note, stdout
from triage.engine.options import CaseInfo, Options
from triage.engine.records import finding_id
from triage.errors import ExitCode, TriageError


@cli.command("demo", short_help="Triage the practice image that comes with the program.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="BUNDLE",
    help="Where the bundle goes; default: a new temporary folder.",
)
def demo_command(output: Path | None) -> int:
    """Triage a practice drive, verify the bundle, print the summary and where the report is.

    The drive is invented: a Windows and a Linux system with four accounts, Tor, wallets, a chat
    program, and one locked volume, so that you see how the tool says what it could not examine.

    \b
    Example:
      triage demo
    """
    path = output or Path(mkdtemp(prefix="triage-demo-")) / "practice.bundle"
    with as_file(files("triage.training").joinpath("practice.E01")) as image:
        note(f"practice image: {image.name}, {image.stat().st_size:,} bytes")
        result = run_and_tell(
            Options(
                image=image,
                output=path,
                profile=profiles.load(()),
                case=CaseInfo(
                    case="PRACTICE-1",
                    exhibit="1",
                    examiner="Trainee",
                    authority="training, invented data",
                ),
                jobs=os.cpu_count() or 1,
            )
        )
    checked = verify(path, seal_code=result.seal_code, finding_id=finding_id)
    console = stdout()
    console.print(facts({"verify": checked.verdict, "origin": checked.origin}))
    if not checked.intact or result.image_hash != "match" or not result.findings:
        raise TriageError("the demo did not give what it must")
    note("the locked volume is part of the lesson: a run that meets one exits with 3")
    return ExitCode.OK
