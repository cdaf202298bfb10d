"""`triage demo`: from a drive to a sealed bundle, and to one that was tampered with."""

from __future__ import annotations

import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

import click

from triage import profile as profiles
from triage.bundle import Bundle, Outcome, Verification, verify
from triage.bundle.layout import FINDINGS
from triage.cli.command import cli
from triage.cli.run import run_and_tell
from triage.console.output import facts, stdout
from triage.engine.options import CaseInfo, Options, RunResult
from triage.engine.records import finding_id
from triage.errors import ExitCode, TriageError
from triage.training.bundles import grade_bundles
from triage.training.grading import in_points
from triage.training.truth import load

_SHOWN: Final = "tor.client"  # the kind that the second step looks at
_INTRODUCTION: Final = """\
An invented drive: a Windows and a Linux system with four accounts, Tor, wallets, a chat program,
and one locked volume. Evidence is only ever read, nothing is sent anywhere. The same by hand:

  triage run {image} -o {bundle} --case PRACTICE-1 --exhibit 1
"""
_READ: Final = """\
Above: what could not be examined comes first, because silence about it would be a wrong answer.
Then what cannot wait, then the rest. “Exit code 3” tells a script the same: one volume is locked.

Each finding says what bytes were found, where, and how sure that is; never who did something:
"""
_WHERE: Final = """\
The report has them all, with what each kind means and does not mean. Open it in a browser:

  {report}

In the terminal: triage show {bundle} --kind 'wallet.*'      triage show {bundle} {id}
"""
_VERIFY: Final = """\
The bundle is sealed: every file in it hangs on one code. Write it on the paper form, as the same
code can only come from the same bytes. Anybody can check:

  triage verify {bundle} --seal-code {code}
"""
_TAMPER: Final = """\
Now somebody changes one digit of one finding in a copy, keeping its length, and hands the copy on:

  triage verify COPY
"""
_TAMPERED: Final = """\
One changed byte, and it says which file. Whoever also makes all checksums and the seal anew gets
another seal code than the one on your paper; that is what the paper is for, or a signature:
triage run --sign KEY, triage verify --trust FILE.
"""
_GRADE: Final = """\
What is on this drive is known, so it can be said how much was found. The same key grades people:

  triage train grade {bundle} --key {key}
"""
_NEXT: Final = """\
Next: `triage train build --list` names exercises to practise on; docs/examiner-guide.md leads
through a real case.
"""


@cli.command("demo", short_help="Triage the practice image that comes with the program.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="BUNDLE",
    help="Where the bundle goes; default: a new temporary folder.",
)
def demo_command(output: Path | None) -> int:
    """Triage a practice drive, read and verify the bundle, tamper with a copy, verify again.

    The drive is invented: a Windows and a Linux system with four accounts, Tor, wallets, a chat
    program, and one locked volume, so that you see how the tool says what it could not examine.

    \b
    Example:
      triage demo
    """
    path = output or Path(mkdtemp(prefix="triage-demo-")) / "practice.bundle"
    practice = files("triage.training")
    with (
        as_file(practice.joinpath("practice.E01")) as image,
        as_file(practice.joinpath("practice.json")) as key,
    ):
        _step(1, "Run", _INTRODUCTION, image=image, bundle=path)
        result = run_and_tell(_options(image, path))
        _step(2, "Read", _READ)
        _show(result)
        _step(3, "Verify", _VERIFY, bundle=path, code=result.seal_code)
        _verified(path, result.seal_code, intact=True)
        _step(4, "Tamper, and verify again", _TAMPER)
        with TemporaryDirectory() as folder:
            _verified(_tampered(path, Path(folder)), None, intact=False)
        _say(_TAMPERED)
        _step(5, "Compare with the truth", _GRADE, bundle=path, key=key)
        _graded(path, key)
    _say(_NEXT)
    return ExitCode.OK


def _options(image: Path, bundle: Path) -> Options:
    return Options(
        image=image,
        output=bundle,
        profile=profiles.load(()),
        case=CaseInfo(
            case="PRACTICE-1",
            exhibit="1",
            examiner="Trainee",
            authority="training, invented data",
        ),
        jobs=os.cpu_count() or 1,
    )


def _show(result: RunResult) -> None:
    finding = next((one for one in Bundle(result.path).findings() if one["kind"] == _SHOWN), None)
    if finding is None or result.image_hash != "match":
        raise TriageError("the demo did not give what it must")
    source = finding["source"]
    stdout().print(
        facts(
            {
                "what": finding["summary"],
                "where": f"{source['volume']} {source['path']}",
                "how sure": f"{finding['confidence']}: {', '.join(finding['checks'])}",
                "account": (finding["account"] or {}).get("name"),
                "id": finding["id"],
            }
        )
    )
    report = result.path / "data" / "report" / "report.html"
    _say(f"\n{_WHERE}", report=report, bundle=result.path, id=finding["id"])


def _verified(path: Path, code: str | None, *, intact: bool) -> None:
    checked: Verification = verify(path, seal_code=code, finding_id=finding_id)
    failed = [f"{c.name}: {c.detail}" for c in checked.checks if c.outcome is Outcome.FAIL]
    told = {"verdict": checked.verdict, "origin": checked.origin if intact else None}
    stdout().print(facts({**told, "failed": "; ".join(failed[:3])}))
    _say("")
    if checked.intact is not intact:
        raise TriageError("the demo did not give what it must")


def _tampered(path: Path, folder: Path) -> Path:
    """Return a copy in which one digit of one finding is another."""
    copy = folder / "copy.bundle"
    shutil.copytree(path, copy)
    findings = copy / FINDINGS
    data = bytearray(findings.read_bytes())
    place = data.index(b'"length":') + len(b'"length":')
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    findings.chmod(0o600)
    findings.write_bytes(data)
    return copy


def _graded(path: Path, key: Path) -> None:
    grade = grade_bundles(path.name, [path], load(key))
    stdout().print(
        facts(
            {
                "points": f"{in_points(grade.earned)} of {in_points(grade.possible)}",
                "found": grade.recall,
                "decoys taken for real": len(grade.decoys) or "none",
            }
        )
    )
    _say("")


def _step(number: int, title: str, text: str, **words: object) -> None:
    _say(f"\n── {number} {title} {'─' * (70 - len(title))}\n\n{text}", **words)


def _say(text: str, **words: object) -> None:
    stdout().print(text.format(**words) if words else text, soft_wrap=True)
