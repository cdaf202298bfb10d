"""Commands that read bundles: verify, show, get, diff, report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from triage import canonical
from triage.bundle import Bundle, Outcome, compare, load_trust, verify
from triage.bundle.handout import verifier_source
from triage.bundle.redacted import Opening, read_openings
from triage.bundle.stamp import load_roots
from triage.cli.command import cli, format_option
from triage.console.cases import guidance_of
from triage.console.conversations import print_conversations
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.console.summary import account_name, latest, print_summary
from triage.console.training import training_of
from triage.engine.records import finding_id
from triage.engine.remeasure import remeasure
from triage.errors import BundleError, ExitCode, ParseError, UsageError, worst
from triage.report import render
from triage.texts import ENGLISH

_BUNDLE = click.Path(path_type=Path)


@cli.command("verify", short_help="Check that a bundle is what was sealed.")
@click.argument("bundle", type=_BUNDLE)
@click.option("--seal-code", metavar="CODE", help="The code on the paper form.")
@click.option(
    "--trust", type=_BUNDLE, metavar="FILE", help="Keys we trust: allowed_signers or PEM."
)
@click.option("--require-signature", is_flag=True, help="Unsigned is not enough.")
@click.option(
    "--against",
    type=_BUNDLE,
    metavar="IMAGE",
    help="Read what the findings rest on again from the image and compare.",
)
@click.option(
    "--tsa-roots", type=_BUNDLE, metavar="FILE", help="Demand a time stamp under these (PEM)."
)
@click.option(
    "--openings",
    type=_BUNDLE,
    metavar="FILE",
    help="Of a redacted bundle: show that these values are what was taken out.",
)
@format_option
def verify_command(
    bundle: Path,
    *,
    seal_code: str | None,
    trust: Path | None,
    require_signature: bool,
    against: Path | None,
    openings: Path | None,
    tsa_roots: Path | None,
    format_: str,
) -> int:
    """Check BUNDLE against its own seal, and against what was kept elsewhere.

    \b
    Exit codes: 0 intact · 3 intact, but the run in it was incomplete · 4 altered, seal missing,
    bad signature or what was demanded is not there · 1 not a bundle · 2 wrong usage

    \b
    Examples:
      triage verify exhibit-7.bundle
      triage verify exhibit-7.bundle --seal-code ABCD-… --trust lab.allowed_signers
      triage verify exhibit-7.bundle --against exhibit-7.E01
    """
    result = verify(
        bundle,
        seal_code=seal_code,
        trust=load_trust(trust) if trust else None,
        require_signature=require_signature,
        finding_id=finding_id,
        openings=_openings(openings),
        tsa_roots=load_roots(tsa_roots) if tsa_roots else None,
    )
    code = result.exit_code
    again = remeasure(Bundle.open(bundle), against) if against and result.intact else None
    if again is not None and again.different:
        code = worst(code, ExitCode.MISMATCH)
    if format_ != "text":
        value = {
            "exit_code": int(code),
            "intact": result.intact,
            "incomplete": result.incomplete,
            "verdict": result.verdict,
            "origin": result.origin,
            "bundle_id": result.bundle_id,
            "seal_code": result.seal_code,
            "checks": [asdict(check) for check in result.checks],
            "against": asdict(again) if again else None,
        }
        if format_ == "json":
            write_json(value)
        else:
            write_jsonl([value])
        return code
    console = stdout()
    marks = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.NOT_DONE: "not done"}
    rows = [(marks[check.outcome], check.name, check.detail) for check in result.checks]
    console.print(table(None, ("result", "check", "detail"), rows))
    console.print()
    if again is not None:
        against_image = {
            "findings": again.findings.sentence,
            "files": again.files.sentence,
            "media": again.verdict,
        }
        console.print(facts(against_image))
        for place in again.different[:20]:
            console.print(facts({"DIFFERENT": place}))
    console.print(
        facts(
            {
                "verdict": result.verdict,
                "origin": result.origin,
                "seal code": result.seal_code,
                "latest seal code": result.latest_seal_code,
            }
        )
    )
    return code


def _openings(path: Path | None) -> list[Opening]:
    if path is None:
        return []
    try:
        with path.open("rb") as file:
            return list(read_openings(canonical.lines(file)))
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    except ParseError as error:
        raise UsageError(error.message, where=f"{path} {error.where}") from error


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError("already exists", where=os.fspath(path)) from None
    except OSError as error:
        raise BundleError(f"cannot be written: {error.strerror}", where=os.fspath(path)) from None


def _chosen(
    bundle: Bundle,
    kind: str | None,
    account: str | None,
    since: str | None,
    grep: str | None,
) -> Iterator[dict[str, Any]]:
    for record in bundle.findings():
        if kind and not fnmatchcase(record["kind"], kind):
            continue
        if account:
            owner = record["account"] or {}
            if account.casefold() not in (
                str(owner.get("name", "")).casefold(),
                str(owner.get("id", "")).casefold(),
            ):
                continue
        if since and not any(time["utc"] and time["utc"] >= since for time in record["times"]):
            continue
        if grep and grep.casefold() not in repr(record).casefold():
            continue
        yield record


@cli.command("verifier", short_help="Write the single-file verifier for the other side.")
@click.option("-o", "--output", required=True, type=_BUNDLE, metavar="FILE.py")
def verifier_command(output: Path) -> int:
    """Write a program that verifies bundles with nothing but Python 3.9 or newer.

    Whoever receives a bundle can read it and run it without installing anything. Signatures are
    checked where the package `cryptography` is there; elsewhere it says that they were not.

    \b
    Example:
      triage verifier -o verify-bundle.py
      python3 verify-bundle.py exhibit-7.bundle --seal-code XXXX-…
    """
    _write_new(output, verifier_source())
    note(f"verifier written to {output}")
    return ExitCode.OK


@cli.command("show", short_help="Show findings of a bundle.")
@click.argument("bundle", type=_BUNDLE)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--kind", metavar="GLOB", help="Only these kinds: tor.*, chat.message.")
@click.option("--account", metavar="A", help="Only this account, by name or id.")
@click.option("--since", metavar="T", help="Only what has a UTC time at or after this: 2024-02-01.")
@click.option("--grep", metavar="TEXT", help="Only what contains this text, in any case.")
@format_option
def show_command(
    bundle: Path,
    *,
    id_: str | None,
    kind: str | None,
    account: str | None,
    since: str | None,
    grep: str | None,
    format_: str,
) -> int:
    """Show the findings of BUNDLE, or one of them whole.

    \b
    Examples:
      triage show exhibit-7.bundle
      triage show exhibit-7.bundle --kind 'wallet.*' --account bob
      triage show exhibit-7.bundle --kind chat.message --grep garden
      triage show exhibit-7.bundle f-0123456789abcdef0123456789abcdef
    """
    opened = Bundle.open(bundle)
    console = stdout()
    if id_ is not None:
        record = opened.get(id_)
        if record is None:
            raise UsageError(f"no finding {id_} in this bundle")
        if format_ == "text":
            console.print(facts(_flat(record)))
        else:
            write_json(record) if format_ == "json" else write_jsonl([record])
        return ExitCode.OK
    found = list(_chosen(opened, kind, account, since, grep))
    if format_ == "json":
        write_json(found)
    elif format_ == "jsonl":
        write_jsonl(found)
    elif found and all(record["kind"] == "chat.message" for record in found):
        talks = print_conversations(console, found)
        note(f"{len(found)} messages in {talks} conversations")
    elif kind or account or since or grep:
        rows = [(r["id"][:14], r["kind"], r["summary"], account_name(r), latest(r)) for r in found]
        console.print(table(None, ("id", "kind", "what", "account", "last dated"), rows))
        note(f"{len(found)} findings")
    else:
        print_summary(
            console,
            found,
            list(opened.coverage()),
            list(opened.problems()),
            guidance_of(opened.run),
            training=training_of(opened.run),
        )
    return ExitCode.OK


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, item in enumerate(value):
                flat |= _flat(item, f"{prefix}{name}[{number}].")
        else:
            flat[prefix + name] = value
    return flat


@cli.command("get", short_help="Copy an exported file out of a bundle.")
@click.argument("bundle", type=_BUNDLE)
@click.argument("sha256")
@click.option("-o", "--output", required=True, type=_BUNDLE, metavar="FILE")
def get_command(bundle: Path, sha256: str, output: Path) -> int:
    """Copy the exported evidence with SHA256 to FILE, which must not exist.

    Content from evidence is hostile: open it with care, on a machine made for that.

    \b
    Example:
      triage get exhibit-7.bundle 5e88489… -o places.sqlite
    """
    source = Bundle.open(bundle).file_path(sha256)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror}", where=os.fspath(source)) from None
    _write_new(output, data)
    note(f"{len(data):,} bytes written to {output}")
    return ExitCode.OK


@cli.command("diff", short_help="Compare two bundles.")
@click.argument("first", type=_BUNDLE)
@click.argument("second", type=_BUNDLE)
@format_option
def diff_command(first: Path, second: Path, *, format_: str) -> int:
    """Compare the findings, files and coverage of two bundles.

    Exits 0 when they are the same, 1 when they differ, like diff.

    \b
    Example:
      triage diff monday.bundle tuesday.bundle
    """
    result = compare(Bundle.open(first), Bundle.open(second))
    if format_ == "json":
        write_json(asdict(result))
    elif format_ == "jsonl":
        write_jsonl([asdict(result)])
    else:
        rows: list[tuple[object, ...]] = []
        for name, part in (
            ("finding", result.findings),
            ("file", result.files),
            ("coverage", result.coverage),
        ):
            rows += [("+", name, _told(record)) for record in part.added]
            rows += [("-", name, _told(record)) for record in part.removed]
            rows += [
                ("≠", name, f"{_told(change.after)} ({', '.join(change.fields)})")
                for change in part.changed
            ]
        if rows:
            stdout().print(table(None, ("", "record", "what"), rows))
        note(f"{len(rows)} differences")
    return ExitCode.FAILED if result else ExitCode.OK


def _told(record: dict[str, Any]) -> str:
    for name in ("summary", "path", "pattern"):
        if record.get(name):
            return str(record[name])
    return str(record.get("step", ""))


@cli.command("report", short_help="Make the HTML report of a bundle again.")
@click.argument("bundle", type=_BUNDLE)
@click.option("-o", "--output", required=True, type=_BUNDLE, metavar="FILE")
@click.option(
    "--language",
    default=ENGLISH,
    show_default=True,
    metavar="TAG|FILE",
    help="Of the texts around the findings: one that is shipped, or a catalogue (.json).",
)
def report_command(bundle: Path, output: Path, language: str) -> int:
    """Write the HTML report of BUNDLE to FILE, which must not exist.

    \b
    Examples:
      triage report exhibit-7.bundle -o report.html
      triage report exhibit-7.bundle -o bericht.html --language de.json
    """
    _write_new(output, render(Bundle.open(bundle), language))
    note(f"report written to {output}")
    return ExitCode.OK
