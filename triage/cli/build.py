"""`triage train build`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from triage.cli.command import format_option
from triage.cli.train import train
from triage.console.output import note, stdout, table, write_json
from triage.errors import ExitCode, UsageError
from triage.training.build import build
from triage.training.publish import publish
from triage.training.scenario import Scenario, load, parse, shipped

_PATH = click.Path(path_type=Path)
_PASSPHRASE = "TRIAGE_TRUTH_PASSPHRASE"  # noqa: S105 - the name of a variable
_LARGEST = 1 << 20  # bytes of a scenario


@train.command("build", short_help="Make the images and papers of an exercise.")
@click.argument("scenario", required=False, metavar="SCENARIO")
@click.option("--seed", metavar="STUDENT", help="Who it is for: another seed, other answers.")
@click.option("-o", "--output", type=_PATH, metavar="DIR", help="A folder that is not there yet.")
@click.option("--image", "image", type=click.Choice(["e01", "raw"]), default="e01")
@click.option("--answers", is_flag=True, help="With the key in clear and the solution.")
@click.option("--list", "list_", is_flag=True, help="Name the scenarios.")
@format_option
def build_command(
    scenario: str | None,
    *,
    seed: str | None,
    output: Path | None,
    image: str,
    answers: bool,
    list_: bool,
    format_: str,
) -> int:
    """Make an exercise: disk images, a sheet with questions, and the key to the answers.

    SCENARIO is the name of one that comes with the program (--list), or a file of your own
    (docs/write-a-scenario.md). The same seed gives the same bytes; another seed gives other names,
    addresses and times. The seed is a secret: who knows it can make the key. With --answers the
    key lies beside the images; with TRIAGE_TRUTH_PASSPHRASE it lies there sealed. Else it is made
    when it is needed, with the same seed and --answers. Its SHA-256 stands on the sheet either way.

    \b
    Exit codes: 0 made · 1 could not · 2 wrong usage, also a wrong scenario or a folder that exists

    \b
    Examples:
      triage train build --list
      triage train build first-hour --seed "2026-A: Kim" -o kim
      triage train build first-hour --seed "2026-A: Kim" -o kim-key --answers
    """
    if list_:
        _list(format_)
        return ExitCode.OK
    if scenario is None or not seed or output is None:
        raise UsageError("SCENARIO, --seed and -o are needed; --list names the scenarios")
    built = build(_scenario(scenario), seed)
    made = publish(
        built,
        output,
        format_="raw" if image == "raw" else "e01",
        answers=answers,
        passphrase=os.environ.get(_PASSPHRASE),
    )
    if format_ == "text":
        console = stdout()
        for path in made.files:
            console.print(str(path))
    else:
        names = [path.name for path in made.files]
        write_json({"folder": str(output), "files": names, "commitment": made.commitment})
    note(f"the answers are fixed: SHA-256 {made.commitment}")
    if not answers and _PASSPHRASE not in os.environ:
        note("no key was written: the same seed with --answers makes it")
    return ExitCode.OK


def _scenario(name: str) -> Scenario:
    if not name.endswith(".yaml"):
        return load(name)
    path = Path(name)
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read: {error}", where=name) from error
    return parse(text, name=path.stem)


def _list(format_: str) -> None:
    scenarios = [load(name) for name in shipped()]
    if format_ != "text":
        write_json(
            [
                {
                    "name": each.name,
                    "title": each.title,
                    "level": each.level,
                    "minutes": each.minutes,
                    "images": [image.name for image in each.images],
                    "summary": each.summary,
                }
                for each in scenarios
            ]
        )
        return
    rows = [(each.name, each.level, f"{each.minutes} min", each.summary) for each in scenarios]
    stdout().print(table(None, ("scenario", "level", "time", "what"), rows))
