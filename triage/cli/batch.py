"""`triage batch`: many images, one bundle each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from triage.batch.drives import read_drives
from triage.batch.execute import Execute, InProcess, OtherProcesses
from triage.batch.plan import Job, Plan, make_plan
from triage.batch.ranking import Ranking, load_ranking
from triage.batch.run import Batch, Pass
from triage.batch.settings import QUICK, Settings
from triage.batch.state import Event, State
from triage.batch.summary import PassedOver, Summary, summary_csv, summary_json
from triage.bundle import Signer, load_signer
from triage.bundle.output import writing
from triage.cli.command import cli, format_option
from triage.cli.credentials import credentials_option, credentials_path, read_credentials
from triage.cli.run import _seconds, passphrase
from triage.cli.terms import given_files, read_terms, terms_options
from triage.console.drives import DriveTable
from triage.console.output import (
    facts,
    note,
    silence_stdout,
    stdout,
    table,
    write_json,
    write_jsonl,
)
from triage.console.progress import ProgressObserver
from triage.console.words import size
from triage.custody import system_clock, utc_text
from triage.engine.nursery import Nursery, possible
from triage.engine.options import Observer
from triage.errors import ExitCode, TriageError, UsageError, worst
from triage.model import Walker
from triage.profile import Profile
from triage.report.batch import batch_page

_SUMMARY = "summary"


@cli.command("batch", short_help="Examine many images, one bundle each, and rank the drives.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--profile",
    "profile_names",
    multiple=True,
    metavar="NAME|FILE",
    help="Depth or topic; may be given twice. Default: standard.",
)
@click.option("--only", multiple=True, metavar="GLOB,..", help="Only these extractors.")
@click.option("--case", metavar="N", help="Case number, where a list names none.")
@click.option("--examiner", metavar="NAME", help="Who examines.")
@click.option("--authority", metavar="TEXT", help="Legal basis, for the record.")
@click.option("--notes", metavar="TEXT", help="Anything else for the record.")
@click.option(
    "--quick-first",
    is_flag=True,
    help="First a quick pass over all drives, then the profile, most pressing drives first.",
)
@click.option("--ranking", type=click.Path(path_type=Path), metavar="FILE", help="Own weights.")
@click.option(
    "--images",
    type=click.IntRange(1, 1000),
    show_default="1; on a cluster as many as its workers have threads",
    help="Images at once, each in a process of its own.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run the images on a Dask cluster that sees the same files: tls://HOST:8786.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    show_default="cores, shared by the images at once there",
    help="Worker processes of one image.",
)
@click.option("--budget", metavar="TIME", help="Time for each image: 90s, 20m, 2h.")
@click.option("--resume", is_flag=True, help="Continue the batch in DIR.")
@click.option("--no-hash", is_flag=True, help="Leave the image hashes out.")
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
    help="Sign every seal; the passphrase is read from TRIAGE_KEY_PASSPHRASE.",
)
@click.option(
    "--plugins",
    default="none",
    show_default=True,
    metavar="none|installed|PATH",
    help="Third-party extractors.",
)
@click.option(
    "--walker",
    type=click.Choice([walker.value for walker in Walker]),
    default=Walker.AUTO.value,
    show_default=True,
    help="Who lists file systems, as for `run`.",
)
@click.option("--allow-incomplete", is_flag=True, help="Examine damaged images anyway.")
@click.option("--require-sandbox", is_flag=True, help="Refuse to run with an incomplete sandbox.")
@format_option
def batch_command(**given: Any) -> int:
    """Examine every image of SOURCE... and write one sealed bundle each into DIR.

    SOURCE is an image, a folder that holds images, a pattern such as 'seized/*.E01', or a list:
    YAML or CSV with image, case and exhibit a line. A bad image does not stop the others. DIR then
    holds the bundles, batch.jsonl (what happened) and summary.html, .csv and .json (the drives by
    priority, with the reasons).

    \b
    Exit codes: the worst of all runs, 0 < 3 < 4 < 1 < 130.

    \b
    Examples:
      triage batch seized/ -o results
      triage batch exhibits.csv -o results --quick-first --images 2 --examiner "P. Muster"
      triage batch exhibits.csv -o results --quick-first --resume
    """
    format_: str = given["format_"]
    ranking = load_ranking(given["ranking"])
    settings = _settings(given)
    profile = settings.profile()
    settings = _with_credentials(settings, given["credentials"], profile)
    settings = replace(settings, terms=read_terms(settings.lists, profile))
    signer = load_signer(settings.sign, passphrase()) if settings.sign else None
    if given["quick_first"] and profile.depth == QUICK:
        raise UsageError("the profile is quick already", where="--quick-first")
    folder: Path = given["output"]
    sources: tuple[str, ...] = given["sources"]
    if not given["resume"]:
        make_plan(sources, output=folder, case=given["case"])  # wrong usage leaves no folder behind
    with ExitStack() as stack:
        execute, abreast, jobs = _execute(given, folder, signer, stack)
        settings = replace(settings, jobs=jobs)
        passes = [Pass(settings=settings)]
        if given["quick_first"]:
            passes.insert(0, Pass(settings=settings.quick(), suffix=".quick.bundle"))
        tell = _events if format_ == "jsonl" else _notes
        drives = stack.enter_context(DriveTable()) if abreast is not None else None
        state = stack.enter_context(
            State(folder, resume=given["resume"], tell=_both(tell, drives) if drives else tell)
        )
        named = {
            Path(line["image"]): bundle.removesuffix(".bundle").removesuffix(".quick")
            for bundle, line in state.planned.items()
        }
        plan = make_plan(sources, output=folder, case=given["case"], named=named)
        batch = Batch(folder=folder, plan=plan, state=state, execute=execute)
        _tell_space(batch.prepare(passes), folder, plan)
        summary, stopped = _examine(batch, passes, abreast, ranking)
    if format_ == "json":
        write_json(asdict(summary))
    elif format_ == "text":
        _print(summary, folder)
    if stopped is not None:
        raise stopped
    return summary.exit_code


def _examine(
    batch: Batch, passes: Sequence[Pass], abreast: int | None, ranking: Ranking
) -> tuple[Summary, TriageError | None]:
    """Go through the passes and write the summary; also return what stopped them, if anything."""
    state, folder = batch.state, batch.folder
    stopped: TriageError | None = None
    try:
        for one in passes:
            batch.go(
                one,
                abreast=abreast,
                order=lambda jobs: _pressing_first(jobs, state, folder, ranking),
            )
    except TriageError as error:
        stopped = error
    code = worst(batch.exit_code(), stopped.exit_code if stopped else ExitCode.OK)
    summary = _summary(state, folder, batch.plan, ranking, code)
    try:
        _write(folder, summary)
    except TriageError as error:
        stopped = stopped or error
    return summary, stopped


def _execute(
    given: dict[str, Any], folder: Path, signer: Signer | None, stack: ExitStack
) -> tuple[Execute, int | None, int]:
    """Return what runs an image, how many at once, and with how many worker processes each."""
    images: int | None = given["images"]
    jobs: int | None = given["jobs"]
    logs = folder / "logs"
    if given["scheduler"]:
        from triage.batch.cluster import Cluster  # noqa: PLC0415 - no other batch needs it

        cluster = stack.enter_context(Cluster(given["scheduler"], logs=logs))
        return cluster, images or cluster.slots, jobs or cluster.jobs
    cores = os.cpu_count() or 1
    if images is not None and images > 1:
        shared = stack.enter_context(closing(Nursery(given["plugins"]))) if possible() else None
        return OtherProcesses(logs, shared), images, jobs or max(1, cores // images)
    here = InProcess(observe=_observe, signer=signer)
    return here, None, jobs or cores


def _both(
    first: Callable[[Event], None], second: Callable[[Event], None]
) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell


def _settings(given: dict[str, Any]) -> Settings:
    return Settings(
        profiles=given["profile_names"],
        only=tuple(glob for value in given["only"] for glob in value.split(",") if glob),
        examiner=given["examiner"],
        authority=given["authority"],
        notes=given["notes"],
        hash_media=not given["no_hash"],
        plugins=given["plugins"],
        allow_incomplete=given["allow_incomplete"],
        require_sandbox=given["require_sandbox"],
        budget=given["budget"],
        budget_seconds=_seconds(given["budget"]),
        sign=given["sign"],
        secrets_recipient=given["secrets_recipient"],
        walker=Walker(given["walker"]),
        lists=given_files(given),
    )


def _with_credentials(settings: Settings, given: str | None, profile: Profile) -> Settings:
    name = credentials_path(given)
    if name is None:
        return settings
    if name == "-":
        raise UsageError("a batch reads it more than once: give a file", where="--credentials")
    return replace(settings, credentials=Path(name), given=read_credentials(name, profile))


@contextmanager
def _observe(job: Job) -> Iterator[Observer]:
    note(f"{job.name}: {job.image}")
    with ProgressObserver(lambda *_: None) as observer:
        yield observer


def _events(event: Event) -> None:
    try:
        write_jsonl([event])
    except BrokenPipeError:
        silence_stdout()  # whoever read us has left; the images are still to be examined


def _notes(event: Event) -> None:
    match event["event"]:
        case "finished":
            note(
                f"{event['bundle']}: {event['findings']} findings, image hash "
                f"{event['image_hash']}, exit code {event['exit_code']}"
            )
        case "failed":
            note(f"{event['bundle']}: FAILED: {event['reason']}")
        case "skipped" if event["counts"]:
            note(f"passed over, not examined: {event['image']}: {event['reason']}")
        case _:
            pass


def _tell_space(needed: int, folder: Path, plan: Plan) -> None:
    free = shutil.disk_usage(folder).free
    number = len(plan.jobs)
    note(
        f"{number} image{'' if number == 1 else 's'}; the bundles take about {size(needed)}, "
        f"{size(free)} are free"
    )
    if needed > free:
        note("the disk may become full: the batch then stops, and --resume continues it")


def _pressing_first(
    jobs: tuple[Job, ...], state: State, folder: Path, ranking: Ranking
) -> Sequence[Job]:
    """Order jobs by what a quick pass found; without one, as they were given."""
    quick = {f"{job.name}.quick.bundle": job for job in jobs}
    planned = [state.planned[bundle] for bundle in quick if bundle in state.planned]
    if not any(bundle in state.ended for bundle in quick):
        return jobs
    return [quick[drive.bundle] for drive in read_drives(folder, planned, state.ended, ranking)]


def _summary(state: State, folder: Path, plan: Plan, ranking: Ranking, code: ExitCode) -> Summary:
    """Return the summary: of each drive the bundle that says most."""
    planned = [line for bundle, line in state.planned.items() if not _superseded(bundle, state)]
    return Summary(
        written=utc_text(system_clock()),
        ranking=str(ranking),
        drives=tuple(read_drives(folder, planned, state.ended, ranking)),
        passed_over=tuple(
            PassedOver(image=str(left.path), reason=left.problem, counts=left.counts)
            for left in plan.left
        ),
        exit_code=int(code),
    )


def _superseded(bundle: str, state: State) -> bool:
    """Whether the other bundle of the drive is the one to show: the full one, once it is there."""
    name = bundle.removesuffix(".bundle").removesuffix(".quick")
    quick, full = f"{name}.quick.bundle", f"{name}.bundle"
    if quick not in state.planned or full not in state.planned:
        return False
    finished = state.ended.get(full, {}).get("event") == "finished"
    return bundle == (quick if finished or quick not in state.ended else full)


def _write(folder: Path, summary: Summary) -> None:
    for suffix, content in (
        ("html", batch_page(summary)),
        ("csv", summary_csv(summary)),
        ("json", summary_json(summary)),
    ):
        path = folder / f"{_SUMMARY}.{suffix}"
        new = path.with_name(f".{path.name}.new")
        with writing(path):
            new.write_bytes(content)
            new.replace(path)


def _print(summary: Summary, folder: Path) -> None:
    console = stdout()
    rows = [
        (
            drive.priority.level,
            drive.priority.points,
            drive.bundle,
            drive.findings,
            drive.not_examined,
            drive.image_hash or drive.outcome,
            drive.headlines[0].what if drive.headlines else drive.problem or "",
        )
        for drive in summary.drives
    ]
    columns = ("priority", "points", "bundle", "findings", "not examined", "image hash", "first")
    console.print(table(None, columns, rows))
    console.print()
    console.print(facts({"summary": folder / f"{_SUMMARY}.html", "exit code": summary.exit_code}))
