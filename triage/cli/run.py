"""`triage run`."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import triage
from triage import profile as profiles
from triage.batch.commands import hold_leash
from triage.bundle import Bundle, load_signer
from triage.cli.command import cli, format_option
from triage.cli.credentials import credentials_option, read_credentials
from triage.cli.terms import given_files, read_terms, terms_options
from triage.console.cases import crypto
from triage.console.output import (
    facts,
    note,
    silence_stdout,
    stdout,
    write_json,
    write_jsonl,
)
from triage.console.progress import ProgressObserver
from triage.console.summary import print_summary, print_training
from triage.console.training import training_of
from triage.engine.options import CaseInfo, Options, RunResult
from triage.errors import ExitCode, UsageError
from triage.model import Walker
from triage.report import prepare

_DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _expect(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        name, _, digest = value.lower().replace("sha-", "sha").partition(":")
        if len(digest) != _DIGEST_LENGTHS.get(name) or not re.fullmatch("[0-9a-f]+", digest):
            raise UsageError(
                f"{value!r} is not ALG:HASH with md5, sha1 or sha256", where="--expect"
            )
        found.append((name, digest))
    return tuple(found)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if match is None:
        raise UsageError(f"{text!r} is not a time like 90s, 20m or 2h", where="--budget")
    return float(match[1]) * _UNITS[match[2]]


def passphrase(variable: str = "TRIAGE_KEY_PASSPHRASE") -> bytes | None:
    """Return the passphrase of a signing key from the environment, never from an argument."""
    value = os.environ.get(variable)
    return value.encode() if value else None


@cli.command("run", short_help="Examine an image and write a sealed bundle.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="BUNDLE")
@click.option(
    "--profile",
    "profile_names",
    multiple=True,
    metavar="NAME|FILE",
    help="Depth or topic; may be given twice. Default: standard.",
)
@click.option("--only", multiple=True, metavar="GLOB,..", help="Only these extractors.")
@click.option("--case", metavar="N", help="Case number.")
@click.option("--exhibit", metavar="N", help="Exhibit number.")
@click.option("--examiner", metavar="NAME", help="Who examines.")
@click.option("--authority", metavar="TEXT", help="Legal basis, for the record.")
@click.option("--notes", metavar="TEXT", help="Anything else for the record.")
@click.option(
    "--secrets-recipient",
    metavar="AGE_KEY",
    help="Seal seeds, keys and passwords to this age public key.",
)
@credentials_option
@terms_options
@click.option(
    "--sign",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign the seal: Ed25519 PEM or OpenSSH key; its passphrase is read from "
    "TRIAGE_KEY_PASSPHRASE.",
)
@click.option(
    "--validation",
    type=click.Path(path_type=Path),
    envvar="TRIAGE_VALIDATION",
    metavar="FILE",
    help="The statement of `triage validate` that this run rests on, or a folder of them.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="number of cores",
    help="Worker processes.",
)
@click.option("--budget", metavar="TIME", help="Begin nothing new after this time: 90s, 20m, 2h.")
@click.option("--resume", is_flag=True, help="Continue the .partial that an interrupted run left.")
@click.option("--no-hash", is_flag=True, help="Leave the image hash out.")
@click.option("--expect", multiple=True, metavar="ALG:HASH", help="What the image hash must be.")
@click.option(
    "--plugins",
    default="none",
    show_default=True,
    metavar="none|installed|PATH",
    help="Third-party extractors.",
)
@click.option("--allow-incomplete", is_flag=True, help="Examine a damaged image anyway.")
@click.option(
    "--allow-writable-device",
    is_flag=True,
    help="Read a block device without the kernel's read-only flag.",
)
@click.option(
    "--walker",
    type=click.Choice([walker.value for walker in Walker]),
    default=Walker.AUTO.value,
    show_default=True,
    help="Who lists file systems: tsk, or ours where it shows the same faster (NTFS).",
)
@click.option("--require-sandbox", is_flag=True, help="Refuse to run with an incomplete sandbox.")
@format_option
def run_command(**given: Any) -> int:
    """Examine IMAGE and write a sealed bundle of findings.

    IMAGE is an E01 or raw file (the first segment of a split one), a QCOW2, VHD, VHDX, VDI, VMDK, a
    block device, a folder, a tar or a zip. It is only read. The seal code printed at the end
    belongs on the paper form.

    \b
    Examples:
      triage run exhibit-7.E01 -o exhibit-7.bundle --case 2026-114 --exhibit 7
      triage run phone.tar -o phone.bundle --profile quick --profile chat
      triage run disk.001 -o d.bundle --expect sha256:9f86d081884c7d65… --sign lab.key
    """
    hold_leash()
    format_: str = given["format_"]
    profile = profiles.load(given["profile_names"])
    options = Options(
        image=given["image"],
        output=given["output"],
        profile=profile,
        only=tuple(glob for value in given["only"] for glob in value.split(",") if glob),
        case=CaseInfo(
            case=given["case"],
            exhibit=given["exhibit"],
            examiner=given["examiner"],
            authority=given["authority"],
            notes=given["notes"],
        ),
        jobs=given["jobs"],
        hash_media=not given["no_hash"],
        expect=_expect(given["expect"]),
        plugins=given["plugins"],
        allow_incomplete=given["allow_incomplete"],
        allow_writable_device=given["allow_writable_device"],
        walker=Walker(given["walker"]),
        require_sandbox=given["require_sandbox"],
        resume=given["resume"],
        budget_seconds=_seconds(given["budget"]),
        validation=given["validation"],
        signer=load_signer(given["sign"], passphrase()) if given["sign"] else None,
        secrets_recipient=given["secrets_recipient"],
        credentials=read_credentials(given["credentials"], profile),
        terms=read_terms(given_files(given), profile),
    )
    return run_and_tell(options, format_=format_).exit_code


def run_and_tell(options: Options, *, format_: str = "text") -> RunResult:
    """Run, showing findings as soon as they are complete and the seal at the end."""
    guidance = crypto(options.profile.guidance)

    def ready(findings: Sequence[Any], coverage: Sequence[Any], problems: Sequence[Any]) -> None:
        try:
            if format_ == "text":
                print_summary(stdout(), findings, coverage, problems, guidance)
            elif format_ == "jsonl":
                write_jsonl(findings)
        except BrokenPipeError:
            silence_stdout()  # whoever read us has left; the bundle is still to be sealed

    threading.Thread(target=prepare, daemon=True).start()  # while we wait for the workers
    with ProgressObserver(ready) as observer:
        result = triage.run(options, observer)
    if format_ == "json":
        write_json({**asdict(result), "path": os.fspath(result.path)})
    elif format_ == "text":
        console = stdout()
        console.print()
        print_training(console, training_of(Bundle(result.path).run))
        console.print(facts(_sealed(result)))
    if result.exit_code is ExitCode.INCOMPLETE:
        note("something could not be examined: see “Not examined” (exit code 3)")
    elif result.exit_code is ExitCode.MISMATCH:
        note("the image hash is NOT the acquisition hash (exit code 4)")
    return result


def _sealed(result: RunResult) -> dict[str, object]:
    return {
        "bundle": result.path,
        "report": result.path / "data" / "report" / "report.html",
        "seal code": result.seal_code,
        "image hash": result.image_hash,
        "findings": result.findings,
        "time": f"{result.milliseconds / 1000:.1f} s",
    }
