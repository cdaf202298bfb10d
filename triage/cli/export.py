"""`triage export`: what other programs and other agencies take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from triage import canonical
from triage.bundle import Bundle, load_signer, well_formed
from triage.bundle.output import writing
from triage.bundle.redacted import Opening
from triage.cli.command import cli
from triage.cli.custody import must_be_intact
from triage.cli.run import passphrase
from triage.console.output import facts, note, stdout
from triage.engine.locks import read_locks
from triage.errors import ExitCode, UsageError
from triage.export import TARGETS, Rules, hash_lines, redact
from triage.report import render_all

_FILE = click.Path(path_type=Path)


@cli.command("export", short_help="Make what other programs and agencies take.")
@click.argument("bundle", type=_FILE)
@click.option("--to", "target", type=click.Choice([*TARGETS, "hashcat"]), help="For whom.")
@click.option("--redact", "redacted", is_flag=True, help="Make a bundle with less in it.")
@click.option("-o", "--output", required=True, type=_FILE, metavar="FILE")
@click.option("--image", type=_FILE, help="For hashcat: the image, which is read again.")
@click.option(
    "--openings", type=_FILE, metavar="FILE", help="Where to keep what opens the commitments."
)
@click.option("--kind", multiple=True, metavar="GLOB", help="Only these kinds stay.")
@click.option(
    "--account",
    multiple=True,
    metavar="A",
    help="Only these stay: name, id, or none for no account.",
)
@click.option("--hide", multiple=True, metavar="FIELD", help="Take out a field: text, label.")
@click.option("--texts", type=_FILE, metavar="FILE", help="Take out these texts, one a line.")
@click.option("--sign", type=_FILE, metavar="KEY", help="Sign the new bundle.")
def export_command(
    bundle: Path,
    *,
    target: str | None,
    redacted: bool,
    output: Path,
    image: Path | None,
    openings: Path | None,
    kind: Sequence[str],
    account: Sequence[str],
    hide: Sequence[str],
    texts: Path | None,
    sign: Path | None,
) -> int:
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

    With --redact FILE is a new bundle for another agency, with a seal of its own. What is taken out
    leaves a salted commitment; the file of --openings stays with you, and one line of it shows the
    other side what stood in one place. Exported evidence and secrets are not passed on.

    \b
    Examples:
      triage export exhibit-7.bundle --to case -o exhibit-7.jsonld
      triage export exhibit-7.bundle --to hashcat --image exhibit-7.E01 -o locked.txt
      triage export exhibit-7.bundle --redact --kind 'wallet.*' --texts names.txt \\
        --openings exhibit-7.openings -o for-customs.bundle
    """
    if redacted == (target is not None):
        raise UsageError("one of --to and --redact is needed, and only one")
    if image is not None and target != "hashcat":
        raise UsageError("only hashcat needs an image", where="--image")
    if redacted:
        if openings is None:
            raise UsageError("--redact needs --openings: without it nothing can be shown later")
        rules = Rules(
            kinds=tuple(kind), accounts=tuple(account), hide=tuple(hide), texts=_texts(texts)
        )
        return _redact(bundle, output, rules, openings, sign)
    if openings or texts or sign or kind or account or hide:
        raise UsageError("these options go with --redact")
    opened = Bundle.open(bundle)
    exporter = TARGETS.get(target or "")
    if exporter:
        with well_formed():
            exported = exporter(opened)
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


def _redact(bundle: Path, output: Path, rules: Rules, openings: Path, sign: Path | None) -> int:
    must_be_intact(bundle)
    if os.path.lexists(openings):
        raise UsageError("exists already", where=str(openings))
    signer = load_signer(sign, passphrase()) if sign else None

    def keep(made: Sequence[Opening]) -> None:
        _write(openings, b"".join(canonical.line(opening.record) for opening in made))

    made = redact(Bundle.open(bundle), output, rules, reporter=render_all, keep=keep, signer=signer)
    told = ", ".join(f"{count:,} {what}" for what, count in made.taken_out.items())
    stdout().print(
        facts(
            {
                "bundle": made.sealed.path,
                "seal code": made.sealed.seal_code,
                "commitments": told,
                "openings": openings,
            }
        )
    )
    note("keep the openings to yourself: they hold everything that was taken out")
    return ExitCode.OK


def _texts(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read as UTF-8 text", where=str(path)) from error
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _write(path: Path, content: bytes) -> None:
    """Write a new file that others cannot read. Raises UsageError when it exists."""
    if os.path.lexists(path):
        raise UsageError("exists already", where=str(path))
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
