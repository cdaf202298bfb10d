"""The `triage` group, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from triage import __version__
from triage.console.output import note, silence_stdout
from triage.errors import ExitCode, TriageError

FORMATS = ("text", "json", "jsonl")
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
F = TypeVar("F", bound=Callable[..., Any])


COMMANDS = {
    "run": ("run", "Examine an image and write a sealed bundle."),
    "info": ("info", "Show container, hashes, volumes; what is locked."),
    "verify": ("inspect", "Check that a bundle is what was sealed."),
    "verifier": ("inspect", "Write the single-file verifier for the other side."),
    "show": ("inspect", "Show findings of a bundle."),
    "get": ("inspect", "Copy an exported file out of a bundle."),
    "diff": ("inspect", "Compare two bundles."),
    "report": ("inspect", "Make the HTML report of a bundle again."),
    "forms": ("forms", "Fill printable forms: custody, certificates, checklists."),
    "export": ("export", "Make what other programs and agencies take."),
    "batch": ("batch", "Examine many images, one bundle each, and rank the drives."),
    "links": ("links", "Find what several bundles have in common."),
    "train": ("train", "Practise on made images, and grade what was found."),
    "validate": ("validate", "Measure what this installation finds, and state it."),
    "custody": ("custody", "Events after the seal: hand-over, re-check, note."),
    "seal": ("custody", "Further signatures and time stamps on a sealed bundle."),
    "secrets": ("custody", "Open sealed secrets, with the key."),
    "plugins": ("about", "List extractors and where their code came from."),
    "profiles": ("about", "List profiles, or show one."),
    "demo": ("demo", "Triage the practice image that comes with the program."),
    "doctor": ("about", "Check that this installation can do its work."),
}
"""Every command in the order in which they are used: the module that adds it, its short help."""


class Group(click.Group):
    """Imports the module of a command when it is asked for: `run` waits for no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are used, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None when there is none of this name."""
        del ctx
        if cmd_name in COMMANDS:
            importlib.import_module(f"triage.cli.{COMMANDS[cmd_name][0]}")
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=Group, context_settings=_HELP)
@click.version_option(__version__, prog_name="triage")
def cli() -> None:
    """Triage a seized drive: Tor, chat, remailers, wallets; what is locked; what to do next.

    Evidence is only read. Nothing is sent anywhere. The result is a sealed bundle that anyone can
    verify.

    \b
    Exit codes of run, info and batch:
      0  everything the profile asked for was done    1  could not do it
      3  finished, but something was not examined     2  wrong usage
      4  the media is not what was acquired           130 interrupted

    \b
    Examples:
      triage demo
      triage run exhibit-7.E01 -o exhibit-7.bundle --case 2026-114 --exhibit 7
      triage verify exhibit-7.bundle --seal-code XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX
    """


def format_option(function: F) -> F:
    """Add `--format`, the same everywhere."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="text for people; json or jsonl for scripts, on stdout.",
    )(function)


def invoke() -> int:
    """Run the command line; every error ends here as one line on stderr and a code."""
    try:
        result = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        note("interrupted")
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        note("interrupted; --resume continues")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return ExitCode.USAGE
    except TriageError as error:
        note(f"triage: {error}")
        return error.exit_code
    except Exception as error:
        if isinstance(error, BrokenPipeError):
            silence_stdout()
            return ExitCode.OK
        if os.environ.get("TRIAGE_DEBUG"):
            raise
        note(f"triage: internal error: {type(error).__name__}; TRIAGE_DEBUG=1 shows where")
        return ExitCode.FAILED
    return int(result) if isinstance(result, int) else ExitCode.OK
