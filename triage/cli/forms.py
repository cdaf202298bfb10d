"""`triage forms`: printable forms, filled from a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from triage.bundle import Bundle, well_formed
from triage.bundle.output import writing
from triage.cli.command import cli
from triage.console.output import note, stdout
from triage.errors import ExitCode, UsageError
from triage.report.forms import forms, shipped

_PATH = click.Path(path_type=Path)


@cli.command("forms", short_help="Fill printable forms: custody, certificates, checklists.")
@click.argument("bundle", type=_PATH, required=False)
@click.option("-o", "--output", required=True, type=_PATH, metavar="FOLDER", help="A new folder.")
@click.option("--templates", type=_PATH, metavar="FOLDER", help="Your own templates go first.")
@click.option("--copy-templates", is_flag=True, help="Write the templates, to start yours from.")
def forms_command(
    bundle: Path | None, *, output: Path, templates: Path | None, copy_templates: bool
) -> int:
    """Write HTML forms filled from BUNDLE into a new folder; print them from any browser.

    Chain of custody with the seal code, certificates by FRE 902(13)/(14) and by the ACPO principles
    (drafts for a lawyer), checklists for handling and for the seizure of cryptocurrency. A folder
    of --templates replaces forms of the same name and adds others.

    \b
    Examples:
      triage forms exhibit-7.bundle -o exhibit-7.forms
      triage forms --copy-templates -o our-forms
      triage forms exhibit-7.bundle --templates our-forms -o exhibit-7.forms
    """
    if copy_templates:
        made = {name: text.encode() for name, text in shipped().items()}
    elif bundle is None:
        raise UsageError("a bundle is needed, or --copy-templates")
    else:
        with well_formed():
            made = dict(forms(Bundle.open(bundle), templates))
    with writing(output):
        try:
            output.mkdir(mode=0o700)
        except FileExistsError:
            raise UsageError("already exists", where=str(output)) from None
        for name, content in made.items():
            (output / name).write_bytes(content)
    for name in made:
        stdout().print(str(output / name))
    note("drafts: a lawyer reads the certificates before anybody signs them")
    return ExitCode.OK
