"""Commands about the program itself: plugins, profiles, doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from triage import profile as profiles
from triage.cli.command import cli, format_option
from triage.console.output import note, stdout, table, write_json, write_jsonl
from triage.engine.doctor import examine
from triage.errors import ExitCode
from triage.registry import load


@cli.command("plugins", short_help="List extractors and where their code came from.")
@click.option(
    "--plugins",
    default="none",
    show_default=True,
    metavar="none|installed|PATH",
    help="Third-party extractors to list too.",
)
@format_option
def plugins_command(*, plugins: str, format_: str) -> int:
    """List the extractors with kinds, patterns and origin.

    \b
    Examples:
      triage plugins
      triage plugins --plugins installed --format json
    """
    registry = load(plugins)
    if format_ != "text":
        values: list[dict[str, Any]] = [
            {
                "name": entry.extractor.name,
                "summary": entry.extractor.summary,
                "paths": entry.extractor.paths,
                "yields": [kind.kind for kind in entry.extractor.yields],
                "needs": [kind.kind for kind in entry.extractor.needs],
                "holds_secret": entry.extractor.holds_secret,
                "origin": asdict(entry.origin),
            }
            for entry in registry.entries
        ]
        write_json(values) if format_ == "json" else write_jsonl(values)
    else:
        rows = [
            (
                entry.extractor.name,
                entry.extractor.summary,
                ", ".join(kind.kind for kind in entry.extractor.yields),
                f"{entry.origin.source}: {entry.origin}, {entry.origin.sha256[:12]}",
            )
            for entry in registry.entries
        ]
        stdout().print(table(None, ("extractor", "reads", "yields", "origin"), rows))
    for failure in registry.failures:
        note(f"not loaded: {failure}")
    return ExitCode.INCOMPLETE if registry.failures else ExitCode.OK


@cli.command("profiles", short_help="List profiles, or show one.")
@click.argument("name", required=False)
@format_option
def profiles_command(name: str | None, *, format_: str) -> int:
    """List the shipped profiles, or show what NAME (or a file) amounts to.

    \b
    Examples:
      triage profiles
      triage profiles darknet
    """
    if name is not None:
        profile = profiles.load([name])
        if format_ == "text":
            click.echo(profiles.source(name), nl=False)
        else:
            write_json(asdict(profile)) if format_ == "json" else write_jsonl([asdict(profile)])
        return ExitCode.OK
    parts = [profiles.parse(profiles.source(known), name=known) for known in profiles.shipped()]
    if format_ == "text":
        rows = [(part.name, part.depth or "topic", part.description) for part in parts]
        stdout().print(table(None, ("profile", "depth", "description"), rows))
    else:
        values = [
            {"name": part.name, "depth": part.depth, "description": part.description}
            for part in parts
        ]
        write_json(values) if format_ == "json" else write_jsonl(values)
    return ExitCode.OK


@cli.command("doctor", short_help="Check that this installation can do its work.")
@format_option
def doctor_command(*, format_: str) -> int:
    """Check libraries, sandbox and profiles, and say what to do where something is missing.

    \b
    Example:
      triage doctor
    """
    checks = list(examine())
    if format_ != "text":
        values = [asdict(check) for check in checks]
        write_json(values) if format_ == "json" else write_jsonl(values)
    else:
        rows = [(check.result, check.name, check.detail) for check in checks]
        stdout().print(table(None, ("result", "check", "detail"), rows))
    return ExitCode.FAILED if any(check.result == "FAIL" for check in checks) else ExitCode.OK
