"""Commands for what happens after the seal: custody, seal, secrets."""

from __future__ import annotations

from pathlib import Path

import click

from triage.bundle import (
    Bundle,
    add_signature,
    append_event,
    layout,
    load_identities,
    load_signer,
    sshsig,
    stamp,
    verify,
)
from triage.bundle.output import NewFile, writing
from triage.bundle.tree import open_regular
from triage.cli.command import cli, format_option
from triage.cli.run import passphrase
from triage.console.output import facts, note, stdout, table, write_json, write_jsonl
from triage.engine.records import finding_id
from triage.errors import AlteredError, ExitCode, UsageError

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


@cli.group("seal", short_help="Further signatures and time stamps on a sealed bundle.")
def seal_group() -> None:
    """Add signatures of further persons and a time stamp beside the seal; its code stays."""


@seal_group.command("sign")
@click.argument("bundle", type=_BUNDLE)
@click.option("--sign", type=_BUNDLE, metavar="KEY", help="Ed25519 PEM or OpenSSH.")
@click.option("--ssh", type=_BUNDLE, metavar="KEY", help="Through ssh-keygen: keys on hardware.")
def seal_sign(bundle: Path, *, sign: Path | None, ssh: Path | None) -> int:
    """Sign the seal of BUNDLE with a further key.

    With --ssh it is ssh-keygen that signs, and asks for passphrase or touch: a key on hardware
    (ed25519-sk, ecdsa-sk), or the public key of one that an agent holds. One such signature stands
    beside the seal.

    \b
    Examples:
      triage seal sign exhibit-7.bundle --sign second-person.key
      triage seal sign exhibit-7.bundle --ssh ~/.ssh/id_ed25519_sk
    """
    must_be_intact(bundle)
    if sign is not None and ssh is None:
        path = add_signature(bundle, load_signer(sign, passphrase()))
    elif ssh is not None and sign is None:
        path = sshsig.sign(bundle, ssh)
    else:
        raise UsageError("one of --sign and --ssh is needed")
    note(f"signature written to {path}")
    return ExitCode.OK


@seal_group.command("request")
@click.argument("bundle", type=_BUNDLE)
@click.option("-o", "--output", required=True, type=_BUNDLE, metavar="FILE.tsq")
def seal_request(bundle: Path, *, output: Path) -> int:
    """Write a time-stamp query (RFC 3161) over the seal of BUNDLE.

    Carry it to a time-stamping authority; nothing is sent from here. It holds the hash of the seal
    and nothing else.

    \b
    Example:
      triage seal request exhibit-7.bundle -o exhibit-7.tsq
      curl -H 'Content-Type: application/timestamp-query' --data-binary @exhibit-7.tsq \\
        https://tsa.example > exhibit-7.tsr
    """
    must_be_intact(bundle)
    seal = (Bundle.open(bundle).root / layout.SEAL).read_bytes()
    with writing(output), NewFile(output) as file:
        file.write(stamp.request(seal))
    note(f"time-stamp query written to {output}")
    return ExitCode.OK


@seal_group.command("response")
@click.argument("bundle", type=_BUNDLE)
@click.argument("response", type=_BUNDLE, metavar="FILE.tsr")
@click.option("--tsa-roots", type=_BUNDLE, metavar="FILE", help="Check it against these (PEM).")
def seal_response(bundle: Path, response: Path, *, tsa_roots: Path | None) -> int:
    """Put the answer of a time-stamping authority beside the seal of BUNDLE.

    \b
    Example:
      triage seal response exhibit-7.bundle exhibit-7.tsr --tsa-roots authority.pem
      triage verify exhibit-7.bundle --tsa-roots authority.pem
    """
    must_be_intact(bundle)
    with open_regular(response, where=str(response)) as file:
        token = file.read(stamp.MAX_TOKEN)
    found = stamp.add_stamp(bundle, token, stamp.load_roots(tsa_roots) if tsa_roots else None)
    state = "verified" if found.verified else "not verified: no --tsa-roots were given"
    stdout().print(facts({"time": found.time, "authority": found.authority, "state": state}))
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
