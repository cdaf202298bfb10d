"""Commands for what happens after the seal: custody, seal, secrets."""

from __future__ import annotations

from pathlib import Path

import click

from triage.bundle import (
    Bundle,
    add_signature,
    append_event,
    load_identities,
    load_signer,
    verify,
)
from triage.cli.command import cli, format_option
from triage.cli.run import passphrase
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.engine.records import finding_id
from triage.errors import AlteredError, ExitCode

_BUNDLE = click.Path(path_type=Path)
_KEY = click.option(
    "--sign", type=_BUNDLE, metavar="KEY", help="Sign with this key: Ed25519 PEM or OpenSSH."
)


def must_be_intact(bundle: Path) -> None:
    """Raise AlteredError unless a bundle is what was sealed."""
    if not verify(bundle, finding_id=finding_id).intact:
        raise AlteredError("the bundle is not what was sealed; see `triage verify`")


@cli.group("custody", short_help="Events after the seal: hand-over, re-check, note.")
def custody_group() -> None:
    """Add custody events to a sealed bundle, each chained to the seal before it; or list them."""


@custody_group.command("add")
@click.argument("bundle", type=_BUNDLE)
@click.argument("event")
@click.option("--by", required=True, metavar="NAME", help="Who did it.")
@click.option("--note", "text", metavar="TEXT", help="What there is to say.")
@_KEY
def custody_add(bundle: Path, event: str, *, by: str, text: str | None, sign: Path | None) -> int:
    """Add EVENT (received, handed-over, rechecked, note …) to BUNDLE.

    \b
    Example:
      triage custody add exhibit-7.bundle handed-over --by "P. Muster" --note "to court"
    """
    must_be_intact(bundle)
    signer = load_signer(sign, passphrase()) if sign else None
    seal = append_event(bundle, event, {"by": by, "note": text}, signer=signer)
    stdout().print(facts({"event": event, "seal code": seal.code}))
    return ExitCode.OK


@custody_group.command("list")
@click.argument("bundle", type=_BUNDLE)
@format_option
def custody_list(bundle: Path, *, format_: str) -> int:
    """List the custody events of BUNDLE, those after the seal too.

    \b
    Example:
      triage custody list exhibit-7.bundle
    """
    events = list(Bundle.open(bundle).custody())
    if format_ == "json":
        write_json(events)
    elif format_ == "jsonl":
        write_jsonl(events)
    else:
        rows = [(event["utc"], event["event"], event["data"]) for event in events]
        stdout().print(table(None, ("when", "event", "data"), rows))
    return ExitCode.OK


@cli.group("seal", short_help="Further signatures on a sealed bundle.")
def seal_group() -> None:
    """Add signatures of further persons beside the seal; the seal and its code stay."""


@seal_group.command("sign")
@click.argument("bundle", type=_BUNDLE)
@click.option("--sign", required=True, type=_BUNDLE, metavar="KEY", help="Ed25519 PEM or OpenSSH.")
def seal_sign(bundle: Path, *, sign: Path) -> int:
    """Sign the seal of BUNDLE with a further key.

    \b
    Example:
      triage seal sign exhibit-7.bundle --sign second-person.key
    """
    must_be_intact(bundle)
    path = add_signature(bundle, load_signer(sign, passphrase()))
    note(f"signature written to {path}")
    return ExitCode.OK


@cli.group("secrets", short_help="Open sealed secrets, with the key.")
def secrets_group() -> None:
    """Read what was sealed to an age key. Two persons should be there."""


@secrets_group.command("open")
@click.argument("bundle", type=_BUNDLE)
@click.option("--identity", required=True, type=_BUNDLE, metavar="FILE", help="age identity file.")
def secrets_open(bundle: Path, *, identity: Path) -> int:
    """Write the secrets of BUNDLE to stdout, one JSON object a line, and log it as custody.

    \b
    Example:
      triage secrets open exhibit-7.bundle --identity lab.age
    """
    must_be_intact(bundle)
    found = Bundle.open(bundle).secrets(load_identities(identity))
    append_event(bundle, "secrets.opened", {"count": len(found)})
    write_jsonl(found)
    return ExitCode.OK
