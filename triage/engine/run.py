"""One run of one image: open, walk, extract in two rounds, write, hash, seal.

This is the only place that knows the whole line. Each step leaves its outcome in `Results`; what a
step could not do is coverage, never silence. What is finished stands in the `Journal` as well.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import triage
from triage.bundle import Bundle, BundleWriter, parse_recipient
from triage.custody import system_clock, utc_text
from triage.engine import messages as m
from triage.engine.basis import Basis, basis
from triage.engine.coverage import Outcome
from triage.engine.disk_files import DiskFiles
from triage.engine.environment import environment
from triage.engine.export import Exporter, export
from triage.engine.identity import Stamps, identity, option_values, stamps
from triage.engine.journal import Journal
from triage.engine.mediahash import MediaHash
from triage.engine.nursery import Launcher, launcher
from triage.engine.options import Observer, Options, Record, Reporter, RunResult
from triage.engine.pool import Pool
from triage.engine.recogniser import Recogniser
from triage.engine.results import Match, Results
from triage.engine.rounds import Rounds
from triage.engine.scan.scanner import Scanner
from triage.engine.survey import examine_media, examine_volumes
from triage.engine.training import Training, marked
from triage.engine.unlock import unlock
from triage.engine.walk import SNAPSHOTS, Walker
from triage.errors import (
    AlteredError,
    BundleError,
    ExitCode,
    InterruptedRunError,
    TriageError,
    WorkerError,
    worst,
)
from triage.model import Container
from triage.redaction import redact_value
from triage.registry import Registered, Registry, load


@dataclass(slots=True, kw_only=True)
class Run:
    """The state of one run. Use `run`."""

    options: Options
    observer: Observer
    registry: Registry
    selected: tuple[Registered, ...]
    pool: Pool
    opened: m.Opened
    files: Stamps  # of the image, when it was opened
    writer: BundleWriter
    journal: Journal
    recipient: Any  # age; None: secrets go nowhere
    results: Results
    media: MediaHash
    basis: Basis
    training: Training | None = None
    began: float  # the whole run
    started: float = field(default_factory=time.monotonic)  # the examination, which has a budget

    def out_of_time(self) -> bool:
        """Whether the budget is used up."""
        budget = self.options.budget_seconds
        return budget is not None and time.monotonic() - self.started > budget

    def findings(self) -> Sequence[Record]:
        """Walk and extract; return the records."""
        examine_media(self.opened, self.results)
        examine_volumes(self.opened, self.results)
        self._not_selected()
        steps: Any = {
            "pool": self.pool,
            "results": self.results,
            "journal": self.journal,
            "observer": self.observer,
            "out_of_time": self.out_of_time,
        }
        walker = Walker(
            opened=self.opened, selected=self.selected, profile=self.options.profile, **steps
        )
        matches = [*walker.walk(), *self._disks_in_files(walker)]
        self.training = marked(walker.marks, self.opened.info.header)
        self.writer.custody.append("image.walked", {"matches": len(matches)})
        scope = self.options.profile.scope
        rounds = Rounds(volumes=self.opened.volumes, scope=scope, **steps)
        accounts = rounds.context(matches)
        recogniser = Recogniser(
            volumes=self.opened.volumes,
            entries=walker.entries,
            selected=self.selected,
            profile=self.options.profile,
            **steps,
        )
        matches = [*matches, *recogniser.recognise(matches)]
        rounds.extract(matches, accounts)
        rounds.repeat(walker.unchanged, accounts)
        Scanner(
            volumes=self.opened.volumes,
            entries=walker.entries,
            media=None if self._of_files else self.opened.info.media_size,
            missing=self.opened.missing,
            profile=self.options.profile,
            terms=self.options.terms,
            **steps,
        ).scan()
        self.results.scoped(scope, accounts)
        return self.results.records(accounts)

    def _disks_in_files(self, walker: Walker) -> list[Match]:
        """Walk the disks that lie as files on the image, which are volumes from now on."""
        known = self.opened.volumes
        found = DiskFiles(
            pool=self.pool,
            volumes=known,
            entries=tuple(walker.entries),
            profile=self.options.profile,
            results=self.results,
            observer=self.observer,
            out_of_time=self.out_of_time,
        ).open()
        if not found:
            return []
        self.results.volumes = (*known, *found)
        self.opened = walker.opened = msgspec.structs.replace(
            self.opened, volumes=self.results.volumes
        )
        examine_volumes(msgspec.structs.replace(self.opened, volumes=tuple(found)), self.results)
        return walker.walk(len(known))

    @property
    def _of_files(self) -> bool:
        return self.opened.info.container in (Container.FOLDER, Container.TAR, Container.ZIP)

    def _not_selected(self) -> None:
        """Say which steps this version or profile leaves out."""
        selected = {registered.extractor.name for registered in self.selected}
        for registered in self.registry.entries:
            if registered.extractor.name not in selected:
                self.results.coverage.add(
                    "extractor", Outcome.NOT_SELECTED, extractor=registered.extractor.name
                )
        if self.options.profile.snapshots == "none":
            self.results.coverage.add("step", Outcome.NOT_SELECTED, name=SNAPSHOTS)
        for name in self.registry.failures:
            self.results.problem("plugin_not_loaded", name)
            self.results.coverage.add(
                "plugin", Outcome.NOT_EXAMINED, reason="plugin_not_loaded", counts=True, name=name
            )

    def export(self) -> None:
        """Copy what findings rest on into the bundle."""
        self.observer.phase("export", len(self.results.files), "files")
        exporter = Exporter(
            pool=self.pool,
            writer=self.writer,
            journal=self.journal,
            recipient=self.recipient,
            profile=self.options.profile,
        )
        self.writer.custody.append("files.exported", export(self.results, exporter, self.observer))

    def hash(self, findings: Sequence[Record]) -> None:
        """Show the findings, which are complete, and wait for the image hash."""
        results = self.results
        try:
            self.observer.findings_ready(
                findings,
                list(redacted(results.coverage.lines())),
                list(redacted(results.problems.values())),
            )
            self.observer.phase("hash", self.opened.info.media_size, "bytes")
            self.media.finish(self.pool, self.observer.progress)
        except KeyboardInterrupt:  # only the hash is missing by now
            self.media.interrupted()
        self.media.cover(results)
        if stamps(self.options.image.absolute(), self.opened.info) != self.files:
            results.problem("image_changed", "the image was written to while it was examined")
            results.coverage.add("image", Outcome.NOT_EXAMINED, reason="image_changed", counts=True)
            results.not_repeatable.add("image_changed")
        self.writer.custody.append("image.hashed", self.media.record())

    def record(self) -> Record:
        """Return what `run.json` says."""
        options, opened = self.options, self.opened
        budget = options.budget_seconds
        record: Record = redact_value(
            {
                "contract": 1,
                "tool": {"name": "disk-triage", "version": triage.__version__},
                "case": asdict(options.case),
                "started": self.journal.started,
                "finished": utc_text(system_clock()),
                "clock": "system clock of the examining computer",
                "environment": environment(),
                "sandbox": asdict(opened.sandbox),
                "jobs": options.jobs,
                "options": {
                    **option_values(options),
                    "budget_seconds": None if budget is None else round(budget),
                },
                "profile": asdict(options.profile),
                "extractors": [
                    {
                        "name": registered.extractor.name,
                        "summary": registered.extractor.summary,
                        **asdict(registered.origin),
                    }
                    for registered in self.selected
                ],
                "image": {
                    "id": "img-1",
                    **asdict(opened.info),
                    "missing": opened.missing,
                    **self.media.record(),
                    **({"training": asdict(self.training)} if self.training else {}),
                },
                "validation": asdict(self.basis),
                "volumes": [asdict(volume) for volume in opened.volumes],
                "repeatable": not self.results.not_repeatable,
                "not_repeatable": sorted(self.results.not_repeatable),
            }
        )
        return record


def run_with(
    workers: Launcher, options: Options, observer: Observer, reporter: Reporter, *, began: float
) -> RunResult:
    """Run with what starts workers, `began` being when by the monotonic clock. Use `start.run`."""
    image = options.image.absolute()
    recipient = parse_recipient(options.secrets_recipient) if options.secrets_recipient else None
    rests_on = basis(options.validation)
    registry = load(options.plugins)
    selected = registry.select(options.profile, options.only)
    index_fd = os.memfd_create("index") if hasattr(os, "memfd_create") else None
    limits = options.profile.limits
    opening = m.Open(
        path=os.fspath(image),
        allow_incomplete=options.allow_incomplete,
        allow_writable_device=options.allow_writable_device,
        walker=options.walker,
        plugins=options.plugins,
        extractors=tuple(registered.extractor.name for registered in selected),
        limits=asdict(limits),
        index_fd=index_fd,
        require_sandbox=options.require_sandbox,
        send_secrets=recipient is not None,
        may_decrypt=options.profile.decrypt == "found",
        credentials=options.usable_credentials,
        keywords=options.terms.keywords,
        rules=options.terms.rules,
    )
    try:
        unlocked = unlock(opening, workers, limits)
        opening = msgspec.structs.replace(opening, keys=unlocked.keys)
        with Pool(
            opening,
            workers,
            jobs=options.jobs,
            silent_seconds=limits.silent_seconds,
            index_fd=index_fd,
        ) as pool:
            opened = pool.open()
            files = stamps(image, opened.info)
            with (
                BundleWriter.create(
                    options.output,
                    resume=options.resume,
                    case=options.case.case,
                    exhibit=options.case.exhibit,
                ) as writer,
                _advice(writer),
                Journal(
                    writer.journal,
                    identity=identity(options, selected, opened, files),
                    started=utc_text(system_clock()),
                    credentials=options.credentials,
                ) as journal,
            ):
                results = Results(volumes=opened.volumes)
                unlocked.note(results)
                state = Run(
                    options=options,
                    observer=observer,
                    registry=registry,
                    selected=selected,
                    pool=pool,
                    opened=opened,
                    files=files,
                    writer=writer,
                    journal=journal,
                    recipient=recipient,
                    results=results,
                    basis=rests_on,
                    began=began,
                    media=MediaHash(
                        stored=opened.info.stored_hashes,
                        expected=options.expect,
                        selected=options.hash_media,
                        applicable=opened.info.container is not Container.FOLDER,
                        device=opened.info.container is Container.DEVICE,
                        journal=journal,
                    ),
                )
                return _write(state, reporter)
    finally:
        if index_fd is not None:
            os.close(index_fd)


@contextmanager
def _advice(writer: BundleWriter) -> Iterator[None]:
    """Say what is left and what to do when a run breaks off."""
    name = writer.partial.name
    kept = f"what is finished is kept in {name}: the same command with --resume continues it"
    try:
        yield
    except KeyboardInterrupt:
        sealed = f"{writer.path.name} was sealed already and is complete"
        left = kept if writer.partial.exists() else sealed
        raise InterruptedRunError(f"interrupted; {left}") from None
    except (BundleError, WorkerError) as error:
        if isinstance(error, BundleError) and not error.message.startswith("cannot write"):
            raise
        raise type(error)(f"{error.message}; {kept}", where=error.where) from error


def _write(state: Run, reporter: Reporter) -> RunResult:
    options, writer, results = state.options, state.writer, state.results
    if writer.resuming:
        writer.resume(
            {
                "journal_lines": state.journal.lines,
                "journal_head": state.journal.head,
                "journal_bytes_dropped": state.journal.dropped,
                "artifacts_finished": len(state.journal.extractions),
            }
        )
    writer.custody.append(
        "image.opened",
        {
            "path": os.fspath(options.image.absolute()),
            "segments": [asdict(segment) for segment in state.opened.info.segments],
            "container": state.opened.info.container,
            "sandbox": asdict(state.opened.sandbox),
        },
    )
    if options.jobs > 1:
        state.media.begin(state.pool)
    findings = state.findings()
    state.export()
    writer.write_lines("findings.jsonl", findings)
    writer.write_lines("files.jsonl", redacted(fact.record for fact in results.files.values()))
    if state.recipient is not None:
        writer.write_secrets(results.secrets, state.recipient)
    state.hash(findings)
    if state.pool.deaths:
        writer.custody.append("workers.replaced", {"count": state.pool.deaths})
    return _seal(state, reporter, findings)


def _seal(state: Run, reporter: Reporter, findings: Sequence[Record]) -> RunResult:
    options, results, writer, media = state.options, state.results, state.writer, state.media
    state.observer.phase("seal", None, "")
    coverage = list(redacted(results.coverage.lines()))
    code = ExitCode.INCOMPLETE if results.coverage.incomplete else ExitCode.OK
    if media.mismatch:
        code = worst(code, ExitCode.MISMATCH)
    record = state.record()
    record["exit_code"] = int(code)
    record["incomplete"] = results.coverage.incomplete
    writer.write_lines("coverage.jsonl", coverage)
    writer.write_lines("problems.jsonl", redacted(results.problems.values()))
    writer.write_json("run.json", record)
    _report(writer, reporter)
    state.journal.close()
    sealed = writer.seal(
        signer=options.signer,
        bag_info={
            "Bagging-Date": record["finished"][:10],
            **{
                label: value
                for label, value in (
                    ("Source-Organization", options.case.authority),
                    ("External-Identifier", options.case.exhibit),
                    ("Internal-Sender-Identifier", options.case.case),
                )
                if value
            },
        },
        predicate={
            "incomplete": results.coverage.incomplete,
            "tool": record["tool"],
            "images": [{"id": "img-1", "hashes": media.hashes}],
        },
    )
    return RunResult(
        path=sealed.path,
        seal_code=sealed.seal_code,
        bundle_id=writer.bundle_id,
        exit_code=code,
        findings=len(findings),
        problems=len(results.problems),
        not_examined=sum(line["counts"] for line in coverage),
        image_hash=media.verdict,
        milliseconds=round(1000 * (time.monotonic() - state.began)),
    )


def _report(writer: BundleWriter, reporter: Reporter) -> None:
    """Write the report; one that cannot be made does not cost the seal: `report` makes it later."""
    try:
        for name, content in reporter(Bundle(writer.partial)):
            writer.write_report(name, content)
    except Exception as error:
        if isinstance(error, BundleError) and not isinstance(error, AlteredError):
            raise  # the disk is full, or the like
        writer.custody.append("report.failed", {"error": type(error).__name__})


def redacted(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records with every secret in them replaced: names of files hold seeds too."""
    for record in records:
        clean: Record = redact_value(record)
        yield clean


def survey(image: Path, *, allow_incomplete: bool, allow_writable_device: bool) -> m.Opened:
    """Open an image in a worker and return what it is: for `info`. Raises ImageError."""
    opening = m.Open(
        path=os.fspath(image.absolute()),
        allow_incomplete=allow_incomplete,
        allow_writable_device=allow_writable_device,
        plugins="none",
        extractors=(),
        limits={},
        index_fd=None,
        send_secrets=False,
    )
    with (
        launcher(opening.plugins) as workers,
        Pool(opening, workers, jobs=1, silent_seconds=600, index_fd=None) as pool,
    ):
        return pool.open()


__all__ = ["TriageError", "run_with", "survey"]
